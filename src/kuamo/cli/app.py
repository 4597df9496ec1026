"""The command line: the verbs of the library over files.

kuamo demo
kuamo fit pets.csv --out pets.space
kuamo search pets.space "a sleeping cat" --to image
kuamo translate pets.space "a sleeping cat" --to image -n 4 --out made
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TextIO

import typer

from kuamo.cli.demo import run
from kuamo.cli.diagnose import diagnose
from kuamo.cli.evaluate import compare, evaluate
from kuamo.cli.fit import fit
from kuamo.cli.info import cache, info
from kuamo.cli.language import Verbs, asked, in_language
from kuamo.cli.option_words import as_options
from kuamo.cli.options import Json, Seed
from kuamo.cli.predict import predict
from kuamo.cli.pretrained import pretrained
from kuamo.cli.search import encode, index, search
from kuamo.cli.terminal import (
    ProgressBar,
    emit,
)
from kuamo.cli.translate import translate
from kuamo.core import translation
from kuamo.core.errors import KuamoError, KuamoWarning, TableError, shorten, visible
from kuamo.core.export import check_target
from kuamo.core.translation import say

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Verbs,
    help="kuamo (跨模): cross-modal learning; one shared embedding space for text, images, audio and vectors.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in (fit, pretrained, evaluate, compare, encode, index, search, translate, predict, diagnose, info, cache):
    app.command()(command)


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
    with in_language(asked(sys.argv[1:])), warnings.catch_warnings():
        warnings.filterwarnings("always", r".* since 0\.2$|自 0\.2 起", DeprecationWarning)
        warnings.showwarning = show_warning
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
            stop(f"{visible(name)}: {translation.translate(error.strerror or str(error))}", 2)
        except MemoryError:
            stop("given more than memory holds; expected a smaller table, or a larger machine", 2)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What kuamo warns of is one line, as its errors are; what others warn of is for developers."""
    if issubclass(category, KuamoWarning | DeprecationWarning):
        typer.echo(f"kuamo: {as_options(str(message))}", err=True)
    else:
        typer.echo(warnings.formatwarning(message, category, filename, lineno, line), err=True, nl=False)


def check_alone() -> None:
    """Refuse to be one of several processes: each would do all the work, into one folder."""
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
