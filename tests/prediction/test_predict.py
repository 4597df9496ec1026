"""Labels are columns: classes and numbers are told from any subset of the others, and weights say by which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.core.messages import localize as told_in
from kuamo.core.modules import without_compiler
from kuamo.embedding.embedding import Embedding
from kuamo.encoders.one_hot import OneHot
from kuamo.objectives.prediction.corruption import noise
from kuamo.objectives.prediction.uncertainty_fusion import UncertaintyFusion

KINDS = ("ant", "bee", "cat")
SHORT = km.Training(steps=60, batch_size=64, lr=1e-2)


def pets(rows: int = 300, seed: int = 0, holes: float = 0.0, shuffled: bool = False) -> km.Table:
    """Three classes, seen clearly in `photo` and less so in `sound`; a weight that both tell of."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(9)
    kind, size = rng.integers(0, 3, rows), rng.normal(size=rows)
    photo = fixed.normal(size=(3, 20))[kind] + np.outer(size, fixed.normal(size=20)) + 0.3 * rng.normal(size=(rows, 20))
    sound = fixed.normal(size=(3, 12))[kind] + np.outer(size, fixed.normal(size=12)) + 1.2 * rng.normal(size=(rows, 12))
    names: list[Any] = [KINDS[k] for k in (rng.permutation(kind) if shuffled else kind)]
    cells: dict[str, list[Any]] = {
        "photo": list(photo),
        "sound": list(sound),
        "kind": names,
        "weight": list(10 + 3 * size),
    }
    for name in ("photo", "sound", "kind"):
        cells[name] = [None if rng.random() < holes else value for value in cells[name]]
    kinds = {"photo": km.Vector(), "sound": km.Vector(), "kind": km.Category(), "weight": km.Number("g")}
    return km.Table(cells, modalities=kinds)


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(pets(holes=0.1).select("photo", "sound", "kind"), km.Predict("kind"), dim=8, training=SHORT)


def right(space: km.Space, table: km.Table, *columns: str) -> float:
    told = space.predict(table.select(*columns), "kind").values
    return float(np.mean(np.array(told) == np.array(list(table.values("kind")))))


def test_a_class_is_told_from_any_subset(space: km.Space) -> None:
    new = pets(seed=1)
    assert right(space, new, "photo", "sound") > 0.97
    assert right(space, new, "photo") > 0.97 and right(space, new, "sound") > 0.6
    assert right(space, new, "photo", "sound", "kind") == right(space, new, "photo", "sound")  # it does not look
    blind = km.fit(pets(shuffled=True).select("photo", "kind"), km.Predict("kind"), dim=8, training=SHORT)
    assert right(blind, new, "photo") < 0.5


def test_predict_is_translate_and_probabilities_sum_to_one(space: km.Space) -> None:
    new = pets(rows=20, seed=1, holes=0.3).select("photo", "sound")
    there = np.flatnonzero(new.present().any(1))
    told = space.predict(new.take(there), "kind")
    assert told.values == space.translate(new.take(there), to="kind") and told.classes == list(KINDS)
    assert told.probability is not None and np.allclose(told.probability.sum(1), 1)
    assert [told.classes[k] for k in told.probability.argmax(1)] == told.values
    assert told.columns == ["photo", "sound"] and np.allclose(told.weights.sum(1), 1, atol=1e-6)
    assert (told.weights[~new.take(there).present()] == 0).all() and len(told) == len(there)


def test_it_says_if_it_was_fitted_to_predict_another_column_or_none(tmp_path: Path) -> None:
    table = pets(rows=90)
    space = km.fit(table, km.Predict("kind"), dim=8, training=km.Training(steps=5))
    space.save(tmp_path / "s")
    new = pets(rows=5, seed=1).select("photo", "sound")
    for one in (space, km.Space.load(tmp_path / "s")):
        assert one.predict(new, "kind").notes == []
        (note,) = one.predict(new, "weight").notes
        assert "fitted to predict kind; weight is decoded" in note
        assert "为预测 kind 训练的" in told_in("zh", note)
    (note,) = km.fit(table.select("photo", "kind"), km.CCA(dim=2)).predict(new.select("photo"), "kind").notes
    assert "was not fitted to predict" in note and "不是为预测训练的" in told_in("zh", note)


