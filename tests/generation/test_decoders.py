"""Decoders learned for a space that is there: the space does not move, what is made is one function of the seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.core.messages import localize
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.fusion import ProductOfExperts
from kuamo.embedding.heads import differentiable
from kuamo.generation.decoder_problem import energy_score
from kuamo.generation.decoder_training import held_out
from kuamo.generation.decoders.flow import FlowDecoder
from kuamo.generation.decoders.generator import Generator
from kuamo.generation.registry import parse_specs
from members import small_toy

SHORT = km.Training(steps=12, batch_size=32)
RECIPES: dict[str, Any] = {
    "Flow": km.Flow(width=32, layers=1),
    "Gaussian": km.Gaussian(width=32),
    "GAN": km.GAN(width=32, layers=2),
    "Minimax": km.GAN(game="minimax", width=32, layers=2),
    "CycleGAN": km.CycleGAN(width=32),
    "CycleGAN unpaired, drawing": km.CycleGAN(width=32, paired=0.0, noise=4),
    "Ridge": km.Ridge(),
}


class Small:
    fingerprint = "small/1"

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value[::2, ::2].astype(np.float32).reshape(-1) / 255

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, np.float32)


class TextLikelihood:
    fingerprint = "words/1"

    def prepare(self, value: str) -> np.ndarray:
        names = ("small", "red", "green", "blue", "yellow", "purple", "circle", "square", "cross", "top", "left")
        return np.array([name in value for name in names], np.float32) + 0.001 * len(value)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, np.float32)


def rows() -> km.Table:
    return small_toy(holes=0.2)


@pytest.fixture(scope="module")
def start() -> km.Space:
    return km.fit(rows(), km.CCA(dim=6))


@pytest.fixture(scope="module", params=RECIPES)
def made(request: pytest.FixtureRequest, start: km.Space) -> km.Space:
    recipe = {"b": RECIPES[request.param]}
    return km.fit(rows(), init=start, decoders=recipe, training=SHORT)


def test_the_space_stays_and_the_other_decoder_too(start: km.Space, made: km.Space) -> None:
    assert np.array_equal(start.encode(rows()).mean, made.encode(rows()).mean)
    assert np.array_equal(start.translate(rows(), to="a"), made.translate(rows(), to="a"))


def test_draws_follow_the_seed_and_n_adds_an_axis(made: km.Space) -> None:
    part = rows().select("a").take(np.flatnonzero(rows().present()[:, 0])[:5])
    one, again, other = (made.translate(part, to="b", seed=seed) for seed in (1, 1, 2))
    assert one.shape == (5, 24) and np.array_equal(one, again)
    many = made.translate(part, to=["b", "a"], samples=3, seed=1)
    assert many["b"].shape == (5, 3, 24) and many["a"].shape == (5, 3, 30)
    drawn = (made.port("b").decoder.noise or 0) > 0
    assert drawn == (not np.array_equal(one, other)) == (not np.allclose(many["b"][:, 0], many["b"][:, 1]))


def test_an_index_knows_a_space_that_gained_a_decoder(start: km.Space, made: km.Space, tmp_path: Path) -> None:
    start.index(rows()).save(tmp_path / "index")
    hits = km.Index.load(tmp_path / "index", made).search({"a": rows()[0]["a"]}, to="b", k=3)
    assert len(hits) == 3
    with pytest.raises(km.StoreError, match="given an index of space"):
        km.Index.load(tmp_path / "index", km.fit(rows(), km.CCA(dim=5)))


def test_a_stored_decoder_makes_the_same(made: km.Space, tmp_path: Path) -> None:
    made.save(tmp_path / "s.space")
    loaded, z = km.Space.load(tmp_path / "s.space"), np.eye(6, dtype=np.float32)
    assert np.array_equal(made.decode(z, to="b", n=2), loaded.decode(z, to="b", n=2))


def test_the_same_seed_gives_the_same_decoder(start: km.Space) -> None:
    torch.manual_seed(5)
    first, second = (km.fit(rows(), init=start, decoders={"b": RECIPES["Flow"]}, training=SHORT) for _ in range(2))
    z = np.eye(6, dtype=np.float32)
    assert np.array_equal(first.decode(z, to="b"), second.decode(z, to="b"))


def test_a_run_that_was_stopped_goes_on_to_the_same(start: km.Space, tmp_path: Path) -> None:
    given: dict[str, Any] = {"init": start, "decoders": {"b": RECIPES["GAN"]}}
    training = km.Training(steps=12, batch_size=32, save_every=5)

    def stop(what: str, done: int, of: int) -> None:
        if what == "training" and done == 7:
            raise InterruptedError

    whole = km.fit(rows(), **given, training=training)
    with pytest.raises(InterruptedError):
        km.fit(rows(), **given, training=training, run_dir=tmp_path, progress=stop)
    resumed = km.fit(rows(), **given, training=training, run_dir=tmp_path)
    z = np.eye(6, dtype=np.float32)
    assert np.array_equal(whole.decode(z, to="b"), resumed.decode(z, to="b"))


def test_gaussian_codes_and_their_fusion_are_decoded_too() -> None:
    space = km.fit(rows(), km.MVAE(), dim=4, training=SHORT)
    flow = km.fit(rows(), init=space, decoders={"b": RECIPES["Flow"]}, training=SHORT)
    assert isinstance(flow.fusion, ProductOfExperts)
    assert np.isfinite(flow.translate(small_toy().select("a").take([0, 1]), to="b", samples=2)).all()


def test_absent_cells_leave_no_trace(start: km.Space) -> None:
    """What stands in an absent cell cannot matter: rows without `b` teach its decoder nothing."""
    table = small_toy()
    z = np.eye(6, dtype=np.float32)
    alone = np.zeros((200, 24), np.float32)
    alone[:] = np.stack(list(table.values("b")))
    half = [None if i % 2 else alone[i] for i in range(200)]
    a = list(table.values("a"))
    holed = km.Table({"a": a, "b": half}, modalities={"a": km.Vector(), "b": km.Vector()})
    full = holed.take(np.arange(0, 200, 2))
    ridge = [km.fit(t, init=start, decoders={"b": km.Ridge()}).decode(z, to="b") for t in (holed, full)]
    assert np.allclose(*ridge, atol=1e-5)


def test_a_flow_tells_two_modes_that_ridge_averages() -> None:
    """y is +v or −v, each as likely, and of a sign that z does not know: known answer ±v, mean 0."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(600, 4)).astype(np.float32)
    v, sign = z @ rng.normal(size=(4, 8)).astype(np.float32) + 3, rng.choice([-1.0, 1.0], size=(600, 1))
    table = km.Table(
        {"a": list(z), "b": list((sign * v).astype(np.float32))}, modalities={"a": km.Vector(), "b": km.Vector()}
    )
    space = km.fit(table, km.CCA(dim=4, kernels=("linear",)))
    training = km.Training(steps=240, batch_size=128, lr=5e-3)
    flow = km.fit(table, init=space, decoders={"b": km.Flow(width=48, guidance=1.0)}, training=training)
    y = flow.translate(table.select("a").take(np.arange(100)), to="b", samples=6)
    cosine = (y * v[:100, None]).sum(-1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(v[:100, None], axis=-1)
    assert np.abs(cosine).mean() > 0.9 and 0.3 < (cosine > 0).mean() < 0.7
    assert "better than ridge" in flow.notes[-1]
    assert flow.port("b").residual is None  # noise on all axes would blur the modes, and the energy score says so


def test_what_does_not_beat_ridge_is_reported_so(start: km.Space) -> None:
    lazy = km.fit(rows(), init=start, decoders={"b": km.Gaussian()}, training=km.Training(steps=1))
    assert any("does NOT generate better than ridge" in note for note in lazy.notes)


def test_the_energy_score_is_least_for_the_truth() -> None:
    torch.manual_seed(0)
    y = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32)

    class Spread:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def sample(self, z: np.ndarray) -> np.ndarray:
            self.scale, seed = self.scale, int(1e6 * np.random.rand())
            return self.scale * np.random.default_rng(seed).normal(size=(len(z), 3))

    scores = [energy_score(Spread(scale), y, y) for scale in (1.0, 0.3, 2.0)]
    assert scores[0] == min(scores)


