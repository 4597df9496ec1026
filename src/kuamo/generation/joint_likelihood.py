"""How likely a row is under a space that generates."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np

from kuamo.core.arrays import entries_in_rows
from kuamo.core.errors import KuamoError, TableError
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.encoders.base import Encoder, collate
from kuamo.encoders.feature_cache import features
from kuamo.generation.translation import ROWS, log_gain

__all__ = ["joint_log_likelihood", "targets_at"]


def joint_log_likelihood(
    space: EmbeddingSpace, table: Table, given: Sequence[str] | None = None, *, samples: int = 100, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """log p of all that a row holds, by importance sampling; a lower bound in expectation, which rises with K.

    log p(y_A) ≈ log 1/K Σ_k p(z_k) Π_{m ∈ A} p(y_m | z_k) / q(z_k | x_S),   z_k ~ q(z | x_S)

    It is in nats and in the units of each column's y, unweighted. Only figures of the same columns compare.

    Args:
        space: with Gaussian codes and likelihood decoders. table: with some of its columns.
        given: S, the columns to propose codes from; all if not given. samples: K. seed: of the codes.

    Returns:
        log p (n,), and the rows (n,) that have a cell of S; the others have no proposal and are left out.

    Raises:
        KuamoError: point codes, a decoder that is no likelihood. TableError: none of the columns.

    References:
        Importance Weighted Autoencoders, Burda, Grosse and Salakhutdinov, 2016.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.toy(100, holes=0.2)
        >>> space = km.fit(table, km.MoPoE(), dim=4, training=km.Training(steps=5))
        >>> values, rows = km.joint_log_likelihood(space, table, given=["a"], samples=10)
        >>> len(values) == len(rows) == int(table.present()[:, 0].sum())
        True
    """
    import torch

    ports = [port for port in space.ports if port.name in table.columns]
    for port in ports:
        if Decoder.adapt(port.decoder).log_prob is None or not port.head.gaussian:
            raise KuamoError(
                f"column {port.name!r}: expected Gaussian codes and a likelihood decoder, as of km.MoPoE()"
            )
    given = [port.name for port in ports] if given is None else list(given)
    code = space.encode(table.select(*given))
    rows = np.arange(len(table)) if code.present is None else np.flatnonzero(code.present)
    frozen = {p.name: features(table, p.name, p.encoder) for p in ports if Decoder.adapt(p.decoder).target is None}
    rng, values = torch.Generator().manual_seed(seed), []
    with torch.inference_mode():
        for start in range(0, len(rows), ROWS):
            block = rows[start : start + ROWS]
            mean, logvar = (torch.from_numpy(np.asarray(part)[block]) for part in (code.mean, code.logvar))
            noise = torch.randn((samples, *mean.shape), generator=rng)
            z = mean + (0.5 * logvar).exp() * noise
            # log p(z) − log q(z): the constants of both are the same
            total = 0.5 * (noise.square() + logvar - z.square()).sum(-1)
            for port in ports:
                y, place = targets_at(port, table, block, frozen.get(port.name))
                if len(place) == 0:
                    continue
                many = y.expand(samples, *y.shape).flatten(0, 1)
                each = port.decoder.log_prob(many, z[:, place].flatten(0, 1), rng)
                total.index_add_(1, place, each.reshape(samples, -1) + log_gain(port.encoder))
            values.append((total.logsumexp(0) - log(samples)).numpy())
    return np.concatenate([*values, np.zeros(0, np.float32)]), rows


def targets_at(port: Tower, table: Table, rows: np.ndarray, frozen: np.ndarray | None) -> tuple[Any, Any]:
    """What a decoder should give of these rows' entries, y (n, L), and each entry's place (n,) among the rows."""
    import torch

    entry, place = entries_in_rows(table.column(port.name).row, rows)
    at = torch.from_numpy(np.asarray(place, dtype=np.int64))
    if len(entry) == 0:
        return torch.zeros(0, port.decoder.out), at
    if frozen is not None:
        return torch.from_numpy(frozen[entry]), at
    items = list(table.values(port.name, entry, Encoder.adapt(port.encoder).prepare))
    try:
        return port.decoder.target(collate(port.encoder, items, port.name)), at
    except KuamoError as error:
        raise TableError(f"column {port.name!r}: {error}") from None
