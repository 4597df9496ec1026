"""Shared: an empty cache for each run, and who may skip."""

from __future__ import annotations

import gc
import os

# Small problems on a shared machine: a second thread mostly spins. Before numpy and torch are imported.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from collections.abc import Iterator
from pathlib import Path

import pytest

import kuamo as km
from kuamo.diagnostics.cost import encoder_timing, forecast


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests never read or fill the user's cache; each process has its own, since some look at what it holds."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["KUAMO_CACHE"] = str(folder)
    yield folder


@pytest.fixture(scope="session", autouse=True)
def hasty() -> Iterator[None]:
    """Forecasts measure for as short a time as can be, and what is imported is left out of garbage collections."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kuamo.core.profiling.gc.collect", lambda: 0)  # a tenth of a second each time
        patch.setattr(forecast, "ROWS", (60, 60))
        patch.setattr(forecast, "ENOUGH", 0.0)
        patch.setattr(forecast, "MOST_SPENT", 0.0)
        patch.setattr(encoder_timing, "SPENT", 0.05)
        yield


@pytest.fixture(scope="session")
def toy_space() -> km.Space:
    return km.fit(km.datasets.toy(rows=200, seed=0), seed=0)
