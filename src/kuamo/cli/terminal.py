"""What the commands share: opening tables and spaces, reading options, progress bars, printing."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import kuamo as km
from kuamo import encoders
from kuamo.cli.media_files import save_sheet
from kuamo.core.errors import KuamoError, TableError, visible
from kuamo.core.messages import Note
from kuamo.core.text_table import format_table
from kuamo.core.translation import deferred, language, localized, say, translate
from kuamo.data.table import Table
from kuamo.encoders.packaged import how_to_get
from kuamo.index import Hit, Index
from kuamo.space import Space

__all__ = [
    "PreviewWriter",
    "ProgressBar",
    "cost_of",
    "emit",
    "hit_lines",
    "installed_encoders",
    "load_imports",
    "open_array",
    "open_index",
    "open_space",
    "open_table",
]


def open_table(
    name: str,
    own: dict[str, dict[str, Any]],
    on_error: str = "raise",
    root: Path | None = None,
    encoding: str | None = None,
    columns: Sequence[str] = (),
) -> Table:
    """A table by file or folder, or one that comes with kuamo by name.

    Args:
        columns: that are encoded also if they look like classes.
    """
    if name == "emoji" and not Path(name).exists():
        return km.datasets.emoji()
    kinds = own["MODALITIES"] or {}
    table = km.Table.read(name, modalities=kinds or None, root=root, encoding=encoding, on_error=on_error)
    classes = {column: km.Text() for column in columns if column in table.meta and column not in table.columns}
    if not classes:
        return table
    return km.Table.read(name, modalities={**kinds, **classes}, root=root, encoding=encoding, on_error=on_error)


def cost_of(rows: Table, objective: Any, encoders: dict[str, Any], start: Space | None, **options: Any) -> str | None:
    """A line on what a fit will cost, from a short measurement; `None` where it is solved, and costs little."""
    from kuamo.diagnostics.cost.forecast import forecast
    from kuamo.diagnostics.text import cost_step_in_words
    from kuamo.fitting.towers import open_ports
    from kuamo.objectives.prediction.class_codes import metric_target

    if start is None and metric_target(objective, open_ports(rows, encoders, {}, None)[0], rows):
        return None
    try:
        found = forecast(rows, objective, encoders=encoders, start=start, **options)
    except KuamoError:  # the fit says it better
        return None
    total = found.total.cpu
    named = {cost_step_in_words(language(), {"name": one.name}): one.cpu for one in found.fit if one.cpu > 0.05 * total}
    parts = [Note("fit_cost_part", name=name, cpu=cpu) for name, cpu in named.items()]
    return visible(localized(Note("fit_cost", cpu=total, parts=parts, spent=found.took.cpu)))


def open_array(name: str) -> Any:
    """An array from a .npy file; pickled objects are refused."""
    try:
        return np.load(name, allow_pickle=False)
    except FileNotFoundError:
        raise TableError(f"{name} does not exist; expected a .npy file of numbers") from None
    except (OSError, ValueError, EOFError) as error:
        raise TableError(f"{name}: cannot be read ({error}); expected a .npy file of numbers") from None


def open_space(path: Path, own: dict[str, dict[str, Any]]) -> Space:
    """A saved space, with the user's own parts."""
    custom = {name: (own["MODALITIES"].get(name), own["ENCODERS"].get(name)) for name in own["MODALITIES"]}
    return Space.load(path, custom=custom)


def open_index(path: Path, space: Space) -> Index:
    """The index beside or at this path: `path/index` of a space folder, or an index folder itself."""
    return Index.load(path / "index" if (path / "model.safetensors").exists() else path, space)


def load_imports(names: list[str] | None) -> dict[str, dict[str, Any]]:
    """MODALITIES and ENCODERS of the user's modules, which are found beside the working folder or installed."""
    found: dict[str, dict[str, Any]] = {"MODALITIES": {}, "ENCODERS": {}}
    for name in names or []:
        sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(name.removesuffix(".py"))
        except ImportError as error:
            raise TableError(f"--import {name}: given a module that cannot be imported ({error})") from None
        finally:
            sys.path.pop(0)
        for kind in found:
            found[kind] |= getattr(module, kind, {})
    return found


