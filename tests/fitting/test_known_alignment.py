"""Laws of columns that share a space: what is known is never lost, pairs add to it, a wrong claim costs little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.closed_form.known_alignment import PairSums, known_maps, row_space
from kuamo.closed_form.score_stacking import stack_scores
from kuamo.core.arguments import ArgumentError
from kuamo.core.messages import localize
from kuamo.embedding.blended_head import BlendedHead

DIM, GALLERY = 24, 300
VECTORS = {name: km.Vector() for name in "abc"}


def towers(rows: int, seed: int, rotated: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy views of one z with noise that is larger on some axes, a gap, and perhaps a rotation between them."""
    rng = np.random.default_rng(seed)
    noise = np.where(np.arange(DIM) < 8, 2.0, 0.4)
    z = rng.normal(size=(rows, DIM))
    x, y = (z + noise * rng.normal(size=(rows, DIM)) for _ in range(2))
    turn = np.linalg.qr(np.random.default_rng(7).normal(size=(DIM, DIM)))[0] if rotated else np.eye(DIM)
    return x.astype(np.float32), (y @ turn + 3).astype(np.float32)


def table_of(x: np.ndarray, y: np.ndarray, apart: bool = False) -> km.Table:
    """Rows of both columns, or of one each."""
    gap = [None] * len(x)
    columns = {"a": [*x, *gap], "b": [*gap, *y]} if apart else {"a": list(x), "b": list(y)}
    return km.Table(columns, modalities={name: VECTORS[name] for name in columns})


def recall(space: km.Space, rotated: bool = False) -> float:
    x, y = towers(GALLERY, 99, rotated)
    scores = space.similarity(space.encode(list(x), modality="a"), space.encode(list(y), modality="b"))
    right = np.arange(GALLERY)
    return float(np.mean([scores.argmax(1) == right, scores.argmax(0) == right]))


def cosine_recall() -> float:
    x, y = (view - view.mean(0) for view in towers(GALLERY, 99))
    scores = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (y / np.linalg.norm(y, axis=1, keepdims=True)).T
    return float(np.mean([scores.argmax(1) == np.arange(GALLERY), scores.argmax(0) == np.arange(GALLERY)]))


def test_without_pairs_a_fit_is_the_centred_identity_and_says_so() -> None:
    space = km.fit(table_of(*towers(200, 0), apart=True), shared=[("a", "b")])
    assert recall(space) == pytest.approx(cosine_recall(), abs=0.02)
    assert "nothing was learned" in space.notes[-1]
    assert "没有学习任何东西" in localize("zh", space.notes[-1])


def test_with_few_pairs_nothing_known_is_lost_and_with_more_something_is_gained() -> None:
    known = cosine_recall()
    few, more = (km.fit(table_of(*towers(rows, 1)), shared=[("a", "b")]) for rows in (20, 60))
    learned = km.fit(table_of(*towers(60, 1)), shared=())
    assert recall(few) > known - 0.015
    assert recall(more) > max(known, recall(learned)) + 0.02
    assert isinstance(more.port("a").head, BlendedHead) or "whitened" in more.notes[-1]


def test_three_pairs_and_equal_columns_still_make_a_space() -> None:
    assert recall(km.fit(table_of(*towers(3, 0)), shared=[("a", "b")])) > 0.5 * cosine_recall()
    x, _ = towers(60, 0)
    same = km.fit(table_of(x, x), shared=[("a", "b")])
    assert np.isfinite(np.asarray(same.encode(list(x), modality="a"))).all()


def test_three_columns_share_a_space_with_pairs_and_where_one_has_none() -> None:
    x, y = towers(60, 5)
    third, gap = (
        towers(60, 5)[0] + 0.3 * np.random.default_rng(1).normal(size=(60, DIM)).astype(np.float32),
        [None] * 60,
    )
    every = km.Table({"a": list(x), "b": list(y), "c": list(third)}, modalities=VECTORS)
    paired = km.fit(every, shared=["a", "b", "c"])
    assert recall(paired) > cosine_recall() - 0.015
    apart = km.Table({"a": [*x, *gap], "b": [*y, *gap], "c": [*gap, *third]}, modalities=VECTORS)
    known = km.fit(apart, shared=["a", "b", "c"])
    assert "too few to hold some out" in known.notes[-1]
    assert recall(known) > cosine_recall()


def test_a_choice_that_is_kept_is_of_the_features_in_their_own_units() -> None:
    x, y = towers(60, 6)
    scale = np.exp(np.random.default_rng(2).normal(size=DIM)).astype(np.float32)
    one, other = (km.fit(table_of(x, view), shared=[("a", "b")]).notes[-1] for view in (y, y * scale))
    assert one != other


def test_a_declared_space_that_is_none_costs_little() -> None:
    train = table_of(*towers(200, 2, rotated=True))
    with_claim, without = km.fit(train, shared=[("a", "b")]), km.fit(train, shared=())
    assert recall(without, rotated=True) > 0.3
    assert recall(with_claim, rotated=True) > recall(without, rotated=True) - 0.03


