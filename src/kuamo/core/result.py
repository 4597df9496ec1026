"""What every result is: named figures, read as a mapping, printed, and saved as JSON or as one page.

class Report(Result): KIND = "report"; FORMAT = 2; figures = property(lambda self: self.intervals)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from kuamo.core.errors import KuamoError, StoreError, did_you_mean
from kuamo.core.export import save_result
from kuamo.core.files import local_path, not_there, read_plain
from kuamo.core.ownership import check_seal

__all__ = ["Result", "read_result"]

T = TypeVar("T")


class Figure(Protocol):
    """An interval or a difference: whatever has a value."""

    @property
    def value(self) -> float: ...


class Result(Mapping[str, float]):
    """Named figures; as a mapping it gives their values."""

    KIND: ClassVar[str]

    @property
    def figures(self) -> Mapping[str, Figure]:
        """Name → interval, or difference."""
        raise NotImplementedError

    def current(self, name: str) -> str:
        """What a figure is called today."""
        return name

    def __getitem__(self, name: str) -> float:
        return self.figure(name).value

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a figure, or the default where there is none of that name."""
        return self[name] if self.current(name) in self.figures else default

    def figure(self, name: str) -> Any:
        """A figure with its interval and count.

        Raises:
            KuamoError: there is none of that name.
        """
        name = self.current(name)
        if name not in self.figures:
            raise KuamoError(f"given {name!r}{did_you_mean(name, self.figures)}; expected one of {list(self.figures)}")
        return self.figures[name]

    def __contains__(self, name: object) -> bool:
        return name in self.figures

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def save(self, path: str | Path, *, lang: str | None = None) -> None:
        """Write everything as JSON (`x.json`), or one self-contained page (`x.html`). Never half of it.

        Args:
            path: ends in .json or .html. lang: of the page, `"en"` or `"zh"`; `None`: as KUAMO_LANG says.

        Raises:
            StoreError: another ending, an unknown language, a language for JSON, or no such folder.
        """
        save_result(self, local_path(path, f"a {self.KIND}"), lang)


def read_result(path: Path, kind: str, newest: int, build: Callable[[dict[str, Any]], T]) -> T:
    """What `build` makes of a saved result's fields."""
    if not path.is_file():
        raise not_there(path, f"a saved {kind}", "a .json file that `save` wrote")
    try:
        data = json.loads(read_plain(path))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); expected a saved {kind} (.json)") from None
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise not_there(path, f"a saved {kind}", "a .json file that `save` wrote")
    if not isinstance(data.get("format"), int) or data["format"] > newest:
        raise StoreError(f"{path}: given format {data.get('format')}; this kuamo reads up to {newest}")
    try:
        found = build(data)
        check_seal(data, newest, path)
        return found
    except StoreError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise StoreError(f"{path}: does not describe a {kind} ({type(error).__name__}: {error})") from None
