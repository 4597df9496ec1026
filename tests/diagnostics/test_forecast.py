"""Laws of the forecast: it changes no result, it looks at little, it grows with rows, and it says what to change."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.core.errors import KuamoError, TableError
from kuamo.core.memo import load_choice, memo_disabled, store_choice
from kuamo.core.messages import Note, localize, note_from_dict
from kuamo.core.profiling import collect_steps, profiled_step, short_loops, shortened
from kuamo.diagnostics.cost import forecast as forecasting
from kuamo.diagnostics.cost.forecast import forecast
from kuamo.diagnostics.cost.result import CostForecast, StepCost
from kuamo.diagnostics.cost.steps import closed_form_growth
from kuamo.diagnostics.cost.trial import rows_of_trial, stand_ins
from kuamo.diagnostics.text import cost_grid
from kuamo.encoders import ImageCNN
from kuamo.metrics.dependence.screening import screen
from kuamo.objectives import cca as correlation


def toy(rows: int, **given: Any) -> km.Table:
    return km.datasets.toy(rows, **{"dims": (16, 12), "correlations": (0.9,) * 6} | given)


class Letters:
    """A text's letters, counted: a frozen encoder that counts what it is asked."""

    def __init__(self, name: str = "letters/1") -> None:
        self.fingerprint, self.asked = name, 0

    def prepare(self, value: str) -> np.ndarray:
        return np.bincount([ord(letter) % 48 for letter in value], minlength=48).astype(np.float32)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.asked += len(batch)
        return batch


def texts(rows: int, seed: int = 0) -> km.Table:
    """Texts and vectors, some rows with several texts, some cells absent."""
    rng = np.random.default_rng(seed)
    words = ["".join(chr(97 + k) for k in rng.integers(0, 26, 24)) for _ in range(2 * rows)]
    cells = [[words[2 * k], words[2 * k + 1]] if k % 5 == 0 else words[2 * k] for k in range(rows)]
    cells[1] = None
    vectors = list(rng.standard_normal((rows, 20)))
    vectors[2] = None
    return km.Table({"text": cells, "pose": vectors}, modalities={"text": km.Text(), "pose": km.Vector()})


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ── it changes no result ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_forecast_leaves_table_cache_and_randomness_as_they_were(cache: Path) -> None:
    table, encoder = texts(120), Letters("leaves/1")
    km.fit(table.take(range(60)), encoders={"text": encoder})  # something is in the cache
    before, cells = files(cache), [table[row] for row in range(len(table))]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    forecast(table, encoders={"text": encoder})  # with contrast, so with torch
    assert files(cache) == before  # half of the texts are not known: nothing is searched for good
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])
    for row, known in enumerate(cells):
        assert table[row]["text"] == known["text"]
        assert np.array_equal(table[row]["pose"], known["pose"]) or known["pose"] is None
    assert table.skipped() == []


