"""A Gaussian mixture on codes: a prior that is where the codes are.

    p(z) = Σ_k π_k N(z; μ_k, Σ_k),   full covariances,   by expectation maximisation

The prior N(0, I) of a VAE has much room that no row's code is in; what is decoded from there is nothing in particular.
A mixture fitted on the joint codes of a table leaves that room out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from kuamo.core.errors import KuamoError

__all__ = ["GaussianMixture"]

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A density of codes, to sample from and to judge by.

    Args:
        weights: π (K,), which sum to 1. means: μ (K, d). factors: (K, d, d) lower triangular, Σ_k = L_k L_kᵀ.

    References:
        Maximum Likelihood from Incomplete Data via the EM Algorithm, Dempster, Laird and Rubin, 1977; From Variational
        to Deterministic Autoencoders, Ghosh et al., 2020 (a mixture fitted on latents after training).

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(500, 2)) + [[9.0, 0.0]]
        >>> GaussianMixture.fit(codes, components=2).sample(4, np.random.default_rng(0)).shape
        (4, 2)
    """

    weights: Float64
    means: Float64
    factors: Float64

    @classmethod
    def fit(
        cls, codes: np.ndarray, *, components: int = 30, steps: int = 100, tolerance: float = 1e-3, seed: int = 0
    ) -> GaussianMixture:
        """The mixture of a table's codes.

        Args:
            codes: (n, d). components: K, at most; no more than leaves 2 d codes to each.
            steps: of EM, at most; it ends where a step adds less than `tolerance` to the mean log-density.
        """
        x = np.asarray(codes, dtype=np.float64)
        if x.ndim != 2 or len(x) < 2 or not np.isfinite(x).all():
            raise KuamoError(f"given codes of shape {x.shape}; expected at least two finite rows (n, d)")
        count = max(1, min(components, len(x) // (2 * x.shape[1])))
        share = nearest_center(x, kmeans_centers(x, count, np.random.default_rng(seed)))
        floor = 1e-6 * max(float(x.var(axis=0).mean()), 1e-12)
        mixture, before = cls._maximise(x, share, floor), -np.inf
        for _ in range(steps):
            joint = mixture._joint(x)
            total = log_sum_over_components(joint)
            mixture = cls._maximise(x, np.exp(joint - total[:, None]), floor)
            if total.mean() - before < tolerance:
                break
            before = float(total.mean())
        return mixture

    @classmethod
    def _maximise(cls, x: Float64, share: Float64, floor: float) -> GaussianMixture:
        mass = share.sum(axis=0) + 1e-10
        means = share.T @ x / mass[:, None]
        factors = np.empty((len(mass), x.shape[1], x.shape[1]))
        for k, mean in enumerate(means):
            gap = x - mean
            factors[k] = np.linalg.cholesky((share[:, k, None] * gap).T @ gap / mass[k] + floor * np.eye(x.shape[1]))
        return cls(mass / mass.sum(), means, factors)

    def _joint(self, x: Float64) -> Float64:
        """log π_k N(x; μ_k, Σ_k), (n, K)."""
        out = np.empty((len(x), len(self.weights)))
        for k, (weight, mean, factor) in enumerate(zip(self.weights, self.means, self.factors, strict=True)):
            gap = np.linalg.solve(factor, (x - mean).T)
            size = 2 * np.log(np.diagonal(factor)).sum() + x.shape[1] * log(2 * pi)
            out[:, k] = np.log(weight) - 0.5 * ((gap**2).sum(axis=0) + size)
        return out

    def log_prob(self, codes: np.ndarray) -> Float64:
        """log p(z) (n,) of codes (n, d).

        Example:
            >>> one = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
            >>> round(float(np.exp(one.log_prob(np.zeros((1, 2)))[0]) * 2 * np.pi), 6)
            1.0
        """
        return log_sum_over_components(self._joint(np.asarray(codes, dtype=np.float64)))

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Codes (n, d)."""
        which = rng.choice(len(self.weights), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return (self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)).astype(np.float32)


def log_sum_over_components(x: Float64) -> Float64:
    """log Σ_k exp x_k, (n,)."""
    most = x.max(axis=1)
    return most + np.log(np.exp(x - most[:, None]).sum(axis=1))


def nearest_center(x: Float64, centers: Float64) -> Float64:
    """(n, K), 1 for the nearest centre and 0 for the others."""
    far = (centers**2).sum(axis=1) - 2 * x @ centers.T
    return np.eye(len(centers))[far.argmin(axis=1)]


def kmeans_centers(x: Float64, count: int, rng: np.random.Generator) -> Float64:
    """Centres (K, d): drawn far from each other (k-means++), then ten rounds of k-means."""
    chosen = [x[rng.integers(len(x))]]
    far = ((x - chosen[0]) ** 2).sum(axis=1)
    while len(chosen) < count:
        chosen.append(x[rng.choice(len(x), p=far / far.sum())] if far.sum() > 0 else x[rng.integers(len(x))])
        far = np.minimum(far, ((x - chosen[-1]) ** 2).sum(axis=1))
    centers = np.stack(chosen)
    for _ in range(10):
        share = nearest_center(x, centers)
        mass = share.sum(axis=0)
        centers = np.where(mass[:, None] > 0, share.T @ x / np.maximum(mass, 1)[:, None], centers)
    return centers
