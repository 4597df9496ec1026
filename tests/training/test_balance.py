"""Laws of balance: off is off, draws are pure and leave nobody out, coefficients are the papers'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.encoders.feature_cache import features
from kuamo.objectives.vae import size_weights
from kuamo.training.balance import ColumnCurves
from kuamo.training.balance.learning_curves import discrepancy
from kuamo.training.balance.sampling import class_shares, drawing
from kuamo.training.batch import Source, batch_of, batch_rows
from kuamo.training.players import Optimization
from members import small_toy

SHORT: dict[str, Any] = {"steps": 12, "batch_size": 64, "save_every": 5}


def linear_of(head: Any) -> Any:
    """What a head learns: a head of `Predict` has a part that stays."""
    return getattr(head, "learned", head).linear


def three(rows: int = 90, holes: float = 0.3) -> km.Table:
    return small_toy(rows, names=("a", "b", "c"), holes=holes)


def codes(space: km.Space, table: km.Table) -> np.ndarray:
    return np.asarray(space.encode(table))


def fitted(table: km.Table, objective: Any = None, **training: Any) -> km.Space:
    return km.fit(table, objective or km.InfoNCE(), training=km.Training(**SHORT, **training), seed=1)


def labeled(rows: int = 80) -> km.Table:
    """A clear column, one of noise, and a class; each cell of both is missing now and then."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, rows)
    clear = np.eye(3)[kind] + 0.1 * rng.standard_normal((rows, 3))
    noise = rng.standard_normal((rows, 4))
    cells = {
        "clear": [None if i % 5 == 0 else x for i, x in enumerate(clear)],
        "noise": [None if i % 7 == 1 else x for i, x in enumerate(noise)],
        "kind": [f"kind {k}" for k in kind],
    }
    kinds = {"clear": km.Vector(), "noise": km.Vector(), "kind": km.Category()}
    return km.Table(cells, modalities=kinds)


# ── off ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "nothing",
    [
        {"learning_curves": km.LearningCurves(every=3)},
        {"sampling": km.CoverageBalanced(0.0)},
        {"sampling": km.CoverageBalanced(0.0, of="column")},
        {"sampling": km.ClassBalanced(0.0)},
    ],
    ids=str,
)
def test_off_is_off_bit_for_bit(nothing: dict[str, Any]) -> None:
    table = three(80)
    assert np.array_equal(codes(fitted(table), table), codes(fitted(table, **nothing), table))


@pytest.mark.parametrize(
    "something",
    [
        {"sampling": km.CoverageBalanced(1.0)},
        {"sampling": km.ClassBalanced(1.0)},
        {"learning_curves": km.LearningCurves(held=0.2)},
    ],
    ids=str,
)
def test_on_is_on_and_says_so(something: dict[str, Any]) -> None:
    table = three()
    table.labels = ["rare" if i < 20 else "common" for i in range(len(table))]
    space = fitted(table, **something)
    assert not np.array_equal(codes(fitted(table), table), codes(space, table))
    assert any("against imbalance" in note for note in space.notes) == ("learning_curves" not in something)


def test_killed_and_resumed_is_not_killed_with_all_of_it_on(tmp_path: Path) -> None:
    table = three()
    training = km.Training(
        **SHORT,
        sampling=km.CoverageBalanced(1.0),
        learning_curves=km.LearningCurves(every=4, held=0.2),
    )

    def run(out: Path | None, stop: int | None = None) -> km.Space:
        def progress(what: str, done: int, of: int) -> None:
            if what == "training" and done == stop:
                raise KeyboardInterrupt

        return km.fit(
            table, km.UncertaintyWeighted(km.InfoNCE()), training=training, seed=1, run_dir=out, progress=progress
        )

    whole = run(None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 8)
    resumed = run(tmp_path)
    assert np.array_equal(codes(whole, table), codes(resumed, table))
    assert whole.info["learning"] == resumed.info["learning"] and whole.info["learning"]["steps"] == [4, 8, 12]
    for other in (km.CoverageBalanced(0.5), km.ClassBalanced(1.0), None):
        changed = km.Training(
            **SHORT,
            sampling=other,
            learning_curves=km.LearningCurves(every=4, held=0.2),
        )
        with pytest.raises(km.StoreError, match="expected the same"):
            km.fit(table, km.UncertaintyWeighted(km.InfoNCE()), training=changed, seed=1, run_dir=tmp_path)


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Column:
    """Rows that have a cell."""

    frozen = None

    def __init__(self, row: Any) -> None:
        self.row = np.asarray(row)