def test_a_cell_of_noise_is_not_trusted(space: km.Space) -> None:
    new, rng = pets(rows=300, seed=1), np.random.default_rng(5)
    cells = {"photo": list(3 * rng.normal(size=(300, 20))), "sound": list(new.values("sound"))}
    bad = km.Table(cells, modalities={"photo": km.Vector(), "sound": km.Vector()})
    clean, worse = (space.predict(table.select("photo", "sound"), "kind") for table in (new, bad))
    assert worse.weights[:, 0].mean() < clean.weights[:, 0].mean() - 0.1


def test_absent_cells_leave_no_trace(space: km.Space) -> None:
    trust = space.fusion
    rng = torch.Generator().manual_seed(0)
    mean, present = torch.randn(4, 3, 8, generator=rng), torch.tensor([[True, False, False]] * 4)
    code, weights = trust(Embedding(mean), present)
    other = mean.clone()
    other[:, 1:] = torch.nan
    again, same = trust(Embedding(other), present)
    assert torch.equal(code.mean, again.mean) and torch.equal(weights, same)
    assert torch.allclose(code.mean, mean[:, 0])  # one alone is that one
    nothing = trust(Embedding(mean), torch.zeros(4, 3, dtype=torch.bool))
    assert torch.equal(nothing[1], torch.zeros(4, 3)) and torch.isfinite(nothing[0].mean).all()


def test_doubts_foretell_losses() -> None:
    """v at its best is log E[e], and no gradient of it reaches probes or codes."""
    trust = UncertaintyFusion(4, 3, 1)
    code = torch.randn(200, 1, 4, requires_grad=True)
    e = torch.full((200, 1), 0.5)
    optimizer = without_compiler(torch.optim.Adam)(trust.parameters(), lr=0.02)
    for _ in range(300):
        v = trust.uncertainty(code)[0]
        loss = (e * (-v).exp() + v).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.allclose(trust.uncertainty(code)[0], torch.tensor(0.5).log(), atol=0.1)
    assert code.grad is None and all(probe.weight.grad is None for probe in trust.probes)


def test_noise_is_of_three_kinds() -> None:
    rng = torch.Generator().manual_seed(0)
    x, epsilon, u = (
        torch.randn(600, 5, generator=rng),
        torch.randn(600, 5, generator=rng),
        torch.rand(600, 3, generator=rng),
    )
    order = torch.randperm(5, generator=rng)
    made, kind = noise(x, epsilon, u, order), (3 * u[:, 0]).floor()
    assert made[kind == 0].abs().max() <= 3 and made[kind == 0].std() > 1
    assert torch.equal(made[kind == 1].abs(), torch.full_like(made[kind == 1], 3.0))
    assert torch.equal(made[kind == 2], x[kind == 2][:, order])


def test_a_number_is_told_too(tmp_path: Path) -> None:
    table = pets().select("photo", "sound", "weight")
    space = km.fit(table, km.Predict("weight"), dim=8, training=SHORT)
    new = pets(rows=100, seed=1)
    told = space.predict(new.select("photo", "sound"), "weight")
    assert np.corrcoef(told.values, list(new.values("weight")))[0, 1] > 0.9
    assert told.classes is None and told.probability is None and np.allclose(told.weights.sum(1), 1, atol=1e-6)
    space.save(tmp_path / "s.space")
    again = km.Space.load(tmp_path / "s.space").predict(new.select("photo", "sound"), "weight")
    assert again.values == told.values and np.array_equal(again.weights, told.weights)


def test_rare_classes_count_the_same_if_asked() -> None:
    table = pets(rows=400).select("sound", "kind")
    rare = [i for i in range(400) if table[i]["kind"] != "cat"] + [i for i in range(400) if table[i]["kind"] == "cat"][
        :12
    ]
    few, new = table.take(rare), pets(seed=1)
    cats = new.take([i for i in range(len(new)) if new[i]["kind"] == "cat"])
    plain, fair = (
        right(km.fit(few, km.Predict("kind", balanced=b), dim=8, training=SHORT), cats, "sound") for b in (False, True)
    )
    assert fair > plain


