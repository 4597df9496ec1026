"""The command line: the verbs of the library over files.

kuamo demo
kuamo fit pets.csv --out pets.space
kuamo search pets.space "a sleeping cat" --to image
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kuamo.index import Hit
    from kuamo.space import Space
    from kuamo.table import Table

__all__ = ["app", "main"]

app = typer.Typer(
    help="kuamo (跨模): one shared space for texts, pictures, sounds and vectors.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

TableArgument = Annotated[str, typer.Argument(help="A CSV, TSV, JSON-lines or Parquet file, or 'emoji'.")]
SpaceArgument = Annotated[Path, typer.Argument(help="The folder of a saved space.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
Import = Annotated[
    list[str] | None,
    typer.Option("--import", help="A Python module of yours that defines MODALITIES and ENCODERS by column."),
]


@app.command()
def fit(
    table: TableArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to save the space (a folder).")],
    objective: Annotated[
        str,
        typer.Option(help="What to learn by, such as 'CCA' or 'InfoNCE+0.5*Reconstruct'; see `kuamo info`."),
    ] = "CCA",
    steps: Annotated[int, typer.Option(help="Training steps, for objectives that are trained.")] = 600,
    seed: Seed = 0,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Learn a shared space from a table, and index the table for search."""
    import kuamo as km

    own = load_imports(imports)
    rows = open_table(table, own)
    with bar(quiet=as_json) as progress:
        space = km.fit(
            rows,
            parse_objective(objective),
            encoders={name: net for name, net in own["ENCODERS"].items() if name in rows.columns},
            training=None if objective == "CCA" else km.Training(steps=steps),
            seed=seed,
            progress=progress,
        )
    space.save(out)
    space.index(rows).save(out / "index")
    say({"space": str(out), "dim": space.dim, "notes": space.notes}, as_json, f"{space}\nsaved in {out}")


@app.command()
def evaluate(
    space: SpaceArgument,
    table: TableArgument,
    positives: Annotated[str, typer.Option(help="Right answers: same 'row', 'group' or 'label'.")] = "row",
    save: Annotated[
        list[Path] | None, typer.Option(help="Also write the report here, as .json or .html; may be given again.")
    ] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the .html page: en (default) or zh.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="A saved .json report of the same rows: is the difference more than chance?")
    ] = None,
    seed: Seed = 0,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """How well each column finds each other, on rows the space has not seen; `--save x.html` is a page to look at."""
    import kuamo as km
    from kuamo.report import check_targets

    check_targets(save or [], lang)  # before the long work
    other = km.Report.load(against) if against else None
    own = load_imports(imports)
    loaded = open_space(space, own)
    with bar(quiet=as_json) as progress:
        report = km.evaluate(loaded, open_table(table, own), positives=positives, seed=seed, progress=progress)
    for path in save or []:
        report.save(path, lang=lang if path.suffix.lower() == ".html" else None)
    found = report.compare(other, seed=seed) if other else None
    data = report.as_dict() | ({"comparison": found.as_dict()} if found else {})
    say(data, as_json, "\n\n".join(str(part) for part in (report, found) if part is not None))


