"""Prediction among many classes of few rows each: by codes of classes rather than by one weight vector for each.

    W_m = (1 − δ) Ŵ_m + δ tr(Ŵ_m)/D I         Ŵ_m: covariance of column m's features within classes, δ: shrinkage (OAS)
    z_m = unit((x_m − x̄_m) W_m^(−½) P_m)      P_m: main axes of the whitened class means
    c_{k,m} = unit(mean of z_m over rows of class k)
    p(k | x_S) = softmax_k(τ mean_{m ∈ S} z_m · c_{k,m})

What parts a row from others of its class is divided out; nothing else is learned from the two or three rows that a
class has, so 2,000 classes cost no more than two. Columns stand side by side in the code, so that any subset of them
has the mean of its cosines. τ is calibrated on rows whose class mean is taken without them. Memory is (n + K) d, never
n K.

References:
    Probabilistic Linear Discriminant Analysis, S. Ioffe, 2006 (within-class whitening).
    Shrinkage Algorithms for MMSE Covariance Estimation, Y. Chen, A. Wiesel, Y. Eldar and A. Hero, 2010 (OAS).
    Distance-Based Image Classification, T. Mensink, J. Verbeek, F. Perronnin and G. Csurka, 2013 (class means).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form import LinearMap
from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.closed_form.logistic import log_softmax
from kuamo.closed_form.scaling import standardize
from kuamo.closed_form.svd import svd
from kuamo.core.arrays import row_means
from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.types import Matrix, Packed
from kuamo.data.table import Table
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.encoders.base import Encoder
from kuamo.encoders.one_hot import OneHot
from kuamo.objectives.prediction.objective import Predict
from kuamo.training.objective import Objective, terms_of

__all__ = ["ClassCodes", "metric_target", "solve_class_codes"]

MANY, ROWS_EACH = 100, 10  # more classes than that, with fewer rows each
AXES = 128  # of a column's code
SCORES = 4_000_000  # numbers, by which τ is chosen


class ClassCodes:
    """The decoder of classes by their codes: p(k | z) = softmax_k(τ z · c_k).

    Args:
        codes: c (K, d). temperature: τ.

    Example:
        >>> ClassCodes(np.eye(2), 3.0).sample(np.array([[1.0, 0.0]])).round(2)
        array([[0.95, 0.05]], dtype=float32)
    """

    def __init__(self, codes: NDArray[np.floating], temperature: float) -> None:
        self.codes, self.temperature = np.asarray(codes, np.float32), float(temperature)

    @property
    def out(self) -> int:
        """K."""
        return len(self.codes)

    def sample(self, z: Any) -> NDArray[np.float32]:
        """Probabilities (n, K) of codes (n, d)."""
        score = self.temperature * (np.asarray(z, np.float32) @ self.codes.T)
        score = np.exp(score - score.max(1, keepdims=True))
        return np.asarray(score / score.sum(1, keepdims=True))

    def config(self) -> dict[str, Any]:
        """The plain part of its stored form."""
        return {"temperature": self.temperature}

    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of it."""
        return {"codes": self.codes}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> ClassCodes:
        """The inverse of `config` and `arrays`."""
        return cls(arrays["codes"], config["temperature"])


class Part(NamedTuple):
    """One column's part: its map to (d_m,), its rows (n,), their codes (n, d_m), and those of classes (K, d_m)."""

    map: LinearMap
    row: NDArray[np.intp]
    codes: Matrix
    means: Matrix


def metric_target(objective: Objective | None, ports: Sequence[Tower], table: Table) -> str | None:
    """The column that is predicted by codes of classes: of many, with few rows each, from frozen columns alone."""
    terms = [term for _, term in terms_of(objective)] if objective is not None else []
    if len(terms) != 1 or not isinstance(terms[0], Predict) or any(is_trainable(port.encoder) for port in ports):
        return None
    port = next((port for port in ports if port.name == terms[0].to), None)
    if port is None or not isinstance(port.encoder, OneHot) or port.decoder is not None:
        return None
    count = len(port.encoder.names)
    return port.name if count > MANY and len(table.column(port.name).row) < ROWS_EACH * count else None


