"""Writing so that nothing is ever half-written, and where the cache is."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kuamo.errors import StoreError

__all__ = ["beside", "cache_folder", "writing"]


def cache_folder() -> Path:
    """`KUAMO_CACHE`, or `kuamo` in the user's cache folder."""
    given = os.environ.get("KUAMO_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(given) if given else home / "kuamo"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what could not be written, and why, if the disk is full or refuses.

    Raises:
        StoreError: naming the path.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: cannot be written ({error}); expected a writable disk with room") from None


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; it becomes `path` in one rename if all went well, else nothing is left.

    Raises:
        StoreError: the disk is full or refuses.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "a.txt"
        >>> with beside(path) as part:
        ...     _ = part.write_text("all of it")
        >>> path.read_text()
        'all of it'
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
