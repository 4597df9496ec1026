"""Out of the space: codes → what columns would hold, and how likely what they do hold is.

decode:  z → p(y | z)          sample:  z ~ N(0, I), or a mixture fitted on codes → decode

log p(y_A) ≈ log 1/K Σ_k p(z_k) Π_{m ∈ A} p(y_m | z_k) / q(z_k | x_S),     z_k ~ q(z | x_S),   S ⊆ A
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np

from kuamo.core.errors import FeatureWarning, KuamoError, TableError, warn_user
from kuamo.core.messages import Note
from kuamo.core.modules import is_module
from kuamo.core.validation import is_int, names_of
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.parts import RowCodes
from kuamo.embedding.space import EmbeddingSpace, Tower, fuse_codes, run_head
from kuamo.encoders.base import Encoder, batches, encode_items
from kuamo.generation.codecs.base import Codec, decode_cells, reference_values
from kuamo.generation.gaussian_mixture import GaussianMixture

__all__ = []

BLOCK = 1024  # codes that are decoded at a time
MOST_DRAWS = 10_000  # of one input
ROWS = 64  # of a table are judged at a time


@dataclass(frozen=True)
class Sampling:
    """How values are made of codes: see the arguments of `Space.translate`."""

    seed: int = 0
    samples: int | None = None
    posterior: bool = False
    project: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def codes(self, port: Tower, code: Embedding, turn: int = 0) -> np.ndarray:
        """z (n, d) that a column's decoder makes values of."""
        if self.posterior and self.samples is not None:  # each sample has its own z
            code = code[np.repeat(np.arange(len(code)), self.samples)]
        z = sample_posterior(code, self.seed + turn) if self.posterior else np.asarray(code)
        return memory_of(port)(z) if self.project else z

    def noise(self, port: Tower) -> Any:
        """What is added to draws of p(y | z): noise where a decoder draws, or means are not asked for; or nothing."""
        decoder = Decoder.adapt(port.decoder)
        drawn = bool(decoder.noise) or self.posterior
        guidance = self.options.get("guidance", decoder.guidance)
        return port.residual if drawn and guidance == 1 else None


def decode_columns(space: EmbeddingSpace, z: np.ndarray, to: str | Sequence[str], how: Sampling) -> Any:
    """What one column would hold at codes (n, d), or column → that of several, from the same codes.

    y (n, L), or a list of values if the column has a codec; with `samples`, (n, samples, L) or a list of lists.
    """
    names = names_of(to)
    z = space.check_codes(z).astype(np.float32)
    check_options(space, names, how)
    for name in names:
        if Decoder.adapt(space.port(name).decoder).style_columns:
            raise KuamoError(
                f"column {name!r} is generated from the codes of several columns, not from one code; expected "
                "translate, with cells"
            )
    made = {name: sample_values(space.port(name), z, how) for name in names}
    return made[to] if isinstance(to, str) else made


def translate_columns(
    space: EmbeddingSpace, stacked: RowCodes, rows: Table, to: str | Sequence[str], how: Sampling
) -> Any:
    """As `decode_columns`, each column from what its decoder sees of rows; one draw of a code serves all columns."""
    made = {}
    for name in names_of(to):
        port = space.port(name)
        code = decoder_input(space, port, stacked)
        require_inputs(rows, port, code)
        made[name] = sample_values(port, how.codes(port, code), how, others=reference_values(port.codec, rows))
    return made[to] if isinstance(to, str) else made


def decoder_input(space: EmbeddingSpace, port: Tower, codes: RowCodes) -> Embedding:
    """What a column's decoder sees of rows: one code (B, d), fused; of a decoder with style columns two, side by side
    (B, 2d): of all columns but these and its own, and of these. `present` says where it is all there."""
    by = Decoder.adapt(port.decoder).style_columns
    if not by:
        return fuse_codes(space.fusion, codes, port.name)[0]
    names = [other.name for other in space.ports]
    style = np.isin(names, by)
    content = ~style & (np.array(names) != port.name)
    z, t = (fuse_codes(space.fusion, codes.given(codes.present & which), port.name)[0] for which in (content, style))
    return Embedding(np.concatenate([z, t], axis=1), present=np.asarray(z.present) & np.asarray(t.present))