def tables_searched() -> dict[str, km.Table]:
    """Two columns; several entries in a row; three with groups; a late one; one that is set aside."""
    rng = np.random.default_rng(31)
    z = rng.standard_normal((90, 4))
    cells = {name: list(z @ rng.standard_normal((4, 8)) + rng.standard_normal((90, 8))) for name in "abc"}
    late = cells | {"c": [cell if k < 20 else None for k, cell in enumerate(cells["c"])]}
    several = cells | {"c": [[cell, cell + 1] if k % 3 else [cell] for k, cell in enumerate(cells["c"])]}
    return {
        "two": toy(90, seed=31),
        "entries": km.Table({name: several[name] for name in "ac"}, modalities={"c": km.Vector()}),
        "groups": km.Table(cells, group=[str(k // 2) for k in range(90)]),
        "late": km.Table(late),
        "aside": km.Table(cells | {"d": rng.standard_normal((90, 5))}),
        "cached": texts(90, seed=31),
    }


@pytest.mark.parametrize("kind", ["two", "entries", "groups", "late", "aside", "cached"])
def test_what_a_search_of_all_rows_finds_is_kept_and_the_fit_is_the_same(
    kind: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, searched = tables_searched()[kind], []

    def spied(search: Callable[..., object]) -> Callable[..., object]:
        def spy(*args: object, judged: object = None, **given: object) -> object:
            searched.append(judged is None)
            return search(*args, judged=judged, **given)

        return spy

    for name in ("search_cca", "search_gcca"):
        monkeypatch.setattr(correlation, name, spied(getattr(correlation, name)))
    given = {"encoders": {"text": Letters("kept/1")}} if kind == "cached" else {}
    alone = km.fit(table, **given)
    assert searched == [True]
    shutil.rmtree(cache / "choices")
    before = files(cache)
    made = forecast(table, **given)
    grown = set(files(cache)) - set(before)
    assert len(grown) == 1 + (kind == "aside")  # which is noticed after a search of all columns
    assert {Path(one).parent for one in grown} == {cache / "choices"}
    assert made["closed form"].how.key == "forecast_searched"
    searched.clear()
    after = km.fit(table, **given)
    assert searched == [False]
    assert np.array_equal(alone.encode(table), after.encode(table))


def test_few_rows_leave_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "SMALL", 0)
    before = files(cache)
    forecast(toy(90, seed=32))
    assert files(cache) == before


def test_cells_that_cannot_be_read_do_not_leave_the_table() -> None:
    table = km.Table({"a": ["x", " ", *"bcdefghijklmnopqrstuvwxyz"], "b": np.eye(27)}, on_error="skip")
    forecast(table, km.CCA(dim=4), encoders={"a": Letters("skips/1")})
    assert table.skipped() == []
    wrong = km.Table({"a": [np.zeros(3), *np.eye(40)[1:]], "b": np.eye(40)}, modalities={"a": km.Vector()},
                     on_error="skip")  # fmt: skip
    made = forecast(wrong, km.CCA(dim=4))
    assert made["closed form"].how.key == "forecast_searched"
    assert wrong.skipped() == []
    assert len(wrong.column("a").row) == 40
    assert len(table.column("a").row) == 27


def test_trained_encoders_are_copied() -> None:
    torch.manual_seed(0)
    encoder = ImageCNN(size=16, dim=8)
    weights = {name: value.clone() for name, value in encoder.state_dict().items()}
    table = km.datasets.shapes(40)
    made = forecast(
        table.select("image", "text"), km.InfoNCE(), encoders={"image": encoder, "text": Letters("copied/1")},
        training=km.Training(steps=500, batch_size=16), dim=8,
    )  # fmt: skip
    assert all(torch.equal(value, weights[name]) for name, value in encoder.state_dict().items())
    with collect_steps() as costs:
        km.fit(
            table.select("image", "text"), km.InfoNCE(), encoders={"image": encoder, "text": Letters("copied/1")},
            training=km.Training(steps=2, batch_size=16), dim=8,
        )  # fmt: skip
    assert [step.name for step in made.fit] == list(costs)
    assert "500 steps" in made["training"].how


def test_nothing_is_remembered_nor_recalled_in_a_trial() -> None:
    store_choice("a forecast's test", 1)
    with memo_disabled():
        store_choice("a forecast's test", 2)
        assert load_choice("a forecast's test") is None
    assert load_choice("a forecast's test") == 1


# ── it looks at little, and knows what is there ──────────────────────────────────────────────────────────────────


def test_few_cells_are_encoded_and_none_that_the_cache_has() -> None:
    table, encoder = texts(4000), Letters("few/1")
    made = forecast(table, km.CCA(dim=8), encoders={"text": encoder})
    assert 0 < encoder.asked < 0.4 * len(table.column("text").row)
    assert made["features: text"].disk == pytest.approx(len(table.column("text").row) * (4 * 48 + 32) / 2**20, rel=0.01)
    few = table.take(range(100))
    km.fit(few, km.CCA(dim=8), encoders={"text": encoder})
    asked = encoder.asked
    again = forecast(few, km.CCA(dim=8), encoders={"text": encoder})
    assert encoder.asked == asked
    assert again["features: text"].disk == 0


def test_disk_is_what_the_fit_then_takes(tmp_path: Path, cache: Path) -> None:
    table, encoder = texts(200), Letters("disk/1")
    objective = km.CCA(dim=8, kernels=("linear",))
    made = forecast(table, objective, encoders={"text": encoder})
    before = sum(map(len, files(cache / "features").values()))
    space = km.fit(table, objective, encoders={"text": encoder})
    grown = (sum(map(len, files(cache / "features").values())) - before) / 2**20
    space.save(tmp_path / "space")
    kept = sum(map(len, files(tmp_path / "space").values())) / 2**20
    assert made["features: text"].disk == pytest.approx(grown, rel=0.05)
    assert made["space"].disk == pytest.approx(kept, rel=0.5)


def kept(space: km.Space, table: km.Table, folder: Path) -> float:
    """MB of a stored space and its index."""
    space.save(folder / "space")
    space.index(table).save(folder / "index")
    return sum(map(len, files(folder).values())) / 2**20


@pytest.mark.parametrize("given", [{}, {"noise": 2.0}, {"modalities": "abc", "holes": 0.2}])
def test_disk_of_a_small_table_is_that_of_the_kernel_and_size_which_all_rows_choose(
    given: dict, tmp_path: Path
) -> None:
    table = toy(160, dims=(48, 40), **given)
    made = forecast(table)
    space = km.fit(table)
    banks = sum(port.hubness.bank.nbytes for port in space.ports if port.hubness)
    wider = 4 * len(table) * len(space.ports) * 8 * bool(space.corrected)  # codes are padded to a multiple of eight
    correction = (banks + wider) / 2**20  # is not told: only all folds say whether it is kept
    assert made.disk == pytest.approx(kept(space, table, tmp_path) - correction, rel=0.1, abs=0.015)
    assert made.disk_span == pytest.approx((made.disk, made.disk))


@pytest.mark.parametrize("kernel", ["linear", "arc-cosine"])
def test_disk_of_either_kernel_is_between_what_is_told_where_few_rows_do_not_settle_it(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasting, "SMALL", 0)
    table = km.datasets.toy(300, dims=(80, 60))
    made = forecast(table, km.CCA(dim=16))
    least, most = made.disk_span
    real = kept(km.fit(table, km.CCA(dim=16, kernels=(kernel,))), table, tmp_path)
    end = {"linear": least, "arc-cosine": most}[kernel]
    assert real == pytest.approx(end, rel=0.1, abs=0.015)  # some kB are words
    assert least < made.disk < most
    assert made.disk == pytest.approx(np.sqrt(least * most))
    assert made["space"].how.key == "forecast_branches"
    assert "linear; arc-cosine" in made["space"].how
    assert "线性核；反余弦核" in localize("zh", made["space"].how)


def test_one_kernel_and_size_have_one_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "SMALL", 0)
    made = forecast(toy(150), km.CCA(dim=8, kernels=("linear",)))
    assert made.disk_span == pytest.approx((made.disk, made.disk))
    assert made["closed form"].at_least == made["closed form"].cpu
    assert made["space"].how.key == "forecast_after"


def test_where_no_cell_is_known_every_kernel_and_size_may_be_chosen(cache: Path) -> None:
    table, encoder = texts(150), Letters("unknown/1")
    few, given = forecast(table, encoders={"text": encoder}), {"encoders": {"text": encoder}}
    km.fit(table, **given)
    shutil.rmtree(cache / "choices")
    known = forecast(table, **given)
    assert few.disk_span[0] < few.disk < few.disk_span[1]
    assert known.disk_span[0] == pytest.approx(known.disk_span[1])
    features = few["features: text"].disk
    assert few.disk_span[0] <= known.disk + features <= few.disk_span[1]


def test_stand_ins_have_the_width_the_rows_and_the_repeats_of_a_column_and_are_related() -> None:
    table = km.Table({"a": [f"a{k % 10}" for k in range(120)], "b": [f"b{k}" if k else None for k in range(120)]})
    cells = stand_ins(table, {"a": 48, "b": 30}, 0)
    (x, row), (y, row_y) = cells["a"], cells["b"]
    assert (x.shape, y.shape, row.tolist(), row_y.tolist()) == ((120, 48), (119, 30), [*range(120)], [*range(1, 120)])
    assert np.array_equal(x[0], x[10]) and not np.array_equal(x[0], x[1])
    assert not np.array_equal(y[0], y[10])
    found = screen(cells, np.arange(120), 0)
    assert not found.none_related and not found.unrelated


def test_rows_of_a_trial_have_pairs_however_few_there_are() -> None:
    table = km.Table({"a": [f"a{k}" if k < 110 else None for k in range(200)],
                      "b": [f"b{k}" if k >= 100 else None for k in range(200)]})  # fmt: skip
    rows = rows_of_trial(table, 32, 0)
    assert len(rows) == 32 and (table.present()[rows].sum(1) == 2).sum() >= 4


# ── it grows with rows ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("columns", [2, 3])
def test_a_closed_form_grows_with_rows_first_hardly_then_squared_then_as_they_do(columns: int) -> None:
    growth = [closed_form_growth(rows, columns) for rows in (100, 1000, 2000, 4000, 10_000, 20_000, 30_000)]
    assert growth == sorted(growth)
    assert growth[0] == pytest.approx(1, abs=0.01)
    assert growth[3] - 1 == pytest.approx(4 * (growth[2] - 1))
    assert growth[6] - growth[5] == pytest.approx(growth[5] - growth[4])


def test_a_shortened_loop_says_how_long_all_of_it_is() -> None:
    with short_loops() as loops, collect_steps(), profiled_step("a"):
        few, all_of_few = list(shortened(range(1000))), list(shortened(range(12)))
        one = list(shortened("abc", 1))
    assert (len(few), len(all_of_few), one) == (5, 12, ["a"])
    assert (loops["a"].done, loops["a"].steps) == (18, 1015)
    assert loops["a"].left.cpu >= 2 * loops["a"].each.cpu
    with short_loops("b"), collect_steps(), profiled_step("b"):
        assert len(list(shortened(range(1000)))) == 1000
    assert len(list(shortened(range(1000)))) == 1000


def test_more_rows_cost_more_seconds_memory_and_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "SMALL", 0)
    linear = km.CCA(dim=8, kernels=("linear",))
    small, large = (forecast(toy(rows), linear) for rows in (100, 10_000))
    assert small.disk < large.disk
    assert small["closed form"].cpu < large["closed form"].cpu
    assert small["features: a"].stays < large["features: a"].stays
    assert small["closed form"].memory < large["closed form"].memory


# ── every kind of fit ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_steps_are_those_of_the_fit() -> None:
    """What `fit` marks as its steps, the forecast names, in the same order."""
    table = toy(60)
    short = km.Training(steps=3, batch_size=30)
    kinds: list[dict] = [
        {},
        {"objective": km.CCA(dim=4)},
        {"objective": km.InfoNCE(), "training": short},
        {"objective": km.MVAE(), "training": short, "dim": 4},
        {"objective": km.CCA(dim=4), "decoders": {"b": km.Flow(width=16)}, "codecs": {"b": None}, "training": short},
    ]
    for given in kinds:
        with collect_steps() as costs:
            km.fit(table, **given)
        assert [step.name for step in forecast(table, **given).fit] == list(costs), given


def test_raw_cells_with_the_encoders_that_a_fit_would_take() -> None:
    table = km.datasets.emoji().take(range(40))
    made = forecast(table, km.CCA(dim=4))
    assert [step.name for step in made.fit] == [
        "features: text", "features: image", "closed form", "ridge decoders"
    ]  # fmt: skip
    assert made["features: image"].disk > made["features: text"].disk > 0
    assert made["features: image"].cpu > made["ridge decoders"].cpu
    assert made.total.memory > made["features: image"].stays > 0


def test_columns_that_join_late_repeated_groups_and_three_columns() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((120, 3))
    cells = {name: list(z @ rng.standard_normal((3, 8)) + rng.standard_normal((120, 8))) for name in "abc"}
    cells["c"] = [cell if k < 40 else None for k, cell in enumerate(cells["c"])]
    late = km.Table(cells)
    assert [step.name for step in forecast(late, km.CCA(dim=4)).fit][3] == "closed form"
    groups = [str(k // 4) for k in range(120)]
    three = km.Table(cells | {"c": cells["a"][::-1]}, group=groups)
    assert forecast(three, km.CCA(dim=4))["closed form"].cpu > 0


def test_classes_numbers_and_unpaired_rows() -> None:
    rng = np.random.default_rng(0)
    kind, x = rng.integers(0, 3, 60), rng.standard_normal((60, 8))
    kinds = {"x": km.Vector(), "kind": km.Category(), "size": km.Number()}
    labeled = km.Table({"x": x, "kind": [f"k{k}" for k in kind], "size": list(x[:, 0])}, modalities=kinds)
    short = km.Training(steps=7, batch_size=20)
    made = forecast(labeled, km.objectives.Predict("kind"), dim=4, training=short)
    with collect_steps() as costs:
        km.fit(labeled, km.objectives.Predict("kind"), dim=4, training=short)
    assert [step.name for step in made.fit] == list(costs)
    half = km.Table({"a": [*x[:40], *[None] * 20], "b": [*[None] * 20, *x[20:]]})
    made = forecast(half, km.InfoNCE() + 0.3 * km.Sinkhorn(), training=short)
    assert "7 steps" in made["training"].how


def test_labels_in_closed_form() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 90)
    cells = {name: np.eye(4)[label] @ rng.standard_normal((4, 10)) + rng.standard_normal((90, 10)) for name in "ab"}
    table = km.Table(cells, label=[str(one) for one in label])
    assert forecast(table, km.objectives.SemanticMatching())["closed form"].cpu > 0


def test_going_on_from_a_space_learns_decoders_alone() -> None:
    table = toy(80)
    space = km.fit(table, km.CCA(dim=4, kernels=("linear",)))
    made = forecast(table, start=space, decoders={"b": km.Flow(width=16)}, codecs={"b": None})
    assert [step.name for step in made.fit] == ["features: a", "features: b", "decoders"]
    assert "1,000 steps" in made["decoders"].how


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_advice_names_the_step_that_costs_most_and_by_how_much_in_two_languages() -> None:
    made = forecast(toy(100), km.CCA(dim=4), budget={"cpu": 1e-4, "memory": 0.01, "disk": 0.001})
    keys = [note.key for note in made.advice]
    assert {"too_much_cpu", "too_much_memory", "too_much_disk"} <= set(keys)
    cpu = made.advice[keys.index("too_much_cpu")]
    assert cpu.values["step"] == made.most_expensive().name
    assert cpu.values["factor"] == pytest.approx(made.total.cpu / 1e-4)
    for note in made.advice:
        assert localize("zh", note) != str(note)
    assert "合计" in made.render("zh")
    assert "the fit" in str(made)


def test_a_fit_that_is_within_its_budget_gets_no_advice() -> None:
    assert forecast(toy(100), km.CCA(dim=4), budget=1e6).advice == ()


def test_memory_at_its_peak_counts_what_earlier_steps_left() -> None:
    steps = (StepCost("a", memory=10, stays=5), StepCost("b", memory=7), StepCost("index", memory=99, after=True))
    assert CostForecast(steps).total.memory == 12
    assert CostForecast(steps).most_expensive("memory").name == "b"


def test_disk_is_told_from_to_where_it_may_differ_by_much() -> None:
    wide = StepCost("space", disk=2.0, disks=(0.5, 8.0), after=True)
    made = CostForecast((StepCost("a", disk=1.0), wide, StepCost("index", disk=1.0, disks=(0.9, 1.1), after=True)))
    assert made.disk_span == pytest.approx((2.4, 10.1))
    assert "2 (0.5–8)" in str(made)
    assert "4 (2.4–10)" in str(made)
    assert "4 (2.4–10)" in made.render("zh")
    assert "0.9–1.1" not in str(made)
    assert made.as_dict()["total"]["disks"] == pytest.approx([2.4, 10.1])
    grid = cost_grid({"cost": json.loads(json.dumps(made.as_dict()))["steps"]}, "en")
    assert [line[-1] for line in grid[1:]] == ["1", "2 (0.5–8)", "1"]


def test_plain_data_is_json_and_its_sentences_come_back() -> None:
    made = forecast(toy(100), km.CCA(dim=4), budget=1e-3)
    plain = json.loads(json.dumps(made.as_dict()))
    assert note_from_dict(plain["advice"][0]) == made.advice[0]
    assert plain["total"]["cpu"] == pytest.approx(made.total.cpu)
    assert [step["name"] for step in plain["steps"]] == [step.name for step in made.steps]


def test_parts_within_a_part_are_the_outer_ones_and_equal_names_add_up() -> None:
    with collect_steps() as costs:
        with profiled_step("outer"), profiled_step("inner"):
            pass
        with profiled_step("outer"):
            pass
    assert list(costs) == ["outer"]
    with profiled_step("nobody asks"):
        pass


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_fit_refuses_is_refused_before_anything_is_measured() -> None:
    table = toy(50)
    with pytest.raises(TableError, match="given encoders for \\['c'\\]"):
        forecast(table, encoders={"c": Letters()})
    with pytest.raises(TableError, match="at least two"):
        forecast(table.select("a"))


def test_a_column_that_cannot_be_read_is_named() -> None:
    table = km.Table({"a": [" "] * 20, "b": np.eye(20)}, modalities={"a": km.Text()}, on_error="skip")
    with pytest.raises(TableError, match="column 'a': no cell can be read"):
        forecast(table, encoders={"a": Letters("unread/1")})


@pytest.mark.parametrize("budget", [{"gpu": 1}, {"cpu": 0}, -1, {"disk": float("nan")}])
def test_a_budget_is_of_a_known_kind_and_above_zero(budget: object) -> None:
    with pytest.raises(KuamoError, match="expected some of \\['cpu', 'wall', 'memory', 'disk'\\], each above 0"):
        forecast(toy(50), budget=budget)  # type: ignore[arg-type]


def test_every_sentence_of_the_forecast_has_two_languages() -> None:
    note = Note("too_much_cpu", needed=100, given=10, factor=10, share=85, step="features: image")
    assert str(note) == "100 CPU s needed, 10 available: 10.0× over budget, 85 % of it in “features: image”"
    assert "是预算的 10.0 倍" in localize("zh", note)


def test_a_cell_that_cannot_be_read_beside_cached_ones_is_skipped_as_a_fit_skips_it(
    tmp_path: Path, cache: Path
) -> None:
    """The cache has all others: what is left to encode is the one bad cell."""
    rng = np.random.default_rng(0)
    (tmp_path / "bad.png").write_bytes(b"no image")
    pixels = [rng.integers(0, 255, (24, 24, 3), dtype=np.uint8) for _ in range(24)]
    cells = {"image": [*pixels, str(tmp_path / "bad.png")], "v": list(rng.normal(size=(25, 3)))}
    table = km.Table(cells, modalities={"image": km.Image(), "v": km.Vector()}, on_error="skip")
    first = forecast(table)
    assert {"features: image"} <= {step.name for step in first.steps}
    km.fit(table, km.CCA(dim=2))
    again = forecast(km.Table(cells, modalities={"image": km.Image(), "v": km.Vector()}, on_error="skip"))
    assert again.total.cpu > 0
