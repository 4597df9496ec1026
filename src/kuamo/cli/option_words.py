"""Errors in the words of the command line: options, where the library speaks of arguments."""

from __future__ import annotations

import re

__all__ = ["as_options"]

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
    "shared",
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
    said = re.sub(r"(?<!=)\{'([^']*)': …\}", r"--from \1", said)
    said = re.sub(r"(?<![a-zA-Z0-9_])encoders=\{[^}]*\}", "--import MODULE, which defines ENCODERS", said)
    said = re.sub(r"(?<![a-zA-Z0-9_])decoders=\{'([^']*)': [^}]*\}", r"--decode \1", said)
    said = re.sub(r"(?<![a-zA-Z0-9_])km\.(\w+)\(\)", lambda found: RECIPES.get(found[1], found[0]), said)
    names = OPTIONS | {name: f"--{name}" if len(name) > 1 else f"-{name}" for name in SAME}
    said = re.sub(r"\b(chained|project)=True", r"\1=", said)
    said = re.sub(rf"(?<![a-zA-Z0-9_])({'|'.join(names)})=(?=[\s,;，；]|$)", lambda found: names[found[1]], said)
    return re.sub(rf"(?<![a-zA-Z0-9_])({'|'.join(names)})=(?=\S)", lambda found: f"{names[found[1]]} ", said)
