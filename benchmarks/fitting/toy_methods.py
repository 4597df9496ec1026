"""The methods that `toy_few_pairs.py` compares: each fits pairs with one configuration and returns an encoder."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize

from kuamo import closed_form as cf

Encode = Callable[[np.ndarray, np.ndarray], list[np.ndarray]]


def cosine(to_u: Callable, to_v: Callable) -> Encode:
    return lambda x, y: [cf.csa_codes(to_u(x), 1.0, 0.0), cf.csa_codes(to_v(y), 1.0, 0.0)]


def plain_cca(x: np.ndarray, y: np.ndarray, m: cf.PairMoments, dim: int, gamma: float) -> Encode:
    model = cf.cca_from_moments(m, dim)
    return lambda x, y: [cf.csa_codes(z, model.correlations, gamma) for z in model.transform(x, y)]


def procrustes(x: np.ndarray, y: np.ndarray, m: cf.PairMoments, dim: int) -> Encode:
    return cosine(*cf.procrustes_from_moments(m, dim))


def ridge(x: np.ndarray, y: np.ndarray, m: cf.PairMoments, penalty: float) -> Encode:
    model, mean = cf.ridge_from_moments(m, penalty), y.mean(0)
    return cosine(lambda x: model(x) - mean, lambda y: y - mean)


def infonce(x: np.ndarray, y: np.ndarray, m: cf.PairMoments, rate: float, decay: float, tau: float | None) -> Encode:
    """Symmetric, linear heads into 96 dimensions, 200 Adam steps on batches of 256; tau None is learned from .07."""
    torch.manual_seed(0)
    scale = [(z.mean(0), z.std()) for z in (x, y)]
    views = [torch.from_numpy((z - mean) / std) for z, (mean, std) in zip((x, y), scale, strict=True)]
    heads = [torch.nn.Linear(z.shape[1], 96) for z in views]
    log_tau = torch.full((), np.log(tau or 0.07), dtype=torch.float32, requires_grad=tau is None)
    groups = [{"params": [*head.parameters()], "weight_decay": decay} for head in heads]
    adam = torch.optim.AdamW([*groups, {"params": [log_tau], "weight_decay": 0.0}], lr=rate, fused=True)
    for _ in range(200):
        rows = torch.randperm(len(x))[:256]
        u, v = (normalize(head(z[rows])) for head, z in zip(heads, views, strict=True))
        logits, right = u @ v.T / log_tau.exp(), torch.arange(len(rows))
        adam.zero_grad()
        (cross_entropy(logits, right) + cross_entropy(logits.T, right)).backward()
        adam.step()
    pairs = zip(heads, scale, strict=True)
    return cosine(*(cf.LinearMap(c, h.weight.detach().numpy().T / s, h.bias.detach().numpy()) for h, (c, s) in pairs))


METHODS = {
    "rCCA": (None, [(0.3, 1.0, 3.0, 10.0), (0.0, 1.0, 2.0), ("before", "after")]),
    "CCA": (plain_cca, [(4, 8, 16, 24, 32, 48, 64, 128), (0.0, 1.0, 2.0)]),
    "Procrustes": (procrustes, [[1, 2, 4, 6, 8, *range(10, 35, 2), 40, 48, 64, 96, 128, 192]]),
    "ridge": (ridge, [np.logspace(-3, 2, 24).round(4).tolist()]),
    "InfoNCE": (infonce, [(3e-3, 1e-2, 3e-2), (1e-2, 1.0), (0.05, 0.1, 0.2, None)]),
}