def solve_class_codes(space: EmbeddingSpace, table: Table, cells: Packed, to: str) -> None:
    """Heads of all columns and the decoder of the target, in closed form.

    Raises:
        TableError: no other column, or no class with two rows of one.
    """
    target = space.port(to)
    label = np.full(len(table), -1)
    for entry, value in table.try_values(to):
        if isinstance(value, str):
            label[table.column(to).row[entry]] = target.encoder.number(value)
    parts = {name: part_of(name, *cells[name], label, len(target.encoder.names), space) for name in cells}
    width = sum(part.map.dim_out for part in parts.values())
    codes, at = np.zeros((len(target.encoder.names), width)), 0
    for name, part in parts.items():
        where = slice(at, at + part.map.dim_out)
        space.port(name).head = ClosedFormHead(widened(part.map, where, width), np.ones(width), "after")
        codes[:, where], at = part.means, where.stop
    target.head = ClosedFormHead(LinearMap(np.zeros(len(codes)), codes), None)
    target.decoder = ClassCodes(codes, temperature_of(parts, label, len(codes)))
    space.score = "dot"
    space.notes.append(Note("class_codes", column=to, count=len(codes), columns=" + ".join(parts), size=width))


def part_of(
    name: str, x: np.ndarray, row: np.ndarray, label: NDArray[np.intp], classes: int, space: EmbeddingSpace
) -> Part:
    """A column's metric, codes and class means."""
    scaling = standardize(x, Encoder.adapt(space.port(name).encoder).blocks)
    rows = np.unique(row)
    own = row_means(scaling(x).astype(np.float64), row, rows)
    known = label[rows] >= 0
    own, rows, of = own[known], rows[known], label[rows[known]]
    mean = own.mean(0)
    centered = own - mean
    basis = svd(centered)[2].T if len(centered) < centered.shape[1] else np.eye(centered.shape[1])
    inside = centered @ basis
    means, count = class_means(inside, of, classes)
    within, freedom = (inside - means[of])[count[of] > 1], int((count[count > 1] - 1).sum())
    if freedom == 0:
        raise TableError(
            f"column {name!r}: no class has two rows; expected some that have, from which classes are distinguished"
        )
    white = inverse_root(within.T @ within / freedom, freedom)
    axes = svd((means[count > 0] - inside.mean(0)) @ white)[2][:AXES].T
    turn = basis @ white @ axes
    codes = unit_rows(centered @ turn)
    to = scaling.into(LinearMap(mean, turn))
    assert isinstance(to, LinearMap)
    return Part(to, rows, codes, unit_rows(class_means(codes, of, classes)[0]))


def inverse_root(covariance: Matrix, freedom: int) -> Matrix:
    """W^(−½) (D, D) of a covariance with so many degrees of freedom, shrunk to a multiple of I (OAS)."""
    size = len(covariance)
    trace, square = float(np.trace(covariance)), float(np.square(covariance).sum())
    over = (freedom + 1 - 2 / size) * (square - trace**2 / size)
    share = min(1.0, ((1 - 2 / size) * square + trace**2) / over) if over > 0 else 1.0
    values, axes = np.linalg.eigh((1 - share) * covariance + share * trace / size * np.eye(size))
    least = max(1e-8 * float(values[-1]), np.finfo(np.float64).tiny)
    return (axes / np.sqrt(np.maximum(values, least))) @ axes.T


def class_means(x: Matrix, of: NDArray[np.intp], classes: int) -> tuple[Matrix, NDArray[np.intp]]:
    """Means (K, D) of rows x (n, D) of classes (n,), 0 where a class has none, and how many it has (K,)."""
    count = np.bincount(of, minlength=classes)
    total = np.zeros((classes, x.shape[1]))
    np.add.at(total, of, x)
    return total / np.maximum(count, 1)[:, None], count


def widened(to: LinearMap, where: slice, width: int) -> LinearMap:
    """The map into its own place in a longer code."""
    weight, offset = np.zeros((to.dim_in, width)), np.zeros(width)
    weight[:, where], offset[where] = to.weight, to.offset
    return LinearMap(to.shift, weight, offset)


def temperature_of(parts: Mapping[str, Part], label: NDArray[np.intp], classes: int) -> float:
    """τ by the cross-entropy of some rows, each with its class's mean taken without it."""
    from scipy.optimize import minimize_scalar

    rows = np.flatnonzero(label >= 0)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[: max(100, SCORES // classes)])
    score, there = np.zeros((len(rows), classes)), np.zeros(len(rows))
    for part in parts.values():
        has = np.isin(rows, part.row)
        z = part.codes[np.searchsorted(part.row, rows[has])]
        of, count = label[rows[has]], np.bincount(label[part.row], minlength=classes)
        total = np.zeros_like(part.means)
        np.add.at(total, label[part.row], part.codes)
        found = z @ part.means.T
        found[np.arange(len(z)), of] = (unit_rows(total[of] - z) * z).sum(1) * (count[of] > 1)
        score[has] += found
        there[has] += 1
    usable = there > 0
    score, of = score[usable] / there[usable, None], label[rows[usable]]

    def loss(log_tau: float) -> float:
        return -float(log_softmax(np.exp(log_tau) * score)[np.arange(len(of)), of].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 7.0), method="bounded").x))
