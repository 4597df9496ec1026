"""Index: what both forms share, from a query to its hits.

    query → code → for each column its k nearest cells → percentiles → the k best of all → hits

An index belongs to the space that made it, and opens with no other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from kuamo.core.errors import KuamoError, TableError, did_you_mean, visible
from kuamo.core.files import not_there, place
from kuamo.core.folders import recover
from kuamo.core.old_names import old_methods
from kuamo.core.translation import say
from kuamo.core.validation import check_int
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace
from kuamo.index.filters import GIVEN, Filter, parse_filter
from kuamo.index.query import EncodedQueries, QueryTerms, encode_queries
from kuamo.index.rows import Progress, RowSchema, as_codes, code_field, padded_codes, text_field, thumbnail_field
from kuamo.index.score_calibration import NullDistribution, mismatched_scores, percentile

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Hit", "Index"]

SEVERAL_NULLS = 256  # nulls of composed queries that are remembered


class Hit(NamedTuple):
    """One answer: a cell that was found.

    Args:
        id: the row's. column: the cell's. score: of query and cell, as the space compares.
        percentile: of the score among cells that do not belong together, 0 to 100; `None` where the index
            holds too few of them.
        show: a few words for the row. thumbnail: a small JPEG, where the index keeps them.
    """

    id: str
    column: str
    score: float
    percentile: float | None
    show: str
    thumbnail: bytes | None = None

    def __repr__(self) -> str:
        rank = "" if self.percentile is None else f", {self.percentile:.4g} %"
        return f"Hit({self.id!r}, {self.column!r}, {self.score:.3f}{rank}, {self.show!r})"

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the thumbnail in base64."""
        picture = None if self.thumbnail is None else b64encode(self.thumbnail).decode()
        return self._asdict() | {"thumbnail": picture}


