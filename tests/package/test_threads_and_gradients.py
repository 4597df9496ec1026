"""What the caller switched off, or on how many threads they are, changes no fit, and is as it was afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.core.threads import single_threaded_blas
from members import small_toy

SHORT = km.Training(steps=8, batch_size=32, lr=1e-2)


def of_classes() -> km.Table:
    a = list(small_toy(80).values("a"))
    kinds = {"a": km.Vector(), "kind": km.Category()}
    return km.Table({"a": a, "kind": ["xy"[int(v[0] > 0)] for v in a]}, modalities=kinds)


def predicted() -> np.ndarray:
    space = km.fit(of_classes(), km.Predict("kind"), dim=6, training=SHORT)
    return space.predict(of_classes().select("a"), "kind").probability


def made(recipe: Any) -> Callable[[], np.ndarray]:
    def fit() -> np.ndarray:
        space = km.fit(small_toy(80), km.CCA(dim=4), decoders={"b": recipe}, training=SHORT)
        return space.translate(small_toy(10).select("a"), to="b", seed=1)

    return fit


def encoded(objective: km.Objective) -> Callable[[], np.ndarray]:
    return lambda: np.asarray(km.fit(small_toy(80), objective, dim=4, training=SHORT).encode(small_toy(10)))


FITS = {
    "InfoNCE": encoded(km.InfoNCE()),
    "MoPoE": encoded(km.MoPoE()),
    "Flow": made(km.Flow(width=16)),
    "GAN": made(km.GAN(width=16)),
    "Predict": predicted,
}


@pytest.mark.parametrize("name", FITS)
def test_a_callers_switches_change_no_fit(name: str) -> None:
    usual = FITS[name]()
    with torch.no_grad():
        assert np.array_equal(FITS[name](), usual)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert np.array_equal(FITS[name](), usual)
    torch.set_default_dtype(torch.float64)
    try:
        assert np.array_equal(FITS[name](), usual)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def blas() -> list[int]:
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


def test_threads_are_as_before_when_all_have_left() -> None:
    inside: list[Any] = []

    def work(number: int) -> None:
        with single_threaded_blas(), single_threaded_torch():
            with single_threaded_blas(), single_threaded_torch():
                time.sleep(0.005 * (number % 3))
            inside.append((torch.get_num_threads(), max(blas())))
            time.sleep(0.004 * number)

    before = torch.get_num_threads()
    with threadpool_limits(limits=2, user_api="blas"):
        usual = blas()
        torch.set_num_threads(3)
        try:
            threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seen: list[int] = []
            late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
            late.start()
            late.join()
            assert blas() == usual and torch.get_num_threads() == 3 and seen == [3]
        finally:
            torch.set_num_threads(before)
    assert inside == [(1, 1)] * 8


def test_a_space_that_encodes_in_many_threads_leaves_them() -> None:
    table = small_toy(60)
    space = km.fit(table, km.CCA(dim=4))
    with threadpool_limits(limits=2, user_api="blas"):
        usual = blas()
        threads = [threading.Thread(target=space.encode, args=(table,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert blas() == usual


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(AttributeError, match="did you mean 'InfoNCE'"):
        km.InfoNce  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'nothing_like_it'$"):
        km.nothing_like_it  # noqa: B018
