"""Table: partly paired samples, one column per modality, cells may be empty.

A column holds raw cells (paths, bytes, arrays, inline values) and decodes none of them until asked. A cell may be
absent (`None`), one value, or a list of values (several captions of one row).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.arguments import checks_arguments
from kuamo.core.arrays import is_absent
from kuamo.core.errors import CellError, LeakWarning, TableError, did_you_mean, visible, warn_user
from kuamo.core.messages import Note, kind_name
from kuamo.core.old_names import old_methods
from kuamo.core.threads import ordered_map
from kuamo.core.translation import listing, say
from kuamo.core.validation import check_int, check_type, is_int, is_number
from kuamo.data.column import Column, RowView
from kuamo.data.modalities import Image, Modality, Vector
from kuamo.data.readers import read_source
from kuamo.data.readers.given import by_position, check_words, columns_of_rows, own_names
from kuamo.data.readers.spelled_cells import read_spelled
from kuamo.data.readers.summary import describe_columns
from kuamo.data.repeats import shared_cells
from kuamo.data.table_inputs import check_names, common_size, infer_modality, is_source, positions, unique_ids

__all__ = ["Column", "Table", "as_table"]

ON_ERROR = ("raise", "skip")
AHEAD = 64  # prepared values that wait for a network; of values as large as they come, only a few wait


@checks_arguments
@old_methods(attempts="try_values", leave_out="drop_cells")
class Table:
    """Rows whose columns are different kinds of data, with holes.

    Args:
        columns: name → cells, all of one length: lists, arrays, tensors, sparse matrices, columns of pandas, polars or
            Arrow, always by position. A cell is a path, bytes, an array or an inline value; a list of them; or `None`
            (also NaN, NaT) where it is absent. Also a list of rows {name: cell}, or whatever `Table.read` reads.
        modalities: name → modality; what is not named here is inferred from the column's first cells.
        id: (N,) unique names of the rows; their numbers if not given.
        group: (N,) rows of one group are never parted by a split; a row without one is a group of its own.
        label: (N,) optional class of each row.
        meta: name → (N,) further plain columns, kept for filters and display.
        source: where it came from, in words.
        on_error: `"raise"` at a cell that cannot be read; or `"skip"`: it counts as absent in whatever is done with the
            table, and `skipped()` (and the notes of a space or a report) say how many there were, and where.

    Raises:
        TableError: columns of unequal length, repeated ids, a column of unknown kind.

    Example:
        >>> table = Table({"text": ["a cat", "a dog", None], "pose": np.eye(3)})
        >>> table
        Table: 3 rows; text: Text 2/3, pose: Vector 3/3
        >>> table[2]["text"] is None
        True
    """

    labels: list[Any] | None

    def __init__(
        self,
        columns: Any,
        *,
        modalities: Mapping[str, Modality] | None = None,
        id: Sequence[Any] | None = None,
        group: Sequence[Any] | None = None,
        label: Sequence[Any] | None = None,
        meta: Mapping[str, Sequence[Any]] | None = None,
        source: str | None = None,
        on_error: str = "raise",
    ) -> None:
        given = {"id": id, "group": group, "label": label, **(meta or {})}
        extras = {name: by_position(cells, name) for name, cells in given.items() if cells is not None}
        for name, cells in extras.items():
            check_words(name, cells)
        if isinstance(columns, list | tuple | Iterator) and not hasattr(columns, "schema"):
            columns = columns_of_rows(list(columns))
        if not isinstance(columns, Mapping) or is_source(columns):
            vars(self).update(vars(_read(Table, columns, modalities or {}, on_error=on_error)))
            common_size(dict.fromkeys(self.columns, len(self)) | {name: len(cells) for name, cells in extras.items()})
            self._name_rows(extras)
            self.meta |= {name: RowView(extras[name], np.arange(len(self))) for name in meta or {}}
            return
        modalities = dict(modalities or {})
        unknown = set(modalities) - set(columns)
        if unknown:
            raise TableError(f"given a modality for {sorted(unknown)}; the columns are {list(columns)}")
        if not columns:
            raise TableError("the table has no columns; expected at least one")
        if on_error not in ON_ERROR:
            raise TableError(f"given on_error={on_error!r}; expected one of {list(ON_ERROR)}")
        check_names([*columns, *(meta or {})])
        columns = {name: by_position(cells, name) for name, cells in columns.items()}
        size = common_size({name: len(cells) for name, cells in (columns | extras).items()})
        self.ids = [str(k) for k in range(size)]
        self.labels = None
        self.groups = self.ids
        self._name_rows(extras)
        self.meta: dict[str, Sequence[Any]] = {name: RowView(extras[name], np.arange(size)) for name in meta or {}}
        self.source: str = source or Note("source_memory")
        self.on_error = on_error
        self.notes: list[str] = []
        self.columns: dict[str, Column] = {}
        for name, cells in columns.items():
            if isinstance(cells, list | tuple) and isinstance(modalities.get(name, Vector()), Vector):
                cells = read_spelled(name, cells, modalities.get(name), self.notes)
            self.columns[name] = Column(name, modalities.get(name) or infer_modality(name, cells, self.notes), cells)

    def _name_rows(self, roles: Mapping[str, Sequence[Any]]) -> None:
        """Take ids, groups and labels from what is given of them."""
        if "id" in roles:
            self.ids = unique_ids(list(roles["id"]))
        if "group" in roles:
            self.groups = own_names(roles["group"], self.ids)
        elif "id" in roles:
            self.groups = self.ids
        if "label" in roles:
            self.labels = [None if is_absent(each) else each for each in roles["label"]]

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def read(
        cls,
        source: Any,
        *,
        modalities: Mapping[str, Modality] | None = None,
        root: str | Path | None = None,
        encoding: str | None = None,
        download: bool = False,
        on_error: str = "raise",
    ) -> Table:
        """Read whatever holds rows; nothing is decoded, and what is large stays where it is.

        A source is a CSV, TSV, JSON-lines, Parquet or Arrow file; a folder of Parquet shards, with a metadata file
        (`metadata.csv`, `.jsonl`, `.parquet`, whose `file_name` names pictures or sounds), or of files alone
        (`cat/1.png`, `cat/1.txt`: one row, its label `cat`); a `pyarrow.Table`, a `pandas.DataFrame`, or a Hugging Face
        `Dataset`.

        A cell is a path, a `file://` URL, bytes, an inline value, a list of these (also as JSON in a text field), or a
        struct {bytes, path}; an empty field is absent. Columns called `id`, `group`, `label` and `split` play those
        parts (`table.part("test")` are the rows of a split). What each other column is follows from its cells;
        numbers, dates and few classes become `meta`. `print(table.describe())` shows what was found.

        Args:
            source: see above.
            modalities: name → modality, for columns that are to be something else than what is found.
            root: where names of files start (the table's folder if not given). With a root, a name that leads out of
                it, by `..`, an absolute path or a link, is an error; without one the table is trusted.
            encoding: of a text file that is not UTF-8, such as `"gb18030"`.
            download: fetch http and https URLs, each once, into the cache.
            on_error: `"raise"` or `"skip"`, see `Table`.

        Raises:
            TableError: no such source, one of another kind, or one that cannot be parsed (with its line).

        Example:
            >>> import pyarrow as pa
            >>> captions = [["a cat", "a pet"], ["a dog"]]
            >>> rows = pa.table({"id": ["a", "b"], "caption": captions, "price": [3, 4]})
            >>> print(Table.read(rows).describe())
            an Arrow table: 2 rows
              caption  Text  2 of 2, 3 values  ['a cat', 'a pet']
              id             name of the row   a
              price          meta              3
            kept as metadata: price; to use such a column, pass modalities={'price': km.Number()} (on the command line:
            --import)
        """
        return _read(cls, source, modalities or {}, root=root, encoding=encoding, download=download, on_error=on_error)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, which: Any) -> Any:
        """A row by its number; a column (or id, group, label, meta) by its name; rows by a slice, numbers or a mask."""
        if isinstance(which, str):
            return self._named(which)
        if is_int(which, least=-len(self)):
            (row,) = positions([which], len(self))
            return {name: column[int(row)] for name, column in self.columns.items()}
        if isinstance(which, list | tuple) and which and all(isinstance(name, str) for name in which):
            return self.select(*which)
        return self.take(which)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[row] for row in range(len(self)))

    def _named(self, name: str) -> Any:
        known = {"id": self.ids, "group": self.groups, "label": self.labels} | self.meta
        return known[name] if name not in self.columns and known.get(name) is not None else self.column(name)

    def head(self, rows: int = 5) -> Table:
        """The first rows."""
        check_int(rows=rows)
        return self.take(range(min(rows, len(self))))

    def __repr__(self) -> str:
        kinds = {
            name: f"{kind_name(type(column.modality).__name__)} {len(np.unique(column.row))}/{len(self)}"
            for name, column in self.columns.items()
        }
        columns = listing(say("{name}: {value}", name=name, value=kind) for name, kind in kinds.items())
        return visible(say("Table: {rows:,} rows; {columns}", rows=len(self), columns=columns))

    def describe(self) -> str:
        """What each column is, how many of its cells are there, and a first one; then what was decided in reading."""
        return describe_columns(
            self.columns,
            len(self),
            self.ids,
            self.groups,
            self.labels,
            self.meta,
            self.source,
            [*self.notes, *self.skipped()],
        )

    @property
    def modalities(self) -> dict[str, Modality]:
        """Column name → modality."""
        return {name: column.modality for name, column in self.columns.items()}

    def column(self, name: str) -> Column:
        """One column.

        Raises:
            TableError: there is no such column.
        """
        if not isinstance(name, str) or name not in self.columns:
            more = f"; kept as metadata, not encoded: {list(self.meta)}" if self.meta else ""
            meant = did_you_mean(name, self.columns)
            raise TableError(f"no column {name!r}{meant}; the table's columns are {list(self.columns)}{more}")
        return self.columns[name]

    def where(self, row: int) -> str:
        """A row's place for an error message."""
        return f"{row} (id {self.ids[row]!r})" if self.ids[row] != str(row) else str(row)

    def values(
        self,
        name: str,
        entries: Sequence[int] | np.ndarray | None = None,
        then: Callable[[Any], Any] | None = None,
    ) -> Iterator[Any]:
        """Decode a column's entries in order; files on a few threads, a bounded number ahead.

        Args:
            name: the column's. entries: which; all if not given.
            then: what else to do with each value on the same thread, such as an encoder's `prepare`.

        Raises:
            CellError: naming column and row.
        """
        for _, value in self.try_values(name, entries, then):
            if isinstance(value, CellError):
                raise value
            yield value

    def try_values(
        self,
        name: str,
        entries: Sequence[int] | np.ndarray | None = None,
        then: Callable[[Any], Any] | None = None,
        enough: int | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """(entry, value) as in `values`; in the place of a value that cannot be read, the `CellError` that says why.

        With `enough`, no more detail of pictures is asked for: see `Image.read`.
        """
        column = self.column(name)
        how = {} if enough is None or type(column.modality).read is not Image.read else {"enough": enough}

        def read(entry: int) -> tuple[int, Any]:
            try:
                value = column.modality.read(column.raw(entry), **how)
                return entry, value if then is None else then(value)
            except CellError as error:
                return entry, error.at(name, self.where(int(column.row[entry])))

        chosen = range(len(column.row)) if entries is None else [int(entry) for entry in entries]
        if Modality.adapt(column.modality).parallel and len(chosen) > 1:
            return ordered_map(read, chosen, ahead=4 if then is None else AHEAD)
        return map(read, chosen)

    def check(self, *names: str) -> list[str]:
        """Read every cell of these columns (of all, if none is named) once.

        Returns:
            `skipped()`: with `on_error="skip"`, what was found unreadable and is absent from now on.

        Raises:
            CellError: with `on_error="raise"`, at the first.

        Example:
            >>> Table({"text": ["a cat", " ", "a dog"]}, on_error="skip").check()
            ['text: 1 of 3 cells cannot be read and is treated as missing: row 1: given an empty text']
        """
        for name in names or tuple(self.columns):
            self.drop_cells(
                name, {entry: value for entry, value in self.try_values(name) if isinstance(value, CellError)}
            )
        return self.skipped()

    def drop_cells(self, name: str, bad: Mapping[int, CellError]) -> None:
        """Make these entries of a column absent, as `on_error="skip"` asks.

        Raises:
            CellError: the first of them, if `on_error` is `"raise"`.
        """
        if bad and self.on_error == "raise":
            raise bad[min(bad)]
        if bad:
            self.column(name).drop({entry: error.given for entry, error in bad.items()})

    def skipped(self) -> list[str]:
        """For each column with cells that were left out: how many, and where the first ones are."""
        notes: list[str] = []
        for name, column in self.columns.items():
            bad = column.skipped()
            if bad:
                first = [Note("bad_row", row=self.where(row), why=why) for row, why in bad[:3]]
                first += [Note("more", count=len(bad) - 3)] if len(bad) > 3 else []
                many = {} if len(bad) == 1 else {"count": len(bad)}
                key = "skipped" if many else "skipped_one"
                notes.append(Note(key, column=name, **many, given=column.given, first=first))
        return notes

    def present(self) -> np.ndarray:
        """(N, M) bool: which cells are there, columns in order."""
        present = np.zeros((len(self), len(self.columns)), dtype=bool)
        for number, column in enumerate(self.columns.values()):
            present[column.row, number] = True
        return present

    # ── cutting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, rows: Any) -> Table:
        """These rows, in this order; no cell is decoded or copied.

        Args:
            rows: their numbers, from the end if below 0; a slice; or a truth value for each row.

        Raises:
            TableError: numbers that are not whole or beyond the table, or another number of truth values than rows.

        Example:
            >>> table = Table({"text": list("abc")})
            >>> table.take([2, 0]).ids, table.take([False, True, True]).ids, table[-2:].ids
            (['2', '0'], ['1', '2'], ['1', '2'])
        """
        rows = positions(rows, len(self))
        other = object.__new__(Table)
        other.ids = [self.ids[i] for i in rows]
        other.groups = [self.groups[i] for i in rows]
        other.labels = None if self.labels is None else [self.labels[i] for i in rows]
        other.meta = {name: RowView(cells, rows) for name, cells in self.meta.items()}
        other.source, other.on_error, other.notes = self.source, self.on_error, self.notes
        other.columns = {name: column.take(rows) for name, column in self.columns.items()}
        return other

    def select(self, *names: str | Sequence[str]) -> Table:
        """These columns only; names, or a list of them."""
        flat: list[Any] = [each for name in names for each in (name if isinstance(name, list | tuple) else [name])]
        columns: dict[str, Column] = {name: self.column(name) for name in flat}
        if not columns:
            raise TableError(f"no column is selected; the table's columns are {list(self.columns)}")
        other = self.take(np.arange(len(self)))
        other.columns = columns
        return other

    def part(self, name: str) -> Table:
        """The rows whose `split` column says this name, such as `"train"` or `"test"`.

        Raises:
            TableError: the table has no `split` column, or no such rows.

        Example:
            >>> table = Table({"text": ["a", "b", "c"]}, meta={"split": ["train", "test", "train"]})
            >>> len(table.part("train"))
            2
        """
        splits = self.meta.get("split")
        if splits is None:
            raise TableError(f"given part({name!r}), and the table has no column `split`; expected `split(test=...)`")
        rows = [row for row, each in enumerate(splits) if not is_absent(each) and str(each) == name]
        if not rows:
            raise TableError(f"given part({name!r}); the table's splits are {sorted({str(each) for each in splits})}")
        return self.take(rows)

    def split(self, test: float | int = 0.2, *, by: str = "group", seed: int = 0) -> tuple[Table, Table]:
        """Part the rows at random into (train, test); rows of one group stay together.

        A `LeakWarning` says where rows of both hold the very same cell, and are of no common group.

        Args:
            test: share of the groups (a float below 1) or their number.
            by: `"group"`, `"id"`, `"label"` or the name of a meta column.
            seed: same seed, same split.

        Raises:
            TableError: no such column, or a test set that would leave nothing on one side.

        Example:
            >>> train, test = Table({"text": list("abcdefghij")}).split(test=3, seed=0)
            >>> len(train), len(test)
            (7, 3)
        """
        check_int(seed=seed)
        share = isinstance(test, float | np.floating)
        if not is_number(test) or (share and test >= 1):
            raise TableError(f"given test={test!r}; expected a share below 1, or a whole number")
        keys = self._keys(by)
        names = sorted(set(keys))
        size = round(float(test) * len(names)) if share else int(test)
        if not 0 < size < len(names):
            raise TableError(
                f"given test={test}; expected a share below 1, or 1 to {len(names) - 1} of the {len(names)} values of "
                f"{by!r}"
            )
        chosen = np.random.default_rng(seed).permutation(len(names))[:size]
        held_out = {names[i] for i in chosen}
        inside = np.array([key in held_out for key in keys])
        train, held = self.take(np.flatnonzero(~inside)), self.take(np.flatnonzero(inside))
        for note in shared_cells(train.columns, held.columns, (len(train), len(held))):
            warn_user(note, LeakWarning)
        return train, held

    def _keys(self, by: str) -> list[str]:
        known: dict[str, Sequence[Any] | None] = {"group": self.groups, "id": self.ids, "label": self.labels}
        keys = (known | self.meta).get(by) if isinstance(by, str) else None
        if keys is None:
            names = [name for name, cells in (known | self.meta).items() if cells is not None]
            raise TableError(f"given by={by!r}{did_you_mean(by, names)}; expected one of {names}")
        return own_names(keys, self.ids)


def as_table(source: Any, modalities: Mapping[str, Modality] | None = None) -> Table:
    """A table as it is; what `Table` takes (a path, a data frame, columns, rows) as a table.

    Args:
        modalities: what columns of these names are, such as those of a space.

    Raises:
        TableError: nothing that a table is made of.
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, Mapping) and not is_source(source):
        return Table(source, modalities={name: kind for name, kind in (modalities or {}).items() if name in source})
    if isinstance(source, list | tuple | Iterator):
        return Table(source)
    if not isinstance(source, str | Path) and not hasattr(source, "__dict__") and not hasattr(source, "schema"):
        check_type(Table, "a Table, or what one is made of: a file, a data frame, columns, rows", table=source)
    return _read(Table, source, modalities or {}, strict=False)


def _read(
    cls: type[Table], source: Any, modalities: Mapping[str, Modality], on_error: str = "raise", **how: Any
) -> Table:
    found = read_source(source, modalities=modalities, **how)
    table = cls(
        found.columns,
        modalities=found.modalities,
        meta=found.meta,
        source=found.source,
        on_error=on_error,
        **found.roles,
    )
    table.notes = found.notes
    return table
