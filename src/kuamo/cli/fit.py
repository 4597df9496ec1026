"""`kuamo fit`: a table in, a space with its index out.

kuamo fit pets.csv --out pets.space
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import kuamo as km
from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.options import Seed, TableArgument
from kuamo.cli.terminal import PreviewWriter, cost_of
from kuamo.core.errors import TableError
from kuamo.core.files import local_path
from kuamo.core.translation import say
from kuamo.data.targets import parse_target, with_label_columns
from kuamo.embedding.storage import check_space_place, save_space
from kuamo.generation.registry import default_spec, parse_specs
from kuamo.index.in_memory import MemoryIndex

__all__ = ["fit"]


@with_inputs()
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
        typer.Option(min=0, help="Training steps of --objective or --predict. Default: depends on the number of rows."),
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
                "Column to train a decoder for: 'image', or with the kind of decoder: 'image=flow' (or gan, gaussian, "
                "ridge), 'image=cyclegan' (features only), 'image=bilinear:tone:base' (style and base columns), "
                "'image=gan:minimax:conv' (game and network); for text: caption, nearest_text, text_rnn. Repeatable. "
                "Ctrl-C stops training and keeps the best checkpoint."
            ),
        ),
    ] = None,
    decode_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Training steps of each decoder of --decode. Default: depends on the number of rows."),
    ] = None,
    shared: Annotated[
        list[str] | None,
        typer.Option(
            "--shared",
            help=(
                "Columns of vectors whose encoders share a space, such as 'photo,title': their alignment is known, and "
                "pairs only add to it. Repeatable. Columns with one encoder are found without it."
            ),
        ),
    ] = None,
    seed: Seed = 0,
    *,
    inputs: Inputs,
) -> None:
    """Fit a shared embedding space to a table and index the table for search; with --decode, also train decoders."""
    from kuamo.fitting.gradient import default_training
    from kuamo.objectives.registry import objective_named

    check_space_place(local_path(out, "a space"), with_index=True)  # before the long work
    if predict and objective:
        raise TableError(f"given --predict {predict!r} and --objective {objective!r}; expected one of them")
    specs = parse_specs(decode or [])
    groups = [[name.strip() for name in one.split(",")] for one in shared or []] or None
    before = inputs.space(start) if start else None
    styles = [style for recipe in specs.values() if isinstance(recipe, km.Bilinear) for style in recipe.styles]
    rows = inputs.table(table, styles)
    if predict:
        predict, kind = parse_target(rows, predict)
        rows = with_label_columns(rows, predict, kind)
    recipes = {name: recipe or default_spec(rows.column(name).modality) for name, recipe in specs.items()}
    chosen = km.Predict(predict) if predict else objective_named(objective) if objective else None
    trained = predict is not None or objective not in (None, "CCA")
    encoders = inputs.encoders(rows)
    making = km.Training(steps=decode_steps) if decode_steps else None
    with inputs.progress() as progress, PreviewWriter(out, quiet=inputs.as_json) as look:
        if trained or not recipes:
            usual = default_training(chosen, len(rows))
            training = usual if steps is None else replace(usual, steps=steps, at_most=False)
            cost = None
            if predict and not inputs.as_json:  # it may be minutes
                cost = cost_of(rows, chosen, encoders=encoders, start=before, training=training, seed=seed)
            if cost is not None:
                typer.echo(cost, err=True)
            before = km.fit(
                rows,
                chosen,
                encoders=encoders,
                init=before,
                training=training if trained else None,
                shared=groups,
                seed=seed,
                progress=progress,
            )
            chosen, encoders, groups = None, {}, None
        space = before
        if recipes or space is None:
            space = km.fit(
                rows, chosen, encoders=encoders, init=before, decoders=recipes, training=making, shared=groups,
                seed=seed, progress=progress, on_preview=look,
            )  # fmt: skip
    save_space(space, out, MemoryIndex.build(space, rows))
    text = f"{space}\n{say('saved in {out}', out=out)}"
    inputs.emit({"space": str(out), "dim": space.dim, "notes": space.notes}, text)
