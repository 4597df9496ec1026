"""Out of the space: codes → what columns would hold, and how likely what they do hold is.

decode:  z → p(y | z)          sample:  z ~ N(0, I), or a mixture fitted on codes → decode

log p(y_A) ≈ log 1/K Σ_k p(z_k) Π_{m ∈ A} p(y_m | z_k) / q(z_k | x_S),     z_k ~ q(z | x_S),   S ⊆ A
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.checks import names_of
from kuamo.codecs.base import beside, decode_cells
from kuamo.codes import Code
from kuamo.density import GaussianMixture
from kuamo.encoders.base import collate, is_module, prepare
from kuamo.errors import KuamoError, TableError
from kuamo.features import features

if TYPE_CHECKING:
    from kuamo.space import Port, Space
    from kuamo.table import Table

__all__ = ["joint_log_likelihood"]

Stacked = tuple[np.ndarray, np.ndarray | None, np.ndarray]  # mean, logvar (B, M, d) and what is present (B, M)
BLOCK = 1024  # codes that are decoded at a time
MOST_DRAWS = 10_000  # of one input
ROWS = 64  # of a table are judged at a time


def decode_columns(
    space: Space, z: np.ndarray, to: str | Sequence[str], seed: int, n: int | None = None, **options: Any
) -> Any:
    """What one column would hold at codes (n, d), or column → that of several, from the same codes.

    y (n, L), or a list of values if the column has a codec; with `n`, (n, draws, L) or a list of lists.

    Raises:
        KuamoError: codes of another size; a decoder that is not made from one code.
    """
    names = names_of(to)
    z = space.check_codes(z).astype(np.float32)
    check_options(space, names, n, options)
    for name in names:
        if hasattr(space.port(name).decoder, "by"):
            raise KuamoError(
                f"given codes to make {name!r} of, which is made of several columns' own; expected translate"
            )
    many = z if n is None else np.repeat(z, n, axis=0)
    made = {name: drawn_values(space.port(name), many, n, seed, options) for name in names}
    return made[to] if isinstance(to, str) else made


def translate_columns(
    space: Space,
    stacked: Stacked,
    rows: Table,
    to: str | Sequence[str],
    seed: int,
    n: int | None,
    draw: bool,
    options: Mapping[str, Any],
    settle: bool = False,
) -> Any:
    """As `decode_columns`, each column from what its decoder sees of rows; one draw of a row's code serves all columns.

    Raises:
        TableError: a row that has not what it takes.
    """
    made = {}
    for name in [to] if isinstance(to, str) else to:
        port = space.port(name)
        code = seen(space, port, *stacked)
        refuse_absent(rows, port, code)
        z = drawn_from(code, seed) if draw else np.asarray(code)
        z = memory_of(port)(z) if settle else z
        many = z if n is None else np.repeat(z, n, axis=0)
        made[name] = drawn_values(port, many, n, seed, options, others=beside(port.codec, rows))
    return made[to] if isinstance(to, str) else made


def seen(space: Space, port: Port, mean: np.ndarray, logvar: np.ndarray | None, present: np.ndarray) -> Code:
    """What a column's decoder sees of rows: one code (B, d), fused; of a decoder with `by`, two of them (B, 2d): of the
    columns that are neither `by` nor its own, and of those that are. `present` says where it is all there.
    """
    from kuamo.space import fuse_present

    by = getattr(port.decoder, "by", None)
    if by is None:
        return fuse_present(space.fusion, mean, logvar, present)[0]
    names = [other.name for other in space.ports]
    style = np.isin(names, by)
    content = ~style & (np.array(names) != port.name)
    z, t = (fuse_present(space.fusion, mean, logvar, present & which)[0] for which in (content, style))
    return Code(np.concatenate([z, t], axis=1), present=np.asarray(z.present) & np.asarray(t.present))


def memory_of(port: Port) -> Any:
    """Where codes settle that a column is made of.

    Raises:
        KuamoError: nowhere.
    """
    if port.memory is None:
        raise KuamoError(
            f"given settle=True and to={port.name!r}, whose decoder knows no codes to settle at; expected a space "
            f"fitted with decoders={{{port.name!r}: …}} by a recipe that sees one code, such as km.Flow()"
        )
    return port.memory


def refuse_absent(rows: Table, port: Port, code: Code) -> None:
    """Refuse rows that a column cannot be made of.

    Raises:
        TableError: naming the first.
    """
    absent = np.zeros(0, int) if code.present is None else np.flatnonzero(~np.asarray(code.present))
    if len(absent):
        by, other = getattr(port.decoder, "by", ()), getattr(port.codec, "other", None)
        expected = (
            f"a cell of {' and '.join(map(repr, by))}, and one of {repr(other) if other else 'another column'}"
            if by
            else "at least one cell"
        )
        raise TableError(
            f"row {absent[0]}: given {'too little' if by else 'nothing'} to translate; expected {expected}"
        )


def decode_in_turn(
    space: Space,
    stacked: Stacked,
    rows: Table,
    to: Sequence[str],
    seed: int,
    n: int | None,
    draw: bool,
    options: Mapping[str, Any],
    settle: bool = False,
) -> dict[str, Any]:
    """As `translate_columns`, each column of what is present and of the columns made before.

    p(y_1, y_2, … | x) = p(y_1 | x) p(y_2 | x, y_1) …
    """
    times, (mean, logvar, present) = n or 1, stacked
    mean, present = np.repeat(mean, times, axis=0), np.repeat(present, times, axis=0)
    logvar = None if logvar is None else np.repeat(logvar, times, axis=0)
    made: dict[str, Any] = {}
    for turn, name in enumerate(to):
        port = space.port(name)
        code = seen(space, port, mean, logvar, present)
        refuse_absent(rows, port, code)
        z = drawn_from(code, seed + turn) if draw else np.asarray(code)
        z = memory_of(port)(z) if settle else z
        others = beside(port.codec, rows, np.repeat(np.arange(len(rows)), times))
        values = drawn_values(port, z, None, seed, options, varied=times > 1, others=others)
        made[name] = values if n is None else grouped(values, n)
        if turn + 1 < len(to):
            number = [other.name for other in space.ports].index(name)
            code = code_of(port, values)
            mean[:, number], present[:, number] = np.asarray(code.mean), True
            if logvar is not None and code.logvar is not None:
                logvar[:, number] = code.logvar
    return made


def grouped(values: Any, n: int) -> Any:
    """(B · n, L) → (B, n, L), or a list of B · n values → B lists of n."""
    if isinstance(values, np.ndarray):
        return values.reshape(-1, n, *values.shape[1:])
    return [values[at : at + n] for at in range(0, len(values), n)]


def code_of(port: Port, values: Any) -> Code:
    """The codes of what was made for a column: of its values, or of y, which are its features without a codec."""
    from kuamo.encoders.base import batches, encode_items
    from kuamo.space import run_head

    if port.codec is None and not hasattr(port.encoder, "inverse"):
        return run_head(port.head, np.asarray(values, np.float32))
    items = map(prepare(port.encoder), values)
    parts = [encode_items(port.encoder, items_of_batch, port.name) for items_of_batch in batches(items, ROWS)]
    return run_head(port.head, np.concatenate(parts))


def drawn_values(
    port: Port,
    z: np.ndarray,
    n: int | None,
    seed: int,
    options: Mapping[str, Any],
    varied: bool = False,
    others: list[Any] | None = None,
) -> Any:
    """One column's part of `decode_columns`; an option that its decoder does not know is another column's.

    Args:
        others: of a codec that needs them, one value for each row; see `beside`.
    """
    known = {name: value for name, value in options.items() if name in getattr(port.decoder, "options", ())}
    if n is not None and hasattr(port.decoder, "nearest"):
        y = port.decoder.nearest(z[::n], n)
        texts = port.codec.decode(y.reshape(-1, 1))
        return [texts[at : at + n] for at in range(0, len(texts), n)]
    known = getattr(port.decoder, "varied", {}) | known if varied or n not in (None, 1) else known
    blocks = range(0, max(len(z), 1), BLOCK)
    y = np.concatenate([decode(port.decoder, z[at : at + BLOCK], seed + at, **known) for at in blocks])
    if others is not None and len(others) < len(z):
        others = [value for value in others for _ in range(n or 1)]
    values = decode_cells(port, y, others)
    return values if n is None else grouped(values, n)


def check_options(space: Space, names: Sequence[str], n: int | None, options: Mapping[str, Any]) -> None:
    """Refuse columns without a decoder, and options that no decoder of these columns knows.

    Raises:
        KuamoError: naming them.
    """
    decoders = {name: decoder_of(space, name) for name in names}
    if n is not None and (not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MOST_DRAWS):
        raise KuamoError(f"given n={n!r}; expected a whole number from 1 to {MOST_DRAWS:,}")
    for option in options:
        if not any(option in getattr(decoder, "options", ()) for decoder in decoders.values()):
            kinds = ", ".join(f"{name!r} is made by {type(decoder).__name__}" for name, decoder in decoders.items())
            raise KuamoError(f"given {option}=, and {kinds}, which does not know it; expected a flow: km.Flow()")


def decoder_of(space: Space, name: str) -> Any:
    """A column's decoder.

    Raises:
        KuamoError: it has none.
    """
    port = space.port(name)
    if port.decoder is None:
        able = [other.name for other in space.ports if other.decoder is not None]
        raise KuamoError(
            f"given to={name!r}, which has no decoder; expected one of {able}, "
            f"or a space fitted with decoders={{{name!r}: km.Flow()}}"
        )
    return port.decoder


def decode(decoder: Any, z: np.ndarray, seed: int = 0, **options: Any) -> np.ndarray:
    """One sample of p(y | z) for each code, as numpy; options are what the decoder's `sample` can be told."""
    if not is_module(decoder):
        return decoder.sample(z)
    import torch

    rng, training = torch.Generator().manual_seed(seed), decoder.training
    decoder.eval()
    with torch.inference_mode():
        y = decoder.sample(torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32)), rng, **options).numpy()
    decoder.train(training)
    return y


