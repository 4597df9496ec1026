"""Writing so that nothing is ever half-written, and where the cache is.

    .{name}~{machine}~{process}~{number}.part        a folder beside the place, where it is written before it is renamed

What a killed process has left of these is known by its number, and goes when somebody next writes there.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kuamo.core.errors import KuamoError, StoreError, shorten

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "atomic_path",
    "cache_folder",
    "left_beside",
    "listed",
    "local_path",
    "marked",
    "not_there",
    "place",
    "read_plain",
    "remove_leftovers",
    "reporting_io_errors",
    "save_arrays",
    "sha256_of",
]

LONG = 100  # bytes of a name; a longer one is replaced by its hash, since a mark must fit behind it


def cache_folder() -> Path:
    """`KUAMO_CACHE`, or `kuamo` in the user's cache folder; as the XDG rules say, that is nowhere relative."""
    given = os.environ.get("KUAMO_CACHE")
    if given:
        return Path(os.path.expanduser(given))
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path(os.path.expanduser("~/.cache"))) / "kuamo"


def place(path: str | Path) -> Path | str:
    """A path on this machine, or the URI of a place elsewhere; `file://` is this machine.

    A `Path` of a URI, such as a command line makes, has lost a slash: it is put back.

    Example:
        >>> place("s3://bucket/x.lance"), place(Path("s3://bucket/x.lance"))
        ('s3://bucket/x.lance', 's3://bucket/x.lance')
        >>> place("file:///tmp/x.lance") == place("/tmp/x.lance") == Path("/tmp/x.lance")
        True
    """
    if not isinstance(path, str | Path):
        raise StoreError(f"given {shorten(path)} as a place; expected a path, as a text or a `Path`")
    _check_name(path)
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)", str(path))  # one letter is a drive
    if found is None or (isinstance(path, str) and found[2] == "/" and found[1] != "file"):
        return Path(path)
    if found[1].lower() == "file":
        return Path("/" + unquote(urlsplit(str(path)).path).lstrip("/"))
    slashes = ":///" if found[1].startswith("file") else "://"
    return str(path) if isinstance(path, str) else f"{found[1]}{slashes}{str(path)[found.end() :]}"


def _check_name(path: str | Path) -> None:
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise StoreError(f"{_shown_path(path)}: no file can have this name ({error.strerror})") from None
    except ValueError as error:
        raise StoreError(f"{_shown_path(path)}: no file can have this name ({error})") from None


def local_path(path: str | Path, what: str) -> Path:
    """A path on this machine.

    Example:
        >>> local_path("pets.space", "a space")
        PosixPath('pets.space')
    """
    found = place(path)
    if isinstance(found, str):
        raise StoreError(f"given {found!r}; {what} is kept on this machine: expected a folder's path")
    return found


@contextmanager
def reporting_io_errors(path: Path) -> Iterator[None]:
    """Say what could not be written, and why, if the disk is full or refuses."""
    from safetensors import SafetensorError

    try:
        yield
    except KuamoError:
        raise
    except (OSError, SafetensorError, ValueError) as error:
        if type(error) is ValueError and "null" not in str(error):
            raise  # not about a name that no file can have
        strerror = getattr(error, "strerror", None) or error
        raise StoreError(
            f"{_shown_path(path)}: cannot be written ({strerror}); expected a writable path with enough free disk space"
        ) from None


def not_there(path: str | Path, what: str, place: str) -> StoreError:
    """Why nothing that is saved can be read from a path.

    Example:
        >>> print(not_there("/nowhere", "a saved space", "its folder"))
        /nowhere does not exist; expected a saved space
    """
    if not os.path.exists(path):
        return StoreError(f"{_shown_path(path)} does not exist; expected {what}")
    return StoreError(f"{_shown_path(path)} is not {what}; expected {place}")


def _shown_path(path: str | Path) -> str:
    """A path for a message: the end of it, if it is long."""
    return str(path) if len(str(path)) <= 200 else f"…{str(path)[-200:]}"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; it becomes `path` in one rename if all went well, else nothing is left.

    Raises:
        StoreError: the disk is full or refuses.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "a.txt"
        >>> with atomic_path(path) as part:
        ...     _ = part.write_text("all of it")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('all of it', 1)
    """
    folder = marked(path, "part")
    try:
        with reporting_io_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            yield folder / path.name
            os.replace(folder / path.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def marked(path: Path, ending: str) -> Path:
    """A name beside `path` that says which process on which machine is at work there."""
    return path.with_name(f".{_label(path.name)}~{_machine()}~{os.getpid()}~{uuid.uuid4().hex[:8]}.{ending}")


def listed(folder: Path, pattern: str) -> list[Path]:
    """What matches in a folder, in order; nothing where there can be no folder, as of a name that is too long."""
    try:
        return sorted(folder.glob(pattern))
    except (OSError, ValueError):
        return []


def read_plain(path: Path) -> str:
    """The text of a file; a device or a pipe, which might never end, is none."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a plain file")
    return path.read_text(encoding="utf-8")


def sha256_of(path: Path) -> str | None:
    """Of a file's bytes, in hexadecimal; `None` if it cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def left_beside(folder: Path, name: str | None, ending: str) -> list[Path]:
    """What writers on this machine that are no more have left of this name, or of any."""
    pattern = f".{'*' if name is None else glob.escape(_label(name))}~*~*~*.{ending}"
    marks = [(left, left.name.rsplit("~", 3)) for left in listed(folder, pattern)]
    return [left for left, (_, node, process, _) in marks if node == _machine() and not _alive(process)]


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers have left half-written in a folder."""
    for left in left_beside(folder, None, "part"):
        shutil.rmtree(left, ignore_errors=True)


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """A safetensors file that whoever may read the user's other files may read, too; the library would forbid it."""
    from safetensors.numpy import save_file

    path.touch()
    mode = path.stat().st_mode
    save_file(dict(arrays), path)
    path.chmod(mode)


def _label(name: str) -> str:
    return name if len(os.fsencode(name)) <= LONG else hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


def _machine() -> str:
    return platform.node().replace("/", "").replace("~", "")[:64]


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError):
        return True  # not a name of ours: leave it alone
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
