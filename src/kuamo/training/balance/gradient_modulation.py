"""OGM-GE: a column that is ahead of the others is held back, so that they get a share of the gradient.

    s_m = mean of exp(−ℓ_m) over the batch        the probability that column m by itself gives to what is right
    ρ_m = s_m / mean_{m' ≠ m} s_m'                its discrepancy
    k_m = 1 − tanh(α ρ_m) if ρ_m > 1, else 1
    g_m ← k_m g_m + ε,   ε ~ N(0, std(g_m)²)      of column m's own encoder and head, each parameter by itself

For two columns ρ is that of the paper, s_1/s_2 and its inverse. ℓ_m is what an objective tells of each column alone
(`Step.tell`): the loss of its probe (`Predict`), of its entries as queries (`InfoNCE`), of its classifier, of its part
of a likelihood, per number. Adam divides a gradient by its size, and so takes back what a constant k does to it; with
`of="step"` it is the step that is shortened, θ_m ← θ_m + k_m Δθ_m, which for plain SGD is the same. The official code
does this to the weights of convolutions alone; here it is done to all that is a column's own.

References:
    Balanced Multimodal Learning via On-the-fly Gradient Modulation, Peng, Wei, Deng, Wang and Hu, CVPR 2022.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan, nan, tanh
from typing import Any

from kuamo.core.errors import KuamoError
from kuamo.core.validation import is_number

__all__ = ["OGMGE", "coefficients", "discrepancy"]


def discrepancy(scores: Mapping[str, float]) -> dict[str, float]:
    """ρ_m = s_m / mean_{m' ≠ m} s_m', of those whose score is known; NaN of the others.

    Example:
        >>> discrepancy({"a": 0.9, "b": 0.3, "c": float("nan")})["a"]
        3.0
    """
    known = {name: score for name, score in scores.items() if not isnan(score)}
    out = dict.fromkeys(scores, nan)
    for name, score in known.items():
        others = [other for key, other in known.items() if key != name]
        if others:
            out[name] = score / max(sum(others) / len(others), 1e-300)
    return out


def coefficients(scores: Mapping[str, float], alpha: float) -> dict[str, float]:
    """k_m = 1 − tanh(α ρ_m) where ρ_m > 1, else 1.

    Example:
        >>> {name: round(k, 4) for name, k in coefficients({"a": 0.9, "b": 0.3}, 0.3).items()}
        {'a': 0.2837, 'b': 1.0}
    """
    return {name: 1 - tanh(alpha * rho) if rho > 1 else 1.0 for name, rho in discrepancy(scores).items()}


@dataclass(frozen=True)
class OGMGE:
    """On-the-fly gradient modulation, with generalisation enhancement.

    Args:
        alpha: α, how strongly; the paper's are .1 to 1. noise: is ε added?
        until: the share of the training in which it acts; the paper's is .5 to 1.
        of: is the `"gradient"` scaled, as in the paper, or the `"step"`, which Adam cannot take back?

    Raises:
        KuamoError: a negative α, a share outside [0, 1], or another word; while training, an objective that tells
            nothing of single columns.

    Example:
        >>> OGMGE(0.3).alpha
        0.3
    """

    alpha: float = 0.3
    noise: bool = True
    until: float = 1.0
    of: str = "gradient"

    def __post_init__(self) -> None:
        if not is_number(self.alpha, 0) or not is_number(self.until, 0, 1) or self.of not in ("gradient", "step"):
            raise KuamoError(f"given {self}; expected alpha from 0, until in [0, 1], of 'gradient' or 'step'")

    @contextmanager
    def around(
        self, own: Mapping[str, Sequence[Any]], scores: Mapping[str, float], key: tuple[int, int], progress: float
    ) -> Iterator[None]:
        """Between gradients and the optimiser's step, which happens inside.

        Args:
            own: column → the parameters that are its own, with the whole batch's gradients. scores: column → s_m, NaN
                where it is absent. key: (seed, step), of the noise, which is the same in every process.
            progress: the share of the training that is done.
        """
        if progress >= self.until or all(isnan(rho) for rho in discrepancy(scores).values()):
            yield
            return
        import torch

        factor = coefficients(scores, self.alpha)
        before: list[tuple[Any, Any, float]] = []
        for name, parameters in own.items():
            seed = zlib.crc32(f"{key[0]}/{key[1]}/ogm/{name}".encode())
            rng = torch.Generator().manual_seed(seed)
            for p in parameters:
                if p.grad is None:
                    continue
                spread = float(p.grad.std()) if p.numel() > 1 else 0.0
                scaled = p.grad * factor[name] if self.of == "gradient" else p.grad
                p.grad = scaled + spread * torch.randn(p.shape, generator=rng) if self.noise else scaled
                if self.of == "step" and factor[name] != 1:
                    before.append((p, p.detach().clone(), factor[name]))
        yield
        with torch.no_grad():
            for p, held, k in before:
                p.copy_(torch.lerp(held, p, k))
