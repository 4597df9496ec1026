"""Every refusal names column, row, given and expected, and leaves nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from commands import kuamo


def text_and(cells: list, **kind: object) -> km.Table:
    return km.Table({"text": ["a", "b", "c", "d"], "x": cells}, modalities=kind or None)  # type: ignore[arg-type]


def refused(table: km.Table, *words: str) -> None:
    with pytest.raises(km.KuamoError) as error:
        km.fit(table)
    for word in words:
        assert word in str(error.value), str(error.value)


def test_missing_picture_file() -> None:
    refused(text_and(["a.png", "b.png", "c.png", "d.png"]), "column 'x'", "row 0", "a.png", "No such file")


def test_truncated_picture(tmp_path: Path) -> None:
    whole = km.datasets.emoji()[0]["image"]
    refused(text_and([whole, whole, whole[:200], whole]), "column 'x'", "row 2", "expected an image")


def test_nan_vector() -> None:
    bad = np.ones((4, 3))
    bad[1, 2] = np.nan
    refused(text_and(list(bad)), "column 'x'", "row 1", "nan at position 2", "finite")


def test_ragged_vectors() -> None:
    refused(text_and([np.ones(3), np.ones(3), np.ones(2), np.ones(3)]), "column 'x'", "(2,)", "(3,)")


def test_no_paired_row() -> None:
    refused(km.Table({"text": ["a", None], "x": [None, np.ones(3)]}), "none with two columns")


def test_one_row_and_one_column() -> None:
    refused(km.Table({"text": ["a"], "x": [np.ones(3)]}), "1 row ")
    refused(km.Table({"text": ["a", "b"]}), "at least two")


def test_unknown_things() -> None:
    table = km.datasets.toy(rows=50)
    with pytest.raises(km.TableError, match=r"'zzz'.*'a', 'b'"):
        table.column("zzz")
    with pytest.raises(km.TableError, match="encoders"):
        km.fit(table, encoders={"zzz": None})
    with pytest.raises(TypeError):
        km.fit(table, nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(km.TableError, match="by='colour'"):
        table.split(by="colour")
    with pytest.raises(km.TableError, match="test="):
        table.split(test=50)


def test_table_files(tmp_path: Path) -> None:
    with pytest.raises(km.TableError, match="does not exist"):
        km.Table.read(tmp_path / "no.csv")
    (tmp_path / "x.xls").write_text("?")
    with pytest.raises(km.TableError, match="expected a table"):
        km.Table.read(tmp_path / "x.xls")
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(km.TableError, match=r"bad\.parquet"):
        km.Table.read(tmp_path / "bad.parquet")
    with pytest.raises(km.TableError, match="unequal length"):
        km.Table({"a": [1, 2], "b": [1]})
    with pytest.raises(km.TableError, match="more than once"):
        km.Table({"a": ["x", "y"]}, id=["1", "1"])


def test_csv_with_pictures_and_holes(tmp_path: Path) -> None:
    rows = km.datasets.emoji()
    (tmp_path / "one.png").write_bytes(rows[0]["image"])
    (tmp_path / "t.csv").write_text("id,text,photo\nx,a cat,one.png\ny,,one.png\nz,a dog,\n")
    table = km.Table.read(tmp_path / "t.csv")
    assert str(table) == "Table: 3 rows; text: Text 2/3, photo: Image 2/3"
    assert next(table.values("photo")).shape == (64, 64, 3)


def test_tampered_and_newer_spaces(toy_space: km.Space, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    toy_space.save(folder)
    arrays = folder / "model.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"!")
    with pytest.raises(km.StoreError, match="changed since it was saved"):
        km.Space.load(folder)
    toy_space.save(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format": 99}))
    with pytest.raises(km.StoreError, match="format 99"):
        km.Space.load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(km.StoreError, match="cannot be read"):
        km.Space.load(folder)
    with pytest.raises(km.StoreError, match="does not exist; expected a saved space"):
        km.Space.load(tmp_path / "nowhere")


def test_save_refuses_a_stranger_folder(toy_space: km.Space, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(km.StoreError, match="not a saved space"):
        toy_space.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_a_failed_save_keeps_the_old_one(toy_space: km.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_space.save(tmp_path / "s")
    before = (tmp_path / "s" / "config.json").read_text()
    monkeypatch.setattr("kuamo.embedding.storage._card", lambda space: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        toy_space.save(tmp_path / "s")
    assert (tmp_path / "s" / "config.json").read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_queries(toy_space: km.Space) -> None:
    with pytest.raises(km.TableError, match="the space's columns are"):
        toy_space.encode([{"zzz": 1}])
    with pytest.raises(km.TableError, match=r"accepted by \['a', 'b'\]"):
        toy_space.encode([np.ones(256)])
    index = toy_space.index(km.datasets.toy(rows=20))
    with pytest.raises(km.TableError, match="no column 'zzz'"):
        index.search({"a": np.ones(256)}, to="zzz")
    with pytest.raises(km.TableError, match="query is empty"):
        index.search(None, to="b")


def test_command_line_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = kuamo(monkeypatch, capsys, "fit", str(tmp_path / "no.csv"), "-o", str(tmp_path / "s"))
    assert code == 2 and said.startswith("kuamo: ") and not (tmp_path / "s").exists()


def vae_error(values: np.ndarray, **options: Any) -> str:
    from kuamo.generation.decoders.likelihood import Likelihood

    table = km.Table({"a": np.random.default_rng(0).normal(size=(50, 4)), "b": values})
    started: list[str] = []
    decoders = {"b": Likelihood(8, 4, **options)}
    with pytest.raises(km.TableError) as found:
        km.fit(table, km.MoPoE(), dim=8, decoders=decoders, progress=lambda *at: started.append(at[0]))
    assert "training" not in started
    return str(found.value)


def test_likelihoods_that_cannot_have_made_the_column() -> None:
    values = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    said = vae_error(values, family="bernoulli")
    assert said.startswith("column 'b': given numbers from -") and "expected numbers in [0, 1]" in said
    assert "numbers from 0" in vae_error(np.abs(values), family="bernoulli")
    said = vae_error(np.abs(values), family="categorical")
    assert said.startswith("column 'b': given a categorical likelihood and entry 0") and "one 1 among zeros" in said
    assert "shape (50, 3); expected (n, 4)" in vae_error(values[:, :3])


def test_a_private_latent_that_is_missing_and_weights_of_nobody() -> None:
    from kuamo.generation.decoders.likelihood import Likelihood

    table = km.datasets.toy(100)
    with pytest.raises(km.KuamoError, match=r"column 'b': its decoder, Likelihood, has no private latent"):
        km.fit(table, km.MMVAEPlus(), dim=8, decoders={"b": Likelihood(8, 192)})
    with pytest.raises(km.TableError, match="given weights for column 'c'"):
        km.fit(table, km.MoPoE(weights={"c": 2.0}), dim=8)
