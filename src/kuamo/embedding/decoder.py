"""What a decoder is: p(y | z), y the numbers that a codec, or a column's features, are made of."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from types import MappingProxyType
from typing import Any, ClassVar

from kuamo.core.contracts import Contract

__all__ = ["Decoder"]


class Decoder(Contract):
    """It has `out` (L), `loss(y, z)` (n,) and `sample(z, rng)` (n, L). All else is optional.

    Example:
        >>> Decoder.adapt(object()).style_columns, Decoder.adapt(None).options
        ((), ())
    """

    RENAMED: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "style_columns": "by",
            "standardize": "standardise",
            "standardize_axes": "standardise_axes",
            "standardize_codes": "standardise_codes",
        }
    )
    style_columns: tuple[str, ...] = ()
    """Of a decoder of two codes side by side: the columns of the second; the first is that of all others."""
    options: tuple[str, ...] = ()
    """Arguments of `sample`."""
    guidance: float = 1.0
    """By how much what is drawn is pushed towards what the code asks for; 1 draws from p(y | z)."""
    varied: Mapping[str, Any] = MappingProxyType({})
    """Arguments of `sample` where several samples are requested."""
    noise: Any = None
    """How many normal numbers a loss, or `generate(z, noise)`, takes for each entry, if samples vary."""
    error: Any = nan
    """The relative error of a decoder that gives one point."""
    private: int = 0
    """The size of a latent that only this column has."""
    has_range: bool = False
    """Is y of a range, such as [0, 1], rather than in any unit?"""
    vocabulary: Any = None
    """How many tokens there are, of a decoder of texts."""
    nearest: Any = None
    """`nearest(z, n)` → the n nearest of known things, of a decoder that retrieves."""
    target: Any = None
    """`target(batch)` → y of an encoder's batch, of a column that is trained from raw cells."""
    check: Any = None
    """`check(y)` raises a `KuamoError` for targets that it cannot have made."""
    log_prob: Any = None
    """`log_prob(y, z, rng)` (n,), of a likelihood."""
    generate: Any = None
    """`generate(z, noise)` (n, L), of a generator."""
    critic: Any = None
    """`critic(dim)` → a critic of y and of codes of dim numbers, or none, that suits a generator."""
    start_from: Any = None
    """`start_from(ridge)`: begin at the closed form."""

    def standardize(self, shift: Any, gain: Any) -> None:
        """Model (y − shift) · gain."""

    def standardize_axes(self, spread: Any) -> None:
        """Know the standard deviation (L,) of each axis of (y − shift) · gain."""

    def standardize_codes(self, shift: Any, gain: Any) -> None:
        """See codes as (z − shift) · gain."""
