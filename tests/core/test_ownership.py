"""kuamo writes over what kuamo wrote and over nothing else, whole or not at all, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kuamo as km
from kuamo.core import disk_cache as cache
from kuamo.core.files import atomic_path, cache_folder, marked
from kuamo.core.ownership import what_is
from kuamo.embedding.storage import save_space
from kuamo.encoders.feature_cache import features

TABLE = km.datasets.toy(rows=60, seed=0)


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(TABLE, km.CCA(dim=4))


@pytest.fixture(scope="module")
def other() -> km.Space:
    return km.fit(km.datasets.toy(rows=60, seed=5), km.CCA(dim=4))


def held(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def model(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": ["BertModel"], "kind": "space", "format": 1}')
    (folder / "model.safetensors").write_bytes(b"days of work")


FOREIGN: dict[str, Any] = {
    "a model's folder": model,
    "a project": lambda folder: (folder / "config.json").write_text("{}"),
    "broken": lambda folder: (folder / "config.json").write_text('{"kuamo": "0.1.0", "kind": "space", "format": 2'),
    "deep": lambda folder: (folder / "config.json").write_text("[" * 100_000),
    "of a later kind": lambda folder: (folder / "config.json").write_text('{"kuamo": "9", "kind": "x", "format": 9}'),
    "a folder of notes": lambda folder: (folder / "notes.txt").write_text("mine"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_somebody_elses_stays(name: str, space: km.Space, tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "state").mkdir(parents=True)
    FOREIGN[name](place)
    FOREIGN[name](place / "state")
    before = held(place)
    for write in (
        lambda: space.save(place),
        lambda: space.index(TABLE).save(place),
        lambda: save_space(space, place, space.index(TABLE)),
        lambda: km.fit(TABLE, km.InfoNCE(), dim=4, training=km.Training(steps=1), run_dir=place),
    ):
        with pytest.raises(km.StoreError, match="exists and is not"):
            write()
    assert held(place) == before and [p.name for p in tmp_path.iterdir()] == ["place"]


def test_one_kind_is_not_written_over_another(space: km.Space, tmp_path: Path) -> None:
    space.save(tmp_path / "s")
    space.index(TABLE).save(tmp_path / "i")
    with pytest.raises(km.StoreError, match="not a saved index"):
        space.index(TABLE).save(tmp_path / "s")
    with pytest.raises(km.StoreError, match="not a saved space"):
        space.save(tmp_path / "i")
    assert (what_is(tmp_path / "s"), what_is(tmp_path / "i")) == ("space", "index")


@pytest.mark.parametrize("kind", ["s", "i"])
def test_what_a_user_puts_beside_is_not_lost(kind: str, space: km.Space, tmp_path: Path) -> None:
    def save() -> None:
        (space if kind == "s" else space.index(TABLE)).save(tmp_path / kind)

    save()
    save()
    (tmp_path / kind / ".DS_Store").write_text("a file manager's")
    save()
    (tmp_path / kind / ".git").mkdir()
    before = held(tmp_path)
    with pytest.raises(km.StoreError, match=r"with '\.git' in its folder, which would be lost"):
        save()
    assert held(tmp_path) == before


def test_folders_of_the_first_version_are_known(space: km.Space, tmp_path: Path) -> None:
    space.save(tmp_path / "s")
    space.index(TABLE).save(tmp_path / "i")
    for name in "si":
        config = json.loads((tmp_path / name / "config.json").read_text())
        del config["kuamo"]
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    again = km.Space.load(tmp_path / "s")
    km.Index.load(tmp_path / "i", again).save(tmp_path / "i")
    again.save(tmp_path / "s")


def test_a_space_keeps_its_index_and_loses_no_other(space: km.Space, other: km.Space, tmp_path: Path) -> None:
    save_space(space, tmp_path / "s", space.index(TABLE))
    km.Space.load(tmp_path / "s").save(tmp_path / "s")
    assert len(km.Index.load(tmp_path / "s" / "index", space)) == 60
    before = held(tmp_path)
    with pytest.raises(km.StoreError, match="an index of another space"):
        other.save(tmp_path / "s")
    assert held(tmp_path) == before
    save_space(other, tmp_path / "s", other.index(TABLE))
    assert len(km.Index.load(tmp_path / "s" / "index", km.Space.load(tmp_path / "s"))) == 60
    (tmp_path / "s" / "index" / "mine").write_text("mine")
    with pytest.raises(km.StoreError, match="'mine'"):
        save_space(space, tmp_path / "s", space.index(TABLE))
    assert os.listdir(tmp_path) == ["s"]


def test_a_space_and_its_index_are_one_write(space: km.Space, other: km.Space, tmp_path: Path) -> None:
    save_space(space, tmp_path / "s", space.index(TABLE))
    before = held(tmp_path)
    broken = other.index(TABLE)
    broken.write = lambda folder: (_ for _ in ()).throw(OSError(28, "No space left on device"))  # type: ignore
    with pytest.raises(km.StoreError, match="No space left on device"):
        save_space(other, tmp_path / "s", broken)
    assert held(tmp_path) == before and os.listdir(tmp_path) == ["s"]


def test_links_are_followed_and_odd_places_refused(
    space: km.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.save(tmp_path / "real")
    os.symlink("real", tmp_path / "link")
    space.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and sorted(os.listdir(tmp_path)) == ["link", "real"]
    monkeypatch.chdir(tmp_path / "real")
    for place in (".", "../real", "/", "x" * 5000, "a\0b", "../real/config.json/x"):
        with pytest.raises(km.StoreError):
            space.save(place)
        with pytest.raises(km.StoreError):
            space.index(TABLE).save(place)
    long = "名" * 80  # 240 bytes, which is a name that a folder may have
    space.save(tmp_path / long)
    space.save(tmp_path / long)
    assert sorted(os.listdir(tmp_path)) == ["link", "real", long]


def test_files_follow_the_umask(space: km.Space, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        save_space(space, tmp_path / "s", space.index(TABLE))
        km.fit(TABLE, km.InfoNCE(), dim=4, training=km.Training(steps=1), run_dir=tmp_path / "run")
        km.evaluate(space, TABLE).save(tmp_path / "r.json")
    finally:
        os.umask(old)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_dir()}
    assert modes == {0o640} and folders == {0o750}


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path: Path) -> None:
    dead = next(number for number in range(4_000_000, 5_000_000) if not Path(f"/proc/{number}").exists())
    mine, theirs = marked(tmp_path / "x", "part"), tmp_path / f".x~elsewhere~{dead}~0.part"
    left = mine.with_name(mine.name.replace(f"~{os.getpid()}~", f"~{dead}~"))
    for folder in (mine, theirs, left):
        folder.mkdir()
    km.Space.save(km.fit(TABLE, km.CCA(dim=2)), tmp_path / "s")
    assert mine.exists() and theirs.exists() and not left.exists()


def test_a_card_shows_names_as_they_are(tmp_path: Path) -> None:
    odd = "a|b\n# X <img src=x onerror=alert(1)> [y](http://z) `c`"
    table = km.Table({odd: [TABLE[i]["a"] for i in range(60)], "b": [TABLE[i]["b"] for i in range(60)]})
    space = km.fit(table, km.CCA(dim=2))
    space.save(tmp_path / "s")
    card = (tmp_path / "s" / "README.md").read_text()
    assert "<" not in card and "\n# X" not in card and r"a\|b # X &lt;img" in card and r"\[y\]" in card
    assert list(km.Space.load(tmp_path / "s").modalities) == [odd, "b"]


# ── the cache ────────────────────────────────────────────────────────────────────────────────────────────────────


class Plus:
    fingerprint = "test plus/1"
    seen = 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        Plus.seen += len(batch)
        return np.asarray(batch, np.float32) + 1


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"


def cells(rows: int = 20) -> km.Table:
    return km.Table({"v": np.arange(3.0 * rows, dtype=np.float32).reshape(rows, 3)})


def test_clearing_removes_what_kuamo_keeps_and_nothing_else(kept: Path) -> None:
    features(cells(), "v", Plus())
    shard = next(kept.rglob("*.safetensors"))
    mine = [
        "thesis.docx", "features/notes.txt", "features/mine/model.safetensors", "choices/x.json", "downloads/photo.jpg",
        f"{shard.parent.relative_to(kept)}/weights.safetensors",
    ]  # fmt: skip
    for name in mine:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_text("mine")
    size = shard.stat().st_size
    assert (cache.state()["files"], cache.state()["bytes"], cache.shrink(0)) == (1, size, size)
    assert not shard.exists() and all((kept / name).read_text() == "mine" for name in mine)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUAMO_CACHE", raising=False)
    for said, expected in (("", "~/.cache/kuamo"), ("relative", "~/.cache/kuamo"), ("/x", "/x/kuamo")):
        monkeypatch.setenv("XDG_CACHE_HOME", said)
        assert cache_folder() == Path(expected).expanduser()
    monkeypatch.setenv("KUAMO_CACHE", "~/there")
    assert cache_folder() == Path("~/there").expanduser()


def test_a_cache_that_cannot_be_written_is_a_warning(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.write_text("a file, where a folder should be")
    with pytest.warns(km.CacheWarning, match="KUAMO_CACHE"):
        found = features(cells(), "v", Plus())
    assert np.array_equal(found, np.arange(60, dtype=np.float32).reshape(20, 3) + 1)


@pytest.mark.parametrize("how", ["other", "nan", "short", "wide", "moved", "bits"])
def test_altered_features_are_computed_anew(how: str, kept: Path) -> None:
    right = features(cells(), "v", Plus())
    shard = next(kept.rglob("*.safetensors"))
    arrays = load_file(shard)
    held = arrays["features"]
    arrays["features"] = {
        "other": held + 1, "nan": held * np.nan, "short": held[:5], "wide": np.zeros((20, 9), np.float32),
        "moved": held[::-1].copy(), "bits": held,
    }[how]  # fmt: skip
    save_file(arrays, shard)
    if how == "bits":
        content = bytearray(shard.read_bytes())
        content[-7] ^= 64
        shard.write_bytes(content)
    assert np.array_equal(features(cells(), "v", Plus()), right)
    before = Plus.seen
    assert np.array_equal(features(cells(), "v", Plus()), right) and Plus.seen == before  # mended, not met again


def test_emptied_all_the_time_it_still_serves(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = atomic_path.__wrapped__  # type: ignore[attr-defined]
    from contextlib import contextmanager

    @contextmanager
    def wiped(path: Path) -> Iterator[Path]:
        yield from save(path)
        shutil.rmtree(kept)

    monkeypatch.setattr("kuamo.encoders.feature_cache.atomic_path", wiped)
    assert np.array_equal(features(cells(), "v", Plus()), np.arange(60, dtype=np.float32).reshape(20, 3) + 1)
