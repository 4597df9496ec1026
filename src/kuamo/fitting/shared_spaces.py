"""Which columns of a table share a space before anything is learned: their encoders say so, or the user does.

Columns with one encoder share its space, and so do the towers of one model (CLIP, SigLIP, CLAP). Columns of vectors,
numbers and classes do only where the user declares it: equal widths prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kuamo.core.arguments import ArgumentError
from kuamo.core.errors import did_you_mean, shorten
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.types import Packed
from kuamo.data.modalities import Category, Number, Vector
from kuamo.embedding.space import Tower
from kuamo.encoders.base import Encoder

__all__ = ["SharedColumns", "check_shared", "check_widths", "shared_columns"]

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SharedColumns:
    """Columns that share a space, and why."""

    names: tuple[str, ...]
    why: Note


def check_shared(shared: Any, columns: Sequence[str]) -> Groups | None:
    """Groups of columns as `fit(shared=...)` takes them; `None` is left to the encoders.

    Raises:
        ArgumentError: not groups of at least two of the table's columns, or a column in two of them.
    """
    if shared is None:
        return None
    if isinstance(shared, str | Mapping) or not isinstance(shared, Sequence):
        raise ArgumentError(f"shared: given {shorten(shared)}; expected groups of columns, [('photo', 'title')]")
    groups = [tuple(shared)] if shared and all(isinstance(one, str) for one in shared) else list(shared)
    for group in groups:
        if isinstance(group, str) or not isinstance(group, Sequence) or not all(isinstance(one, str) for one in group):
            raise ArgumentError(f"shared: given {shorten(group)}; expected names of columns, ('photo', 'title')")
        for name in group:
            if name not in columns:
                hint = did_you_mean(name, list(columns))
                raise ArgumentError(f"shared: given the column {name!r}{hint}; the table's columns are {list(columns)}")
        if len(set(group)) < 2:
            raise ArgumentError(f"shared: given {list(group)}; expected at least two columns that share a space")
    every = [name for group in groups for name in group]
    if twice := sorted({name for name in every if every.count(name) > 1}):
        raise ArgumentError(f"shared: given the column {twice[0]!r} twice; expected each column in one group")
    return tuple(tuple(group) for group in groups)


def check_widths(names: Sequence[str], cells: Packed) -> None:
    """Refuse columns whose features cannot lie in one space."""
    first = names[0]
    for name in names[1:]:
        sizes = [cells[one][0].shape[1] for one in (first, name)]
        if sizes[0] != sizes[1]:
            raise ArgumentError(
                f"shared: given the columns {first!r} of {sizes[0]} features and {name!r} of {sizes[1]}; "
                f"expected as many in both"
            )


def shared_columns(ports: Sequence[Tower], declared: Groups | None) -> SharedColumns | None:
    """The largest group of columns that share a space, the first of equally large ones."""
    if declared is not None:
        return max((SharedColumns(group, Note("shared_declared")) for group in declared), key=_size, default=None)
    spaces: dict[Any, list[Tower]] = {}
    for port in ports:
        if not isinstance(port.modality, Vector | Number | Category) and not is_trainable(port.encoder):
            spaces.setdefault(space_of(port.encoder), []).append(port)
    found = [SharedColumns(tuple(port.name for port in own), reason(own)) for own in spaces.values() if len(own) > 1]
    return max(found, key=_size, default=None)


def space_of(encoder: Any) -> Any:
    """What names the space that an encoder's features lie in; of one that does not say, the object itself."""
    own = Encoder.adapt(encoder)
    return own.space or own.fingerprint or id(encoder)


def reason(ports: Sequence[Tower]) -> Note:
    """Why these columns share a space."""
    encoder = ports[0].encoder
    name = getattr(encoder, "name", None)
    return Note("shared_encoder", encoder=name if isinstance(name, str) else type(encoder).__name__)


def _size(group: SharedColumns) -> int:
    return len(group.names)