def uneven(rows: int = 300) -> dict[str, Any]:
    """a in all rows but the last, b in every tenth."""
    return {"a": Column(np.arange(rows - 1)), "b": Column(np.arange(0, rows - 1, 10))}


def test_draws_are_a_pure_function_of_seed_and_step() -> None:
    one, other = (drawing(km.CoverageBalanced(1.0), uneven(), {}, 300, 32, 5) for _ in range(2))
    forward = [one(step) for step in range(60)]
    for step in reversed(range(60)):
        assert np.array_equal(forward[step], other(step))
    different = drawing(km.CoverageBalanced(1.0), uneven(), {}, 300, 32, 6)
    assert any(not np.array_equal(forward[step], different(step)) for step in range(10))


def test_every_subset_comes_as_often_and_nobody_is_left_out() -> None:
    batches, per_epoch = drawing(km.CoverageBalanced(1.0), uneven(), {}, 300, 32, 0), 10
    count = np.zeros(300)
    waited, longest = np.zeros(300), np.zeros(300)
    for epoch in range(40):
        drawn = np.concatenate([batches(epoch * per_epoch + part) for part in range(per_epoch)])
        count += np.bincount(drawn, minlength=300)
        waited = np.where(np.isin(np.arange(300), drawn), 0, waited + 1)
        longest = np.maximum(longest, waited)
    both = np.arange(0, 299, 10)
    alone = np.setdiff1d(np.arange(299), both)
    assert count[299] == 0  # nothing is there
    assert count[both].sum() == pytest.approx(count[alone].sum(), rel=0.03)
    assert (count[alone] > 0).all() and longest[alone].max() <= 3 / (150 / 269)


@pytest.mark.parametrize("seed", range(3))
def test_a_row_comes_as_often_as_its_share_and_never_twice_in_a_batch(seed: int) -> None:
    weights = np.random.default_rng(seed).random(200) ** 3

    @dataclass
    class Given:
        def weights(self, sources: Any, marks: Any, rows: int) -> np.ndarray:
            return weights

    share = class_shares(weights, 7.0)  # 7 batches in an epoch
    assert share.sum() == pytest.approx(200) and share.max() <= 7 + 1e-9
    below = share < 7 - 1e-9
    assert np.allclose((share / weights)[below], (share / weights)[below][0])
    batches, total = drawing(Given(), {}, {}, 200, 32, seed), np.zeros(200)
    for epoch in range(50):
        parts = [batches(epoch * 7 + part) for part in range(7)]
        assert all(len(np.unique(part)) == len(part) for part in parts)
        times = np.bincount(np.concatenate(parts), minlength=200)
        assert (times <= np.ceil(share + 1e-6)).all()
        total += times
    assert np.abs(total / 50 - share).max() < 0.35  # what met its copy in a batch is dropped
    assert np.abs(total / 50 - share)[share < 1].max() < 0.05


def test_equal_weights_are_each_row_once_in_the_same_order() -> None:
    for rows, size in ((50, 7), (64, 64), (10, 100)):
        batches = drawing(km.ClassBalanced(1.0), {}, {"label": np.zeros(rows)}, rows, size, 3)
        for step in range(20):
            assert np.array_equal(batches(step), batch_rows(rows, size, 3, step))


def test_classes_are_those_of_labels_groups_or_a_column() -> None:
    kind = np.array([0, 0, 0, 1])
    column = Column(np.arange(4))
    column.frozen = np.eye(2, dtype=np.float32)[kind]  # type: ignore[assignment]
    expected = [1 / 3, 1 / 3, 1 / 3, 1]
    for of, sources, marks in (("kind", {"kind": column}, {}), ("label", {}, {"label": kind})):
        assert np.allclose(km.ClassBalanced(1.0, of=of).weights(sources, marks, 4), expected)
    with pytest.raises(km.KuamoError, match=r"of='nobody'.*\['label', 'kind'\]"):
        km.ClassBalanced(of="nobody").weights({"kind": column}, {"label": kind}, 4)
    wrong: list[Callable[[], Any]] = [
        lambda: km.ClassBalanced(-1.0),
        lambda: km.CoverageBalanced(of="row"),
        lambda: km.ClassBalanced(of=3),
    ]  # type: ignore[arg-type]
    for power in ("a", None, float("nan"), float("inf"), True):
        wrong += [lambda power=power: km.ClassBalanced(power), lambda power=power: km.CoverageBalanced(power)]  # type: ignore[misc]
    for one in wrong:
        with pytest.raises(km.KuamoError, match="given"):
            one()


