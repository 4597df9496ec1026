"""What a recipe is: what a column's decoder shall be, before anyone knows how large codes and y are."""

from __future__ import annotations

import re
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.core.contracts import Contract
from kuamo.core.errors import KuamoError, TableError
from kuamo.data.modalities import Text
from kuamo.data.table import Table
from kuamo.embedding.storage import register_part
from kuamo.generation.codecs.default import default_codec
from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.training.config import Training

if TYPE_CHECKING:
    import numpy as np

    from kuamo.objectives import Objective

__all__ = ["DecodeSpec", "DecoderSpec", "GeneratorSpec", "check_sizes", "check_texts"]


class DecoderSpec(Contract):
    """What `decoders=` takes besides decoders themselves. One that trains has `build` and `objective`."""

    RENAMED = MappingProxyType({"baseline": "rival", "is_trained": "trains", "may_fall_back": "yields"})

    decoder: ClassVar[str] = ""
    """The decoder's class, as `"module:Name"`; one of ours may then be loaded from a stored space."""

    word: ClassVar[str] = ""
    """Its name on the command line; by the class's name, such as `text_rnn`, if not given."""

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "word" not in vars(cls):
            cls.word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
        if cls.decoder.startswith("kuamo."):
            register_part(cls.decoder)

    def decoder_class(self) -> Any:
        """The class that `decoder` names."""
        module, _, name = self.decoder.partition(":")
        return getattr(import_module(module), name)

    def codec(self, table: Table, name: str, seed: int) -> Any:
        """The codec of a column that none is given for: what suits its modality."""
        return default_codec(table, name, seed)

    def build(self, dim: int, codec: Any, out: int) -> Any:
        """The decoder of codes (n, dim) and y (n, out), untrained; `None` for a closed form."""
        return None

    def objective(self, column: str) -> Objective:
        """What it is trained by."""
        raise KuamoError(f"{type(self).__name__} is solved in closed form, not trained")

    def training(self, rows: int) -> Training | None:
        """What suits it, of so many rows, where `fit` is given none; `None`: what suits all others."""
        return None

    def solve(self, decoding: DecoderProblem, name: str, rows: np.ndarray) -> tuple[Any, Any]:
        """The codec and the decoder in closed form, of these rows; what a trained one has to beat."""
        return decoding.space.port(name).codec, decoding.ridge(name, rows)

    baseline: ClassVar[str] = "Ridge"
    """What `solve` gives, by name."""

    is_trained: ClassVar[bool] = True
    """Is there anything to train?"""

    may_fall_back: ClassVar[bool] = False
    """Does a trained decoder make room for the closed form where that is better on held-out rows?"""


class DecodeSpec(DecoderSpec):
    """One that is trained by `Decode`."""

    self_conditioning: float

    def objective(self, column: str) -> Objective:
        from kuamo.objectives.conditional_likelihood import Decode

        return Decode((column,), self_conditioning=self.self_conditioning)


class GeneratorSpec(DecoderSpec):
    """One of a `Generator`."""

    decoder: ClassVar[str] = "kuamo.generation.decoders.generator:Generator"
    width: int
    layers: int
    noise: int

    def build(self, dim: int, codec: Any, out: int) -> Any:
        return self.decoder_class()(dim, out, noise=self.noise, hidden=self.width, layers=self.layers, linear=True)


def check_sizes(recipe: Any, width: int, layers: int, shares: tuple[float, ...]) -> None:
    """Refuse a network of nothing, and shares outside [0, 1)."""
    if width < 1 or layers < 1 or not all(0 <= share < 1 for share in shares):
        raise KuamoError(f"given {recipe}; expected width and layers of at least 1, and shares in [0, 1)")


def check_texts(table: Table, name: str, recipe: DecoderSpec) -> None:
    """Refuse a column of something else than texts."""
    modality = table.column(name).modality
    if not isinstance(modality, Text):
        kind = type(recipe).__name__
        raise TableError(f"column {name!r}: given {kind}() for {type(modality).__name__}; expected a column of texts")
