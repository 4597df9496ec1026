"""`kuamo pretrained`: a space without a table, by a model whose encoders share one.

kuamo pretrained google/siglip2-base-patch16-224 --column photo=image --column title=text --out siglip.space
kuamo search siglip.space "a sleeping cat" --to photo --table photos.csv
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kuamo.cli.options import Json
from kuamo.cli.terminal import emit
from kuamo.core.errors import TableError
from kuamo.core.files import local_path
from kuamo.core.translation import say
from kuamo.embedding.storage import check_space_place, save_space
from kuamo.fitting.pretrained import pretrained as pretrained_space

__all__ = ["pretrained"]


def pretrained(
    model: Annotated[
        str, typer.Argument(help="A model of two kinds of data (CLIP, SigLIP, CLAP): its name or folder.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder of the space.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column and its kind: 'photo=image' (or text, audio). Repeatable. Default: named as its kind."
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="A column of classes to predict, and their names: 'kind=cat,dog' (see `kuamo predict`)."),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(help="Text of a class, such as 'a photo of a {}'. Repeatable: their codes are averaged."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a space of a pretrained model without a table, for search, index and zero-shot prediction."""
    check_space_place(local_path(out, "a space"), with_index=False)
    columns = dict(pair(one, "--column", "photo=image") for one in column or [])
    space = pretrained_space(model, columns=columns or None)
    if classes is not None:
        name, names = pair(classes, "--classes", "kind=cat,dog")
        texts = [port.name for port in space.ports if type(port.modality).__name__ == "Text"]
        if not texts:
            raise TableError("given --classes and no column of texts; expected one that reads the names of classes")
        known = [one.strip() for one in names.split(",")]
        space = space.with_classes(name, known, by=texts[0], templates=template or ("{}",))
    elif template:
        raise TableError("given --template without --classes; expected both")
    save_space(space, out)
    text = f"{space}\n{say('saved in {out}', out=out)}"
    emit({"space": str(out), "dim": space.dim, "notes": space.notes}, as_json, text)


def pair(given: str, option: str, example: str) -> tuple[str, str]:
    """'name=value' in two."""
    name, equals, value = given.partition("=")
    if not (name and equals and value):
        raise TableError(f"given {option} {given!r}; expected a name, = and what it is: {example!r}")
    return name, value
