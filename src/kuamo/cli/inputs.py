"""The options that every command has which reads a table or a space, and what they stand for: `Inputs`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, get_type_hints

from kuamo.cli.options import Encoding, Import, Json, OnError, Root
from kuamo.cli.terminal import ProgressBar, emit, load_imports, open_space, open_table
from kuamo.data.table import Table
from kuamo.space import Space

__all__ = ["Inputs", "with_inputs"]


@dataclass(frozen=True)
class Inputs:
    """How tables are read, the user's own modules, and the form of the answer."""

    on_error: str = "raise"
    root: Path | None = None
    encoding: str | None = None
    imports: list[str] | None = None
    as_json: bool = False

    @cached_property
    def own(self) -> dict[str, dict[str, Any]]:
        """The user's MODALITIES and ENCODERS by column."""
        return load_imports(self.imports)

    def table(self, name: str, columns: Sequence[str] = ()) -> Table:
        """A table by its file, folder or name; see `open_table`."""
        return open_table(name, self.own, self.on_error, self.root, self.encoding, columns)

    def space(self, path: Path) -> Space:
        """A saved space, with the user's own parts."""
        return open_space(path, self.own)

    def encoders(self, rows: Table) -> dict[str, Any]:
        """The user's encoders of these columns."""
        return {name: net for name, net in self.own["ENCODERS"].items() if name in rows.columns}

    def progress(self) -> ProgressBar:
        """A bar, but not beside JSON."""
        return ProgressBar(quiet=self.as_json)

    def emit(self, data: Any, text: str) -> None:
        """Print the answer, as JSON or as text."""
        emit(data, self.as_json, text)


OPTIONS = {"on_error": OnError, "root": Root, "encoding": Encoding, "imports": Import, "as_json": Json}


def with_inputs(on_error: str = "raise") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with the common options, which it gets as one argument, `inputs`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(**options: Any) -> None:
            inputs = Inputs(**{name: options.pop(name) for name in OPTIONS})
            command(**options, inputs=inputs)

        hints = get_type_hints(command, include_extras=True) | OPTIONS
        usual = Inputs(on_error=on_error)
        own = [one for one in inspect.signature(command).parameters.values() if one.name != "inputs"]
        common = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(usual, name)) for name in OPTIONS
        ]
        parameters = [one.replace(annotation=hints[one.name]) for one in [*own, *common]]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate
