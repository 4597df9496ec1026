"""Writing so that nothing is ever half-written, and where the cache is."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kuamo.errors import StoreError

__all__ = ["beside", "cache_folder", "local", "place", "writing"]


def cache_folder() -> Path:
    """`KUAMO_CACHE`, or `kuamo` in the user's cache folder."""
    given = os.environ.get("KUAMO_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(given) if given else home / "kuamo"


def place(path: str | Path) -> Path | str:
    """A path on this machine, or the URI of a place elsewhere; `file://` is this machine.

    A `Path` of a URI, such as a command line makes, has lost a slash: it is put back.

    Example:
        >>> place("s3://bucket/x.lance"), place(Path("s3://bucket/x.lance"))
        ('s3://bucket/x.lance', 's3://bucket/x.lance')
        >>> place("file:///tmp/x.lance") == place("/tmp/x.lance") == Path("/tmp/x.lance")
        True
    """
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)", str(path))  # one letter is a drive
    if found is None or (isinstance(path, str) and found[2] == "/" and found[1] != "file"):
        return Path(path)
    if found[1].lower() == "file":
        return Path("/" + unquote(urlsplit(str(path)).path).lstrip("/"))
    slashes = ":///" if found[1].startswith("file") else "://"
    return str(path) if isinstance(path, str) else f"{found[1]}{slashes}{str(path)[found.end() :]}"


def local(path: str | Path, what: str) -> Path:
    """A path on this machine.

    Raises:
        StoreError: the URI of a place elsewhere.

    Example:
        >>> local("gs://bucket/pets", "a space")
        Traceback (most recent call last):
        kuamo.errors.StoreError: given 'gs://bucket/pets'; a space is kept on this machine: expected a folder's path
    """
    found = place(path)
    if isinstance(found, str):
        raise StoreError(f"given {found!r}; {what} is kept on this machine: expected a folder's path")
    return found


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
