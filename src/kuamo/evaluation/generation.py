"""How good is what a space makes? Each column made from each other one, on rows that it has not seen.

    gen_R2            1 − E‖E[ŷ | z] − y‖² / E‖y − ȳ‖²,  of draws without guidance; see `unbiased_r2`
    gen_energy        (E‖ŷ − y‖ − ½ E‖ŷ − ŷ′‖) / E‖y − ȳ‖, of the same draws; gen_energy_ridge of the closed form
    gen_R@1           is, of all real cells, the row's own (or one of its label) nearest to what is made?
    gen_diversity     mean distance of two draws of a row / of two real cells of one label
    gen_memorization  distance to the nearest training cell / the same of the row's real cell; the median
    gen_accuracy      what a judge takes for the row's label; gen_accuracy_real of the real cell, gen_accuracy_codec of
                      the same through the codec and back, which bounds all that is made
    gen_token_F1      of texts: the words in common with the row's own

Distances are of y, a codec's numbers, or features where a column has no codec. Features are found by centred cosine:

    gen_R@1, gen_R@10                    the real cell among all real cells, by what is made
    gen_reverse_R@1, gen_reverse_R@10    what is made of its row among all that is made, by the real cell
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.core.errors import KuamoError, TableError
from kuamo.data.modalities import Text
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.space import Tower, run_head
from kuamo.encoders.feature_cache import features
from kuamo.evaluation.results import GeneratedExample, GenerationResult
from kuamo.generation.codecs.base import Codec, decode_cells, encode_cells, reference_values
from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.generation.translation import decode, decoder_input, decoder_of, unguided
from kuamo.metrics import Interval, bootstrap_all, per_query, rank_queries
from kuamo.metrics.sample_quality import mean_distance, nearest_rows, token_f1
from kuamo.space import Space

__all__ = ["TrainingReference", "check_made", "evaluate_generation", "known_of"]

MOST = 300  # rows that are made for each pair of columns
MOST_TRAINING = 20_000  # rows among which copies are looked for, and by which the closed form is solved
MEDIANS = ("gen_memorization",)
Judges = Mapping[str, Callable[[list[Any]], Sequence[Any]]]


@dataclass(frozen=True, eq=False)
class TrainingReference:
    """What the training rows say of a column that is made.

    Args:
        y: (m, L) of its training cells. ridge: the closed form from all columns' codes of the same rows.
    """

    y: np.ndarray
    ridge: Any


def check_made(space: Space, table: Table, made: Sequence[str], judges: Judges) -> None:
    """Refuse columns without a decoder, and judges of other columns or of a table without labels."""
    for name in made:
        decoder_of(space, name)
        table.column(name)
    for name in judges:
        if name not in made:
            raise KuamoError(
                f"given a classifier of column {name!r}; expected one of the columns that are generated, {list(made)}"
            )
        if table.labels is None:
            raise TableError("labels are missing; expected a table with labels, which classifiers= are compared with")


def evaluate_generation(
    space: Space,
    table: Table,
    source: str,
    target: str,
    *,
    draws: int,
    examples: int,
    judges: Judges,
    training: TrainingReference | None,
    seed: int,
) -> GenerationResult | None:
    """Make the target of the source's cells, and of those that its decoder cannot do without; `None` if no row has them
    all, or if the source is but the style of a content.

    Args:
        draws: of each row, at least 2. judges: column → values → labels. training: what is known of the target from
            the training rows. seed: of rows and draws.
    """
    port = space.port(target)
    by, of = Decoder.adapt(port.decoder).style_columns, Codec.adapt(port.codec).reference_column
    given = list(dict.fromkeys([source, *by, *((of,) if of else ())]))
    if source in by or not all(name in table.columns for name in given):
        return None
    rows = sampled_rows(table, [*given, target], seed)
    if len(rows) == 0:
        return None
    part = table.take(rows)
    z, others = (
        np.asarray(decoder_input(space, port, space.encode_columns(part.select(*given)))),
        reference_values(port.codec, part),
    )
    y = decoded_samples(port.decoder, z, draws, seed)
    column = part.column(target)
    first = np.unique(column.row, return_index=True)[1]
    real = list(part.values(target, first))
    if isinstance(port.modality, Text) and port.codec is not None:
        values = {"gen_token_F1": token_f1(port.codec.decode(y[:, 0]), real)}
    else:
        own = y_of(port, part)
        values = predictive_scores(port.decoder, z, own, y, seed, training) | compared(port, part, own, y, training)
    values |= classifier_scores(port, part, real, y[:, 0], judges.get(target), others)
    order = np.random.default_rng([seed, 3]).permutation(len(rows))[:examples]
    kept = min(draws, 4)
    made = [list(decode_cells(port, y[i, :kept], others and [others[i]] * kept)) for i in order]
    shown = [GeneratedExample(part.ids[i], kept) for i in order]
    return GenerationResult(source, target, part.ids, values, type(port.decoder).__name__, shown, made)


def known_of(space: Space, table: Table, name: str, seed: int) -> TrainingReference | None:
    """What training rows say of a column, at most 20,000 of them; `None` of texts."""
    port = space.port(name)
    if isinstance(port.modality, Text) and port.codec is not None:
        return None
    part = table.take(np.sort(np.random.default_rng([seed, 9]).permutation(len(table))[:MOST_TRAINING]))
    if port.codec is not None:
        y = encode_cells(port.codec, part, name, np.arange(len(part.column(name).row)))
    else:
        y = np.asarray(features(part, name, port.encoder))
    codes = {
        other.name: (run_head(other.head, features(part, other.name, other.encoder)), part.column(other.name).row)
        for other in space.ports
        if other.name in part.columns
    }
    known = y[np.isfinite(y).all(1)]  # of a codec that needs another column's cell, some may be missing
    if Decoder.adapt(port.decoder).style_columns:  # it is shown two codes, ridge would be shown one
        return TrainingReference(known, None)
    return TrainingReference(known, DecoderProblem(space, codes, {name: y}).ridge(name, np.arange(len(part))))


def sampled_rows(table: Table, names: Sequence[str], seed: int) -> np.ndarray:
    """Rows that have these columns, at most 300, drawn with the seed."""
    rows = reduce(np.intersect1d, [np.unique(table.column(name).row) for name in names])
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng([seed, 5]).permutation(rows)[:MOST])
    return rows


def decoded_samples(decoder: Any, z: np.ndarray, draws: int, seed: int, **options: Any) -> np.ndarray:
    """Draws (n, K, L) of each code."""
    return np.stack([decode(decoder, z, seed + k, **options) for k in range(draws)], 1)


def predictive_scores(
    decoder: Any, z: np.ndarray, own: np.ndarray, y: np.ndarray, seed: int, training: TrainingReference | None
) -> dict[str, np.ndarray]:
    """R² and energy: how well the decoder's distribution predicts the rows' own cells (n, L).

    Args:
        y: (n, K, L), what is made as it comes; a guided draw is no draw of the distribution, and others take its place.
    """
    if options := unguided(decoder):
        y = decoded_samples(decoder, z, y.shape[1], seed, **options)
    usual = max(float(np.linalg.norm(own - own.mean(0), axis=1).mean()), 1e-12)
    found = {"gen_R2": unbiased_r2(y, own), "gen_energy": energies(y, own) / usual}
    if training is not None and training.ridge is not None:
        found["gen_energy_ridge"] = energies(decode(training.ridge, z)[:, None], own) / usual
    return found


def unbiased_r2(y: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Each row's part (n,) of R² of the mean of p(y | z), unbiased: the mean of K draws errs by 1/K of their variance.

        1 − (‖m − y‖² − s²/K) / E‖y − ȳ‖²,   m and s² the draws' mean and variance

    Args:
        y: draws (n, K, L). own: (n, L).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> own = rng.normal(size=(5000, 3))
        >>> bool(abs(unbiased_r2(rng.normal(size=(5000, 2, 3)), own).mean()) < 0.05)
        True
    """
    draws = y.shape[1]
    mean = y.mean(1)
    variance = np.square(y - mean[:, None]).sum((1, 2)) / max(draws - 1, 1)
    spread = np.square(own - own.mean(0)).sum(1).mean()
    return 1 - (np.square(mean - own).sum(1) - variance / draws) / max(float(spread), 1e-12)


