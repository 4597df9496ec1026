"""Laws of evaluation: order and tiles change nothing, chance is chance, perfect is 1, memory is bounded."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.data.modalities import Waveform
from kuamo.metrics import Interval, bootstrap, rank_queries, ranks
from plain import plain_space


def noisy_table(rows: int = 60, noise: float = 1.0, seed: int = 0, **extras: object) -> km.Table:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((rows, 8))
    columns = {name: list(z + noise * rng.standard_normal((rows, 8))) for name in ("a", "b")}
    columns["b"][3] = None
    return km.Table(columns, modalities={"a": km.Vector(), "b": km.Vector()}, **extras)  # type: ignore[arg-type]


@pytest.mark.parametrize("positives", ["row", "group", "label"])
def test_row_order_changes_nothing(positives: str) -> None:
    rng = np.random.default_rng(1)
    groups = [f"g{i}" for i in rng.integers(0, 20, 60)]
    labels = [None if i % 7 == 0 else f"l{i % 5}" for i in range(60)]
    table = noisy_table(group=groups, label=labels, id=[f"id{i}" for i in range(60)])
    space = plain_space("a", "b")
    first = km.evaluate(space, table, positives=positives)
    again = km.evaluate(space, table.take(rng.permutation(60)), positives=positives)
    assert list(first) == list(again)
    for name in first:
        one, other = first.intervals[name], again.intervals[name]
        assert [one.value, one.low, one.high, one.n] == pytest.approx([other.value, other.low, other.high, other.n])
    assert first.pairs["a_to_b"].examples == again.pairs["a_to_b"].examples
    assert first.previews == again.previews


def test_column_order_changes_nothing() -> None:
    table = noisy_table()
    first, again = km.evaluate(plain_space("a", "b"), table), km.evaluate(plain_space("b", "a"), table)
    assert first.intervals == again.intervals


@pytest.mark.parametrize("tile", [1, 7, 1000])
def test_tiles_change_no_measure(tile: int) -> None:
    rng = np.random.default_rng(2)
    queries, gallery = rng.standard_normal((50, 6)), rng.standard_normal((80, 6))
    gallery_key = rng.integers(0, 9, 80)
    query_key = rng.choice(gallery_key, 50)
    expected, count = rank_queries(queries, gallery, query_key, gallery_key)
    found, again = rank_queries(queries, gallery, query_key, gallery_key, tile=tile)
    assert np.array_equal(count, again) and all(np.array_equal(expected[name], found[name]) for name in expected)


def test_perfect_codes_give_one() -> None:
    table = noisy_table(noise=0.0)
    report = km.evaluate(plain_space("a", "b"), table)
    assert {name: report[name] for name in report} == pytest.approx(dict.fromkeys(report, 1.0))
    assert report.intervals["a_to_b_R@1"].n == report.intervals["b_to_a_R@1"].n == 59
    assert (report.pairs["a_to_b"].gallery, report.pairs["b_to_a"].gallery) == (59, 60)


def test_random_codes_are_at_chance() -> None:
    rng = np.random.default_rng(3)
    labels = [str(i % 6) for i in range(900)]
    columns = {name: rng.standard_normal((900, 8)) for name in ("a", "b")}
    table, space = km.Table(columns, label=labels), plain_space("a", "b")
    by_row, by_label = km.evaluate(space, table), km.evaluate(space, table, positives="label")
    for task in ("a_to_b", "b_to_a"):
        assert by_row.pairs[task].chance["R@10"] == pytest.approx(10 / 900)
        assert abs(by_row[f"{task}_R@10"] - 10 / 900) < 0.012
        assert abs(by_row[f"{task}_median_rank"] - 450) < 40
        assert abs(by_label[f"{task}_R@5"] - by_label.pairs[task].chance["R@5"]) < 0.05
        assert abs(by_label[f"{task}_mAP"] - 1 / 6) < 0.02
        assert abs(by_label[f"{task}_nDCG@10"] - 1 / 6) < 0.02


def test_a_collapsed_space_finds_nothing() -> None:
    """All codes equal: every wrong answer ties, and ties count against us."""
    same = np.ones((40, 8))
    report = km.evaluate(plain_space("a", "b"), km.Table({"a": same, "b": same}))
    assert report["a_to_b_R@10"] == 0 and report["a_to_b_median_rank"] == 40


def test_with_one_right_answer_ap_is_reciprocal_rank() -> None:
    report = km.evaluate(plain_space("a", "b"), noisy_table())
    assert report["a_to_b_mAP"] == report["a_to_b_MRR"] and report["a_to_b_mAP@R"] == report["a_to_b_R@1"]


def test_rows_without_a_label_are_neither_queries_nor_answers() -> None:
    labels = [None if i < 20 else float("nan") if i < 25 else f"l{i % 3}" for i in range(60)]
    table = noisy_table(label=labels)
    report = km.evaluate(plain_space("a", "b"), table, positives="label")
    judged = km.evaluate(plain_space("a", "b"), table.take(range(25, 60)), positives="label")
    assert report.intervals == judged.intervals
    assert report.notes == ["25 rows without a label are used neither as queries nor as answers"]


def test_a_query_needs_a_right_answer_not_a_partner() -> None:
    """Two unpaired halves that share labels."""
    rng = np.random.default_rng(4)
    z = rng.standard_normal((30, 8))
    a = [z[i % 3] if i < 15 else None for i in range(30)]
    b = [None if i < 15 else z[i % 3] for i in range(30)]
    table = km.Table(
        {"a": a, "b": b}, modalities={"a": km.Vector(), "b": km.Vector()}, label=[i % 3 for i in range(30)]
    )
    report = km.evaluate(plain_space("a", "b"), table, positives="label")
    assert report["a_to_b_mAP"] == 1 and report.intervals["a_to_b_mAP"].n == 15
    with pytest.raises(km.TableError, match="relevant item"):
        km.evaluate(plain_space("a", "b"), table)


def test_intervals_of_grouped_rows_are_wider() -> None:
    """Ten copies of each row are not ten observations."""
    few = noisy_table(30, noise=1.5)
    columns = {name: [few[i // 10][name] for i in range(300)] for name in ("a", "b")}
    kinds = {"a": km.Vector(), "b": km.Vector()}
    ids, groups = [str(i) for i in range(300)], [str(i // 10) for i in range(300)]
    space = plain_space("a", "b")
    report = km.evaluate(space, km.Table(columns, modalities=kinds, id=ids, group=groups), positives="group")
    values = report.per_query("a_to_b_R@1")
    grouped, naive = report.intervals["a_to_b_R@1"], bootstrap(values)
    assert grouped.high - grouped.low > 2 * (naive.high - naive.low)
    assert "29 groups" in report.notes[0] or "30 groups" in report.notes[0]


def test_memory_is_a_tile_not_queries_times_gallery() -> None:
    rng = np.random.default_rng(5)
    codes = rng.standard_normal((12_000, 4)).astype(np.float32)
    key = np.arange(12_000)
    tracemalloc.start()
    ranks(codes[:3000], codes, key[:3000], key)
    bootstrap(np.ones(200_000), "median", draws=20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # all scores at once would be 144 MB, all draws 32 MB and more


def test_values_of_queries_give_the_measures() -> None:
    report = km.evaluate(plain_space("a", "b"), noisy_table(label=[i % 4 for i in range(60)]), positives="label")
    for name, interval in report.intervals.items():
        values = report.per_query(name)
        assert len(values) == interval.n
        assert (np.median if name.endswith("median_rank") else np.mean)(values) == pytest.approx(interval.value)


class Colour:
    """A frozen encoder of pictures and sounds: a few means."""

    fingerprint = "colour/1"

    def prepare(self, value: object) -> np.ndarray:
        numbers = value.samples if isinstance(value, Waveform) else np.asarray(value) / 255
        return np.resize(np.asarray(numbers, np.float32).mean(axis=tuple(range(numbers.ndim - 1))), 8)

    def __call__(self, batch: list) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


def test_a_saved_report_is_the_report(tmp_path: Path) -> None:
    pictures = [km.datasets.shapes(rows=30)[i]["image"] for i in range(30)]
    sounds = [(picture.mean(2).ravel() / 255 - 0.5, 8000) for picture in pictures]
    space = plain_space("photo", "sound")
    space.ports = [replace(p, modality=m, encoder=Colour()) for p, m in zip(space.ports, (km.Image(), km.Audio()))]
    report = km.evaluate(space, km.Table({"photo": pictures, "sound": sounds}, id=[f"猫{i}" for i in range(30)]))
    assert {one.mime for cells in report.previews.values() for one in cells.values()} == {"image/png", "audio/flac"}
    report.save(tmp_path / "r.json")
    again = km.Report.load(tmp_path / "r.json")
    assert str(again) == str(report) and again.intervals == report.intervals and again.facts == report.facts
    assert again.previews == report.previews
    assert all(np.array_equal(again.per_query(name), report.per_query(name)) for name in report)
    again.save(tmp_path / "s.json")
    assert (tmp_path / "r.json").read_bytes() == (tmp_path / "s.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.json", "s.json"]


def test_values_of_several_right_answers_survive_saving(tmp_path: Path) -> None:
    report = km.evaluate(plain_space("a", "b"), noisy_table(label=[i % 4 for i in range(60)]), positives="label")
    report.save(tmp_path / "r.json")
    again = km.Report.load(tmp_path / "r.json")
    assert set(report.compare(again, metrics=["mAP", "nDCG@10", "mAP@R"]).values()) == {0.0}


def test_columns_of_any_name_keep_their_measures_apart() -> None:
    """Names that look like ours."""
    columns = {"a_to_b": np.eye(8), "R@1": np.eye(8), "mAP": np.eye(8)}
    report = km.evaluate(plain_space(*columns), km.Table(columns))
    assert report.split("a_to_b_to_R@1_R@10") == ("a_to_b_to_R@1", "R@10")
    assert report.arrow("a_to_b_to_R@1") == "a_to_b → R@1"
    clash = {"x": np.eye(8), "y_to_z": np.eye(8), "x_to_y": np.eye(8), "z": np.eye(8)}
    with pytest.raises(km.TableError, match="other names"):
        km.evaluate(plain_space(*clash), km.Table(clash))


def test_a_modality_without_preview_is_shown_in_words() -> None:
    report = km.evaluate(plain_space("a", "b"), noisy_table())
    example = report.pairs["a_to_b"].examples[0]
    assert report.previews["a"][example.query].data.startswith(b"vector (8)")
    assert km.evaluate(plain_space("a", "b"), noisy_table(), examples=0).previews == {}


def test_previews_are_small_and_true() -> None:
    import io

    import soundfile
    from PIL import Image as pil

    mime, data = km.Image().preview(np.full((300, 200, 3), 200, np.uint8))
    picture = pil.open(io.BytesIO(data))
    assert mime == "image/png" and picture.size == (64, 96) and picture.getpixel((5, 5)) == (200, 200, 200)
    tone = np.sin(np.arange(48_000 * 8) * 2 * np.pi * 440 / 48_000)
    mime, data = km.Audio().preview(km.Audio().read((tone, 48_000)))
    sound, rate = soundfile.read(io.BytesIO(data))
    assert (mime, rate, len(sound)) == ("audio/flac", 16_000, 80_000)
    assert np.abs(np.fft.rfft(sound)).argmax() * rate / len(sound) == pytest.approx(440, abs=1)
    short = km.Audio().preview(km.Audio().read((tone[:1], 8000)))[1]
    assert soundfile.info(io.BytesIO(short)).samplerate == 8000
    assert len(km.Text().preview("猫" * 10_000)[1].decode()) == 240


def test_previews_have_a_bound() -> None:
    from kuamo.core.messages import Note
    from kuamo.evaluation.examples import Previews

    rng = np.random.default_rng(6)
    pictures = [rng.integers(0, 255, (96, 96, 3), dtype=np.uint8) for _ in range(30)]
    table = km.Table({"a": rng.standard_normal((30, 8)), "p": pictures})
    report = km.evaluate(plain_space("a", "b"), km.Table({"a": np.eye(8), "b": np.eye(8)[::-1]}), examples=4)
    pair = report.pairs["a_to_b"]
    previews = Previews(table, total=100_000)
    previews.add([type(pair)(**{**vars(pair), "source": "p", "target": "p"})])
    assert sum(len(one.data) for one in previews.cells["p"].values()) < 101_000
    assert previews.remarks == [Note("remark_bytes", megabytes=0.1)]
    assert {one.mime for one in previews.cells["p"].values()} == {"image/png", "text/plain"}


def test_a_result_is_a_mapping() -> None:
    report = km.Report("toy", {"a_to_b_R@1": Interval(0.5, 0.4, 0.6, 100)})
    assert report.get("a_to_b_R@1") == 0.5 and report.get("a_to_c_R@1") is None and report.get("x", 1.0) == 1.0
    assert "x" not in report and list(report) == ["a_to_b_R@1"] and len(report) == 1
