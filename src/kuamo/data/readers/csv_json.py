"""CSV, TSV and JSON lines, through pyarrow.

A CSV cell is read as the text that stands there (an id `007` keeps its zeros); what a column of texts is, is found out
afterwards from all of its cells, so that a late odd cell changes a column's kind and never breaks the file.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.data.readers.dialect import dialect_of
from kuamo.data.readers.paths import Opening

__all__ = ["HOLES", "infer_types", "read_csv", "read_json_rows"]

BLOCK_BYTES = 16 << 20
MAX_BYTES = 8 << 30  # of a text file once it is unpacked; tables beyond are for Parquet
HOLES = (
    "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NaT", "None", "NULL", "null",
)  # fmt: skip
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz"}


def read_csv(path: Path, opening: Opening) -> Any:
    """A CSV or TSV file as an Arrow table of texts; empty fields, and words that mean a gap, are null."""
    import pyarrow as pa
    from pyarrow import csv

    content = _utf8(path, opening.encoding)
    if len(content) < 4096 and not bytes(content).strip():
        raise TableError(f"{path}: the file is empty; expected a header and rows")
    dialect = dialect_of(content, "\t" if ".tsv" in path.suffixes or ".TSV" in path.suffixes else ",", path.name)
    opening.notes.extend(dialect.notes)
    content = content.slice(dialect.start)
    if dialect.slashed:
        content = pa.py_buffer(bytes(content).replace(b'\\"', b'""'))
    parse = csv.ParseOptions(
        delimiter=dialect.separator, newlines_in_values=dialect.quoted, quote_char='"' if dialect.quoted else False
    )
    first = min(len(content), BLOCK_BYTES)
    for block in sorted({first, len(content)}):  # a row longer than a block asks for a larger one
        reading = csv.ReadOptions(block_size=max(block, 1) + 1)
        try:
            names = csv.open_csv(pa.BufferReader(content), read_options=reading, parse_options=parse).schema.names
            convert = csv.ConvertOptions(
                strings_can_be_null=True, null_values=[""], column_types=dict.fromkeys(names, pa.string())
            )
            found = csv.read_csv(
                pa.BufferReader(content), read_options=reading, convert_options=convert, parse_options=parse
            )
            return without_holes(found.rename_columns([name.strip() for name in names]), opening)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or block == len(content):
                raise
    raise TableError(f"{path}: the file is empty; expected a header and rows")


def without_holes(table: Any, opening: Opening) -> Any:
    """Texts that are blank are null; and so are words that mean a gap, in columns that the user did not call texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    holes = pa.array(HOLES)
    for number, name in enumerate(table.column_names):
        column = table.column(number)
        bare = pc.utf8_trim_whitespace(column)
        gone = pc.equal(bare, "")
        if name not in opening.kept and name != "id":
            words = pc.is_in(bare, holes)
            count = pc.sum(words).as_py() or 0
            if count:
                said = pc.unique(bare.filter(words)).to_pylist()[:3]
                opening.notes.append(Note("table_holes", column=name, count=count, words=", ".join(said)))
            gone = pc.or_kleene(gone, words)
        if pc.any(gone).as_py():
            table = table.set_column(
                number, name, pc.if_else(gone.fill_null(True), pa.scalar(None, pa.string()), column)
            )
    return table


def read_json_rows(path: Path, opening: Opening) -> Any:
    """A file of one JSON object a line, or of one list of objects, as an Arrow table."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    content = _utf8(path, opening.encoding)
    if bytes(content[:1024]).lstrip()[:2] in (b"[{", b"[\n", b"[\r", b"[ "):
        rows = json.loads(bytes(content))
        if not all(isinstance(row, dict) for row in rows):
            raise TableError(f"{path}: given a list of other things than objects; expected rows {{name: cell}}")
        names = dict.fromkeys(name for row in rows for name in row)
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    for block in sorted({min(len(content), BLOCK_BYTES), len(content)}):
        try:
            reading = arrow_json.ReadOptions(block_size=max(block, 1) + 1)
            return arrow_json.read_json(pa.BufferReader(content), read_options=reading)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or block == len(content):
                raise
    raise TableError(f"{path}: the file is empty; expected one JSON object a line")


def _utf8(path: Path, encoding: str | None) -> Any:
    """The file's content in UTF-8, without a byte-order mark; memory-mapped where it is so already."""
    import pyarrow as pa

    content = pa.py_buffer(b"")
    if path.stat().st_size > MAX_BYTES:
        raise TableError(
            f"{path}: given more than {MAX_BYTES >> 30} GiB of text; expected Parquet for a table so large"
        )
    if path.stat().st_size:  # nothing cannot be mapped
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
    kind = next((kind for mark, kind in _PACKED.items() if bytes(content[:6]).startswith(mark)), None)
    if kind is not None:
        content = pa.py_buffer(_unpacked(content, kind, path))
    view = memoryview(content)
    marked = next((name for mark, name in _MARKS.items() if bytes(view[:3]).startswith(mark)), None)
    name = encoding or marked or _wide(bytes(view[:64])) or "utf-8"
    try:
        plain = codecs.lookup(name).name in ("utf-8", "ascii", "utf-8-sig")
    except LookupError:
        raise TableError(f"given encoding={name!r}; expected one that Python knows, such as 'gb18030'") from None
    if not plain:
        try:
            return pa.py_buffer(bytes(view).decode(name).removeprefix("\ufeff").encode("utf-8"))
        except (UnicodeError, LookupError) as error:
            raise TableError(f"{path}: cannot be read ({error}); expected a file in {name}") from None
    _check_utf8(path, view)
    return content.slice(3) if bytes(view[:3]) == codecs.BOM_UTF8 else content


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of plain letters is 0."""
    if len(head) < 8 or head.count(0) < len(head) // 3:
        return None
    return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"


def _unpacked(content: Any, kind: str, path: Path) -> bytes:
    import lzma

    import pyarrow as pa

    reader = pa.BufferReader(content)
    with lzma.LZMAFile(reader) if kind == "xz" else pa.CompressedInputStream(reader, kind) as packed:
        found = bytes(packed.read(MAX_BYTES + 1))
    if len(found) > MAX_BYTES:
        raise TableError(
            f"{path}: given more than {MAX_BYTES >> 30} GiB of text; expected Parquet for a table so large"
        )
    return found


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


def infer_types(column: Any) -> Any:
    """A column of texts as what all of them spell: whole numbers, numbers (also 1,5), dates; else as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return column
    bare = pc.utf8_trim_whitespace(column)
    for kind in (pa.int64(), pa.float64(), pa.timestamp("us")):
        try:
            return pc.cast(bare, kind)
        except pa.ArrowException:
            continue
    decimal, thousand = r"^[+-]?\d+,\d+$", r"^[+-]?\d{1,3},\d{3}$"  # 1,234 may be a thousand or one
    if pc.all(pc.match_substring_regex(bare, decimal)).as_py():
        if pc.all(pc.match_substring_regex(bare, thousand)).as_py():
            return column
        return pc.cast(pc.replace_substring(bare, ",", "."), pa.float64())
    answers = {"true", "false", None}
    if not set(pc.utf8_lower(bare.slice(0, 100)).to_pylist()) <= answers:
        return column
    words = pc.utf8_lower(bare)
    return pc.equal(words, "true") if set(pc.unique(words).to_pylist()) <= answers else column
