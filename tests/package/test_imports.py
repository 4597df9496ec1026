"""Imports stand at the top of a file; inside a function only what is heavy, or what brings something heavy in."""

import ast
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


@cache
def _imports(module: str) -> tuple[set[str], list[tuple[int, str]]]:
    """What a module imports when it is imported, and what only its functions do (with the line)."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    hidden = {id(one): one for function in functions for one in ast.walk(function)}
    typing = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    skipped = hidden.keys() | {id(one) for node in typing for one in ast.walk(node)}
    top = {name for node in ast.walk(tree) if id(node) not in skipped for name in _targets(node)}
    inside = [(node.lineno, name) for node in hidden.values() for name in _targets(node)]
    return top, sorted(set(inside))


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
