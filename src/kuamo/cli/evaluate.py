"""`kuamo evaluate` and `kuamo compare`: what a space reaches, and which method reaches most."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kuamo as km
from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.options import Seed, SpaceArgument, TableArgument
from kuamo.core.errors import TableError
from kuamo.core.export import check_targets
from kuamo.core.files import reporting_io_errors
from kuamo.core.translation import say

__all__ = ["compare", "evaluate"]


@with_inputs()
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
    *,
    inputs: Inputs,
) -> None:
    """Evaluate cross-modal retrieval on rows that were not used for training; `--save x.html` writes a report page."""
    check_targets(save or [], None)  # before the long work
    other = km.Report.load(against) if against else None
    loaded = inputs.space(space)
    rows = inputs.table(table)
    with inputs.progress() as progress:
        report = km.evaluate(loaded, rows, positives=positives, seed=seed, progress=progress)
    for path in save or []:
        report.save(path)
    found = report.compare(other, seed=seed) if other else None
    data = report.as_dict() | ({"comparison": found.as_dict()} if found else {})
    inputs.emit(data, "\n\n".join(str(part) for part in (report, found) if part is not None))


@with_inputs()
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
        typer.Option(
            help="Metric that methods are ranked and tested by. Default: R@10; with --positives group or label: mAP."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Training steps of each method that is trained.")] = 600,
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
    *,
    inputs: Inputs,
) -> None:
    """Benchmark several methods on the same rows: metrics, costs, and which differences are significant."""
    if out:
        with reporting_io_errors(out):
            out.mkdir(parents=True, exist_ok=True)
        check_targets([out / "contest.json", out / "contest.html"], None)  # before the long work
    if test >= 1 and test != int(test):
        raise TableError(f"given --test {test:g}; expected a share below 1, or a whole number of groups")
    rows = inputs.table(table)
    with inputs.progress() as progress:
        contest = km.compare(
            rows,
            [name.strip() for name in methods.split(";") if name.strip()] if methods else None,
            test=test if test < 1 else int(test),
            by=by,
            seeds=range(seeds),
            positives=positives,
            metric=metric,
            encoders=inputs.encoders(rows),
            training=km.Training(steps=steps),
            out=out,
            progress=progress,
        )
    if out:
        contest.save(out / "contest.json")
        contest.save(out / "contest.html")
    inputs.emit(contest.as_dict(), f"{contest}" + (f"\n{say('saved in {out}', out=out)}" if out else ""))
