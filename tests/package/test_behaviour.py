"""What fixed seeds give is what they gave at the commit that wrote `fixtures/behaviour/numbers.npz`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

HERE = Path(__file__).parents[1] / "fixtures" / "behaviour"
SAME, ELSEWHERE = 1e-6, 2e-2
"""On the machine and libraries that wrote the numbers; on others, where sums are rounded in another order: without
AVX2, by another BLAS kernel, the largest difference was 5e-3 (of a text encoder and uncertainties after 20 steps)."""


def script() -> ModuleType:
    """`write.py`, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("behaviour", HERE / "write.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


write = script()
machine, THEN = write.read(HERE / "numbers.npz")
TOLERANCE = SAME if machine == write.machine() else ELSEWHERE


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As when the numbers were written."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def differs(now: np.ndarray, then: np.ndarray) -> bool:
    """By more than the tolerance, of each number or of the largest one if that is below 1."""
    if now.shape != then.shape:
        return True
    least = TOLERANCE * min(1.0, np.nanmax(np.abs(then), initial=0.0))
    return not np.allclose(now, then, rtol=TOLERANCE, atol=least, equal_nan=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", write.CASES)
def test_numbers_are_what_they_were(case: str) -> None:
    for package in write.NEEDS.get(case, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{case} needs the package {package}")
    now = {f"{case}/{name}": np.asarray(value, np.float64) for name, value in write.CASES[case]().items()}
    then = {name: value for name, value in THEN.items() if name.rpartition("/")[0] == case}
    assert now.keys() == then.keys()
    changed = {name for name in now if differs(now[name], then[name])}
    assert changed == {name for name in then if name in write.CHANGED}


def test_every_number_is_compared() -> None:
    assert {name.rpartition("/")[0] for name in THEN} == set(write.CASES) and set(write.CHANGED) <= set(THEN)