def memory_of(port: Tower) -> Any:
    """The training codes onto which codes of a column are projected."""
    if port.memory is None:
        raise KuamoError(
            f"column {port.name!r}: given project=True, and its decoder has stored no training codes; expected a "
            f"space fitted with decoders={{{port.name!r}: km.Flow()}}"
        )
    return port.memory


def require_inputs(rows: Table, port: Tower, code: Embedding) -> None:
    """Refuse rows that a column cannot be made of."""
    absent = np.zeros(0, int) if code.present is None else np.flatnonzero(~np.asarray(code.present))
    if len(absent):
        by, other = Decoder.adapt(port.decoder).style_columns, Codec.adapt(port.codec).reference_column
        expected = (
            f"a cell of {' and '.join(map(repr, by))}, and one of {repr(other) if other else 'another column'}"
            if by
            else "at least one cell"
        )
        raise TableError(f"row {absent[0]}: {'too few cells' if by else 'no cell'} to translate; expected {expected}")


def decode_chained(
    space: EmbeddingSpace, stacked: RowCodes, rows: Table, to: Sequence[str], how: Sampling
) -> dict[str, Any]:
    """As `translate_columns`, each column of what is present and of the columns made before.

    p(y_1, y_2, … | x) = p(y_1 | x) p(y_2 | x, y_1) …
    """
    times = how.samples or 1
    stacked = stacked[np.repeat(np.arange(len(stacked)), times)]
    single, made = replace(how, samples=None), {}
    for turn, name in enumerate(to):
        port = space.port(name)
        code = decoder_input(space, port, stacked)
        require_inputs(rows, port, code)
        others = reference_values(port.codec, rows, np.repeat(np.arange(len(rows)), times))
        values = sample_values(port, how.codes(port, code, turn), single, varied=times > 1, others=others)
        made[name] = values if how.samples is None else grouped(values, how.samples)
        if turn + 1 < len(to):
            number = [other.name for other in space.ports].index(name)
            stacked = stacked.with_made(number, name, code_of(port, values))
    return made


def grouped(values: Any, n: int) -> Any:
    """(B · n, L) → (B, n, L), or a list of B · n values → B lists of n."""
    if isinstance(values, np.ndarray):
        return values.reshape(-1, n, *values.shape[1:])
    return [values[at : at + n] for at in range(0, len(values), n)]


def code_of(port: Tower, values: Any) -> Embedding:
    """The codes of what was made for a column: of its values, or of y, which are its features without a codec."""
    if port.codec is None and Encoder.adapt(port.encoder).inverse is None:
        return run_head(port.head, np.asarray(values, np.float32))
    items = map(Encoder.adapt(port.encoder).prepare, values)
    parts = [encode_items(port.encoder, items_of_batch, port.name) for items_of_batch in batches(items, ROWS)]
    return run_head(port.head, np.concatenate(parts))


def sample_values(
    port: Tower, z: np.ndarray, how: Sampling, varied: bool = False, others: list[Any] | None = None
) -> Any:
    """One column's part of `decode_columns`; an option that its decoder does not know is another column's.

    Args:
        others: of a codec that needs them, one value for each row; see `reference_values`.
    """
    n, decoder = how.samples, Decoder.adapt(port.decoder)
    if n is not None and decoder.nearest is not None:
        found = decoder.nearest(z, 1 if how.posterior else n)
        return grouped(port.codec.decode(found.reshape(-1, 1)), n)
    z = z if n is None or how.posterior else np.repeat(z, n, axis=0)
    known = {name: value for name, value in how.options.items() if name in decoder.options}
    known = {**decoder.varied, **known} if varied or n not in (None, 1) else known
    blocks = range(0, max(len(z), 1), BLOCK)
    seed = (crc32(port.name.encode("utf-8", "surrogatepass")) << 20) + how.seed  # columns share z, and no other noise
    y = np.concatenate([decode(port.decoder, z[at : at + BLOCK], seed + at, **known) for at in blocks])
    if (noise := how.noise(port)) is not None:
        y = noise(y, how.seed, port.name)
    if others is not None and len(others) < len(z):
        others = [value for value in others for _ in range(n or 1)]
    values = decode_cells(port, y, others)
    return values if n is None else grouped(values, n)


