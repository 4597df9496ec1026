"""Zero-shot prediction: a column of classes that no row was labelled with, by texts of the classes.

    c_k = unit(mean over templates t of unit(z(t(name of class k)))),     p(k | z) = softmax_k(τ z · c_k)

References:
    Learning transferable visual models from natural language supervision, A. Radford et al., 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from kuamo.closed_form import LinearMap
from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.core.arguments import ArgumentError
from kuamo.core.errors import shorten
from kuamo.core.messages import Note
from kuamo.data.modalities import Category
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.encoders.base import Encoder
from kuamo.encoders.one_hot import OneHot
from kuamo.generation.codecs.labels import label_codec
from kuamo.objectives.prediction.class_codes import ClassCodes

__all__ = ["TEMPERATURE", "with_classes"]

TEMPERATURE = 100.0  # of models that do not say their own; what CLIP's ends at

S = TypeVar("S", bound=EmbeddingSpace)


def with_classes(
    space: S,
    name: str,
    classes: Sequence[str],
    by: str,
    templates: Sequence[str] = ("{}",),
    temperature: float | None = None,
) -> S:
    """See `Space.with_classes`."""
    check_zero_shot(space, name, classes, templates, temperature)
    source = space.port(by)
    codes = class_codes(space, classes, by, templates)
    scale = temperature or Encoder.adapt(source.encoder).temperature or TEMPERATURE
    encoder = OneHot(classes)
    head = ClosedFormHead(LinearMap(np.zeros(len(codes)), codes), None)
    tower = Tower(name, Category(tuple(encoder.names)), encoder, head, label_codec(encoder), ClassCodes(codes, scale))
    note = Note("zero_shot", column=name, count=len(codes), by=by, templates=len(templates), scale=float(scale))
    return replace(space, ports=[*space.ports, tower], notes=[*space.notes, note], info=dict(space.info))


def class_codes(space: EmbeddingSpace, classes: Sequence[str], by: str, templates: Sequence[str]) -> np.ndarray:
    """c (K, d) of classes by what a column's encoder makes of texts of them."""
    texts = [template.replace("{}", name) for name in classes for template in templates]
    codes = unit_rows(np.asarray(space.encode(texts, modality=by)))
    return unit_rows(codes.reshape(len(classes), len(templates), -1).mean(1))


def check_zero_shot(
    space: EmbeddingSpace, name: str, classes: Sequence[str], templates: Sequence[str], temperature: float | None
) -> None:
    """Refuse what is no list of classes, a name that is taken, and templates without a place for the class."""
    if name in space.modalities:
        raise ArgumentError(f"name: given {name!r}, which the space has; its columns are {list(space.modalities)}")
    if space.fusion is not None:
        fusion = type(space.fusion).__name__
        raise ArgumentError(f"given a space with the fusion {fusion}; expected one whose codes are fused by their mean")
    if isinstance(classes, str) or not all(isinstance(one, str) and one for one in classes):
        raise ArgumentError(f"classes: given {shorten(classes)}; expected names of classes, ['cat', 'dog']")
    wrong = [templates] if isinstance(templates, str) else [one for one in templates if "{}" not in one]
    if wrong or not templates:
        raise ArgumentError(
            f"templates: given {shorten(wrong or templates)}; expected some such as 'a photo of a {{}}'"
        )
    if temperature is not None and not temperature > 0:
        raise ArgumentError(f"temperature: given {temperature}; expected a number above 0")
