"""A linear decoder, trained by least squares."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

__all__ = ["LinearDecoder"]


class LinearDecoder(nn.Module):
    """y ≈ W z + b."""

    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        self.dim, self.out = dim, out
        self.map = nn.Linear(dim, out)

    def loss(self, y: Tensor, z: Tensor) -> Tensor:
        """Squared errors (B,)."""
        return (y - self.map(z)).square().sum(-1)

    def sample(self, z: Tensor, rng: Any) -> Tensor:
        """Draws (B, out): it has no noise."""
        return self.map(z)

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"dim": self.dim, "out": self.out}