def test_whole_groups_are_held_out() -> None:
    groups = np.random.default_rng(0).integers(0, 40, 300)
    rows = held_out(groups, 0)
    assert not set(groups[rows]) & set(np.delete(groups, rows)) and 0 < len(rows) < 60
    assert len(held_out(np.arange(50_000), 0)) == 500
    assert len(held_out(np.arange(10), 0)) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"guidance": 2.0, "to": "a"}, "given guidance=, which its decoder .RidgeDecoder. does not have"),
        ({"guidance": -1.0}, "given guidance=-1.0; expected a number from 0 to 30"),
        ({"steps": 0}, "given steps=0; expected a whole number from 1 to 1,000"),
        ({"samples": 0}, "given samples=0; expected a whole number from 1 to"),
        ({"to": "c"}, r"no column 'c'; the space's columns are \['a', 'b'\]"),
    ],
)
def test_options_that_make_no_sense(start: km.Space, given: dict[str, Any], message: str) -> None:
    flow = km.fit(rows(), init=start, decoders={"b": RECIPES["Flow"]}, training=km.Training(steps=1))
    with pytest.raises(km.KuamoError, match=message):
        flow.translate(rows().take([0]), **{"to": "b", **given})


@pytest.mark.parametrize("kernel", ["linear", "arc-cosine"])
def test_a_head_that_a_gradient_passes_gives_the_head_s_codes(kernel: str) -> None:
    space = km.fit(rows(), km.CCA(dim=6, kernels=(kernel,)))
    head, y = space.port("b").head, np.random.default_rng(0).normal(size=(5, 24)).astype(np.float32)
    there = torch.from_numpy(y).requires_grad_()
    code = differentiable(head)(there).mean
    assert np.allclose(code.detach().numpy(), head(y).mean, atol=1e-5)
    slope = torch.autograd.grad(code[:, 0].sum(), there)[0].numpy()
    step = 1e-2 * np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    moved = (np.asarray(head(y + step).mean) - np.asarray(head(y - step).mean))[:, 0] / 2
    assert np.allclose((slope * step).sum(1), moved, atol=3e-4)
    again = differentiable(ClosedFormHead(head.map, head.scale, "before" if head.norm == "after" else "after"))
    assert not np.allclose(again(there).mean.detach(), code.detach(), atol=1e-3)


