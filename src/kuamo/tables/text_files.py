"""CSV, TSV and JSON lines, through pyarrow.

A CSV cell is read as the text that stands there (an id `007` keeps its zeros); what a column of texts is, is found out
afterwards from all of its cells, so that a late odd cell changes a column's kind and never breaks the file.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from kuamo.errors import TableError

__all__ = ["from_json", "read_csv", "read_json", "retyped"]

BLOCK_BYTES = 16 << 20
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_csv(path: Path, encoding: str | None) -> Any:
    """A CSV or TSV file as an Arrow table of texts; empty fields are null.

    Raises:
        TableError: naming the line.
    """
    import pyarrow as pa
    from pyarrow import csv

    content = _utf8(path, encoding)
    options: dict[str, Any] = {
        "parse_options": csv.ParseOptions(
            delimiter="\t" if path.suffix.lower() == ".tsv" else ",", newlines_in_values=True
        ),
    }
    first = min(len(content), BLOCK_BYTES)
    for block in sorted({first, len(content)}):  # a row longer than a block asks for a larger one
        reading = csv.ReadOptions(block_size=max(block, 1) + 1)
        try:
            names = csv.open_csv(pa.BufferReader(content), read_options=reading, **options).schema.names
            convert = csv.ConvertOptions(
                strings_can_be_null=True, null_values=[""], column_types=dict.fromkeys(names, pa.string())
            )
            return csv.read_csv(pa.BufferReader(content), read_options=reading, convert_options=convert, **options)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or block == len(content):
                raise
    raise TableError(f"{path}: given an empty file; expected a header and rows")


def read_json(path: Path, encoding: str | None) -> Any:
    """A file of one JSON object a line as an Arrow table."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    content = _utf8(path, encoding)
    for block in sorted({min(len(content), BLOCK_BYTES), len(content)}):
        try:
            reading = arrow_json.ReadOptions(block_size=max(block, 1) + 1)
            return arrow_json.read_json(pa.BufferReader(content), read_options=reading)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or block == len(content):
                raise
    raise TableError(f"{path}: given an empty file; expected one JSON object a line")


def _utf8(path: Path, encoding: str | None) -> Any:
    """The file's content in UTF-8, without a byte-order mark; memory-mapped where it is so already.

    Raises:
        TableError: naming the first line that is not in the encoding.
    """
    import pyarrow as pa

    content = pa.py_buffer(b"")
    if path.stat().st_size:  # nothing cannot be mapped
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
    view = memoryview(content)
    marked = next((name for mark, name in _MARKS.items() if bytes(view[:3]).startswith(mark)), None)
    name = encoding or marked or "utf-8"
    try:
        plain = codecs.lookup(name).name in ("utf-8", "ascii", "utf-8-sig")
    except LookupError:
        raise TableError(f"given encoding={name!r}; expected one that Python knows, such as 'gb18030'") from None
    if not plain:
        try:
            return pa.py_buffer(bytes(view).decode(name).removeprefix("\ufeff").encode("utf-8"))
        except (UnicodeError, LookupError) as error:
            raise TableError(f"{path}: given {error}; expected a file in {name}") from None
    _check_utf8(path, view)
    return content.slice(3) if bytes(view[:3]) == codecs.BOM_UTF8 else content


def _check_utf8(path: Path, view: memoryview) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    for start in range(0, len(view) or 1, 1 << 20):
        piece = bytes(view[start : start + (1 << 20)])
        try:
            decoder.decode(piece, final=start + len(piece) >= len(view))
        except UnicodeDecodeError as error:
            line = lines + bytes(error.object[: error.start]).count(b"\n")
            raise TableError(
                f"{path}, line {line}: given byte {error.object[error.start]:#04x}, which is not UTF-8; "
                f"expected UTF-8, or encoding= (such as 'gb18030' or 'latin-1')"
            ) from None
        lines += piece.count(b"\n")


def retyped(column: Any) -> Any:
    """A column of texts as what all of them spell: whole numbers, numbers, dates; else as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return column
    for kind in (pa.int64(), pa.float64(), pa.timestamp("us")):
        try:
            return pc.cast(column, kind)
        except pa.ArrowException:
            continue
    answers = {"true", "false", None}
    if not set(pc.utf8_lower(column.slice(0, 100)).to_pylist()) <= answers:
        return column
    words = pc.utf8_lower(column)
    return pc.equal(words, "true") if set(pc.unique(words).to_pylist()) <= answers else column


def from_json(cell: Any) -> Any:
    """A list that stands in a text field as JSON: several captions, or a vector. Anything else stays what it is.

    Example:
        >>> from_json('["a cat", "a pet"]'), from_json("[sic]")
        (['a cat', 'a pet'], '[sic]')
    """
    if not isinstance(cell, str) or not (cell.startswith("[") and cell.endswith("]")):
        return cell
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return found if isinstance(found, list) else cell
