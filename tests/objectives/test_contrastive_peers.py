"""Contrastive losses against those recorded from open_clip and sentence-transformers (`record_contrast.py`)."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kuamo.objectives.contrastive import info_nce, sig_lip
from kuamo.objectives.triplet import triplet

HERE = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("record_contrast", Path(__file__).parent / "record_contrast.py")
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
PEER = json.loads(record.FIXTURE.read_text())["losses"]
KEYS = torch.arange(9), torch.arange(9)


def both_ways(u: torch.Tensor, v: torch.Tensor, semi_hard: bool) -> torch.Tensor:
    """Triplets of all 18 entries, as a batch of both columns has them."""
    losses = triplet(u, v, *KEYS, record.MARGIN, semi_hard), triplet(v, u, *KEYS, record.MARGIN, semi_hard)
    assert [len(one) for one in losses] == [
        9,
        9,
    ]  # the peer counts entries without a negative as 0, ours leaves them out
    return torch.cat(losses).mean()


OURS: dict[str, Callable[..., torch.Tensor]] = {
    "ClipLoss": lambda u, v, scale, bias: 0.5 * sum(part.mean() for part in info_nce(scale * u, v, *KEYS)),
    "SigLipLoss": lambda u, v, scale, bias: sig_lip(scale * u, v, *KEYS, bias)[0].mean(),
    "MultipleNegativesRankingLoss": lambda u, v, scale, bias: info_nce(scale * u, v, *KEYS)[0].mean(),
    "MultipleNegativesSymmetricRankingLoss": lambda u, v, scale, bias: (
        0.5 * sum(part.mean() for part in info_nce(scale * u, v, *KEYS))
    ),
    "CachedMultipleNegativesRankingLoss": lambda u, v, scale, bias: info_nce(scale * u, v, *KEYS)[0].mean(),
    "TripletLoss": lambda u, v, scale, bias: triplet(u, v, *KEYS, record.MARGIN, semi_hard=False).mean(),
    "BatchHardTripletLoss": lambda u, v, scale, bias: both_ways(u, v, semi_hard=False),
    "BatchSemiHardTripletLoss": lambda u, v, scale, bias: both_ways(u, v, semi_hard=True),
}
OF_UNIT_CODES = ("ClipLoss", "SigLipLoss")


@pytest.mark.parametrize("name", PEER)
def test_losses_and_gradients_are_the_peers(name: str) -> None:
    u, v = (torch.from_numpy(codes).requires_grad_() for codes in record.fixture_codes())
    scale, bias = (torch.tensor(x, requires_grad=True) for x in (record.SCALE, record.BIAS))
    unit = (torch.nn.functional.normalize(codes, dim=1) for codes in (u, v))  # sentence-transformers takes cosines
    value = OURS[name](*((u, v) if name in OF_UNIT_CODES else unit), scale, bias)
    assert float(value.detach()) == pytest.approx(PEER[name]["loss"], rel=1e-5)
    value.backward()
    for key, recorded in PEER[name]["gradients"].items():
        gradient = {"u": u, "v": v, "scale": scale, "bias": bias}[key].grad
        assert torch.allclose(gradient, torch.tensor(recorded), atol=1e-6, rtol=1e-4), key