def cycle_error(space: km.Space) -> float:
    """Mean squared distance of b's codes that are made of a's from these."""
    z = np.asarray(space.encode(rows().select("a").take(np.flatnonzero(rows().present()[:, 0]))))
    port = space.port("b")
    return float(np.square(np.asarray(port.head(port.encoder(space.decode(z, to="b"))).mean) - z).sum(1).mean())


def test_the_cycle_brings_codes_back_and_unpaired_is_said(start: km.Space) -> None:
    few = rows()
    few.groups = [str(i % 19) for i in range(len(few))]  # too few to hold any out: what the game ends at is kept
    training = km.Training(steps=60, batch_size=64)
    found = {}
    for weight in (0.0, 10.0):
        recipe = km.CycleGAN(cycle=weight, paired=0.0, width=32, lr=2e-3)
        found[weight] = km.fit(few, init=start, decoders={"b": recipe}, training=training)
        assert any("b: CycleGAN is trained without pairs" in note for note in found[weight].notes)
        assert any("不使用配对" in localize("zh", note) for note in found[weight].notes)
    ridge = km.fit(few, init=start, decoders={"b": km.Ridge()})
    assert cycle_error(found[10.0]) < 0.7 * min(cycle_error(found[0.0]), cycle_error(ridge))
    still = km.fit(few, init=start, decoders={"b": km.CycleGAN(width=32, lr=1e-12)}, training=SHORT)
    assert np.isclose(cycle_error(still), cycle_error(ridge), rtol=1e-3)  # it starts there
    paired = km.fit(few, init=start, decoders={"b": km.CycleGAN(width=32)}, training=SHORT)
    assert not any("trained without pairs" in note for note in paired.notes)


def test_a_cycle_needs_features_and_says_so() -> None:
    table = km.datasets.shapes(rows=40, size=8)
    start = km.fit(table, km.CCA(dim=4, kernels=("linear",)), encoders={"image": Small(), "text": TextLikelihood()})
    codec = km.ImagePCA.of(table, "image", components=4)
    given: dict[str, Any] = {"init": start, "training": km.Training(steps=2)}
    with pytest.raises(km.KuamoError, match=r"column 'image': given the codec ImagePCA.*codecs=\{'image': None\}"):
        km.fit(table, **given, decoders={"image": km.CycleGAN()}, codecs={"image": codec})
    alone = km.fit(table, **given, decoders={"image": km.CycleGAN(cycle=0)}, codecs={"image": codec})
    assert alone.translate({"text": "a red circle"}, to="image")[0].shape == (8, 8, 3)
    both = km.fit(table, **given, decoders={"image": km.CycleGAN(), "text": km.CycleGAN(noise=2)})
    assert both.translate({"text": "a red circle"}, to="image").shape == (1, 48)
    assert parse_specs(["image=cyclegan"]) == {"image": km.CycleGAN()}
    with pytest.raises(km.KuamoError, match="weights and noise of at least 0"):
        km.CycleGAN(paired=-1.0)
    raw: dict[str, Any] = {"encoders": {"b": torch.nn.Linear(24, 5)}, "decoders": {"b": Generator(16, 24)}}
    with pytest.raises(km.KuamoError, match="column 'b': given a trainable encoder; expected frozen features"):
        km.fit(small_toy(60), km.LSGAN("a", "b"), **raw, dim=16, training=km.Training(steps=1))


