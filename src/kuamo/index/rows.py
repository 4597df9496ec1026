"""A table's rows as Arrow batches, the same for both forms of the index.

    id · group · label · (meta columns) · _text_<m> · _thumbnail_<m> · _code_<m>        m numbers the space's columns

A code is absent where its cell is. Codes are padded with zeros to a multiple of eight, which changes no dot product and
suits the quantiser. Rows are encoded a block at a time, so a table of any size passes through bounded memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.errors import CellError, StoreError, TableError
from kuamo.core.types import Progress
from kuamo.core.validation import check_unique
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowSchema", "as_codes", "code_field", "text_field", "thumbnail_field"]

BLOCK_ROWS = 2048
PAYLOADS = ("text", "thumbnail")
THUMBNAIL_SIDE = 96  # pixels: a JPEG of a few kilobytes, never above 30
TEXT_LENGTH = 400
_OWN = ("id", "group", "label")


def code_field(number: int) -> str:
    """The field of a column's codes."""
    return f"_code_{number}"


def text_field(number: int) -> str:
    """The field of a text column's words to show."""
    return f"_text_{number}"


def thumbnail_field(number: int) -> str:
    """The field of a picture column's thumbnails."""
    return f"_thumbnail_{number}"


@dataclass(frozen=True, eq=False)
class RowSchema:
    """What an index keeps of each row.

    Args:
        space: whose codes. payload: some of `"text"` and `"thumbnail"`: what is kept to show.
        schema: of the rows.
    """

    space: EmbeddingSpace
    payload: tuple[str, ...]
    schema: pa.Schema

    @classmethod
    def of(cls, space: EmbeddingSpace, table: Table, payload: Sequence[str]) -> RowSchema:
        """The layout that a first table decides: which meta columns there are, and of what kind."""
        import pyarrow as pa

        payload = (payload,) if isinstance(payload, str) else tuple(payload)
        if set(payload) - set(PAYLOADS):
            raise TableError(f"given payload={payload}; expected some of {PAYLOADS}")
        if not set(table.columns) & set(space.modalities):
            raise TableError(f"given columns {list(table.columns)}; the space's columns are {list(space.modalities)}")
        check_unique(table.ids)
        # The key makes two processes that add the same id at once conflict, instead of both succeeding.
        key = {"lance-schema:unenforced-primary-key": "true"}
        fields = [pa.field("id", pa.string(), nullable=False, metadata=key), pa.field("group", pa.string())]
        fields.append(pa.field("label", _kind("label", table.labels)))
        for name, cells in table.meta.items():
            if name in _OWN or name.startswith("_") or "." in name or not name:
                raise TableError(
                    f"given a meta column {name!r}; expected a name other than {_OWN}, without a dot or a leading '_'"
                )
            fields.append(pa.field(name, _kind(name, cells)))
        for number, port in enumerate(space.ports):
            kind = type(port.modality).__name__
            if kind == "Text" and "text" in payload:
                fields.append(pa.field(text_field(number), pa.string()))
            if kind == "Image" and "thumbnail" in payload:
                fields.append(pa.field(thumbnail_field(number), pa.binary()))
        fields += [
            pa.field(code_field(number), pa.list_(pa.float32(), padded_codes(space.width)))
            for number in range(len(space.ports))
        ]
        return cls(space, payload, pa.schema(fields))

    @property
    def meta(self) -> list[str]:
        """Names of the columns that a filter may use besides id, group and label."""
        return [name for name in self.schema.names if name not in _OWN and not name.startswith("_")]

    def check(self, table: Table) -> None:
        """Can this table's rows be kept here?"""
        if not set(table.columns) & set(self.space.modalities):
            raise TableError(f"given columns {list(table.columns)}; the index has {list(self.space.modalities)}")
        check_unique(table.ids)
        unknown = [name for name in table.meta if name not in self.meta]
        if unknown:
            raise TableError(f"given meta columns {unknown}; the index keeps {self.meta}, chosen when it was made")

    def batches(self, table: Table, progress: Progress | None = None) -> Iterator[pa.RecordBatch]:
        """Encode a table's cells, each column on its own, a block of rows at a time."""
        for start in range(0, len(table), BLOCK_ROWS):
            block = table.take(np.arange(start, min(start + BLOCK_ROWS, len(table))))
            try:
                yield self._batch(block, start, len(table), progress)
            except CellError as error:
                # The block counts its rows from 0; a person looks for the row in the table.
                number = start + int(str(error.row).split()[0])
                raise error.at(str(error.column), table.where(number)) from None

    def _batch(self, block: Table, start: int, total: int, progress: Progress | None) -> pa.RecordBatch:
        import pyarrow as pa

        made: dict[str, Any] = {
            "id": pa.array(block.ids, pa.string()),
            "group": pa.array(block.groups, pa.string()),
            "label": self._plain("label", block.labels, block),
        }
        made |= {name: self._plain(name, block.meta.get(name), block) for name in self.meta}
        for number, port in enumerate(self.space.ports):
            here = port.name in block.columns
            # Codes first: a cell that turns out to be bad may count as absent from then on.
            made[code_field(number)] = self._codes(block, port.name, start, total, progress)
            if text_field(number) in self.schema.names:
                texts = [_text(block, port.name, row) if here else None for row in range(len(block))]
                made[text_field(number)] = pa.array(texts, pa.string())
            if thumbnail_field(number) in self.schema.names:
                pictures = [_thumbnail(block, port.name, row) if here else None for row in range(len(block))]
                made[thumbnail_field(number)] = pa.array(pictures, pa.binary())
        return pa.RecordBatch.from_arrays([made[name] for name in self.schema.names], schema=self.schema)

    def _plain(self, name: str, cells: Sequence[Any] | None, block: Table) -> pa.Array:
        import pyarrow as pa

        kind = self.schema.field(name).type
        if cells is None:
            return pa.nulls(len(block), kind)
        try:
            if kind == pa.string():
                return pa.array([_word(cell) for cell in cells], kind)
            return _array(_without_nan(cells)).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
            raise TableError(f"column {name!r}: given cells that are not {kind} ({error}); expected {kind}") from None

    def _codes(self, block: Table, name: str, start: int, total: int, progress: Progress | None) -> pa.Array:
        import pyarrow as pa

        wide = padded_codes(self.space.width)
        codes, absent = np.zeros((len(block), wide), np.float32), np.ones(len(block), dtype=bool)
        if name in block.columns:

            def report(column: str, done: int, of: int) -> None:
                if progress:
                    progress(column, start + len(block) - of + done, total)

            code, rows = self.space.encode_column(block, name, progress=report)
            codes[rows, : self.space.width], absent[rows] = self.space.as_answers(code), False
            wrong = np.flatnonzero(~np.isfinite(codes).all(axis=1))
            if len(wrong):
                raise CellError("a code that is not finite", "finite features", column=name, row=block.where(wrong[0]))
            report(name, len(block), len(block))
        return pa.FixedSizeListArray.from_arrays(pa.array(codes.ravel()), wide, mask=pa.array(absent))