def unguided(decoder: Any) -> dict[str, float]:
    """What to tell a decoder so that it draws from p(y | z) itself, and not from what guidance makes of it."""
    return {"guidance": 1.0} if "guidance" in getattr(decoder, "options", ()) else {}


def draw_codes(space: Space, n: int, prior: GaussianMixture | None, seed: int) -> np.ndarray:
    """Codes (n, d) from the prior.

    Raises:
        KuamoError: codes that are points, which have no prior, and no mixture.
    """
    rng = np.random.default_rng(seed)
    if prior is not None:
        return prior.sample(n, rng)
    if not space.ports[0].head.gaussian:
        raise KuamoError("given a space whose codes are points; expected Gaussian codes, or prior=space.density(table)")
    return rng.standard_normal((n, space.dim)).astype(np.float32)


def drawn_from(code: Code, seed: int) -> np.ndarray:
    """One draw (n, d) of each row's posterior; a point code's is its mean."""
    mean = np.asarray(code)
    if code.logvar is None:
        return mean
    noise = np.random.default_rng(seed).standard_normal(mean.shape)
    return (mean + np.exp(0.5 * np.asarray(code.logvar)) * noise).astype(np.float32)


def joint_log_likelihood(
    space: Space, table: Table, given: Sequence[str] | None = None, *, samples: int = 100, seed: int = 0
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
        if not hasattr(port.decoder, "log_prob") or not port.head.gaussian:
            raise KuamoError(
                f"column {port.name!r}: expected Gaussian codes and a likelihood decoder, as of km.MoPoE()"
            )
    given = [port.name for port in ports] if given is None else list(given)
    code = space.encode(table.select(*given))
    rows = np.arange(len(table)) if code.present is None else np.flatnonzero(code.present)
    frozen = {p.name: features(table, p.name, p.encoder) for p in ports if not hasattr(p.decoder, "target")}
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


def log_gain(encoder: Any) -> float:
    """What log p of standardised features lacks to be that of a column's own numbers: Σ log g of those that vary."""
    gain = getattr(encoder, "gain", None) if hasattr(encoder, "inverse") else None
    return 0.0 if gain is None else float(np.log(gain[gain > 0]).sum())


def targets_at(port: Port, table: Table, rows: np.ndarray, frozen: np.ndarray | None) -> tuple[Any, Any]:
    """What a decoder should give of these rows' entries, y (n, L), and each entry's place (n,) among the rows.

    Raises:
        TableError: a raw cell that the decoder can never give.
    """
    import torch

    from kuamo.column import entries_of

    entry, place = entries_of(table.column(port.name).row, rows)
    at = torch.from_numpy(np.asarray(place, dtype=np.int64))
    if len(entry) == 0:
        return torch.zeros(0, port.decoder.out), at
    if frozen is not None:
        return torch.from_numpy(frozen[entry]), at
    items = [prepare(port.encoder)(value) for value in table.values(port.name, entry)]
    try:
        return port.decoder.target(collate(port.encoder, items, port.name)), at
    except KuamoError as error:
        raise TableError(f"column {port.name!r}: {error}") from None