def test_recipes_and_codecs_of_unknown_columns_or_numbers_are_refused() -> None:
    with pytest.raises(km.TableError, match=r"given decoders for \['c'\]; the table's columns are"):
        km.fit(rows(), decoders={"c": km.Flow()})
    with pytest.raises(km.KuamoError, match=r"given game='wgan'; expected one of \('r3', 'minimax', 'nonsaturating'\)"):
        km.GAN(game="wgan")
    with pytest.raises(km.KuamoError, match="expected width and layers of at least 1"):
        km.Flow(layers=0)
    with pytest.raises(km.KuamoError, match="given guidance=nan"):
        km.Flow(guidance=float("nan"))


def test_gradients_reach_every_parameter_of_a_flow() -> None:
    torch.manual_seed(0)
    decoder = FlowDecoder(4, 6, width=16, layers=2)
    for block in decoder.blocks:  # they start as the identity, which lets no gradient through to what is inside
        torch.nn.init.normal_(block.outer.weight)
    decoder.loss(torch.randn(64, 6), torch.randn(64, 4)).mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in decoder.parameters())


def test_reduced_rank_is_the_best_of_its_rank(start: km.Space) -> None:
    z = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    full, low = (km.fit(rows(), init=start, decoders={"b": km.Ridge(rank=r)}).decode(z, to="b") for r in (None, 2))
    ridge = km.fit(rows(), init=start, decoders={"b": km.Ridge()}).decode(z, to="b")
    assert np.array_equal(full, ridge)
    centered = low - low.mean(0)
    assert np.linalg.matrix_rank(centered, tol=1e-3) == 2
    assert 0.3 < np.square(centered).sum() / np.square(full - full.mean(0)).sum() < 1
    with pytest.raises(km.KuamoError, match="a rank of at least 1"):
        km.Ridge(rank=0)


def test_features_are_translated_to_features() -> None:
    """With no codec y is what the encoder gives: retrieval and R² of translated features say how well."""
    table = km.datasets.shapes(rows=120, size=8)
    encoders = {"image": Small(), "text": TextLikelihood()}
    start = km.fit(table, km.CCA(dim=8, kernels=("linear",)), encoders=encoders)
    space = km.fit(table, init=start, decoders={"image": km.Ridge(rank=5)}, codecs={"image": None})
    assert space.translate(table.select("text").take([0]), to="image").shape == (1, 48)
    test = km.datasets.shapes(rows=60, size=8, seed=1)
    report = km.evaluate(space, test, generated=["image"], examples=0, training=table)
    assert report["text_to_image_gen_R2"] > 0.2 and report["text_to_image_gen_R@1"] > 3 / 60
    assert report["text_to_image_gen_reverse_R@10"] > 0.4 and report.intervals["text_to_image_gen_R@10"].low > 0.3
    assert report["text_to_image_gen_energy_ridge"] <= report["text_to_image_gen_energy"] < 1  # of full rank


def test_targets_that_are_made_in_turn_agree() -> None:
    """x says nothing of the sign; y and w are ± the same vector: made apart they differ in sign half of the time."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(900, 4)).astype(np.float32)
    sign = rng.choice([-1.0, 1.0], size=(900, 1))
    v = np.concatenate([x + 3, 0.1 * rng.normal(size=(900, 2))], 1)
    cells = {"x": x, "y": sign * v @ rng.normal(size=(6, 8)), "w": sign * v @ rng.normal(size=(6, 7))}
    table = km.Table(
        {name: list(np.asarray(values, np.float32)) for name, values in cells.items()},
        modalities=dict.fromkeys(cells, km.Vector()),
    )
    space = km.fit(table, km.CCA(dim=8, kernels=("linear",)))
    flow = km.Flow(width=64, guidance=1.0)
    training = km.Training(steps=150, batch_size=128, lr=8e-3)
    space = km.fit(table, init=space, decoders={"y": flow, "w": flow}, training=training)

    def same(agree: bool) -> float:
        made = space.translate(table.select("x").take(np.arange(200)), to=["y", "w"], samples=2, chained=agree)
        which = [made[name] @ (cells[name] * sign).mean(0) > 0 for name in ("y", "w")]
        assert made["y"].shape == (200, 2, 8) and made["w"].shape == (200, 2, 7)
        assert 0.3 < which[0].mean() < 0.7  # both signs come
        return float((which[0] == which[1]).mean())

    assert same(agree=True) > same(agree=False) + 0.08
    one = space.translate(table.select("x").take([0, 1]), to=["y"], chained=True, seed=4)["y"]
    assert np.array_equal(one, space.translate(table.select("x").take([0, 1]), to="y", seed=4))