def test_a_closed_form_tells_labels_as_well() -> None:
    space, new = km.fit(pets(), km.CCA(dim=4)), pets(rows=100, seed=1)
    made = space.translate(new.select("photo"), to=["kind", "weight"])
    assert set(made["kind"]) <= set(KINDS) and all(isinstance(one, float) for one in made["weight"])
    assert np.corrcoef(made["weight"], list(new.values("weight")))[0, 1] > 0.8
    told = space.predict(new.select("photo"), "kind")
    assert told.probability is not None and np.allclose(told.probability.sum(1), 1)
    filled, _ = space.impute(pets(rows=30, seed=2, holes=0.3))
    assert filled.present().all() and {filled.column("kind")[i] for i in range(30)} <= set(KINDS)


def test_labels_are_read_or_refused() -> None:
    assert [km.Category().read(raw) for raw in (" cat ", 3, True)] == ["cat", "3", "True"]
    assert km.Number().read("2.5") == 2.5 and km.Number("g").show(2.5) == "2.5 g"
    for modality, raw, why in (
        (km.Category(("ant", "bee")), "cow", "given 'cow'; expected one of"),
        (km.Category(), " ", "given an empty text"),
        (km.Category(), 1.5, "the name of a class"),
        (km.Number(), "heavy", "expected a number"),
        (km.Number(), float("inf"), "expected a finite number"),
    ):
        with pytest.raises(km.CellError, match=why):
            modality.read(raw)
    with pytest.raises(km.KuamoError, match="expected at least two, each once"):
        OneHot(["ant", "ant"])
    with pytest.raises(km.TableError, match="column 'kind', row 0: given 'cow'; expected one of"):
        km.fit(pets(), km.CCA(dim=4)).translate([{"kind": "cow"}], to="weight")


def test_what_cannot_be_predicted_is_refused(space: km.Space) -> None:
    with pytest.raises(
        km.TableError, match=r"column 'photo': given Vector.*expected a column of classes, Category\(\)"
    ):
        space.predict([{"sound": np.zeros(12)}], "photo")
    with pytest.raises(km.TableError, match=r"column 'photo': given Vector to predict"):
        km.fit(pets(), km.Predict("photo"), training=SHORT)
    with pytest.raises(km.TableError, match="row 1: no cell to translate"):
        space.predict([{"sound": np.zeros(12)}, {"kind": "ant"}], "kind")
    with pytest.raises(km.KuamoError, match="expected shares"):
        km.Predict("kind", calibration_share=1.0)


def test_a_label_or_meta_column_can_be_told_as_it_was_read() -> None:
    """`Table.read` keeps a column "label" as the label, and numbers as meta; `Predict` makes a column of either."""
    x = np.repeat(np.eye(2), 20, axis=0)
    table = km.Table({"x": x}, label=["a"] * 20 + ["b"] * 20, meta={"price": [1.0] * 20 + [2.5] * 20})
    training = km.Training(steps=40, lr=1e-2)
    space = km.fit(table, km.Predict("label"), dim=4, training=training)
    assert list(space.modalities) == ["x", "label"] and list(table.columns) == ["x"]
    told = space.predict(table, "label")
    assert told.values == list(table.labels)
    assert km.contributions(space, table, to="label").whole.value == 1
    shown = str(told).splitlines()
    assert shown[0] == "predictions for 40 rows" and shown[1].startswith("  a ") and shown[11] == "  … and 30 more"
    priced = km.fit(table, km.Predict("price"), dim=4, training=training)
    assert isinstance(priced.modalities["price"], km.Number)
    with pytest.raises(km.TableError, match=r"given 'nope' to predict; .* columns are \['x', 'label', 'price'\]"):
        km.fit(table, km.Predict("nope"))
    both = km.Table({"x": x, "kind": list(table.labels)}, modalities={"x": km.Vector(), "kind": km.Category()})
    report = km.evaluate(km.fit(both, km.Predict("kind"), dim=4, training=training), both)
    assert report["kind_pred_accuracy"] > 0.9