def energies(y: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The energy score (n,) of draws (n, K, L) for the rows' own cells (n, L); of one point its distance.

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation, Gneiting and Raftery, 2007.

    Example:
        >>> energies(np.array([[[0.0], [2.0]]]), np.array([[1.0]]))
        array([0.])
    """
    near = np.linalg.norm(y - own[:, None], axis=-1).mean(1)
    apart = np.array([mean_distance(one) for one in y]) if y.shape[1] > 1 else 0.0
    return near - 0.5 * apart


def compared(
    port: Tower, part: Table, own: np.ndarray, y: np.ndarray, training: TrainingReference | None
) -> dict[str, np.ndarray]:
    """What follows from draws y (n, K, L), as `translate` makes them, and the rows' own cells (n, L)."""
    label = part.labels if part.labels is not None else part.ids
    key = np.unique([str(one) for one in label], return_inverse=True)[1]
    if port.codec is None:
        found = retrieval_scores(y[:, 0], own, key)
    else:
        found = {"gen_R@1": (key[nearest_rows(y[:, 0], own)[0]] == key).astype(float)}
    within = [mean_distance(own[key == k]) for k in np.unique(key) if (key == k).sum() >= 2]
    if within and np.mean(within) > 0:
        found["gen_diversity"] = np.array([mean_distance(one) for one in y]) / np.mean(within)
    if training is not None and len(training.y):
        usual = np.median(nearest_rows(own, training.y)[1])
        found["gen_memorization"] = nearest_rows(y[:, 0], training.y)[1] / max(float(usual), 1e-12)
    return found


def retrieval_scores(made: np.ndarray, own: np.ndarray, key: np.ndarray) -> dict[str, np.ndarray]:
    """Recall (n,) of features (n, L) that were made among real ones, and of real ones among made, by centred cosine.

    Example:
        >>> real = np.eye(3)
        >>> [float(hit.mean()) for hit in retrieval_scores(2 * real, real, np.arange(3)).values()]
        [1.0, 1.0, 1.0, 1.0]
    """
    there, here = (unit_rows((x - own.mean(0)).astype(np.float32)) for x in (made, own))
    ways = {"gen": (there, here), "gen_reverse": (here, there)}
    ranks = {way: rank_queries(*both, key, key)[0] for way, both in ways.items()}
    return {f"{way}_R@{k}": per_query(f"R@{k}", values) for way, values in ranks.items() for k in (1, 10)}


def y_of(port: Tower, table: Table) -> np.ndarray:
    """y (n, L) of a column's first cell in each row."""
    first = np.unique(table.column(port.name).row, return_index=True)[1]
    if port.codec is not None:
        return encode_cells(port.codec, table, port.name, first)
    return np.asarray(features(table, port.name, port.encoder))[first]


def classifier_scores(
    port: Tower,
    part: Table,
    real: list[Any],
    y: np.ndarray,
    judge: Callable[[list[Any]], Sequence[Any]] | None,
    others: list[Any] | None,
) -> dict[str, np.ndarray]:
    """Where a judge says the row's label: of what is made, of the real cell, and of that through the codec."""
    if judge is None:
        return {}
    assert part.labels is not None
    label = np.array([str(one) for one in part.labels])
    cells: dict[str, list[Any]] = {"gen_accuracy": list(decode_cells(port, y, others)), "gen_accuracy_real": real}
    if port.codec is not None:
        cells["gen_accuracy_codec"] = decode_cells(port, y_of(port, part), others)
    said = {name: np.array([str(one) for one in judge(values)]) for name, values in cells.items()}
    for name, one in said.items():
        if len(one) != len(label):
            raise KuamoError(
                f"column {port.name!r}: its classifier gave {len(one)} labels of {len(label)} cells ({name})"
            )
    return {name: (one == label).astype(float) for name, one in said.items()}


def intervals_of(making: GenerationResult, groups: Sequence[str], seed: int) -> dict[str, Interval]:
    """Measure → mean (or median) with its 95 % interval; groups are resampled whole."""
    kinds = {name: "median" if name in MEDIANS else "mean" for name in making.values}
    return bootstrap_all(making.values, kinds, groups=list(groups), seed=seed)
