"""What is asked of an index: inputs as `Space.encode` takes them, ready codes, and weighted sums of both.

z = Σ_i w_i z_i        then brought to the length that the space compares at
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import EmbeddingSpace

__all__ = ["EncodedQueries", "Query", "QueryTerms", "encode_queries"]

QueryTerms = tuple[tuple[float, tuple[str, ...]], ...] | None
"""(weight, columns) of each term of a query; `None` where a term is a ready code, whose columns nobody knows."""


@dataclass(frozen=True, init=False, eq=False)
class Query:
    """A weighted sum of inputs; queries add, subtract and scale.

    Args:
        input: one input, as in `Space.encode`, or a `Embedding` of one row.

    Example:
        >>> query = Query({"text": "a dog"}) + Query({"text": "snow"}) - 2 * Query({"text": "brown"})
        >>> [weight for weight, _ in query.terms]
        [1.0, 1.0, -2.0]
    """

    terms: tuple[tuple[float, Any], ...]
    __array_ufunc__ = None  # so that NumPy's numbers leave the product to us

    def __init__(self, input: Any) -> None:
        if input is None or isinstance(input, Query):
            raise TableError(f"given a Query of {type(input).__name__}; expected one input, as in Space.encode")
        object.__setattr__(self, "terms", ((1.0, input),))

    def __add__(self, other: Query) -> Query:
        return _of(self.terms + other.terms) if isinstance(other, Query) else NotImplemented

    def __sub__(self, other: Query) -> Query:
        return self + -other if isinstance(other, Query) else NotImplemented

    def __neg__(self) -> Query:
        return -1.0 * self

    def __rmul__(self, weight: float) -> Query:
        try:
            weight = float(weight)
        except (TypeError, ValueError):
            return NotImplemented
        except OverflowError:  # a whole number beyond what a float holds
            weight = np.inf
        if not np.isfinite(weight) or weight == 0:
            raise TableError(f"given the weight {weight}; expected a finite number other than 0")
        weights = [weight * w for w, _ in self.terms]
        if not np.isfinite(weights).all() or 0 in weights:
            raise TableError(
                f"given the weight {weight} of a query that has weights already; expected less extreme ones"
            )
        return _of(tuple(zip(weights, (term for _, term in self.terms), strict=True)))

    __mul__ = __rmul__


def _of(terms: tuple[tuple[float, Any], ...]) -> Query:
    query = object.__new__(Query)
    object.__setattr__(query, "terms", terms)
    return query


@dataclass(frozen=True, eq=False)
class EncodedQueries:
    """Queries, encoded.

    Args:
        codes: (B, d) float32, ready for a dot product, or d and more, see `EmbeddingSpace.as_queries`. recipes: what
            each was made of.
        many: was it a list? Then the answer is one too.
    """

    codes: np.ndarray
    recipes: list[QueryTerms]
    many: bool


def encode_queries(space: EmbeddingSpace, query: Any, target: str | None = None) -> EncodedQueries:
    """Codes of one query, of a list of queries, or of ready codes; `target` is the only column that is searched.

    Raises:
        TableError: a query with nothing in it, a code of another size, terms that cancel.
    """
    many = isinstance(query, list | tuple | Embedding)
    queries = (
        [query[i : i + 1] for i in range(len(query))] if isinstance(query, Embedding) else query if many else [query]
    )
    terms = [item.terms if isinstance(item, Query) else ((1.0, item),) for item in queries]
    codes, shares, columns = _encode_terms(space, [term for part in terms for _, term in part], target)
    out, made = np.empty((len(terms), space.dim), np.float32), np.empty((len(terms), len(space.ports)), np.float32)
    recipes, start = [], 0
    for row, part in enumerate(terms):
        weights, stop = np.array([weight for weight, _ in part]), start + len(part)
        weights = weights / np.abs(weights).max()  # only their shares count, and sums of the largest are numbers still
        scaled = _scaled(weights, codes[start:stop], row)
        out[row], made[row] = scaled @ codes[start:stop], scaled @ shares[start:stop]
        made_of = list(zip(weights.tolist(), columns[start:stop], strict=True))
        recipes.append(tuple(made_of) if all(names for _, names in made_of) else None)  # type: ignore[arg-type]
        start = stop
    return EncodedQueries(space.as_queries(out, made), recipes, many)


def _encode_terms(
    space: EmbeddingSpace, terms: Sequence[Any], target: str | None
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, ...]]]:
    """Comparable codes (T, d) of all terms in one batch, the weight (T, M) of each column in them, and the columns that
    each has; none for a ready code."""
    codes = np.empty((len(terms), space.dim), np.float32)
    shares = np.zeros((len(terms), len(space.ports)), np.float32)
    columns: list[tuple[str, ...]] = [()] * len(terms)
    raw = [number for number, term in enumerate(terms) if not isinstance(term, Embedding)]
    if raw:
        inputs = [terms[number] for number in raw]
        code, present = space.encode(inputs, target=target), space.as_table(inputs).present()
        if not present.any(axis=1).all():
            raise TableError("the query is empty; expected at least one cell")
        codes[raw], shares[raw] = space.normalized(code), code.columns
        names = [port.name for port in space.ports]
        for number, there in zip(raw, present, strict=True):
            columns[number] = tuple(name for name, here in zip(names, there, strict=True) if here)
    for number, term in enumerate(terms):
        if isinstance(term, Embedding):
            codes[number] = _ready(space, term)
            shares[number] = 0 if term.columns is None else term.columns[0]
    return codes, shares, columns


def _ready(space: EmbeddingSpace, code: Embedding) -> np.ndarray:
    array = np.asarray(code, dtype=np.float32)
    if array.shape != (1, space.dim):
        raise TableError(f"given a code of shape {array.shape}; expected (1, {space.dim}), a code of this space")
    if not np.isfinite(array).all() or (code.present is not None and not np.all(code.present)):
        raise TableError("given a code that is absent or not finite; expected a code of this space")
    return space.normalized(array)[0]


def _scaled(weights: np.ndarray, codes: np.ndarray, row: int) -> np.ndarray:
    """Weights by which Σ w z has the weighted mean length of its terms: unit norm stays unit norm, and 2z ranks and
    scores like z."""
    if len(weights) == 1 and weights[0] > 0:
        return np.ones(1, np.float32)
    total, lengths = weights @ codes, np.linalg.norm(codes, axis=1)
    length, expected = np.linalg.norm(total), np.abs(weights) @ lengths / np.abs(weights).sum()
    if length <= 1e-6 * expected:
        raise TableError(f"query {row}: given terms that cancel; expected a sum that is not 0")
    return (weights * (expected / length)).astype(np.float32)
