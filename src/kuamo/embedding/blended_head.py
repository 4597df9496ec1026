"""A head of several closed forms side by side: its dot product is the weighted sum of theirs.

z(h) = [√w_1 z_1(h), √w_2 z_2(h), …]        z(h) · z(g) = Σ_k w_k z_k(h) · z_k(g)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.embedding.embedding import ClosedFormHead, Embedding

__all__ = ["BlendedHead"]


@dataclass(frozen=True, eq=False)
class BlendedHead:
    """Heads of one column, with a weight each.

    Args:
        parts: heads of closed forms, of the same features. weights: w_k > 0 of their scores.

    Raises:
        KuamoError: not as many weights as parts, or one that is not above 0.

    Example:
        >>> from kuamo.closed_form import LinearMap
        >>> part = ClosedFormHead(LinearMap(np.zeros(2), np.eye(2)), np.ones(2))
        >>> head = BlendedHead((part, part), (0.36, 0.64))
        >>> np.asarray(head(np.array([[3.0, 4.0]]))).round(2)
        array([[0.36, 0.48, 0.48, 0.64]])
    """

    parts: Sequence[ClosedFormHead]
    weights: Sequence[float]
    gaussian: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if len(self.parts) != len(self.weights) or not all(weight > 0 for weight in self.weights):
            raise KuamoError(
                f"weights: given {list(self.weights)} for {len(self.parts)} heads; expected one above 0 for each"
            )

    @property
    def dim(self) -> int:
        """d, the size of a code."""
        return sum(part.dim for part in self.parts)

    def __call__(self, features: np.ndarray) -> Embedding:
        """Codes (n, d) of features (n, D)."""
        codes = [np.asarray(part(features)) for part in self.parts]
        roots = np.sqrt(self.weights).astype(codes[0].dtype)
        return Embedding(np.concatenate([root * code for root, code in zip(roots, codes, strict=True)], axis=1))

    def config(self) -> dict[str, Any]:
        """The plain part of its stored form."""
        return {"weights": [float(weight) for weight in self.weights], "parts": [part.config() for part in self.parts]}

    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of it."""
        return {f"{k}.{name}": array for k, part in enumerate(self.parts) for name, array in part.arrays().items()}

    @classmethod
    def from_arrays(cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> BlendedHead:
        """The inverse of `config` and `arrays`."""
        own = [
            {name.removeprefix(f"{k}."): array for name, array in arrays.items() if name.startswith(f"{k}.")}
            for k in range(len(config["parts"]))
        ]
        heads = [ClosedFormHead.from_arrays(one, part) for one, part in zip(config["parts"], own, strict=True)]
        return cls(tuple(heads), tuple(float(weight) for weight in config["weights"]))
