"""The command line: the verbs of the library over files.

kuamo demo
kuamo fit pets.csv --out pets.space
kuamo search pets.space "a sleeping cat" --to image
kuamo translate pets.space "a sleeping cat" --to image -n 4 --out made
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import kuamo as km
from kuamo.cli.demo import run
from kuamo.cli.diagnose import diagnose
from kuamo.cli.export_codes import write_codes
from kuamo.cli.language import Verbs, asked, in_language
from kuamo.cli.media_files import check_media_out
from kuamo.cli.options import Encoding, Import, Json, OnError, Root, Seed, SpaceArgument, TableArgument
from kuamo.cli.predict import predict
from kuamo.cli.terminal import (
    PreviewWriter,
    ProgressBar,
    cost_of,
    emit,
    hit_lines,
    installed_encoders,
    load_imports,
    open_array,
    open_index,
    open_space,
    open_table,
)
from kuamo.cli.translate import translate_rows
from kuamo.core import disk_cache as store
from kuamo.core import translation
from kuamo.core.errors import KuamoError, TableError, shorten, visible
from kuamo.core.export import check_target, check_targets
from kuamo.core.files import local_path, place, reporting_io_errors
from kuamo.core.old_names import OLD_OPTIONS
from kuamo.core.translation import say
from kuamo.data.targets import parse_target, with_label_columns
from kuamo.embedding.storage import check_space_place, read_config, save_space
from kuamo.encoders.feature_cache import cache_folder
from kuamo.generation.registry import default_spec, parse_specs
from kuamo.index import Index
from kuamo.index.in_memory import MemoryIndex

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Verbs,
    help="kuamo (跨模): cross-modal learning; one shared embedding space for text, images, audio and vectors.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command()(diagnose)
app.command()(predict)


@app.command()
def fit(
    table: TableArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder of the space.")],
    objective: Annotated[
        str | None,
        typer.Option(
            help=(
                "The objective, such as 'CCA' or 'InfoNCE+0.5*Reconstruct' (see `kuamo info`). Default: a closed "
                "form, then contrastive fine-tuning if it helps on held-out rows."
            )
        ),
    ] = None,
    predict: Annotated[
        str | None,
        typer.Option(
            help=(
                "Column of classes or numbers to predict from the others (see `kuamo predict`). 'stars:number' or "
                "'stars:category' sets its kind; number columns are then used as inputs too."
            )
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=0, help="Training steps, for trained objectives. Default: depends on the number of rows."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="A saved space to start from. Without --objective the space is unchanged and only decoders are added."
        ),
    ] = None,
    decode: Annotated[
        list[str] | None,
        typer.Option(
            "--decode",
            help=(
                "Column to train a decoder for: 'image', or with a recipe: 'image=flow' (or gan, gaussian, ridge), "
                "'image=cyclegan' (features only), 'image=bilinear:tone:base' (style and base columns); for text: "
                "caption, nearest_text, text_rnn. Repeatable. Ctrl-C stops training and keeps the best checkpoint."
            ),
        ),
    ] = None,
    decode_steps: Annotated[
        int | None, typer.Option(min=1, help="Training steps of decoders. Default: depends on the number of rows.")
    ] = None,
    seed: Seed = 0,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Fit a shared embedding space to a table and index the table for search; with --decode, also train decoders."""
    from kuamo.fitting.gradient import usual_training
    from kuamo.objectives.registry import objective_named

    check_space_place(local_path(out, "a space"), with_index=True)  # before the long work
    if predict and objective:
        raise TableError(f"given --predict {predict!r} and --objective {objective!r}; expected one of them")
    own = load_imports(imports)
    query_signature = parse_specs(decode or [])
    before = open_space(start, own) if start else None
    styles = [style for recipe in query_signature.values() for style in getattr(recipe, "styles", ())]
    rows = open_table(table, own, on_error, root, encoding, styles)
    if predict:
        predict, kind = parse_target(rows, predict)
        rows = with_label_columns(rows, predict, kind)
    recipes = {name: recipe or default_spec(rows.column(name).modality) for name, recipe in query_signature.items()}
    chosen = km.Predict(predict) if predict else objective_named(objective) if objective else None
    trained = predict is not None or objective not in (None, "CCA")
    encoders = {name: net for name, net in own["ENCODERS"].items() if name in rows.columns}
    making = km.Training(steps=decode_steps) if decode_steps else None
    with ProgressBar(quiet=as_json) as progress, PreviewWriter(out, quiet=as_json) as look:
        if trained or not recipes:
            usual = usual_training(chosen, len(rows))
            training = usual if steps is None else replace(usual, steps=steps, at_most=False)
            cost = None
            if predict and not as_json:  # it may be minutes
                cost = cost_of(rows, chosen, encoders=encoders, start=before, training=training, seed=seed)
            if cost is not None:
                typer.echo(cost, err=True)
            before = km.fit(
                rows,
                chosen,
                encoders=encoders,
                init=before,
                training=training if trained else None,
                seed=seed,
                progress=progress,
            )
            chosen, encoders = None, {}
        space = before
        if recipes or space is None:
            space = km.fit(
                rows, chosen, encoders=encoders, init=before, decoders=recipes, training=making, seed=seed,
                progress=progress, on_preview=look,
            )  # fmt: skip
    save_space(space, out, MemoryIndex.build(space, rows))
    text = f"{space}\n{say('saved in {out}', out=out)}"
    emit({"space": str(out), "dim": space.dim, "notes": space.notes}, as_json, text)


