"""Recipes by their names, as a command line has them, and what a column is made by if nobody says it.

image = what suits the column, image=flow = a recipe, image=bilinear:tone:base, image=gan:minimax:conv = with arguments
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kuamo.core.errors import KuamoError, did_you_mean
from kuamo.core.old_names import current, current_word
from kuamo.data.modalities import Category, Number, Text
from kuamo.generation import recipes
from kuamo.generation.recipes import GAN, Bilinear, Caption, DecoderSpec, Flow, Ridge

__all__ = ["NAMED", "default_spec", "parse_specs"]

NAMED: dict[str, type[DecoderSpec]] = {
    kind.word: kind for kind in (getattr(recipes, name) for name in recipes.__all__) if kind is not DecoderSpec
}


def default_spec(modality: Any) -> DecoderSpec:
    """What a column is made by if nobody says it: texts by `Caption`, classes, numbers by `Ridge`, the rest by `Flow`.

    Example:
        >>> from kuamo.data.modalities import Image
        >>> default_spec(Image()).steps
        12
    """
    if isinstance(modality, Category | Number):
        return Ridge()
    return Caption() if isinstance(modality, Text) else Flow()


def parse_specs(said: list[str]) -> dict[str, DecoderSpec | None]:
    """Column → recipe, of words such as "image=gan" or "image=bilinear:tone:base"; "image" alone is `None`, what suits
    the column.

    Example:
        >>> parse_specs(["image", "audio=ridge"])["audio"]
        Ridge(penalty=0.1, rank=None)
    """
    found: dict[str, DecoderSpec | None] = {}
    for word in said:
        column, _, kind = word.rpartition("=")
        head, colon, rest = kind.partition(":")
        if current(head) not in NAMED:
            column, kind = word, ""
        else:
            kind = current_word(head) + colon + rest
        if not kind and "=" in word:
            meant = did_you_mean(head, NAMED)
            raise KuamoError(f"given {word!r}{meant}; expected COLUMN or COLUMN=DECODER, a decoder of {sorted(NAMED)}")
        if column in found:
            raise KuamoError(f"given the column {column!r} twice; expected each once")
        found[column] = recipe_named(kind) if kind else None
    return found


def recipe_named(kind: str) -> DecoderSpec:
    """A recipe by its name; of `bilinear` with its columns, as "bilinear:tone" or "bilinear:tone,light:base"; of `gan`
    with game, network or optimizer, as "gan:minimax:conv"."""
    name, *given = kind.split(":")
    if name == "bilinear":
        if not 1 <= len(given) <= 2 or not all(given):
            raise KuamoError(f"given {kind!r}; expected bilinear:STYLE or bilinear:STYLE:BASE, with names of columns")
        return Bilinear(tuple(given[0].split(",")), given[1] if len(given) == 2 else None)
    if name == "gan":
        return replace(GAN(), **dict(argument_of(word) for word in given))  # type: ignore[arg-type]
    if given:
        raise KuamoError(f"given {kind!r}; expected {name!r} alone")
    return NAMED[name]()


def argument_of(word: str) -> tuple[str, str]:
    """The argument of `GAN` that takes a word, and the word."""
    for name, known in GAN.WORDS.items():
        if word in known:
            return name, word
    words = [word for known in GAN.WORDS.values() for word in known]
    raise KuamoError(f"given gan:{word}; expected some of {words}, as in gan:minimax:conv")
