"""`kuamo info` and `kuamo cache`: what is stored, read and installed here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kuamo as km
from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.options import Json
from kuamo.cli.terminal import emit, installed_encoders
from kuamo.core import disk_cache as store
from kuamo.core.translation import say
from kuamo.embedding.storage import read_config
from kuamo.encoders.feature_cache import cache_folder

__all__ = ["cache", "info"]


@with_inputs()
def info(
    path: Annotated[str | None, typer.Argument(help="A space folder or a table. Without it: the installation.")] = None,
    *,
    inputs: Inputs,
) -> None:
    """Show information about a space, a table, or this installation."""
    if path and (Path(path) / "config.json").exists():
        loaded = inputs.space(Path(path))
        config = read_config(Path(path), "space")
        about = {key: config[key] for key in ("format", "ports", "info")}
        about["info"].pop("training_rows", None)  # fingerprints, which say nothing to people
        inputs.emit(about | {"notes": loaded.notes}, str(loaded))
    elif path:
        rows = inputs.table(path)
        columns = {name: type(kind).__name__ for name, kind in rows.modalities.items()}
        inputs.emit({"rows": len(rows), "columns": columns, "notes": rows.notes}, rows.describe())
    else:
        from kuamo.objectives.registry import usable_names

        state = {
            "version": km.__version__,
            "cache": str(cache_folder()),
            "objectives": usable_names(),
        }
        shown = [km.__version__, str(cache_folder()), ", ".join(usable_names())]
        known = installed_encoders()
        width = max(map(len, known))
        names = map(say, ("version", "cache", "objectives", "encoders"))
        lines = [say("{name}: {value}", name=name, value=value) for name, value in zip(names, [*shown, ""])]
        for name, (reads, how) in known.items():
            about = {"name": f"{name:{width}}", "reads": say(reads), "how": how or say("installed")}
            lines.append(say("  {name}  {reads}; {how}", None, **about))
        named = {name: {"reads": reads, "installed": how is None} for name, (reads, how) in known.items()}
        inputs.emit(state | {"encoders": named}, "\n".join(lines))


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything in the cache.")] = False,
    limit: Annotated[
        str | None,
        typer.Option(help="Remove the least recently used entries until the cache is at most this large: 500MB, 2GB."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show or clear the cache of features and chosen settings."""
    freed = store.shrink(0 if clear else store.parse_bytes(limit)) if clear or limit else 0
    state = store.state() | {"freed": freed}
    size, limit_now = store.format_bytes(state["bytes"]), store.limit()
    lines = [say("{folder}: {size} in {count:,} files", folder=state["folder"], size=size, count=state["files"])]
    lines += [say("freed {size}", size=store.format_bytes(freed))] if clear or limit else []
    limited = say("limit: {size} (KUAMO_CACHE_LIMIT)", size=store.format_bytes(limit_now)) if limit_now else None
    lines += [limited or say("no limit (KUAMO_CACHE_LIMIT)")]
    emit(state, as_json, "\n".join(lines))