@app.command()
def evaluate(
    space: SpaceArgument,
    table: TableArgument,
    positives: Annotated[
        str, typer.Option(help="Which items are relevant to a query: those of the same 'row', 'group' or 'label'.")
    ] = "row",
    save: Annotated[
        list[Path] | None, typer.Option(help="Also save the report, as .json or .html. Repeatable.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="A saved .json report of the same rows to compare with, with significance tests."),
    ] = None,
    seed: Seed = 0,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Evaluate cross-modal retrieval on rows that were not used for training; `--save x.html` writes a report page."""
    check_targets(save or [], None)  # before the long work
    other = km.Report.load(against) if against else None
    own = load_imports(imports)
    loaded = open_space(space, own)
    rows = open_table(table, own, on_error, root, encoding)
    with ProgressBar(quiet=as_json) as progress:
        report = km.evaluate(loaded, rows, positives=positives, seed=seed, progress=progress)
    for path in save or []:
        report.save(path)
    found = report.compare(other, seed=seed) if other else None
    data = report.as_dict() | ({"comparison": found.as_dict()} if found else {})
    emit(data, as_json, "\n\n".join(str(part) for part in (report, found) if part is not None))


@app.command()
def compare(
    table: TableArgument,
    methods: Annotated[
        str | None,
        typer.Option(
            help=(
                "Methods, separated by ';': 'default; CCA; InfoNCE+0.5*Reconstruct' (see `kuamo info`); 'default' "
                "is `fit` without an objective. Default: a standard set."
            )
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of random splits, each with its own fits.")] = 3,
    test: Annotated[float, typer.Option(help="Size of the test set: a share below 1, or a number of groups.")] = 0.2,
    by: Annotated[
        str, typer.Option(help="What is kept together in a split: group, id, label or a metadata column.")
    ] = "group",
    positives: Annotated[
        str, typer.Option(help="Which items are relevant to a query: those of the same 'row', 'group' or 'label'.")
    ] = "row",
    metric: Annotated[
        str | None,
        typer.Option(help="Metric that methods are ranked and tested by. Default: R@10, or mAP with --positives."),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Training steps, for trained objectives.")] = 600,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help=(
                "Output folder for contest.json, contest.html and intermediate results; an interrupted run resumes "
                "from it."
            ),
        ),
    ] = None,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Benchmark several methods on the same rows: metrics, costs, and which differences are significant."""
    if out:
        with reporting_io_errors(out):
            out.mkdir(parents=True, exist_ok=True)
        check_targets([out / "contest.json", out / "contest.html"], None)  # before the long work
    if test >= 1 and test != int(test):
        raise TableError(f"given --test {test:g}; expected a share below 1, or a whole number of groups")
    own = load_imports(imports)
    rows = open_table(table, own, on_error, root, encoding)
    with ProgressBar(quiet=as_json) as progress:
        contest = km.compare(
            rows,
            [name.strip() for name in methods.split(";") if name.strip()] if methods else None,
            test=test if test < 1 else int(test),
            by=by,
            seeds=range(seeds),
            positives=positives,
            metric=metric,
            encoders={name: net for name, net in own["ENCODERS"].items() if name in rows.columns},
            training=km.Training(steps=steps),
            out=out,
            progress=progress,
        )
    if out:
        contest.save(out / "contest.json")
        contest.save(out / "contest.html")
    emit(contest.as_dict(), as_json, f"{contest}" + (f"\n{say('saved in {out}', out=out)}" if out else ""))


@app.command()
def encode(
    space: SpaceArgument,
    table: TableArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output .parquet file: id and code of each row.")],
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Encode every row of a table: one code per row, fused over its columns."""
    own = load_imports(imports)
    loaded = open_space(space, own)
    given = open_table(table, own, on_error, root, encoding)
    with ProgressBar(quiet=as_json) as progress:
        rows, empty = write_codes(loaded, given, out, progress=progress)
    text = say("{rows:,} codes of {dim} numbers in {out}", rows=rows, dim=loaded.dim, out=out)
    text += say("; {count:,} rows were empty: null", count=empty) if empty else ""
    emit({"rows": rows, "empty": empty, "dim": loaded.dim, "out": str(out)}, as_json, text)


@app.command()
def index(
    space: SpaceArgument,
    table: TableArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Path of the index: a folder, *.lance, or a URI.")],
    add: Annotated[bool, typer.Option("--add", help="Add the rows to an existing index.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Add the rows to an existing index and replace rows with the same id.")
    ] = False,
    thumbnails: Annotated[bool, typer.Option("--thumbnails", help="Store thumbnails for displaying results.")] = False,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Create an index on disk (extra 'index'), or add rows to one."""
    if add and update:
        raise TableError("given --add and --update; expected one of them")
    own = load_imports(imports)
    loaded, rows = open_space(space, own), open_table(table, own, on_error, root, encoding)
    with ProgressBar(quiet=as_json) as progress:
        if add or update:
            made = Index.load(out, loaded)
            (made.update if update else made.add)(rows, progress=progress)
        else:
            payload = ("text", "thumbnail") if thumbnails else ("text",)
            made = loaded.index(rows, out, payload=payload, progress=progress)
    text = say("{index} in {place}", index=made, place=place(out))
    emit({"index": str(place(out)), "rows": len(made), "columns": made.columns}, as_json, text)


@app.command()
def search(
    space: SpaceArgument,
    query: Annotated[str, typer.Argument(help="Query: a text, or the path of a file (an array as .npy).")],
    to: Annotated[
        str | None, typer.Option(help="Column to search in. Default: all columns, merged by percentile.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Column that the query belongs to. Default: guessed from the query.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of results.")] = 5,
    where: Annotated[str | None, typer.Option(help="Filter, such as \"category = 'Activities'\".")] = None,
    at: Annotated[Path | None, typer.Option("--index", help="Search this index instead of the training table.")] = None,
    table: Annotated[str | None, typer.Option(help="Search this table instead of the training table.")] = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Search for the cells nearest to a query of any modality."""
    own = load_imports(imports)
    loaded = open_space(space, own)
    looked = loaded.index(open_table(table, own)) if table else open_index(at or space, loaded)
    value = open_array(query) if query.endswith(".npy") else query
    hits = looked.search({source: value} if source else value, to=to, k=k, where=where)
    found = [hit.as_dict() for hit in hits]
    emit({"query": query, "to": to, "hits": found}, as_json, hit_lines(hits, several=to is None))


def named_cells(said: list[str]) -> dict[str, str]:
    """Column → cell, of words such as "tone=dark".

    Raises:
        TableError: a word without a column, or a column given twice.
    """
    cells: dict[str, str] = {}
    for word in said:
        column, equals, value = word.partition("=")
        if not (column and equals) or column in cells:
            raise TableError(f"given --with {word!r}; expected COLUMN=VALUE, each column once")
        cells[column] = value
    return cells


@app.command()
def translate(
    space: SpaceArgument,
    query: Annotated[
        str | None,
        typer.Argument(help="Query: a text, or the path of a file (an array as .npy). For many rows use --table."),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", help="Target column. Repeatable: all targets are generated from the same code."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Column that the query belongs to. Default: guessed from the query.")
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Another cell of the query's row, such as 'tone=dark'. Repeatable; requires --from."
        ),
    ] = None,
    table: Annotated[str | None, typer.Option(help="Translate every row of this table instead of one query.")] = None,
    n: Annotated[int, typer.Option("-n", help="Number of samples.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Output folder for PNG, WAV, TXT or NPY files.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            help=(
                "Guidance scale of a flow: higher follows the query more closely, lower is more diverse; 1 is the "
                "learned distribution."
            )
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Integration steps of a flow: more is finer and slower.")] = None,
    chained: Annotated[
        bool,
        typer.Option(
            "--chained",
            "--agree",
            help="With several --to: generate each target from the ones before it too, so that they are consistent.",
        ),
    ] = False,
    project: Annotated[
        bool,
        typer.Option(
            "--project",
            OLD_OPTIONS["--project"],
            help=(
                "Project the code onto codes of training rows; for queries unlike the training data, such as a new "
                "voice."
            ),
        ),
    ] = False,
    seed: Seed = 0,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Translate one modality into another: text → image, image → audio, audio → text."""
    if (query is None) == (table is None):
        raise TableError("given no query and no --table, or both; expected one of them")
    if not to:
        raise TableError("given no --to; expected the column to generate")
    if out:
        check_media_out(out)
    own = load_imports(imports)
    loaded = open_space(space, own)
    if table is None:
        assert query is not None
        value = open_array(query) if query.endswith(".npy") else query
        if beside and not source:
            raise TableError("given --with and no --from; expected the query's own column too")
        rows = loaded.as_table([{**named_cells(beside or []), source: value} if source else value])
    else:
        rows = open_table(table, own, on_error, root, encoding)
        rows = rows.select(source) if source else rows.select(*(name for name in rows.columns if name not in to))
    with ProgressBar(quiet=as_json) as progress:
        found = translate_rows(
            loaded,
            rows,
            to,
            out,
            n=n,
            guidance=guidance,
            steps=steps,
            chained=chained,
            project=project,
            seed=seed,
            progress=progress,
        )
    emit({"made": found}, as_json, "\n".join(line for name in to for line in found[name]))


@app.command()
def info(
    path: Annotated[str | None, typer.Argument(help="A space folder or a table. Without it: the installation.")] = None,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Show information about a space, a table, or this installation."""
    from kuamo.objectives.registry import usable_names

    if path and (Path(path) / "config.json").exists():
        loaded = open_space(Path(path), load_imports(imports))
        config = read_config(Path(path), "space")
        about = {key: config[key] for key in ("format", "ports", "info")}
        about["info"].pop("training_rows", None)  # fingerprints, which say nothing to people
        emit(about | {"notes": loaded.notes}, as_json, str(loaded))
    elif path:
        rows = open_table(path, load_imports(imports), on_error, root, encoding)
        columns = {name: type(kind).__name__ for name, kind in rows.modalities.items()}
        emit({"rows": len(rows), "columns": columns, "notes": rows.notes}, as_json, rows.describe())
    else:
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
        emit(state | {"encoders": named}, as_json, "\n".join(lines))


@app.command()
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


@app.command()
def demo(
    page: Annotated[Path | None, typer.Option(help="Path of the report page (.html).")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Demo: emoji as English text, Chinese text, image and audio; 1,336 for training, 300 held-out concepts for
    testing."""
    if page and check_target(page, None) != "html":
        raise TableError(f"given --page {str(page)!r}; expected a name that ends in .html")
    with ProgressBar(quiet=as_json) as progress:
        shown = run(seed, progress)
    if page:
        shown.report.save(page)
    emit(shown.as_dict(), as_json, f"{shown}" + (f"\n\n{say('the page: {page}', page=page)}" if page else ""))


def main() -> None:
    """Run in the language that is asked for. A mistake in the input, or a place that cannot be written, is one line on
    the error stream and exit code 2; Ctrl-C is 130."""

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # of an ASCII terminal
    with in_language(asked(sys.argv[1:])):
        try:
            try:
                check_alone()
                app()
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except KuamoError as error:
            stop(as_options(str(error)), 2)
        except KeyboardInterrupt:
            stop("stopped; nothing half-written is left", 130)
        except BrokenPipeError:  # whoever read has seen enough
            stop(None, 1)
        except OSError as error:
            name = shorten(error.filename, 200) if error.filename else say("what is written here")
            stop(visible(f"{name}: {error.strerror or error}"), 2)
        except MemoryError:
            stop("given more than memory holds; expected a smaller table, or a larger machine", 2)


RECIPES = {"NearestText": "nearest_text", "TextRNN": "text_rnn"} | {
    name: name.lower() for name in ("Caption", "Flow", "GAN", "Gaussian", "Ridge")
}  # as --decode names them
OPTIONS = {
    "modality": "--from",
    "source": "--from",
    "to": "--to",
    "decoders": "--decode",
    "on_error": "--on-error",
    "samples": "-n",
    "chained": "--chained",
    "project": "--project",
}
SAME = (
    "seed",
    "steps",
    "k",
    "n",
    "where",
    "positives",
    "root",
    "encoding",
    "guidance",
    "by",
    "test",
    "lang",
    "objective",
    "metric",
)


ASKED_IN_PYTHON = {
    "a dict {column: value}, or modality=": "--from COLUMN",
    "字典 {列: 值}，或给出 modality=": " --from 列",
}
"""Words of errors in both languages → options of the command line that stand for them."""


def as_options(said: str) -> str:
    """An error in the words of the command line: its options, not Python's arguments.

    Example:
        >>> as_options("given to='photo'; expected a dict {column: value}, or modality=")
        "given --to 'photo'; expected --from COLUMN"
    """
    for words, option in ASKED_IN_PYTHON.items():
        said = said.replace(words, option)
    said = re.sub(r"(?<![a-zA-Z0-9_])encoders=\{[^}]*\}", "--import MODULE, which defines ENCODERS", said)
    said = re.sub(r"(?<![a-zA-Z0-9_])km\.(\w+)\(\)", lambda found: RECIPES.get(found[1], found[0]), said)
    names = OPTIONS | {name: f"--{name}" if len(name) > 1 else f"-{name}" for name in SAME}
    return re.sub(rf"(?<![a-zA-Z0-9_])({'|'.join(names)})=(?=\S)", lambda found: f"{names[found[1]]} ", said)


def check_alone() -> None:
    """Refuse to be one of several processes: each would do all the work, into one folder.

    Raises:
        KuamoError: a launcher such as torchrun started several.
    """
    if os.environ.get("WORLD_SIZE", "1") not in ("", "1") and "LOCAL_RANK" in os.environ:
        raise KuamoError(
            f"given {os.environ['WORLD_SIZE']} processes by torchrun, of which each would do all the work; expected "
            "one process, or a script of yours that calls torch.distributed.init_process_group and km.fit"
        )


def stop(said: str | None, code: int) -> None:
    """Say why, and end; what could not be written is not tried again."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if said is not None:
        typer.echo(f"kuamo: {translation.translate(said)}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
