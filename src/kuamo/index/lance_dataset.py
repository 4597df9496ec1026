"""A Lance dataset as an index keeps it: opened, written as a stream, what its schema says, and its errors as ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuamo.core.errors import KuamoError, StoreError
from kuamo.core.extras import way_to
from kuamo.data.table import Table
from kuamo.index.rows import Progress, RowSchema
from kuamo.index.score_calibration import NullDistribution

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "about_schema",
    "comma_joined",
    "dataset_at",
    "first_line",
    "import_lance",
    "is_index",
    "lance_options",
    "reader_of",
    "reporting_lance_errors",
    "stored_nulls",
]


def import_lance() -> Any:
    """The package `lance`."""
    try:
        import lance
    except ImportError:
        raise KuamoError(
            f"an index on disk needs the package pylance; expected {way_to('index')} "
            "(without a path the index stays in memory and needs nothing)"
        ) from None
    return lance


@contextmanager
def reader_of(layout: RowSchema, table: Table, progress: Progress | None) -> Iterator[pa.RecordBatchReader]:
    """A table's rows as a stream; an error while encoding comes out as itself, not as Lance's."""
    import pyarrow as pa

    failed: list[BaseException] = []

    def rows() -> Iterator[pa.RecordBatch]:
        try:
            yield from layout.batches(table, progress)
        except BaseException as error:
            failed.append(error)
            raise

    try:
        yield pa.RecordBatchReader.from_batches(layout.schema, rows())
    except Exception:
        if failed:
            raise failed[0] from None
        raise


@contextmanager
def reporting_lance_errors(path: Path | str, what: str) -> Iterator[None]:
    """Lance's errors as ours."""
    try:
        yield
    except KuamoError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise StoreError(f"{path}: cannot be {what} ({first_line(error)})") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Lance's, where damage is met in the midst of its work
            raise
        raise StoreError(f"{path}: cannot be {what} ({first_line(error)})") from None


def comma_joined(handles: Iterable[int]) -> str:
    """Row ids as SQL has them in IN (…)."""
    return ", ".join(map(str, handles))


def first_line(error: BaseException) -> str:
    """What happened, without where in Lance's source."""
    return str(error).split("\n")[0].split(", /")[0]


def about_schema(schema: pa.Schema) -> dict[str, Any] | None:
    """What kuamo wrote of the index into the dataset's schema; `None` where it is none of ours."""
    try:
        about = json.loads((schema.metadata or {})[b"kuamo"])
        return about if about["kind"] == "index" else None
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


def lance_options(path: Path | str, storage_options: Mapping[str, str] | None) -> dict[str, Any]:
    """Arguments for Lance."""
    if storage_options and isinstance(path, Path):
        raise StoreError(f"given storage_options for {str(path)!r}; expected a URI, such as 's3://bucket/x.lance'")
    return {"storage_options": dict(storage_options)} if storage_options else {}


def dataset_at(path: Path | str, options: Mapping[str, Any]) -> Any:
    """The dataset that is there; `None` where an object store has nothing."""
    lance = import_lance()
    with reporting_lance_errors(path, "read"):
        try:
            return lance.dataset(str(path), **options)
        except ValueError as error:
            if isinstance(path, str) and "was not found" in str(error):
                return None
            raise


def is_index(path: Path | str, options: Mapping[str, Any]) -> bool:
    """Is there an index of ours?"""
    try:
        return about_schema(dataset_at(path, options).schema) is not None
    except StoreError:
        return False


def stored_nulls(dataset: Any) -> dict[str, Any]:
    """`rows`, and `pairs`: pair of columns → its null distribution."""
    raw = (dataset.schema.metadata or {}).get(b"kuamo.nulls")
    try:
        stored: dict[str, Any] = json.loads(raw) if raw else {"rows": 0, "pairs": {}}
        pairs = {pair: NullDistribution.from_dict(null) for pair, null in stored["pairs"].items()}
        return {"rows": int(stored["rows"]), "pairs": pairs}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {"rows": 0, "pairs": {}}  # estimated anew