def check_about(about: Any, path: Any) -> None:
    """Refuse what does not describe an index: its space, and what it keeps to show."""
    payload = about.get("payload")
    good = isinstance(payload, list) and all(one in PAYLOADS for one in payload)
    if not good or not isinstance(about.get("space"), str) or not isinstance(about.get("format"), int):
        raise StoreError(f"{path}: does not describe an index; expected its space, format and payload")


def check_rows(layout: RowSchema, path: Any) -> None:
    """Refuse rows that lack what every index has."""
    wanted = [*_OWN, *(code_field(number) for number in range(len(layout.space.ports)))]
    missing = [name for name in wanted if name not in layout.schema.names]
    if missing:
        raise StoreError(f"{path}: does not describe an index; expected rows with {missing[0]!r}")


def padded_codes(dim: int) -> int:
    """The size that codes are stored at."""
    return -(-dim // 8) * 8


def as_codes(array: pa.Array) -> np.ndarray:
    """(n, padded d) float32 of a code field without absent cells."""
    return np.asarray(array.flatten()).reshape(len(array), array.type.list_size)


def _kind(name: str, cells: Sequence[Any] | None) -> pa.DataType:
    import pyarrow as pa

    try:
        kind = pa.null() if cells is None else _array(cells).type
    except OverflowError:
        raise TableError(
            f"column {name!r}: given whole numbers beyond 64 bits; expected smaller ones, or texts"
        ) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise TableError(f"column {name!r}: given cells of mixed kinds ({error}); expected one kind") from None
    return pa.string() if pa.types.is_null(kind) or pa.types.is_large_string(kind) else kind


def _array(cells: Sequence[Any]) -> pa.Array:
    """Arrow takes a list for signed whole numbers alone, and hashes of 64 bits go beyond them."""
    import pyarrow as pa

    try:
        return pa.array(cells)
    except OverflowError:
        return pa.array(list(cells), pa.uint64())


def _without_nan(cells: Sequence[Any]) -> list[Any]:
    """Cells of which NaN, which is no number, is absent."""
    return [None if isinstance(cell, float) and cell != cell else cell for cell in cells]


def _word(cell: Any) -> str | None:
    return None if cell is None or cell != cell else str(cell)


def _text(block: Table, name: str, row: int) -> str | None:
    """The first text of a cell, cut to what fits a line or two of a page."""
    column = block.columns[name]
    cell = column[row]
    cell = cell[0] if isinstance(cell, list | tuple) and cell else cell
    return column.modality.show(cell)[:TEXT_LENGTH] if isinstance(cell, str) else None


def _thumbnail(block: Table, name: str, row: int) -> bytes | None:
    """The first picture of a cell as a small JPEG."""
    from PIL import Image as pil

    column = block.columns[name]
    entry = int(np.searchsorted(column.row, row))
    if entry == len(column.row) or column.row[entry] != row:
        return None
    picture = pil.fromarray(next(block.values(name, [entry])))
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
