"""Hubness correction: the formula, planted hubs, and that similarity, search, evaluation and saved spaces agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.closed_form.cca_search import HeldCodes
from kuamo.closed_form.hubness import hubness
from kuamo.embedding.hubness import HubnessCorrection
from kuamo.fitting.hubness import hubness_gains


@pytest.fixture(scope="module")
def corrected(toy_space: km.Space) -> km.Space:
    """A space whose column a is corrected, by a bank of its own codes."""
    table = km.datasets.toy(rows=60, seed=7)
    bank = toy_space.normalized(np.asarray(toy_space.encode(table.select("a"))))
    ports = [
        replace(port, hubness=HubnessCorrection(6.0, bank) if port.name == "a" else None) for port in toy_space.ports
    ]
    return km.Space(ports, score=toy_space.score, notes=list(toy_space.notes), info=dict(toy_space.info))


TABLE = km.datasets.toy(rows=50, seed=3)


def test_the_formula() -> None:
    scores = np.random.default_rng(0).normal(size=(30, 7))
    assert np.allclose(hubness(scores, 2.0), np.log(np.exp(2 * scores).mean(0)) / 2)
    assert np.allclose(hubness(scores, 1e-6), scores.mean(0), atol=1e-5)
    assert np.allclose(hubness(scores, 1e4), scores.max(0), atol=1e-3)
    assert np.allclose(hubness(scores + 5, 2.0), hubness(scores, 2.0) + 5)


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    correction, answers = HubnessCorrection(3.0, rng.normal(size=(9, 4))), rng.normal(size=(23, 4))
    whole = correction(answers)
    monkeypatch.setattr("kuamo.embedding.hubness.TILE_SCORES", 20)
    assert np.allclose(correction(answers), whole) and correction(answers[:0]).shape == (0,)


def scores_by_hand(space: km.Space) -> np.ndarray:
    a, b = (space.normalized(np.asarray(space.encode(TABLE.select(name)))) for name in ("a", "b"))
    correction = space.port("a").hubness
    return a @ b.T - np.log(np.exp(correction.beta * correction.bank @ b.T).mean(0)) / correction.beta


def test_similarity_search_and_evaluation_agree(corrected: km.Space, tmp_path: Path) -> None:
    by_hand = scores_by_hand(corrected)
    a, b = (corrected.encode(TABLE.select(name)) for name in ("a", "b"))
    assert np.allclose(corrected.similarity(a, b), by_hand, atol=1e-5)
    report = km.evaluate(corrected, TABLE, cutoffs=(1, 5), examples=0)
    ranks = (by_hand >= by_hand.diagonal()[:, None] - 1e-6).sum(1)
    assert report["a_to_b_R@5"] == pytest.approx((ranks <= 5).mean())
    corrected.save(tmp_path / "space")
    for space in (corrected, km.Space.load(tmp_path / "space")):
        index = space.index(TABLE)
        for queries in ([{"a": TABLE[row]["a"]} for row in range(4)], a[:4]):
            for row, hits in enumerate(index.search(queries, to="b", k=50)):
                found = np.array([hit.score for hit in hits])
                assert np.allclose(found, np.sort(by_hand[row])[::-1], atol=1e-5)
                assert [int(hit.id) for hit in hits[:5]] == np.argsort(-by_hand[row])[:5].tolist()


def test_the_other_direction_and_bare_codes_are_not_corrected(corrected: km.Space) -> None:
    a, b = (corrected.encode(TABLE.select(name)) for name in ("a", "b"))
    plain = corrected.normalized(np.asarray(b)) @ corrected.normalized(np.asarray(a)).T
    assert np.allclose(corrected.similarity(b, a), plain, atol=1e-5)
    assert np.allclose(corrected.similarity(np.asarray(a), np.asarray(b)), plain.T, atol=1e-5)


def test_a_query_of_several_things_asks_for_the_mean_correction(corrected: km.Space) -> None:
    """Terms of one length: a sum's score is the sum of scores, scaled as its code is."""
    b = corrected.encode(TABLE.select("b"))
    hub = corrected.port("a").hubness(corrected.normalized(np.asarray(b)))
    both = corrected.encode([{"a": TABLE[0]["a"], "b": TABLE[1]["b"]}])
    plain = corrected.normalized(np.asarray(both)) @ corrected.normalized(np.asarray(b)).T
    assert np.allclose(corrected.similarity(both, b), plain - 0.5 * hub, atol=1e-5)
    index = corrected.index(TABLE)
    query = km.Query({"a": TABLE[0]["a"]})
    once, twice = index.search(query, to="b", k=50), index.search(2 * query, to="b", k=50)
    assert [hit.id for hit in once] == [hit.id for hit in twice]
    assert np.allclose([hit.score for hit in once], [hit.score for hit in twice], atol=1e-5)


