"""Where the file that a cell names is: below the table's folder, at a `file://` URL, or, if asked for, on the web.

With a `root`, names are looked up there, and nothing outside it is read, by whatever way a name leads out: `..`, an
absolute path, a link. Without one the table is trusted as its user's own: names start in the table's folder and may
lead anywhere.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kuamo.core.errors import CellError, TableError
from kuamo.core.files import cache_folder
from kuamo.core.messages import Note
from kuamo.data.column import Layout, layout
from kuamo.data.modalities import Modality
from kuamo.data.modalities.base import describe_value, first_there, spellings
from kuamo.data.readers.fetching import fetch

__all__ = ["FileResolver", "Opening", "ResolvedCells"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class Opening:
    """How a table's own files are opened.

    Args:
        encoding: of text files. roots: folders that the files must be in, by their real path; anywhere if none.
        kept: columns whose words are kept, also those that mean a gap. notes: what is to be said of the files.
    """

    encoding: str | None = None
    roots: tuple[Path, ...] = ()
    kept: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)

    def allow(self, path: Path) -> Path:
        """The path, if it may be opened."""
        real = Path(os.path.realpath(path))
        if self.roots and not any(real.is_relative_to(os.path.realpath(root)) for root in self.roots):
            raise TableError(
                f"given {describe_value(path)}, which leads outside the root; expected a file inside {self.roots[0]}"
            )
        return path


@dataclass(frozen=True)
class FileResolver:
    """Finds files.

    Args:
        folder: where relative names start. jail: is everything outside `folder` refused?
        download: may files be fetched from http and https URLs?
    """

    folder: Path
    jail: bool = False
    download: bool = False

    def find(self, name: str) -> Path:
        """The path of the file that a cell names; it may not exist."""
        if _SCHEME.match(name):
            parts = urlsplit(name)
            if parts.scheme.lower() in ("http", "https"):
                return self._fetched(name)
            if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost"):
                raise CellError(describe_value(name), "a path, a file:// URL, or http(s):// with download=True")
            name = unquote(parts.path)
        path = first_there([self.folder / each for each in spellings(name)])
        if self.jail:
            try:
                inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.folder))
            except (OSError, ValueError) as error:
                raise CellError(Note("cell_not_read", name=describe_value(name), error=str(error)), "a path") from None
            if not inside:
                raise CellError(Note("cell_outside", name=describe_value(name)), f"a path inside {self.folder}")
        return path

    def place(self, cell: Any) -> Any:
        """A cell with its names made paths."""
        if isinstance(cell, list):
            return [self.place(part) for part in cell]
        return self.find(cell) if isinstance(cell, str) else cell

    def place_if_there(self, cell: Any) -> Any:
        """The same, but a text that names no file stays a text: a modality of the user's own may mean it."""
        if isinstance(cell, list):
            return [self.place_if_there(part) for part in cell]
        if not isinstance(cell, str) or len(cell) > 1024 or "\n" in cell:
            return cell
        if _SCHEME.match(cell):
            return self.find(cell)
        try:
            return self.find(cell) if (self.folder / cell).is_file() else cell
        except (OSError, ValueError) as error:
            if isinstance(error, CellError):
                raise
            return cell

    def _fetched(self, url: str) -> Path:
        """A copy of a file on the web, in the cache; fetched once."""
        if not self.download:
            raise CellError(describe_value(url), "a file on this machine, or download=True to fetch it")
        copy = cache_folder() / "downloads" / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        if not copy.exists():
            fetch(url, copy)
        return copy


class ResolvedCells:
    """Cells that are changed when they are asked for, such as names that become paths.

    Args:
        cells: a list or lazy cells. change: what is done to each cell; absent ones and lists stay what they are.
    """

    def __init__(self, cells: Any, change: Callable[[Any], Any]) -> None:
        self.cells, self.change = cells, change

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, position: int) -> Any:
        return self.change(self.cells[position])

    def layout(self, modality: Modality) -> Layout:
        return layout(self.cells, modality)
