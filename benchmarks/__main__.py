"""Run a benchmark by its name: `python -m benchmarks NAME [options]`; without a name, list them all.

Benchmarks lie in a folder for each room of the package. A benchmark may import another, and may start itself again in a
process of its own, so all folders are put on the path.
"""

import ast
import os
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = {path.stem: path for path in sorted(HERE.glob("*/*.py"))}


def claim(path: Path) -> str:
    """The first sentence of a script."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0].replace("\n", " ")


def main() -> None:
    given = sys.argv[1] if len(sys.argv) > 1 else ""
    if given not in SCRIPTS:
        for name, path in SCRIPTS.items():
            print(f"{path.parent.name + '/' + name:<40} {claim(path)}")
        sys.exit(f"no benchmark is named {given!r}" if given and not given.startswith("-") else 0)
    folders = [str(HERE), *sorted({str(path.parent) for path in SCRIPTS.values()})]
    sys.path[:0] = folders
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.argv = [str(SCRIPTS[given]), *sys.argv[2:]]
    runpy.run_path(str(SCRIPTS[given]), run_name="__main__")


if __name__ == "__main__":
    main()