class ProgressBar:
    """A progress bar on the terminal's error stream, one line for each column; nothing where nobody looks."""

    def __init__(self, quiet: bool) -> None:
        self.live = sys.stderr.isatty() and not quiet
        self.tasks: dict[str, Any] = {}

    def __enter__(self) -> Any:
        if not self.live:
            return None
        from rich.console import Console
        from rich.progress import Progress

        self.progress = Progress(console=Console(stderr=True), transient=True)
        self.progress.start()
        return self._update

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.progress.stop()

    def _update(self, name: str, done: int, of: int) -> None:
        from rich.markup import escape

        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(escape(visible(step_in_words(name))), total=of)
        self.progress.update(self.tasks[name], completed=done, total=of)


class PreviewWriter:
    """While decoders are trained: a sheet of held-out pictures beside what is made of their rows, OUT-COLUMN.png.

    The real picture stands first in each row. It is written anew a few times, the first time early.
    """

    def __init__(self, out: Path, quiet: bool) -> None:
        self.out, self.quiet, self.said = out, quiet, False

    def __enter__(self) -> Any:
        return self._look

    def __exit__(self, *_: object) -> None:
        pass

    def _look(self, column: str, share: float, real: list[Any], made: list[list[Any]]) -> None:

        if not (isinstance(real[0], np.ndarray) and real[0].ndim == 3):
            return
        path = self.out.with_name(f"{self.out.name}-{re.sub(r'[^A-Za-z0-9_-]+', '_', column)}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        save_sheet([[one, *draws] for one, draws in zip(real, made, strict=True)], path)
        if not self.quiet:
            said = say("{column}: {share:.0%} trained, see {path}", column=column, share=share, path=path)
            print(visible(said), file=sys.stderr)


def installed_encoders() -> dict[str, tuple[str, str | None]]:
    """Name → what the encoder reads, and how to get it where it is not installed."""
    reads = {
        "MiniLM": deferred("English text"),
        "MultilingualE5": deferred("text in a hundred languages"),
        "EfficientNetLite0": deferred("images"),
        "SpectralFeatures": deferred("audio, speech above all"),
        "SoundEffects": deferred("audio other than speech"),
        "DefaultAudioEncoder": deferred("audio of any kind"),
        "HubEncoder": deferred("text, images or audio, by any pretrained model: encoders.hub(name)"),
    }
    missing = [name for name in reads if not getattr(encoders, name).installed()]
    how = {name: say("not installed: {how}", how=translate(how_to_get(name))) for name in missing}
    return {name: (what, how.get(name)) for name, what in reads.items()}


STEPS = tuple(map(deferred, ("encode", "impute", "index", "orders", "predict", "subsets", "training", "translate")))


def step_in_words(name: str) -> str:
    """A step of the work as `progress` names it: one of ours, or a column."""
    return say(name) if name in STEPS else name


def hit_lines(hits: list[Hit], several: bool = False, heads: bool | None = None) -> str:
    """One line for each hit; with its column and percentile where several columns were searched.

    Args:
        heads: what each column is, above; by default on a terminal, and not where a program reads.
    """
    heads = sys.stdout.isatty() if heads is None else heads
    if heads and not hits:
        return say("no results")
    grid = [[say("score"), say("column"), say("percentile"), say("id"), say("row")]] if heads else []
    for hit in hits:
        percentile = "–" if hit.percentile is None else f"{hit.percentile:.2f} %"
        grid.append([f"{hit.score:.3f}", hit.column, percentile, hit.id, hit.show])
    shown = grid if several else [[score, name, words] for score, _, _, name, words in grid]
    left = (1, 3, 4) if several else (1, 2)
    return visible("\n".join(line.rstrip() for line in format_table(shown, left))) if grid else ""


def emit(data: dict[str, Any], as_json: bool, text: str) -> None:
    """To people, or to machines."""
    plain = "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower()
    print(visible(json.dumps(data, ensure_ascii=plain, default=str) if as_json else text))