def test_classes_are_those_of_the_column_that_is_predicted() -> None:
    """If nobody says it, and one is; labels come next, and without either it is an error that names what there is."""
    rng = np.random.default_rng(0)
    kind = ["rare" if i % 6 == 0 else "common" for i in range(120)]
    cells = {"x": list(rng.normal(size=(120, 4)) + np.array(kind == np.array("rare"))[:, None]), "kind": kind}
    table = km.Table(cells, modalities={"x": km.Vector(), "kind": km.Category()}, label=list("ab") * 60)

    def codes_of(sampling: Any, objective: km.Objective | None = None) -> np.ndarray:
        training = km.Training(steps=6, batch_size=32, sampling=sampling)
        return np.asarray(km.fit(table, objective or km.Predict("kind"), dim=2, training=training).encode(table))

    assert np.array_equal(codes_of(km.ClassBalanced(1)), codes_of(km.ClassBalanced(1, of="kind")))
    assert not np.array_equal(codes_of(km.ClassBalanced(1)), codes_of(km.ClassBalanced(1, of="label")))
    assert np.array_equal(
        codes_of(km.ClassBalanced(1), km.InfoNCE()), codes_of(km.ClassBalanced(1, of="label"), km.InfoNCE())
    )
    table.labels = None
    with pytest.raises(km.KuamoError, match=r"no one column is predicted, nor are there labels.*\['group', 'kind'\]"):
        codes_of(km.ClassBalanced(1), km.InfoNCE())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: km.LearningCurves("a"),
        lambda: km.LearningCurves(1.5),
        lambda: km.LearningCurves(held="a"),
        lambda: km.UncertaintyWeighted(3),
        lambda: km.balance.ColumnCurves.of(3),
        lambda: km.Training(sampling="ClassBalanced"),
        lambda: km.Training(sampling=km.ClassBalanced),
        lambda: km.Training(learning_curves=True),
    ],
)
def test_what_is_no_remedy_is_refused_by_its_name(wrong: Callable[[], Any]) -> None:
    with pytest.raises(km.KuamoError, match=r"given .*; expected "):
        wrong()


# ── discrepancy ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_discrepancy_is_the_ratio_to_the_others_and_absent_ones_play_no_part() -> None:
    rho = discrepancy({"a": 0.8, "b": 0.4, "c": 0.2, "gone": float("nan")})
    assert rho["a"] == pytest.approx(0.8 / 0.3) and np.isnan(rho["gone"])
    assert np.isnan(discrepancy({"a": 0.5})["a"])


# ── uncertainty ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Constant(km.Objective):
    """A loss that nothing can change."""

    value: float = 1.0

    def __call__(self, step: Any, player: str) -> Any:
        there = torch.full((len(step.batch.row),), self.value)
        return step.mean(there) if player == "space" else None


def played(objective: Any, steps: int, rows: int = 20) -> Optimization:
    table = small_toy(40)
    space = fitted(table)
    game = Optimization(space, objective, km.Training(steps=steps, optimizer="sgd", lr=0.2))
    sources = {p.name: Source(table, p, features(table, p.name, p.encoder)) for p in space.ports}
    for step in range(steps):
        game.play("space", batch_of(sources, np.arange(rows)), sources, (0, step), {})
    return game


def test_what_weighs_a_term_settles_at_the_logarithm_of_its_loss() -> None:
    game = played(km.UncertaintyWeighted(Constant(3.0) + 2.0 * Constant(0.2)), 300)
    s = [own["space"].s.item() for own in game.own]
    assert s == pytest.approx([log(3.0), log(0.2)], abs=1e-3)


def test_without_a_usable_row_it_stays_and_below_zero_it_refuses() -> None:
    assert [own["space"].s.item() for own in played(km.UncertaintyWeighted(Constant(3.0)), 3, rows=0).own] == [0.0]
    with pytest.raises(km.KuamoError, match="Constant is -1; expected a term that never"):
        played(km.UncertaintyWeighted(Constant(-1.0)), 1)
    with pytest.raises(km.KuamoError, match="CCA, which is solved in closed form"):
        km.UncertaintyWeighted(km.CCA())