def test_vectors_share_nothing_unless_declared_and_shared_encoders_do_unless_denied() -> None:
    x, y = towers(60, 0)
    assert not any("share a space" in note for note in km.fit(table_of(x, y)).notes)
    words = "red green blue small large round square cat dog bird".split()  # noqa: SIM905
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, 3)) for _ in range(40)]
    bag = km.encoders.BagOfWords(words)
    table = km.Table({"title": texts, "caption": [text[::-1] if k % 9 == 0 else text for k, text in enumerate(texts)]})
    given = {"title": bag, "caption": bag}
    assert any("share a space (one encoder" in note for note in km.fit(table, encoders=given).notes)
    assert not any("share a space" in note for note in km.fit(table, encoders=given, shared=()).notes)
    assert not any("share a space" in note for note in km.fit(table, encoders=given, dim=4).notes)


def test_other_columns_are_learned_into_the_known_space_and_all_is_saved(tmp_path: Path) -> None:
    x, y = towers(200, 3)
    other = x @ np.random.default_rng(5).normal(size=(DIM, 10)).astype(np.float32)
    table = km.Table({"a": list(x), "b": list(y), "c": list(other)}, modalities=VECTORS)
    space = km.fit(table, shared=[("a", "b")])
    assert any(note.startswith("c: added after the joint fit") for note in space.notes)
    space.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s")
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(again.encode(table)))
    assert again.notes == space.notes
    hits = again.index(table).search({"c": other[4]}, to="a", k=5)
    assert len(hits) == 5
    with pytest.raises(km.KuamoError, match="of several parts"):
        km.fit(table, km.InfoNCE(), init=again, training=km.Training(steps=1))


def test_columns_of_one_encoder_that_are_unrelated_are_no_anchor_for_others() -> None:
    x, _ = towers(100, 3)
    y, _ = towers(100, 4)
    table = km.Table({"a": list(x), "b": list(y), "c": list(x[:, :10])}, modalities=VECTORS)
    notes = km.fit(table, shared=[("a", "b")]).notes
    assert any("no dependence between them" in note for note in notes)
    assert not any("held-out pairs (" in note for note in notes)


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ([("a", "z")], "given the column 'z'"),
        ([("a",)], "at least two columns"),
        ("ab", "given 'ab'"),
        ([("a", "b"), ("b", "c")], "'b' twice"),
        ([("a", "c")], "of 24 features and 'c' of 3"),
        ([1], "given 1"),
    ],
)
def test_bad_groups_are_refused(shared: object, said: str) -> None:
    x, y = towers(20, 0)
    table = km.Table({"a": list(x), "b": list(y), "c": list(x[:, :3])}, modalities=VECTORS)
    with pytest.raises(ArgumentError, match=said):
        km.fit(table, shared=shared)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{"objective": km.CCA()}, {"dim": 4}])
def test_shared_columns_and_what_decides_the_space_otherwise_are_refused(given: dict) -> None:
    with pytest.raises(ArgumentError, match="expected shared columns alone"):
        km.fit(table_of(*towers(20, 0)), shared=[("a", "b")], **given)


def test_texts_of_two_languages_get_one_encoder_where_it_finds_held_out_pairs_better() -> None:
    if not (km.encoders.MultilingualE5.installed() and km.encoders.MiniLM.installed()):
        pytest.skip("texts in two languages need the extras [packaged, multilingual]")
    emoji = km.datasets.emoji(columns=("text", "text_zh"))
    pairs = [(row["text"].split(":")[0], row["text_zh"].split("：")[0]) for row in emoji.take(range(0, 1600, 24))]
    train, test = (
        km.Table({"en": [p[0] for p in half], "zh": [p[1] for p in half]}) for half in (pairs[:30], pairs[30:])
    )
    both, own = km.fit(train), km.fit(train, shared=())
    assert "one encoder for all languages" in both.notes[0]
    found, before = (km.evaluate(space, test, cutoffs=(1,))["en_to_zh_R@1"] for space in (both, own))
    assert found > before + 0.2
    own_encoder = {"en": km.encoders.MiniLM()}
    assert "one encoder for all languages" not in km.fit(train, encoders=own_encoder).notes[0]


def test_moments_on_the_rows_span_give_the_same_maps_and_folds_are_differences() -> None:
    x, y = (view.astype(np.float64) for view in towers(9, 4))
    basis = row_space([x, y], DIM)
    assert basis is not None
    thin, full = (known_maps(PairSums.of([(x, y)], DIM, on)).matrices for on in (basis, None))
    for name, matrix in full.items():
        assert np.allclose(thin[name] @ thin[name].T, matrix @ matrix.T, atol=1e-8), name
    rest = PairSums.of([(x, y)], DIM) - PairSums.of([(x[:3], y[:3])], DIM)
    alone = PairSums.of([(x[3:], y[3:])], DIM)
    assert np.allclose(rest.within_and_between(), alone.within_and_between())


def test_stacking_finds_the_weights_that_made_the_choices_and_gives_noise_none() -> None:
    rng = np.random.default_rng(0)
    scores = [rng.normal(size=(3, 60, 60)) for _ in range(3)]
    for fold in scores:
        fold[:2] += 3 * np.eye(60)
    even = stack_scores(scores, [False, True, True])
    assert even[2] < 0.05 * even[0]
    assert even[0] == pytest.approx(even[1], rel=0.25)
    groups = np.repeat(np.arange(30), 2)
    same = groups[:, None] == groups
    grouped = stack_scores([np.stack([same + 0.1 * rng.normal(size=same.shape)])], [False], [same])
    assert grouped[0] > 1
    with pytest.raises(km.KuamoError, match="expected at least one fold"):
        stack_scores([], [True])
