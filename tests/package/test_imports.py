"""Imports stand at the top of a file; inside a function only what is heavy, or what brings something heavy in."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src"

# What takes long to import, or belongs to an extra that may be missing.
HEAVY = {
    *("PIL", "huggingface_hub", "jinja2", "lance", "librosa", "lzma", "onnx", "onnxruntime", "pyarrow", "rich"),
    *("safetensors", "scipy", "sentence_transformers", "sklearn", "soundfile", "soxr", "threadpoolctl", "tokenizers"),
    *("torch", "transformers", "typer"),
}
SHARE = 0.03  # of our own imports that may be hidden though they are light: circles of a class and its members


def _modules() -> dict[str, Path]:
    files = (ROOT / "kuamo").rglob("*.py")
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


MODULES = _modules()


def _targets(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import):
        return {one.name for one in node.names}
    if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
        return set()
    below = {f"{node.module}.{one.name}" for one in node.names}
    return {name if name in MODULES else node.module for name in below}


def _imported(node: ast.AST, place: str = "top") -> Iterator[tuple[str, int, str]]:
    """Place, line and name of each import below a node; expressions hold none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from ((place, child.lineno, name) for name in _targets(child))
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        typing = place == "top" and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _imported(child, "function" if function else "typing" if typing else place)


@cache
def _imports(module: str) -> tuple[set[str], list[tuple[int, str]]]:
    """What a module imports when it is imported, and what only its functions do (with the line)."""
    found = list(_imported(ast.parse(MODULES[module].read_text("utf-8"))))
    top = {name for place, _, name in found if place == "top"}
    return top, sorted({(line, name) for place, line, name in found if place == "function"})


@cache
def _brings_heavy(module: str) -> bool:
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        if name.split(".")[0] in HEAVY:
            return True
        parts = name.split(".")
        parents = {".".join(parts[:count]) for count in range(1, len(parts) + 1)} & MODULES.keys()
        for one in parents - seen:
            seen.add(one)
            waiting.extend(_imports(one)[0])
    return False


def test_light_imports_stand_at_the_top() -> None:
    total, light, foreign = 0, [], []
    for module in sorted(MODULES):
        top, inside = _imports(module)
        own = [(line, name) for line, name in inside if name.split(".")[0] == "kuamo"]
        total += len(own) + sum(name.startswith("kuamo") for name in top)
        light += [f"{module}:{line} {name}" for line, name in own if not _brings_heavy(name)]
        foreign += [f"{module}:{line} {name}" for line, name in inside if name.split(".")[0] not in HEAVY | {"kuamo"}]
    assert not foreign, f"light imports inside functions: {foreign}"
    assert len(light) <= SHARE * total, f"{len(light)} of {total} light imports of our own inside functions: {light}"
    assert total > 500, "the imports are not found"


def test_what_is_heavy_is_known_to_be() -> None:
    assert _brings_heavy("kuamo.training.loop")
    assert not _brings_heavy("kuamo.data.table")