def test_units_do_not_matter() -> None:
    """Where s has settled, a term's gradient is that of its logarithm, whatever it is multiplied with."""

    @dataclass(frozen=True)
    class Scaled(km.Objective):
        scale: float = 1.0

        def __call__(self, step: Any, player: str) -> Any:
            return self.scale * step.mean(linear_of(step.space.port("a").head).weight.square())

    def gradient(scale: float) -> torch.Tensor:
        game = played(km.UncertaintyWeighted(Scaled(scale)), 0)
        head = linear_of(game.space.port("a").head)
        with torch.no_grad():
            game.own[0]["space"].s.copy_((scale * head.weight.square().mean()).log())
        value = game.terms[0][1](_step_of(game), "space")
        return torch.autograd.grad(value, head.weight)[0] / head.weight.detach()

    assert torch.allclose(gradient(1.0).mean(), gradient(1000.0).mean(), rtol=1e-2)


def _step_of(game: Optimization) -> Any:
    from kuamo.training.step import Step

    table = small_toy(20)
    sources = {p.name: Source(table, p, features(table, p.name, p.encoder)) for p in game.space.ports}
    frozen = dict.fromkeys(sources, True)
    return Step(game.space, batch_of(sources, np.arange(20)), (0, 0), {}, frozen, game.own[0])


def test_it_fuses_and_decodes_as_its_terms_do() -> None:
    space = km.fit(labeled(), km.UncertaintyWeighted(km.Predict("kind")), dim=4, training=km.Training(steps=3))
    assert type(space.fusion).__name__ == "UncertaintyFusion"
    assert "UncertaintyWeighted(Predict)" in str(space.notes)
    assert type(fitted(small_toy(), km.UncertaintyWeighted(km.MoPoE())).fusion).__name__ == "MixtureOfProducts"


def test_likelihoods_are_rescaled_unless_equal_is_asked_for() -> None:
    assert size_weights({"picture": 784, "word": 8}) == {"picture": 1.0, "word": 98.0}
    assert size_weights({"picture": 784, "word": 8}, "equal") == {"picture": 1.0, "word": 1.0}
    with pytest.raises(km.TableError, match="expected 'equal'"):
        fitted(small_toy(), km.MoPoE(weights="loud"))  # type: ignore[arg-type]


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_tells_who_learns(tmp_path: Path) -> None:
    training = km.Training(steps=45, batch_size=64, lr=1e-2, learning_curves=km.LearningCurves(every=15, held=0.2))
    space = km.fit(labeled(160), km.Predict("kind"), dim=4, training=training, seed=1)
    learning = ColumnCurves.of(space)
    assert learning.columns == ["clear", "noise", "kind"] and learning.steps.tolist() == [15, 30, 45]
    clear, noise, kind = learning.loss["Predict"].T
    assert clear[-1] < clear[0] and clear[-1] < noise[-1] and np.isnan(kind).all()
    assert (learning.discrepancy()[:, 0] > 1).all() and (learning.discrepancy()[:, 1] < 1).all()
    assert (learning.gradient > 0).all() and learning.held["Predict"].shape == (3, 3)
    found, held = learning.overfitting()["Predict"], learning.held["Predict"]
    assert np.abs(np.diff(held[:, :2], axis=0)).max() < 0.5  # what is fitted on held-out rows waits for the end
    overfit, gain = found["clear"]
    assert gain == pytest.approx(held[0, 0] - held[2, 0]) and gain > found["noise"][1]
    assert overfit == pytest.approx((held[2, 0] - clear[2]) - (held[0, 0] - clear[0]))
    space.save(tmp_path / "s")
    again = ColumnCurves.of(km.Space.load(tmp_path / "s"))
    assert np.array_equal(again.gradient, learning.gradient) and np.array_equal(again.steps, learning.steps)
    with pytest.raises(km.KuamoError, match="more groups to hold some out of"):
        fitted(three(40, holes=0.0), learning_curves=km.LearningCurves(held=0.01))
    with pytest.raises(km.KuamoError, match="expected every, a whole number from 1"):
        km.LearningCurves(every=0)
    with pytest.raises(km.KuamoError, match="no learning curves"):
        ColumnCurves.of(fitted(small_toy()))


def test_looking_at_held_out_rows_leaves_no_trace() -> None:
    table = labeled()
    often, once = (
        fitted(table, km.Predict("kind"), learning_curves=km.LearningCurves(every=every, held=0.2)) for every in (1, 12)
    )
    assert np.array_equal(codes(often, table), codes(once, table))
    assert torch.equal(often.fusion.usual, once.fusion.usual)


def test_losses_of_the_record_are_those_of_the_steps() -> None:
    table = three()
    space = fitted(table, km.InfoNCE(), learning_curves=km.LearningCurves(every=1))
    learning, last = ColumnCurves.of(space), float(str(space.notes[-1]).rsplit(" ", 1)[1])
    assert np.nanmean(learning.loss["InfoNCE"][-1]) == pytest.approx(last, rel=0.1)