@app.command()
def search(
    space: SpaceArgument,
    query: Annotated[str, typer.Argument(help="A text, or the path of a file; an array as .npy.")],
    to: Annotated[str, typer.Option(help="The column to look in.")],
    source: Annotated[str | None, typer.Option("--from", help="The query's column; guessed if not given.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 5,
    table: Annotated[str | None, typer.Option(help="Search this table instead of the one the space came from.")] = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Find the cells of one column that are nearest to a query of any kind."""
    from kuamo.index import Index

    own = load_imports(imports)
    loaded = open_space(space, own)
    index = loaded.index(open_table(table, own)) if table else Index.load(space / "index", loaded)
    value = open_array(query) if query.endswith(".npy") else query
    hits = index.search({source: value} if source else value, to=to, k=k)
    found = [hit._asdict() for hit in hits]
    say({"query": query, "to": to, "hits": found}, as_json, hit_lines(hits))


@app.command()
def info(
    path: Annotated[str | None, typer.Argument(help="A space folder or a table; nothing for the installation.")] = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """What a space, a table or this installation is made of."""
    import kuamo as km
    from kuamo.features import cache_folder

    if path and (Path(path) / "config.json").exists():
        config = json.loads((Path(path) / "config.json").read_text(encoding="utf-8"))
        loaded = open_space(Path(path), load_imports(imports))
        say({key: config[key] for key in ("format", "ports", "notes", "info")}, as_json, str(loaded))
    elif path:
        rows = open_table(path, load_imports(imports))
        columns = {name: type(kind).__name__ for name, kind in rows.modalities.items()}
        say({"rows": len(rows), "columns": columns}, as_json, str(rows))
    else:
        state = {
            "version": km.__version__,
            "cache": str(cache_folder()),
            "objectives": km.objectives.__all__,
        }
        known = installed_encoders()
        width = max(map(len, known))
        lines = [f"{name}: {value}" for name, value in state.items()] + ["encoders:"]
        lines += [f"  {name:{width}}  {reads}; {how or 'installed'}" for name, (reads, how) in known.items()]
        named = {name: {"reads": reads, "installed": how is None} for name, (reads, how) in known.items()}
        say(state | {"encoders": named}, as_json, "\n".join(lines))


@app.command()
def demo(seed: Seed = 0, as_json: Json = False) -> None:
    """The main job on emoji: 1,336 pictures and texts to learn from, 300 unseen concepts to find."""
    import kuamo as km

    train, test = km.datasets.emoji().split(test=300, by="group", seed=seed)
    with bar(quiet=as_json) as progress:
        space = km.fit(train, seed=seed, progress=progress)
        report = km.evaluate(space, test, progress=progress)
        index = space.index(test)
    queries = ["a small animal", "something to eat", "the weather", "a person at work", "music"]
    found = {query: index.search({"text": query}, to="image", k=5) for query in queries}
    pictures = [test[len(test) * part // 4] for part in (1, 2, 3)]
    back = {str(row["text"]): index.search({"image": row["image"]}, to="text", k=5) for row in pictures}
    lines = [f"{space}\n", f"{report}\n", "Pictures for a text (their own texts are shown; none was seen in training):"]
    lines += [f"  {query:24} → {first_words(hits)}" for query, hits in found.items()]
    lines += ["", "Texts for a picture (named here by its own text, which the search does not see):"]
    lines += [f"  {text.split(':')[0][:24]:24} → {first_words(hits)}" for text, hits in back.items()]
    data = {"notes": space.notes, "report": report.as_dict()} | {
        what: {query: [hit._asdict() for hit in hits] for query, hits in answers.items()}
        for what, answers in (("text_to_image", found), ("image_to_text", back))
    }
    say(data, as_json, "\n".join(lines))


# ── helpers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def open_table(name: str, own: dict[str, dict[str, Any]]) -> Table:
    """A table by file, or one that comes with kuamo by name."""
    import kuamo as km

    if name == "emoji" and not Path(name).exists():
        return km.datasets.emoji()
    return km.Table.read(name, modalities=own["MODALITIES"] or None)


def open_array(name: str) -> Any:
    """An array from a .npy file; pickled objects are refused.

    Raises:
        TableError: the file is missing, or holds no plain array.
    """
    import numpy as np

    from kuamo.errors import TableError

    try:
        return np.load(name, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise TableError(f"given {name!r} ({error}); expected a .npy file of numbers") from None


def open_space(path: Path, own: dict[str, dict[str, Any]]) -> Space:
    """A saved space, with the user's own parts."""
    from kuamo.space import Space

    custom = {name: (own["MODALITIES"].get(name), own["ENCODERS"].get(name)) for name in own["MODALITIES"]}
    return Space.load(path, custom=custom)


def load_imports(names: list[str] | None) -> dict[str, dict[str, Any]]:
    """MODALITIES and ENCODERS of the user's modules, which are found beside the working folder or installed."""
    import importlib

    from kuamo.errors import TableError

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


def parse_objective(text: str) -> Any:
    """`InfoNCE+0.5*Reconstruct` → the objective; names are those of `kuamo.objectives.__all__`."""
    from kuamo import objectives
    from kuamo.errors import TableError

    total: Any = None
    for part in text.replace(" ", "").split("+"):
        weight, _, name = part.rpartition("*")
        kind = getattr(objectives, name, None) if name in objectives.__all__ else None
        try:
            term = float(weight or 1) * kind() if kind and weight else kind and kind()
        except (TypeError, ValueError):
            term = None
        if term is None:
            raise TableError(f"given objective {part!r}; expected one of {objectives.__all__}, as in 'A+0.5*B'")
        total = term if total is None else total + term
    return total


class bar:
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
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, total=of)
        self.progress.update(self.tasks[name], completed=done, total=of)


def installed_encoders() -> dict[str, tuple[str, str | None]]:
    """Name → what the encoder reads, and how to get it where it is not installed."""
    from kuamo import encoders
    from kuamo.encoders.default import HOW

    reads = {
        "MiniLM": "English text",
        "MultilingualE5": "text in a hundred languages",
        "EfficientNetLite0": "pictures",
        "SpectralFeatures": "sounds, speech above all",
        "SoundEffects": "sounds other than speech",
        "Sounds": "sounds of any kind",
        "HubEncoder": "text, pictures or sounds, by any pretrained model: encoders.hub(name)",
    }
    return {
        name: (what, None if getattr(encoders, name).installed() else f"not installed: {HOW[name]}")
        for name, what in reads.items()
    }


def hit_lines(hits: list[Hit]) -> str:
    """One line for each hit."""
    return "\n".join(f"{hit.score:7.3f}  {hit.id:16}  {hit.show}" for hit in hits)


def first_words(hits: list[Hit]) -> str:
    """What was found, by what stands before the keywords."""
    return " | ".join(hit.show.split(":")[0] for hit in hits)


def say(data: dict[str, Any], as_json: bool, text: str) -> None:
    """To people, or to machines."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str) if as_json else text)


def main() -> None:
    """Run; a mistake in the input is one line on the error stream and exit code 2, Ctrl-C is 130."""
    from kuamo.errors import KuamoError

    try:
        app()
    except KuamoError as error:
        typer.echo(f"kuamo: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("kuamo: stopped; nothing half-written is left", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
