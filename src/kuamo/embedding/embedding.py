"""Codes: points, or Gaussians, in the shared space; and the head that closed forms give.

    Embedding(mean (n, d), logvar (n, d) or None)        a point code's sample is its mean
    SolvedHead:  h → (h − s) W → unit norm → · ρ^(γ/2)

Arrays are numpy's or torch's; nothing here imports torch. Trainable heads are in `heads.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kuamo.closed_form import ChiSquaredMap, KernelMap, LinearMap
from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.core.old_names import former_names

__all__ = ["ClosedFormHead", "Embedding"]

__getattr__ = former_names(__name__)


@dataclass(frozen=True, eq=False)
class Embedding:
    """Codes of n rows.

    Args:
        mean: (n, d).
        logvar: (n, d), log-variances of Gaussian codes; `None` for point codes.
        present: (n,) bool, false where a row had nothing to encode (its mean is 0); `None` when all are there.
        parts: of codes (n, M, d) that are to be fused: column's number → parts of its cells (n, T, D) and which are
            there (n, T), for fusions that read them; `None` where nobody does.
        columns: (n, M), the weight of each of the space's columns in a code, as `Space.encode` gives it; `None` where
            nobody knows what it was made of.

    Example:
        >>> code = Embedding(np.ones((2, 3)))
        >>> np.asarray(code).shape, len(code), code.gaussian
        ((2, 3), 2, False)
    """

    mean: Any
    logvar: Any = None
    present: Any = None
    parts: Any = None
    columns: Any = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        mean = self.mean.detach().cpu().numpy() if hasattr(self.mean, "detach") else np.asarray(self.mean)
        return mean if dtype is None else mean.astype(dtype)

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: Any) -> Embedding:
        def pick(array: Any) -> Any:
            return None if array is None else array[rows]

        parts = self.parts and {number: (x[rows], mask[rows]) for number, (x, mask) in self.parts.items()}
        return Embedding(pick(self.mean), pick(self.logvar), pick(self.present), parts, pick(self.columns))

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        return tuple(self.mean.shape)

    @property
    def gaussian(self) -> bool:
        """Has it a variance?"""
        return self.logvar is not None

    def sample(self, noise: Any) -> Any:
        """mean + exp(logvar / 2) · noise; a point code's sample is its mean.

        Args:
            noise: (n, d) standard normal.
        """
        return self.mean if self.logvar is None else self.mean + (0.5 * self.logvar).exp() * noise


@dataclass(frozen=True, eq=False)
class ClosedFormHead:
    """The head of a closed form: a map, unit norm and a weight for each axis.

    norm = "before":  h → map(h) → unit norm → · scale         the dot product of codes is the CSA score
    norm = "after":   h → map(h) → · scale → unit norm         the dot product of codes is a cosine

    The two rank differently; which one is better is a matter of the data.

    Args:
        map: features (n, D) → (n, d), linear or of a kernel.
        scale: (d,) weight of each axis; `None` leaves codes as the map gives them.
        norm: is unit norm taken before or after the weights?

    Example:
        >>> head = ClosedFormHead(LinearMap(np.zeros(2), np.eye(2)), np.array([1.0, 0.5]))
        >>> np.asarray(head(np.array([[3.0, 4.0]], np.float32)))
        array([[0.6, 0.4]], dtype=float32)
    """

    map: LinearMap | KernelMap | ChiSquaredMap
    scale: np.ndarray | None = None
    norm: str = "before"
    gaussian: bool = field(default=False, init=False)

    @property
    def dim(self) -> int:
        """d, the size of a code."""
        return self.map.dim_out

    def __call__(self, features: np.ndarray) -> Embedding:
        """Codes (n, d) of features (n, D)."""
        return self.finish(self.map(features))

    def finish(self, z: np.ndarray) -> Embedding:
        """Codes of mapped features (n, d): unit norm and weights."""
        if self.scale is None:
            return Embedding(z)
        scale = self.scale.astype(z.dtype)
        return Embedding(unit_rows(z * scale) if self.norm == "after" else unit_rows(z) * scale)

    def config(self) -> dict[str, str]:
        """The plain part of its stored form."""
        kinds: dict[Any, str] = {KernelMap: "kernel", ChiSquaredMap: "chi-squared"}
        return {"map": kinds.get(type(self.map), "linear"), "norm": self.norm}

    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of it."""
        names = ("shift", "gain", "anchors", "rate", "weight", "offset")
        arrays = {name: getattr(self.map, name) for name in names if getattr(self.map, name, None) is not None}
        return arrays | ({} if self.scale is None else {"scale": np.asarray(self.scale)})

    @classmethod
    def from_arrays(cls, config: dict[str, str], arrays: dict[str, np.ndarray]) -> ClosedFormHead:
        """The inverse of `config` and `arrays`."""
        scale = arrays.get("scale")
        kind: Any = {"kernel": KernelMap, "chi-squared": ChiSquaredMap}.get(config["map"], LinearMap)
        made = kind(**{name: array for name, array in arrays.items() if name != "scale"})
        return cls(made, scale, config["norm"])
