"""A fusion that is trained: the laws of training, and what it is for, noise in a column and columns that interact."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.encoders import Encoder
from members import small_toy
from one_step import gradients_of_one_step

SPECS = [
    km.Attention("additive", query="c", keep="always"),
    km.Gating(experts=3, keep="always"),
    km.LateFusion(keep="always"),
    km.TensorFusion(rank=8, keep="always"),
    km.CrossAttention(heads=2, width=8, keep="always"),
]
EVERY = pytest.mark.parametrize("spec", SPECS, ids=str)
NAMES = ("a", "b", "c")
SHORT = km.Training(steps=6, batch_size=48, save_every=2)


def fit(spec: Any, objective: Any, **options: Any) -> km.Space:
    return km.fit(small_toy(120, names=NAMES, holes=0.2), objective, fusion=spec, dim=8, training=SHORT, **options)


@EVERY
def test_killed_and_resumed_is_not_killed(spec: Any, tmp_path: Path) -> None:
    def progress(what: str, done: int, of: int) -> None:
        if what == "training" and done == 3:
            raise KeyboardInterrupt

    table = small_toy(120, names=NAMES, holes=0.2)
    with pytest.raises(KeyboardInterrupt):
        fit(spec, km.InfoNCE(), run_dir=tmp_path / "run", progress=progress)
    resumed = fit(spec, km.InfoNCE(), run_dir=tmp_path / "run")
    whole = fit(spec, km.InfoNCE())
    assert np.array_equal(np.asarray(resumed.encode(table, target="c")), np.asarray(whole.encode(table, target="c")))
    with pytest.raises(km.StoreError, match="other fusion"):
        fit(km.LateFusion() if spec is not SPECS[2] else km.Gating(), km.InfoNCE(), run_dir=tmp_path / "run")


@EVERY
def test_gradients_reach_the_fusion_and_order_does_not_matter(spec: Any) -> None:
    table = small_toy(100, names=NAMES, holes=0.3)
    member = {"objective": km.InfoNCE(), "fusion": spec}
    forward, _ = gradients_of_one_step(table, member, like="a")
    turned, _ = gradients_of_one_step(table.select("c", "a", "b"), member, like="a")
    assert any(key.startswith("own") and gradient.any() for key, gradient in forward.items())
    for key, gradient in forward.items():
        assert torch.isfinite(gradient).all() and torch.allclose(gradient, turned[key], atol=1e-4), key


@EVERY
def test_a_wholly_absent_column_moves_none_of_its_own_weights(spec: Any) -> None:
    table = small_toy(40, names=NAMES)
    cells = {name: [table[i][name] if name != "b" else None for i in range(40)] for name in NAMES}
    only = km.Table(cells, modalities=table.modalities)
    grads, _ = gradients_of_one_step(only, {"objective": km.InfoNCE(), "fusion": spec}, fitted_on=table)
    for key, gradient in grads.items():
        assert torch.isfinite(gradient).all(), key
        assert not (key.startswith("own") and ".b." in key and gradient.any()), key


@EVERY
def test_predict_keeps_a_fusion_of_its_own(spec: Any, tmp_path: Path) -> None:
    """Given as an argument of the objective or of the fit, it is the same; it is saved within the objective's."""
    toy = small_toy(90)
    cells: dict[str, Any] = {name: [toy[i][name] for i in range(90)] for name in "ab"}
    cells["c"] = [f"class {toy[i]['a'][:5].argmax() % 3}" for i in range(90)]
    table = km.Table(cells, modalities=toy.modalities | {"c": km.Category()})
    space = km.fit(table, km.Predict("c", fusion=spec), dim=8, training=SHORT)
    same = km.fit(table, km.Predict("c"), fusion=spec, dim=8, training=SHORT)
    space.save(tmp_path / "s")
    found = [one.predict(table, "c") for one in (space, same, km.Space.load(tmp_path / "s"))]
    assert type(space.fusion.inner).__name__.startswith("Trained")
    for other in found[1:]:
        assert np.array_equal(found[0].probability, other.probability)
        assert np.array_equal(found[0].weights, other.weights)
    assert np.allclose(found[0].weights.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("noise", [False, True])
def test_a_fusion_is_kept_where_rows_that_it_has_not_seen_gain(noise: bool) -> None:
    """Gating learns few linear rows by heart; attention gains where a column is noise in some rows."""
    table = noisy()[0] if noise else small_toy(200, names=NAMES)
    spec: Any = km.Attention("additive", query="c") if noise else km.Gating()
    training = km.Training(steps=80, batch_size=96, lr=1e-2)
    space = km.fit(table, km.CCA(dim=16, kernels=("linear",)), fusion=spec, training=training)
    said = str(next(note for note in space.notes if f"on {len(table) // 10} held-out rows" in note))
    assert (space.fusion is not None) == noise == ("trained for 80 steps" in space.notes[-1])
    assert ("so the fusion is kept" if noise else 'so the mean is kept; keep="always"') in said


@pytest.mark.parametrize("made", [km.Attention, km.Gating, km.LateFusion, km.TensorFusion, km.CrossAttention])
def test_a_fusion_is_kept_always_or_where_it_is_better(made: Any) -> None:
    with pytest.raises(km.KuamoError, match="given keep='mostly'; expected 'better' or 'always'"):
        made(keep="mostly")


def test_what_is_no_fusion_is_refused() -> None:
    for given in ("attention", km.InfoNCE()):
        with pytest.raises(km.KuamoError, match=r"expected a fusion, such as km.Attention\(\), or None"):
            km.fit(small_toy(40), fusion=given)  # type: ignore[arg-type]


# ── what it is for ───────────────────────────────────────────────────────────────────────────────────────────────


@cache
def noisy(rows: int = 1000, tested: int = 300) -> tuple[km.Table, km.Table, np.ndarray]:
    """Views of one latent; a third of the rows has shifted noise in a, another in b. Which (tested,): 0, 1, 2, none."""
    rng = np.random.default_rng(0)
    n = rows + tested
    z = 1.5 * rng.normal(size=(10, 8))[rng.integers(10, size=n)] + 0.6 * rng.normal(size=(n, 8))
    views = {name: np.tanh(z @ rng.normal(size=(8, 24)) / 3) + 0.1 * rng.normal(size=(n, 24)) for name in NAMES}
    which = rng.integers(3, size=n)
    for number, name in enumerate("ab"):
        x, bad = views[name], which == number
        x[bad] = rng.normal(size=(int(bad.sum()), 24)) * x.std(0) + x.mean(0) + x.std(0)
    kinds = {name: km.Vector() for name in NAMES}
    train, test = (
        km.Table({name: list(x[part].astype(np.float32)) for name, x in views.items()}, modalities=kinds)
        for part in (slice(rows), slice(rows, n))
    )
    return train, test, which[rows:]


def test_attention_follows_the_column_that_is_informative_in_a_row() -> None:
    train, test, which = noisy()
    training = km.Training(steps=120, batch_size=96, lr=1e-2)
    fusion = km.Attention("additive", query="c", keep="always")
    space = km.fit(train, km.CCA(dim=16, kernels=("linear",)), fusion=fusion, training=training)
    weights = space.fuse(test.select("a", "b"), target="c")[1]
    one = which < 2
    assert np.corrcoef(weights[one, 0], which[one] == 1)[0, 1] > 0.8
    answers = space.encode_column(test, "c")[0]

    def recall(codes: Any, rows: np.ndarray) -> float:
        return float((space.similarity(codes, answers).argmax(1) == np.arange(len(test)))[rows].mean())

    noise = which == 0  # in these rows b alone tells
    alone = recall(space.encode_column(test, "b")[0], noise)
    assert recall(space.encode(test.select("a", "b"), target="c"), noise) > alone - 0.05
    space.fusion = None
    assert recall(space.encode(test.select("a", "b")), noise) < alone - 0.3


@pytest.mark.parametrize(
    ("spec", "share"), [(km.Gating(keep="always"), 1.0), (km.TensorFusion(keep="always"), 1.0), (None, 0.5)], ids=str
)
def test_columns_that_interact(spec: Any, share: float) -> None:
    """The sign of a product of two numbers, of which none alone says anything."""
    rng = np.random.default_rng(0)
    u, v = (rng.uniform(0.3, 1, 700) * rng.choice([-1, 1], 700) for _ in range(2))
    cells: dict[str, Any] = {
        name: list((np.stack([x, rng.normal(size=700)], 1) @ rng.normal(size=(2, 6))).astype(np.float32))
        for name, x in (("a", u), ("b", v))
    }
    cells["sign"] = np.where(u * v > 0, "+", "-").tolist()
    table = km.Table(cells, modalities={"a": km.Vector(), "b": km.Vector(), "sign": km.Category()})
    train, test = table.take(range(500)), table.take(range(500, 700))
    space = km.fit(train, km.InfoNCE(), fusion=spec, dim=8, training=km.Training(steps=120, batch_size=48, lr=1e-2))
    signs = space.encode([{"sign": "+"}, {"sign": "-"}])
    found = space.similarity(space.encode(test.select("a", "b"), target="sign"), signs).argmax(1)
    right = float((found == (np.array(cells["sign"][500:]) == "-")).mean())
    assert right > 0.95 if share == 1.0 else right < 0.65


# ── parts of cells ───────────────────────────────────────────────────────────────────────────────────────────────


class Tiles(Encoder):
    """A vector of 4 tiles × 6 numbers; its features are their mean."""

    fingerprint, part_dim = "tiles of a test/1", 6

    def __call__(self, batch: Any) -> np.ndarray:
        return np.asarray(batch, np.float32).reshape(-1, 4, 6).mean(1)

    def parts(self, batch: Any) -> tuple[Any, Any]:
        x = np.asarray(batch, np.float32).reshape(-1, 4, 6)
        return x, (x != 0).any(-1)


def named_tiles(rows: int, seed: int = 0) -> km.Table:
    """Two of four tiles hold a key and a sign each; another column names one of the keys, the class is its sign."""
    rng = np.random.default_rng(seed)
    keys = np.argsort(rng.random((rows, 4)), axis=1)[:, :2]
    signs, at = rng.integers(2, size=(rows, 2)), np.argsort(rng.random((rows, 4)), axis=1)[:, :2]
    tiles, row = np.zeros((rows, 4, 6), np.float32), np.arange(rows)
    for number in (0, 1):
        tiles[row, at[:, number], keys[:, number]] = 1
        tiles[row, at[:, number], 4 + signs[:, number]] = 1
    cells = {"scene": list(tiles.reshape(rows, 24)), "name": list(np.eye(4, dtype=np.float32)[keys[:, 0]])}
    cells["sign"] = np.where(signs[:, 0] == 1, "+", "-").tolist()
    return km.Table(cells, modalities={"scene": km.Vector(), "name": km.Vector(), "sign": km.Category()})


def test_a_name_finds_its_tile(tmp_path: Path) -> None:
    """What the tiles' mean has lost: who sees both signs and not whose they are is right in three of four."""
    table, unseen, tiles = named_tiles(300), named_tiles(200, 1), {"scene": Tiles()}
    truth = np.array(list(unseen.values("sign")))
    training, found = km.Training(steps=100, batch_size=96, lr=1e-2), {}
    for name, fusion in {"mean": None, "cross": km.CrossAttention(heads=2, width=16, keep="always")}.items():
        space = km.fit(table, km.Predict("sign", corruption=0, fusion=fusion), encoders=tiles, dim=8, training=training)
        found[name] = space.predict(unseen.select("scene", "name"), "sign")
    right = {name: (np.array(one.values) == truth).mean() for name, one in found.items()}
    assert right["cross"] > 0.95 and right["mean"] < 0.85
    assert np.allclose(found["cross"].weights.sum(1), 1, atol=1e-5)
    space.save(tmp_path / "s")
    loaded = km.Space.load(tmp_path / "s", custom={"scene": (None, Tiles())})
    again = loaded.predict(unseen.select("scene", "name"), "sign")
    assert np.array_equal(again.probability, found["cross"].probability)
    few = space.predict(unseen.take([3]).select("scene", "name"), "sign")  # alone as among others
    assert np.allclose(few.probability, found["cross"].probability[3:4], atol=1e-5)


def test_a_search_reads_parts_that_are_trained_or_frozen() -> None:
    table, training = named_tiles(200), km.Training(steps=3, batch_size=50)
    for tiles in (Tiles(), TrainedTiles()):
        given = {"scene": tiles}
        space = km.fit(table, km.InfoNCE(), encoders=given, dim=8, fusion=km.CrossAttention(), training=training)
        weights = space.fuse(table.select("scene", "name"), target="sign")[1]
        assert np.allclose(weights.sum(1), 1, atol=1e-5) and not weights[:, 2].any()
        alone = space.encode(table.take([7]).select("scene", "name"), target="sign")
        several = space.encode(table.select("scene", "name"), target="sign")
        assert np.allclose(np.asarray(alone)[0], np.asarray(several)[7], atol=1e-5)
        for option in ({"fusemix_alpha": 1.0}, {"grad_cache_chunk": 10}):
            if ("fusemix_alpha" in option) == isinstance(tiles, Tiles):
                once = km.Training(steps=1, **option)  # type: ignore[arg-type]
                with pytest.raises(km.KuamoError, match="parts"):
                    km.fit(table, km.InfoNCE(), encoders=given, fusion=km.CrossAttention(), training=once)
    space = km.fit(table, km.Elbo(fusion=km.CrossAttention()), encoders={"scene": Tiles()}, dim=8, training=training)
    assert np.isfinite(np.asarray(space.encode(table))).all() and "scene" in space.fusion.given["part_dims"]
    with pytest.raises(km.TableError, match="a decoder that is trained"):
        km.fit(table, encoders={"scene": Tiles()}, fusion=km.CrossAttention(), decoders={"scene": km.Flow()})


class TrainedTiles(torch.nn.Module):
    """The same, through a layer."""

    part_dim = 5

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        return self.layer(x.reshape(-1, 4, 6)).mean(1)

    def parts(self, x: Any) -> tuple[Any, Any]:
        x = x.reshape(-1, 4, 6)
        return self.layer(x), (x != 0).any(-1)