def test_an_index_that_lasts_holds_the_same_and_grows(corrected: km.Space, tmp_path: Path) -> None:
    pytest.importorskip("lance")
    whole, index = corrected.index(TABLE), corrected.index(TABLE.take(np.arange(30)), tmp_path / "x.lance")
    index.add(TABLE.take(np.arange(30, 50)))
    query = {"a": TABLE[2]["a"]}
    assert [hit.id for hit in index.search(query, to="b")] == [hit.id for hit in whole.search(query, to="b")]


def folds(seed: int, hubs: float, rows: int = 160, dim: int = 24) -> list[HeldCodes]:
    """Codes of pairs: queries have a mean, and answers lie more or less in its direction, whatever they answer."""
    rng = np.random.default_rng(seed)
    z, mean = rng.normal(size=(2 * rows, dim)), np.eye(dim)[0]
    x = z + rng.normal(size=z.shape) + 2 * mean
    y = z + rng.normal(size=z.shape) + hubs * rng.exponential(size=(2 * rows, 1)) * mean
    held, seen = np.arange(rows), np.arange(rows, 2 * rows)
    return [HeldCodes(seen, {"x": (x[held], held), "y": (y[held], held)}, {"x": x[seen], "y": y[seen]})]


def test_planted_hubs_are_found() -> None:
    with_hubs = [hubness_gains(folds(seed, 4.0), None)["x"] for seed in range(5)]
    assert all(one.gains for one in with_hubs)
    assert np.mean([one.after - one.before for one in with_hubs]) > 0.1
    assert not hubness_gains(folds(0, 4.0, rows=8), None)["x"].gains  # too few queries to say so


def test_where_no_answer_is_a_hub_nothing_is_corrected() -> None:
    """Even directions on a sphere of three dimensions, of one length."""
    said = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(320, 3))
        x, y = (z + 0.1 * rng.normal(size=z.shape) for _ in range(2))
        x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
        held, seen = np.arange(160), np.arange(160, 320)
        fold = HeldCodes(seen, {"x": (x[held], held), "y": (y[held], held)}, {"x": x[seen], "y": y[seen]})
        said += [one.gains for one in hubness_gains([fold], None).values()]
    assert np.mean(said) < 0.25


def test_a_fit_that_goes_on_keeps_it_while_heads_stay(corrected: km.Space) -> None:
    table = km.datasets.toy(rows=40, seed=5)
    same = km.fit(table, init=corrected, decoders={"b": km.Ridge()})
    assert same.corrected == corrected.corrected
    a, b = (same.encode(TABLE.select(name)) for name in ("a", "b"))
    assert np.allclose(same.similarity(a, b), scores_by_hand(corrected), atol=1e-5)


def test_the_default_fit_says_what_it_corrects(corrected: km.Space) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400, 60))
    table = km.Table(
        {
            "a": (z + 2 * rng.normal(size=z.shape)).astype(np.float32),
            "b": (z + 2 * rng.normal(size=z.shape)).astype(np.float32),
        },
        modalities={"a": km.Vector(), "b": km.Vector()},
    )
    space = km.fit(table, seed=0)
    said = [note for note in space.notes if "hubness" in note]
    assert len(said) == len(space.corrected)
    assert km.fit(table, km.CCA(), seed=0).corrected == []  # a named objective is that objective