def check_options(space: EmbeddingSpace, names: Sequence[str], how: Sampling) -> None:
    """Refuse columns without a decoder, and options that no decoder of these columns knows."""
    decoders = {name: decoder_of(space, name) for name in names}
    if how.samples is not None and not (is_int(how.samples, 1) and how.samples <= MOST_DRAWS):
        raise KuamoError(f"given samples={how.samples!r}; expected a whole number from 1 to {MOST_DRAWS:,}")
    for option in how.options:
        if not any(option in Decoder.adapt(decoder).options for decoder in decoders.values()):
            name, kind = names[0], type(decoders[names[0]]).__name__
            raise KuamoError(
                f"column {name!r}: given {option}=, which its decoder ({kind}) does not have; expected no {option}=, "
                f"or a space fitted with decoders={{{name!r}: km.Flow()}}"
            )


def warn_of_features(space: EmbeddingSpace, to: str | Sequence[str]) -> None:
    """Say where y are features of a column's encoder, which are not what the column holds."""
    for name in names_of(to):
        port = space.port(name)
        own = Decoder.adapt(port.decoder).target is not None
        if port.codec is None and not own and Encoder.adapt(port.encoder).inverse is None:
            said = Note("made_features", column=name, kind=type(port.modality).__name__)
            warn_user(said, FeatureWarning)


def decoder_of(space: EmbeddingSpace, name: str) -> Any:
    """A column's decoder; an error where it has none."""
    port = space.port(name)
    if port.decoder is None:
        able = [other.name for other in space.ports if other.decoder is not None]
        others = f"one of {able}, which have one, or " if able else ""
        kind = {"Text": "Caption", "Category": "Ridge", "Number": "Ridge"}.get(type(port.modality).__name__, "Flow")
        raise KuamoError(
            f"column {name!r} has no decoder to generate it; expected {others}"
            f"a space fitted with decoders={{{name!r}: km.{kind}()}}"
        )
    return port.decoder


def decode(decoder: Any, z: np.ndarray, seed: int = 0, **options: Any) -> np.ndarray:
    """One sample of p(y | z) for each code, as numpy; options are arguments of the decoder's `sample`."""
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
    """Arguments by which a decoder samples from p(y | z) itself, without guidance."""
    return {"guidance": 1.0} if "guidance" in Decoder.adapt(decoder).options else {}


def sample_prior(space: EmbeddingSpace, n: int, prior: GaussianMixture | None, seed: int) -> np.ndarray:
    """Codes (n, d) from the prior."""
    rng = np.random.default_rng(seed)
    if prior is not None:
        return prior.sample(n, rng)
    if not space.ports[0].head.gaussian:
        raise KuamoError(
            "given a space whose codes are points; expected Gaussian codes, or prior=space.fit_prior(table)"
        )
    return rng.standard_normal((n, space.dim)).astype(np.float32)


def sample_posterior(code: Embedding, seed: int) -> np.ndarray:
    """One draw (n, d) of each row's posterior; a point code's is its mean."""
    mean = np.asarray(code)
    if code.logvar is None:
        return mean
    noise = np.random.default_rng(seed).standard_normal(mean.shape)
    return (mean + np.exp(0.5 * np.asarray(code.logvar)) * noise).astype(np.float32)


def log_gain(encoder: Any) -> float:
    """What log p of standardised features lacks to be that of a column's own numbers: Σ log g of those that vary."""
    encoder = Encoder.adapt(encoder)
    gain = encoder.gain
    return 0.0 if gain is None or encoder.inverse is None else float(np.log(gain[gain > 0]).sum())
