"""Record losses and gradients of open_clip and sentence-transformers, so that the parity tests need neither.

    python -m pip install --no-deps --target FOLDER open_clip_torch
    PYTHONPATH=FOLDER python tests/objectives/record_contrast.py        (sentence-transformers installed)

Writes `fixtures/contrast.json`; codes are remade from the seed by `fixture_codes`. Of open_clip the file of losses
alone is loaded, since the package wants torchvision.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

FIXTURE = Path(__file__).parents[1] / "fixtures" / "parity" / "contrast.json"
SCALE, BIAS, MARGIN = 8.0, -3.0, 0.3


def fixture_codes() -> tuple[np.ndarray, np.ndarray]:
    """Two sets of 9 unit codes, from legacy RandomState, whose numbers never change between NumPy versions."""
    u, v = np.random.RandomState(8).standard_normal((2, 9, 6)).astype(np.float32)
    v = 0.4 * u + v
    return u / np.linalg.norm(u, axis=1, keepdims=True), v / np.linalg.norm(v, axis=1, keepdims=True)


def hardest(u: Any, v: Any) -> Any:
    """The number of the stranger in v that each of u is most alike."""
    scores = u @ v.T
    return scores.fill_diagonal_(-np.inf).argmax(1)


def across(codes: Any) -> Any:
    """Cosine distances of two columns in one batch, (2n, 2n); two codes of one column lie too far apart to matter."""
    import torch

    column = torch.arange(len(codes)) < len(codes) // 2
    unit = torch.nn.functional.normalize(codes, dim=1)
    return torch.where(column[:, None] == column, 9.0, 1 - unit @ unit.T)


def open_clip() -> tuple[Any, str]:
    """Its file of losses."""
    folder = next(Path(place) for place in sys.path if (Path(place) / "open_clip" / "loss.py").exists())
    spec = importlib.util.spec_from_file_location("open_clip_loss", folder / "open_clip" / "loss.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, metadata.version("open_clip_torch")


def main() -> None:
    """Every loss with its gradients at both sets of codes, and at the scale and bias that are learned."""
    import sentence_transformers
    import torch
    from sentence_transformers import losses

    clip, version = open_clip()
    number = torch.arange(9)
    cosine = losses.TripletDistanceMetric.COSINE
    one_triplet = losses.TripletLoss(None, distance_metric=cosine, triplet_margin=MARGIN)
    mined = {
        kind: getattr(losses, kind)(None, distance_metric=across, margin=MARGIN)
        for kind in ("BatchHardTripletLoss", "BatchSemiHardTripletLoss")
    }
    cached = losses.CachedMultipleNegativesRankingLoss(
        torch.nn.Sequential(torch.nn.Identity()), scale=SCALE, mini_batch_size=4
    )
    symmetric = losses.MultipleNegativesSymmetricRankingLoss(None, scale=SCALE)
    one_way = losses.MultipleNegativesRankingLoss(None, scale=SCALE)
    members = {
        "ClipLoss": lambda u, v, scale, bias: clip.ClipLoss()(u, v, scale),
        "SigLipLoss": lambda u, v, scale, bias: clip.SigLipLoss()(u, v, scale, bias),
        "MultipleNegativesRankingLoss": lambda u, v, scale, bias: one_way.compute_loss_from_embeddings([u, v], None),
        "MultipleNegativesSymmetricRankingLoss": lambda u, v, scale, bias: symmetric.compute_loss_from_embeddings(
            [u, v], None
        ),
        "CachedMultipleNegativesRankingLoss": lambda u, v, scale, bias: cached.calculate_loss(
            [[*u.split(4)], [*v.split(4)]]
        ),
        "TripletLoss": lambda u, v, scale, bias: one_triplet.compute_loss_from_embeddings(
            [u, v, v[hardest(u.detach(), v.detach())]], None
        ),
        **{
            kind: lambda u, v, scale, bias, loss=loss: loss.compute_loss_from_embeddings(
                [torch.cat([u, v])], torch.cat([number, number])
            )
            for kind, loss in mined.items()
        },
    }
    found: dict[str, Any] = {"open_clip": version, "sentence-transformers": sentence_transformers.__version__}
    found |= {"torch": torch.__version__, "losses": {}}
    for name, loss in members.items():
        u, v = (torch.from_numpy(codes).requires_grad_() for codes in fixture_codes())
        scale, bias = torch.tensor(SCALE, requires_grad=True), torch.tensor(BIAS, requires_grad=True)
        value = loss(u, v, scale, bias)
        value.backward()
        each = {"u": u, "v": v, "scale": scale, "bias": bias}
        gradients = {key: x.grad.tolist() for key, x in each.items() if x.grad is not None}
        found["losses"][name] = {"loss": float(value.detach()), "gradients": gradients}
        print(name, float(value.detach()))
    FIXTURE.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