@old_methods(optimise="optimize")
class Index(ABC):
    """The codes of a table's cells in one space, ready for search.

    `space.index(table)` makes one in memory, `space.index(table, "pets.lance")` one on disk (extra `index`) that lasts
    and grows; the methods are the same.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.toy(rows=100, seed=0)
        >>> hits = km.fit(table, seed=0).index(table).search({"a": table[7]["a"]}, to="b", k=3)
        >>> len(hits), hits[0].column
        (3, 'b')
    """

    backends: ClassVar[list[type[Index]]] = []
    """Every kind of index that says where it can be kept (`accepts`), in the order of their definition."""

    layout: RowSchema

    def __init__(self, layout: RowSchema) -> None:
        self.layout = layout
        self._several: dict[Any, NullDistribution | None] = {}

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its codes live in."""
        return self.layout.space

    @property
    def columns(self) -> list[str]:
        """Where one can look: the space's columns."""
        return [port.name for port in self.space.ports]

    def __repr__(self) -> str:
        columns = ", ".join(self.columns)
        return visible(say("Index of {rows:,} rows; columns: {columns}", rows=len(self), columns=columns))

    # ── search ───────────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, query: Any, *, to: str | None = None, k: int = 10, where: str | None = None) -> Any:
        """The k cells that are nearest to a query.

        Args:
            query: one input as in `Space.encode`, or a `Query`, a weighted sum of inputs. A list of these, or an
                `Embedding` (n, d), asks several at once.
            to: the column to look in; `None` looks in all of them and orders the hits by percentile.
            k: how many.
            where: only rows that fulfil this, in a part of SQL over id, group, label and meta columns:
                `"category = 'Animals & Nature' AND year > 2019"`; see `kuamo.index.filters`. NaN is an absent value.

        Returns:
            A list of `Hit`, best first; for several queries a list of such lists.

        Raises:
            TableError: an unknown column, an empty query, k < 1, a filter that cannot be read.
        """
        if to is not None and to not in self.columns:
            raise TableError(f"no column {to!r}{did_you_mean(to, self.columns)}; the index has {self.columns}")
        check_int(1, k=k)
        self._refresh()
        chosen = None if where is None else parse_filter(where, self.layout, self._own_names)
        asked = encode_queries(self.space, query, to)
        inside = None if chosen is None else self._inside(chosen)
        wide = np.zeros((len(asked.codes), padded_codes(self.space.width)), np.float32)
        wide[:, : self.space.width] = asked.codes
        names = self.columns if to is None else [to]
        found = {name: self._nearest(self.columns.index(name), wide, k, inside) for name in names}
        answers = [self._hits(asked, row, {name: found[name][row] for name in names}, k) for row in range(len(wide))]
        return answers if asked.many else answers[0]

    def _own_names(self) -> list[str]:
        """Id, and group and label if a row has another group than its id, or a label."""
        return ["id", *(name for name, there in GIVEN.items() if len(self._inside(there)))]

    def _hits(
        self, asked: EncodedQueries, row: int, found: dict[str, tuple[np.ndarray, np.ndarray]], k: int
    ) -> list[Hit]:
        """The k most surprising of the cells that were found in each column."""
        names = [name for name, (handles, _) in found.items() for _ in handles]
        handles = np.concatenate([handles for handles, _ in found.values()])
        scores = np.concatenate([scores for _, scores in found.values()])
        nulls = {name: self._null_of(asked, row, name) for name, (handles, _) in found.items() if len(handles)}
        surprises = np.array(
            [-1.0 if (null := nulls[name]) is None else null.surprise(s) for name, s in zip(names, scores, strict=True)]
        )
        best = np.lexsort((handles, -scores, -surprises))[:k]
        kept = self._rows(handles[best]).to_pylist()
        return [
            Hit(
                id=stored["id"],
                column=names[place],
                score=float(scores[place]),
                percentile=None if surprises[place] < 0 else float(percentile(surprises[place])),
                show=self._show(stored, names[place]),
                thumbnail=self._picture(stored, names[place]),
            )
            for place, stored in zip(best, kept, strict=True)
        ]

    def _show(self, stored: dict[str, Any], name: str) -> str:
        """The hit's own text, else the row's first one, else its id."""
        order = [self.columns.index(name), *range(len(self.columns))]
        return next((text for number in order if (text := stored.get(text_field(number)))), stored["id"])

    def _picture(self, stored: dict[str, Any], name: str) -> bytes | None:
        order = [self.columns.index(name), *range(len(self.columns))]
        return next((picture for number in order if (picture := stored.get(thumbnail_field(number)))), None)

    # ── nulls ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _null_of(self, asked: EncodedQueries, row: int, to: str) -> NullDistribution | None:
        """The null for one query's scores with one column."""
        recipe, code = asked.recipes[row], asked.codes[row]
        if recipe is not None and len(recipe) == 1 and recipe[0][0] > 0 and len(recipe[0][1]) == 1:
            null = self._pair_null(recipe[0][1][0], to)
            return null if null is not None else self._own_null(code, to)
        if recipe is None:
            return self._own_null(code, to)
        key = (recipe, to, self._state())
        if key not in self._several:
            if len(self._several) >= SEVERAL_NULLS:
                self._several.clear()
            self._several[key] = self._recipe_null(recipe, to)
        null = self._several[key]
        return self._own_null(code, to) if null is None else null.scaled(float(np.linalg.norm(code[: self.space.dim])))

    def _recipe_null(self, recipe: QueryTerms, to: str) -> NullDistribution | None:
        """The same sum over random rows, at length 1, against cells of other rows."""
        sample, rng = self._sample(), np.random.default_rng(0)
        total: Any = 0.0
        groups = []
        for weight, names in recipe or ():
            parts = [sample.queries(name) for name in names]
            there = np.flatnonzero(np.logical_and.reduce([np.isfinite(part[:, 0]) for part in parts]))
            if not len(there):
                return None
            rows = rng.choice(there, len(sample.groups))
            total = total + weight * np.mean([part[rows] for part in parts], axis=0)
            groups.append(sample.groups[rows])
        length = np.linalg.norm(total[:, : self.space.dim], axis=1, keepdims=True)
        unit = total / np.maximum(length, 1e-12)
        targets, target_groups = sample.present(to)
        return NullDistribution.of(mismatched_scores(unit, groups, targets, target_groups))

    def _own_null(self, code: np.ndarray, to: str) -> NullDistribution | None:
        """For a code whose columns nobody knows: its own scores with the sample."""
        targets, _ = self._sample().present(to)
        return NullDistribution.of(targets @ code)

    @abstractmethod
    def _pair_null(self, query: str, to: str) -> NullDistribution | None:
        """The null of an ordered pair of columns."""

    @abstractmethod
    def _sample(self) -> Sample:
        """The rows that nulls are estimated from."""

    @abstractmethod
    def _state(self) -> Any:
        """Changes when rows do."""

    # ── what a form does ─────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def __len__(self) -> int:
        """Its number of rows."""

    @property
    @abstractmethod
    def ids(self) -> list[str]:
        """The ids of its rows."""

    @abstractmethod
    def add(self, table: Table, *, progress: Progress | None = None) -> None:
        """Encode a table's rows and add them: all of them, or none; once this returns they are there.

        Args:
            table: ids that the index does not know yet. progress: called with (column, done, of).

        Raises:
            TableError: an id that is there already, a meta column that the index does not keep.
        """

    @abstractmethod
    def update(self, table: Table, *, progress: Progress | None = None) -> None:
        """Like `add`, but rows whose ids are there already are replaced."""

    @abstractmethod
    def delete(self, ids: Iterable[str]) -> None:
        """Remove rows: all of them, or none.

        Raises:
            TableError: an id that is not there.
        """

    @abstractmethod
    def optimize(self, *, kind: str = "auto", progress: Progress | None = None) -> None:
        """Make search fast again after many changes, and estimate the nulls anew; results stay what they were.

        Args:
            kind: how codes are found. `"exact"`: by a scan. `"quantised"`: by a scan of RaBitQ codes of 5 bits, then
                the exact scores of ten times as many candidates as asked for (Gao and Long, RaBitQ, 2024).
                `"graph"`: by HNSW over 8-bit codes, then exact scores (Malkov and Yashunin, 2016); slow to build,
                sublinear to search. `"auto"` goes by size. In memory everything is exact.
        """

    @abstractmethod
    def save(self, path: str | Path) -> None:
        """Write it as a folder with its space's fingerprint; an index on disk or in an object store is copied."""

    @abstractmethod
    def _refresh(self) -> None:
        """See what others have written."""

    @abstractmethod
    def _inside(self, where: Filter) -> np.ndarray:
        """The handles of the rows that fulfil a filter, ascending."""

    @abstractmethod
    def _nearest(
        self, number: int, queries: np.ndarray, k: int, inside: np.ndarray | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query the k best (handles, scores) of a column; `inside`: among these handles alone."""

    @abstractmethod
    def _rows(self, handles: np.ndarray) -> pa.Table:
        """Ids and payload of rows, in the order of their handles."""

    @classmethod
    def load(
        cls, path: str | Path, space: EmbeddingSpace, *, storage_options: Mapping[str, str] | None = None
    ) -> Index:
        """Open an index with the space that made it.

        Args:
            path: its folder, or its URI in an object store. space: whose codes it holds.
            storage_options: for a URI: see `Space.index`.

        Raises:
            StoreError: not an index, damaged, half-made, or made by another space; a store that does not answer.
        """
        found = place(path)
        if isinstance(found, Path):
            recover(found)
        for backend in reversed(Index.backends):
            if backend.holds(found):
                return backend.open(found, space, storage_options)
        raise not_there(found, "a saved index", "its folder, which `kuamo index` or space.index makes")

    @classmethod
    def backend(cls, path: Path | str | None) -> type[Index]:
        """The kind of index that is kept at a place: the last one defined that accepts it."""
        return next(one for one in reversed(Index.backends) if one.accepts(path))

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "accepts" in vars(cls):
            Index.backends.append(cls)

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path | str | None) -> bool:
        """Can a new index of this kind be kept at a place, a folder or a URI; `None` is in memory."""

    @classmethod
    @abstractmethod
    def holds(cls, path: Path | str) -> bool:
        """Is an index of this kind at a place?"""

    @classmethod
    @abstractmethod
    def open(cls, path: Path | str, space: EmbeddingSpace, storage_options: Mapping[str, str] | None = None) -> Index:
        """Open the index at a place; see `load`."""

    @classmethod
    @abstractmethod
    def build(
        cls,
        space: EmbeddingSpace,
        table: Table,
        path: Path | str | None = None,
        *,
        payload: Sequence[str] = ("text",),
        storage_options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> Index:
        """Encode a table's cells, at a place if the index is kept at one; see `Space.index`."""

    def _shown(self) -> list[str]:
        names = self.layout.schema.names
        return ["id", *(name for name in names if name.startswith(("_text_", "_thumbnail_")))]


class Sample:
    """A few rows' codes, the same ones whatever the order in which rows came.

    Args:
        layout: of the index. rows: of the sample.
    """

    def __init__(self, layout: RowSchema, rows: pa.Table) -> None:
        self.space, width = layout.space, layout.space.width
        order = np.argsort(np.array(rows["id"].to_pylist(), dtype=object), kind="stable")
        self.groups = np.unique(np.array(rows["group"].to_pylist(), dtype=str), return_inverse=True)[1][order]
        self.codes: dict[str, np.ndarray] = {}
        for number, port in enumerate(layout.space.ports):
            field = rows[code_field(number)].combine_chunks()
            codes = np.full((len(rows), width), np.nan, np.float32)
            codes[np.asarray(field.is_valid())] = as_codes(field.drop_null())[:, :width]
            self.codes[port.name] = codes[order]

    def present(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, d) and groups (n,) of the cells that are there."""
        there = np.isfinite(self.codes[name][:, 0])
        return self.codes[name][there], self.groups[there]

    def queries(self, name: str) -> np.ndarray:
        """The cells of a column as queries, NaN where there is none."""
        return self.space.as_queries(self.codes[name][:, : self.space.dim], name)

    def null(self, query: str, to: str) -> NullDistribution | None:
        """The null of an ordered pair of columns."""
        there = np.isfinite(self.codes[query][:, 0])
        queries, query_groups = self.queries(query)[there], self.groups[there]
        targets, target_groups = self.present(to)
        return NullDistribution.of(mismatched_scores(queries, [query_groups], targets, target_groups))


def check_new(known: Sequence[str]) -> None:
    """Refuse ids that an index has already."""
    if known:
        raise TableError(f"given the id {known[0]!r}, which the index has already; expected new ids, or update()")


def check_known(unknown: Sequence[str]) -> None:
    """Refuse ids that an index does not have."""
    if unknown:
        raise TableError(f"given the id {unknown[0]!r}; expected ids that the index has")


def given_ids(ids: Iterable[str]) -> list[str]:
    """Ids without repetition; a single string is taken for a mistake."""
    if isinstance(ids, str):
        raise KuamoError(f"given the string {ids!r}; expected a list of ids")
    return list(dict.fromkeys(str(name) for name in ids))
