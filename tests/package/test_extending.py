"""What users add works like what is there; and as a member of kuamo, each of them touches two files."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from members import small_toy
from package.extending.decoder import LinearDecoder
from package.extending.objective import Uniform
from package.extending.recipe import LinearMean

HERE = Path(__file__).parent / "extending"
SOURCE = Path(km.__file__).parent
SHORT = km.Training(steps=40, batch_size=64, lr=1e-2)


@pytest.fixture(scope="module")
def table() -> km.Table:
    return small_toy(120)


@pytest.fixture(scope="module")
def space(table: km.Table) -> km.Space:
    return km.fit(table, Uniform(), dim=8, training=SHORT)


# ── from outside ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_objective(space: km.Space, table: km.Table, tmp_path: Path) -> None:
    assert km.evaluate(space, small_toy(100, seed=1))["a_to_b_R@10"] > 0.3  # by chance .1
    space.save(tmp_path / "x.space")
    again = km.Space.load(tmp_path / "x.space")
    assert np.array_equal(np.asarray(again.encode(table)), np.asarray(space.encode(table)))
    both = km.fit(table, 0.5 * Uniform() + km.InfoNCE(), dim=8, training=km.Training(steps=3))
    assert not np.array_equal(np.asarray(both.encode(table)), np.asarray(space.encode(table)))
    found = km.compare(table, {"mine": Uniform(), "CCA": km.CCA(dim=4)}, seeds=[0], training=km.Training(steps=3))
    assert set(found.methods) == {"mine", "CCA"}


def test_a_decoder(space: km.Space, table: km.Table, tmp_path: Path) -> None:
    steps = km.Training(steps=150, batch_size=64, lr=1e-2)
    linear = km.fit(table, init=space, decoders={"b": LinearMean()}, codecs={"b": None}, training=steps)
    assert isinstance(linear.port("b").decoder, LinearDecoder)
    made = linear.translate(table.select("a"), to="b")
    actual = np.stack([table[i]["b"] for i in range(len(table))])
    assert np.square(made - actual).sum() < 0.8 * np.square(actual - actual.mean(0)).sum()
    linear.save(tmp_path / "x.space")
    with pytest.raises(km.StoreError, match="'LinearDecoder' is a user's own"):
        km.Space.load(tmp_path / "x.space")
    own = LinearDecoder(8, made.shape[1])
    again = km.Space.load(tmp_path / "x.space", custom={"b": (None, None, None, own)})
    assert np.array_equal(again.translate(table.select("a"), to="b"), made)


@pytest.fixture
def half() -> Iterator[type[km.Index]]:
    """The user's kind of index, for one test."""
    from package.extending.index import HalfIndex

    yield HalfIndex
    km.Index.backends.remove(HalfIndex)


def test_an_index(half: type[km.Index], space: km.Space, table: km.Table, tmp_path: Path) -> None:
    exact, made = space.index(table), space.index(table, tmp_path / "x.half")
    assert type(made) is half and not isinstance(exact, half)
    again = km.Index.load(tmp_path / "x.half", space)
    assert type(again) is half and len(again) == len(table)
    query = {"a": table[3]["a"]}
    scores = [[hit.score for hit in index.search(query, to="b", k=5)] for index in (exact, made, again)]
    assert np.allclose(scores[0], scores[1], atol=2e-3) and scores[0] != scores[1] == scores[2]


# ── as members ───────────────────────────────────────────────────────────────────────────────────────────────────────

TOUCHED = {
    "objective": ("objectives/uniform.py", "objectives/__init__.py"),
    "decoder": ("generation/decoders/linear.py", "generation/recipes.py"),
    "index": ("index/half.py", "index/__init__.py"),
}
SCRIPT = """
import json
import numpy as np
import kuamo as km
from kuamo.generation.registry import parse_specs
from kuamo.objectives.registry import objective_named, usable_names

x = np.random.default_rng(0).standard_normal((60, 5))
table = km.Table({"a": list(x), "b": list(x[:, ::-1] + 1)}, modalities={"a": km.Vector(), "b": km.Vector()})
few, recipe = km.Training(steps=3), parse_specs(["b=linear_mean"])["b"]
space = km.fit(table, objective_named("InfoNCE+0.5*Uniform"), dim=3, training=few)
space = km.fit(table, init=space, decoders={"b": recipe}, codecs={"b": None}, training=few)
space.save("x.space")
loaded = km.Space.load("x.space")
space.index(table, "x.half")
print(json.dumps({
    "objective": ["Uniform" in usable_names(), "Uniform" in dir(km), km.Uniform is km.objectives.Uniform],
    "decoder": [
        "LinearMean" in dir(km), type(recipe) is km.LinearMean, type(loaded.port("b").decoder).__name__,
        bool((loaded.translate(table.select("a"), to="b") == space.translate(table.select("a"), to="b")).all()),
    ],
    "index": [type(km.Index.load("x.half", loaded)).__name__, type(space.index(table)).__name__],
}))
"""


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """What a copy of kuamo says that has all three as members."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(SOURCE, root / "kuamo", ignore=shutil.ignore_patterns("__pycache__", "data", "*.onnx"))
    os.symlink(SOURCE / "data", root / "kuamo" / "data")
    write = {
        "objectives/uniform.py": (HERE / "objective.py").read_text("utf-8"),
        "generation/decoders/linear.py": (HERE / "decoder.py").read_text("utf-8"),
        "index/half.py": (HERE / "index.py").read_text("utf-8"),
    }
    recipe = "@dataclass" + (HERE / "recipe.py").read_text("utf-8").partition("@dataclass")[2]
    recipe = recipe.replace("package.extending.decoder", "kuamo.generation.decoders.linear")
    append = {
        "objectives/__init__.py": 'from kuamo.objectives.uniform import Uniform\n__all__ += ["Uniform"]\n',
        "generation/recipes.py": recipe + '__all__ += ["LinearMean"]\n',
        "index/__init__.py": "from kuamo.index import half\n",
    }
    assert {*write, *append} == {path for paths in TOUCHED.values() for path in paths}
    for path, text in write.items():
        (root / "kuamo" / path).write_text(text, "utf-8")
    for path, text in append.items():
        with (root / "kuamo" / path).open("a", encoding="utf-8") as file:
            file.write("\n\n" + text)
    environment = os.environ | {"PYTHONPATH": str(root)}
    said = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, env=environment, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr[-2000:]
    return json.loads(said.stdout)


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("objective", [True, True, True]),
        ("decoder", [True, True, "LinearDecoder", True]),
        ("index", ["HalfIndex", "MemoryIndex"]),
    ],
)
def test_a_member_touches_two_files(members: dict[str, list[object]], member: str, expected: list[object]) -> None:
    assert members[member] == expected and len(TOUCHED[member]) == 2


def test_type_checkers_see_the_public_names() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {one.name for node in imports for one in node.names if one.name != "*"}
    stars = {node.module for node in imports if node.names[0].name == "*"}
    families = {name for module in stars for name in __import__(str(module), fromlist=["x"]).__all__}
    assert seen | families | {"__version__"} == set(km.__all__)
