"""The verbs on the command line, from a table of files to hits, in one process by typer's runner."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image as pil
from typer.testing import CliRunner

import kuamo as km
from kuamo.cli import demo
from kuamo.cli.app import app
from kuamo.core import disk_cache as cache
from kuamo.objectives.registry import objective_named


def run(*words: object) -> dict:
    result = CliRunner().invoke(app, [str(word) for word in words] + ["--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def emoji() -> km.Table:
    return km.datasets.emoji().take(range(0, 1600, 20))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 emoji as a CSV of texts and small picture files, and 20 that are kept apart; some cells are empty."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "photos").mkdir()
    few = emoji()
    rows = []
    for i in range(len(few)):
        pil.open(io.BytesIO(few[i]["image"])).resize((32, 32)).save(folder / "photos" / f"{i}.png")
        rows.append((i, "" if i % 10 == 3 else few[i]["text"], "" if i % 10 == 7 else f"photos/{i}.png"))
    for name, part in (("pets.csv", rows[:60]), ("unseen.csv", rows[60:])):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("id", "text", "photo"), *part])
    fitted = run("fit", folder / "pets.csv", "--out", folder / "pets.space")
    assert any("InfoNCE" in note for note in fitted["notes"])
    return folder


def test_search_in_one_column_and_in_all(folder: Path) -> None:
    text = emoji()[5]["text"]
    hits = run("search", folder / "pets.space", text, "--to", "photo", "-k", 3)["hits"]
    assert len(hits) == 3 and hits[0]["id"] == "5"
    everywhere = run("search", folder / "pets.space", text)["hits"]
    assert {hit["column"] for hit in everywhere} <= {"text", "photo"} and everywhere[0]["percentile"] > 90


def test_encode_gives_the_codes_of_the_space(folder: Path) -> None:
    said = run("encode", folder / "pets.space", folder / "unseen.csv", "--out", folder / "codes.parquet")
    table = km.Table.read(folder / "unseen.csv")
    space = km.Space.load(folder / "pets.space")
    stored = pq.read_table(folder / "codes.parquet")
    assert stored["id"].to_pylist() == table.ids and said["rows"] == len(table)
    assert np.allclose(np.stack(stored["code"].to_pylist()), np.asarray(space.encode(table)), atol=1e-6)
    assert not list(folder.glob(".codes*"))


def test_a_bad_cell_is_named_or_skipped(folder: Path) -> None:
    rows = (folder / "unseen.csv").read_text("utf-8") + "80,a broken picture,photos/broken.png\n"
    (folder / "bad.csv").write_text(rows, "utf-8")
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    words = ["evaluate", folder / "pets.space", folder / "bad.csv"]
    refused = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(refused.exception, km.CellError) and "'photo'" in str(refused.exception)
    said = run(*words, "--on-error", "skip")
    assert any("1" in note and "photo" in note for note in said["notes"])
    outside = [*map(str, words), "--root", str(folder / "photos")]
    assert isinstance(CliRunner().invoke(app, outside).exception, km.KuamoError)


def test_an_index_that_lasts_and_grows(folder: Path) -> None:
    pytest.importorskip("lance", reason="the index on disk needs pylance")
    space, at = folder / "pets.space", folder / "pets.lance"
    assert run("index", space, folder / "pets.csv", "--out", at, "--thumbnails")["rows"] == 60
    assert run("index", space, folder / "unseen.csv", "--out", at, "--add")["rows"] == 80
    hits = run("search", space, "a face", "--to", "photo", "--index", at, "--where", "id = '75'")["hits"]
    assert [hit["id"] for hit in hits] == ["75"] and hits[0]["thumbnail"]
    both = CliRunner().invoke(app, ["index", str(space), "x.csv", "--out", str(at), "--add", "--update"])
    assert both.exit_code != 0


def test_the_cache_can_be_seen_limited_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    (tmp_path / "choices").mkdir()
    (tmp_path / "mine.part").write_text("mine")
    for number in range(4):
        kept = tmp_path / "choices" / f"{number:064x}.json"
        kept.write_bytes(b"x" * 1000)
        os.utime(kept, (number, number))
    assert run("cache")["bytes"] == 4000
    assert run("cache", "--limit", "2KB")["freed"] == 2000
    assert sorted(int(path.stem, 16) for path in (tmp_path / "choices").iterdir()) == [2, 3]
    assert run("cache", "--clear")["bytes"] == 0 and (tmp_path / "mine.part").exists()
    with pytest.raises(km.KuamoError, match="500MB"):
        cache.parse_bytes("many")


def test_the_demo_answers_in_words_and_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = km.datasets.emoji().take(range(0, 1500, 20))
    monkeypatch.setattr(demo, "columns", lambda: ["text", "image"])  # the other two take long to encode
    monkeypatch.setattr(km.datasets, "emoji", lambda columns: few)
    monkeypatch.setattr(few, "split", lambda test, by, seed: km.Table.split(few, 25, by=by, seed=seed))
    shown = run("demo", "--page", tmp_path / "demo.html", "--lang", "zh")
    assert [answers["asked"] for answers in shown["answers"]] == ["a text", "the image of"]
    assert "召回率" in (tmp_path / "demo.html").read_text("utf-8")


def test_methods_are_compared_and_what_is_done_is_kept(folder: Path) -> None:
    words = ("compare", folder / "pets.csv", "--seeds", 1, "--steps", 20, "--out", folder / "contest")
    found = run(*words, "--methods", "CCA; InfoNCE+0.5*Reconstruct; Reconstruct", "--lang", "zh")
    assert found["methods"][-1] == "Reconstruct" and found["metric"] == "R@10"
    assert json.loads((folder / "contest" / "contest.json").read_text(encoding="utf-8"))["methods"] == found["methods"]
    assert "方法比较" in (folder / "contest" / "contest.html").read_text(encoding="utf-8")
    kept = {path: path.stat().st_mtime_ns for path in (folder / "contest" / "trials").iterdir()}
    again = run(*words, "--methods", "CCA; InfoNCE+0.5*Reconstruct; Reconstruct")
    assert len(kept) == 3 and all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert again["measures"] == found["measures"]
    wrong = CliRunner().invoke(app, ["compare", str(folder / "pets.csv"), "--methods", "CCA; Nonsense"])
    assert isinstance(wrong.exception, km.TableError) and "given the objective 'Nonsense'" in str(wrong.exception)


def test_pictures_are_made_of_texts(folder: Path) -> None:
    """fit --start --decode, then translate: one query, a table, and what is refused."""
    space = folder / "making.space"
    words = ["--start", folder / "pets.space", "--decode", "photo", "--decode", "text=nearest_text"]
    words += ["--decode-steps", 20]
    notes = run("fit", folder / "pets.csv", "--out", space, *words)["notes"]
    assert any("ImagePCA" in note for note in notes) and (folder / "making.space-photo.png").exists()
    made = run("translate", space, "a face", "--to", "photo", "-n", 3, "--out", folder / "made", "--guidance", 1.5)
    assert [Path(path).name for path in made["made"]["photo"]] == ["0-0.png", "0-1.png", "0-2.png"]
    assert km.Image().read(made["made"]["photo"][0]).shape == (32, 32, 3)
    both = ["--to", "photo", "--to", "text", "--from", "text", "--out", folder / "both"]
    few = (folder / "unseen.csv").read_text("utf-8").splitlines(keepends=True)
    (folder / "few.csv").write_text("".join([few[0], few[1], few[2]]), "utf-8")
    assert run("translate", space, "--table", folder / "few.csv", "--chained", *both)["made"].keys() == {
        "photo",
        "text",
    }
    batch = run("translate", space, "--table", folder / "few.csv", *both)["made"]
    assert [Path(path).parts[-2:] for path in batch["photo"]] == [("photo", "60-0.png"), ("photo", "61-0.png")]
    assert len(batch["text"]) == 2 and (folder / "both" / "text" / "60-0.txt").exists()
    said = CliRunner().invoke(
        app, ["translate", str(space), str(folder / "photos" / "5.png"), "--from", "photo", "--to", "text"]
    )
    assert said.exit_code == 0 and len(said.stdout.splitlines()) == 1
    plain = CliRunner().invoke(app, ["translate", str(folder / "pets.space"), "a face", "--to", "photo"])
    assert "(only features)" in str(plain.exception) and "--decode photo" in str(plain.exception)
    for words, message in (
        (["a face", "--to", "photo"], "--out is missing"),
        (["a face", "--to", "song", "--out", str(folder / "x")], "no column 'song'"),
        (["--to", "photo"], "a query is missing"),
        (["", "--to", "photo", "--out", str(folder / "x")], "an empty text"),
        (["a face", "--to", "photo", "--out", str(folder / "pets.csv")], "which is a file; expected a folder"),
        (["a face", "--to", "photo", "--out", str(folder / "x"), "--steps", "0"], "given steps=0"),
    ):
        refused = CliRunner().invoke(app, ["translate", str(space), *words])
        assert isinstance(refused.exception, km.KuamoError) and message in str(refused.exception), words


def test_ctrl_c_keeps_what_was_learned(folder: Path) -> None:
    table = km.datasets.toy(rows=100, seed=0)
    start = km.fit(table, km.CCA(dim=4, kernels=("linear",)))

    def stop(what: str, done: int, of: int) -> None:
        if what == "training" and done == 30:
            raise KeyboardInterrupt

    space = km.fit(table, init=start, decoders={"b": km.Flow(width=16)}, training=km.Training(steps=40), progress=stop)
    assert any("stopped early after 30 of 40 steps" in note for note in space.notes)
    assert np.isfinite(space.translate(table.select("a").take([0]), to="b")).all()
    with pytest.raises(KeyboardInterrupt):  # an objective that is not finished is no space
        km.fit(table, km.InfoNCE(), training=km.Training(steps=40), progress=stop)


def test_predict_tells_rows_and_by_which_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [(f"r{i}", "red" if i % 2 else "blue", round((i % 2) * 4 + rng.normal(), 3), i % 2) for i in range(80)]
    with (tmp_path / "things.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("id", "text", "size", "kind"), *((i, f"a {c} thing", s, f"kind {k}") for i, c, s, k in rows[:60])]
        )
    with (tmp_path / "new.csv").open("w", newline="", encoding="utf-8") as file:
        new = [(i, f"a {c} thing" if n % 3 else "", s if n % 4 else "") for n, (i, c, s, _) in enumerate(rows[60:])]
        csv.writer(file).writerows([("id", "text", "size"), *new])
    fitted = run("fit", tmp_path / "things.csv", "--predict", "kind", "--out", tmp_path / "s", "--steps", 60)
    assert any("combined with a regression on the features of text + size" in note for note in fitted["notes"])
    told = run("predict", tmp_path / "s", tmp_path / "new.csv", "--to", "kind")["rows"]
    assert told[0] == {"id": "r60", "value": None, "probability": None, "weights": {}}  # both cells are empty
    right = [row["value"] == f"kind {k}" for row, (_, _, _, k) in zip(told, rows[60:], strict=True) if row["value"]]
    assert np.mean(right) > 0.8 and set(told[4]["weights"]) == {"text"}
    assert all(abs(sum(row["weights"].values()) - 1) < 1e-5 for row in told if row["value"])
    said = run("predict", tmp_path / "s", tmp_path / "new.csv", "--to", "kind", "--out", tmp_path / "told.parquet")
    stored = pq.read_table(tmp_path / "told.parquet")
    assert said["rows"] == 20 and said["empty"] == stored["value"].null_count
    assert stored.column_names == ["id", "value", "probability", "weight of text", "weight of size"]
    assert stored["value"].to_pylist() == [row["value"] for row in told]


def test_ratings_are_numbers_or_classes_as_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stars, table = rng.integers(1, 4, 40), tmp_path / "films.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = [(f"a dull film {i % 7}", s + rng.normal() / 9, s) for i, s in enumerate(stars)]
        csv.writer(file).writerows([("text", "length", "stars"), *rows])
    given = ("fit", table, "--steps", 5, "--out", tmp_path / "s", "--predict")
    for said, kind in (("stars", km.Category), ("stars:number", km.Number)):
        run(*given, said)
        space = km.Space.load(tmp_path / "s")
        assert isinstance(space.port("stars").modality, kind), said
    told = run("predict", tmp_path / "s", table, "--to", "stars")["rows"]
    assert all(isinstance(row["value"], float) and row["probability"] is None for row in told)
    for kind in ("Number", "Category"):
        found = run("diagnose", table, "--no-cost", "--predict", f"stars:{kind.lower()}")["facts"]["columns"]
        assert found["stars"]["kind"] == kind
    used = run("diagnose", table, "--space", tmp_path / "s", "--predict", "stars")["facts"]
    assert used["contributions"]["to"] == "stars"
    for words, message in (
        ([*given, "stars:nmber"], r"given 'stars:nmber' to predict; expected COLUMN or COLUMN:KIND, a kind among"),
        ([*given, "text:number"], r"column 'text', row 0.*given str 'a dull film 0'; expected a number"),
        (["diagnose", table, "--space", tmp_path / "s", "--predict", "stars:number"], "which knows its kind"),
    ):
        refused = CliRunner().invoke(app, [str(word) for word in words])
        assert isinstance(refused.exception, km.KuamoError) and re.search(message, str(refused.exception)), words


def test_what_a_prediction_costs_is_said_before_it_is_learned(tmp_path: Path) -> None:
    lines = [f"a {'good' if row % 2 else 'dull'} film {row},{'yes' if row % 2 else 'no'}" for row in range(40)]
    (tmp_path / "films.csv").write_text("\n".join(["text,kind", *lines]), "utf-8")
    words = ["fit", tmp_path / "films.csv", "--predict", "kind", "--steps", 5, "--out", tmp_path / "s"]
    said = CliRunner().invoke(app, [str(word) for word in words])
    assert said.exit_code == 0, said.output
    assert re.match(r"about [\d.e+-]+ CPU seconds: .*\(estimated from [\d.]+ seconds of measurements\)", said.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "x.csv", "--out", "y", "--steps", "-3"],
        ["fit", "x.csv", "--out", "y", "--seed", "-1"],
        ["fit", "x.csv", "--out", "y", "--decode", "photo", "--decode-steps", "0"],
        ["compare", "x.csv", "--seeds", "0"],
        ["compare", "x.csv", "--test", "1.5"],
        ["demo", "--page", "x.json"],
    ],
)
def test_numbers_out_of_range_are_refused_by_their_option(words: list[str]) -> None:
    refused = CliRunner().invoke(app, words)
    said = refused.stderr if refused.exit_code == 2 else str(refused.exception)
    assert words[-2] in said and (refused.exit_code == 2 or isinstance(refused.exception, km.KuamoError))


def test_only_objectives_are_offered_as_objectives() -> None:
    for name in ("Objective", "Sum", "Optimized", "ACMR"):
        with pytest.raises(km.TableError, match=r"expected one of \['CCA'") as refused:
            objective_named(name)
        assert f"'{name}'" not in str(refused.value).split("expected")[1]


def test_diagnose_before_and_after_a_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that cannot be read is counted and named, not an end; the pages and the file are there; both languages."""
    lines = (folder / "pets.csv").read_text("utf-8").splitlines()
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    (folder / "torn.csv").write_text("\n".join([*lines, "x,a torn picture,photos/broken.png"]), "utf-8")
    pages = [word for name in ("d.html", "d.json") for word in ("--save", folder / name)]
    said = run("diagnose", folder / "torn.csv", *pages, "--lang", "zh", "--gallery", 40)
    assert said["method"] == "default" and 0.2 < said["measures"]["text_to_photo_R@10"]["value"] <= 1
    assert said["facts"]["quality"]["photo"]["broken"] == 1 and said["measures"]["text~photo_p"]["value"] < 0.05
    assert [step["name"] for step in said["facts"]["cost"]][:2] == ["features: text", "features: photo"]
    assert "训练之前的预期" in (folder / "d.html").read_text("utf-8")
    assert km.Diagnosis.load(folder / "d.json")["text_to_photo_R@10"] == said["measures"]["text_to_photo_R@10"]["value"]
    used = run("diagnose", folder / "unseen.csv", "--space", folder / "pets.space")
    assert {one["a"] for one in used["facts"]["reached"]} == {"text", "photo"} and used["facts"]["gaps"]
    words = CliRunner().invoke(app, ["diagnose", str(folder / "torn.csv"), "--no-cost"]).output
    assert "Recommendations" in words and "1 of 55 cells cannot be read" in words
    monkeypatch.setattr("kuamo.cli.diagnose.MOST", 2)
    many = ",".join(f"c{i}" for i in range(3))
    rows = [",".join(f"{np.sin(n * (i + 1)):.3f} {n % 5}" for i in range(3)) for n in range(24)]
    (folder / "wide.csv").write_text("\n".join([many, *rows]), "utf-8")
    cut, whole = (
        CliRunner().invoke(app, ["diagnose", str(folder / "wide.csv"), "--no-cost", *words]).output
        for words in ([], ["--all"])
    )
    assert "more\n" in cut and "more\n" not in whole and "c1 – c2" in whole and "c1 – c2" not in cut
    refused = CliRunner().invoke(app, ["diagnose", str(folder / "pets.csv"), "--lang", "fr"])
    assert isinstance(refused.exception, km.KuamoError) and "fr" in str(refused.exception)


def test_the_package_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "kuamo", "info", "nowhere.csv"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("kuamo: 'nowhere.csv' does not exist")
