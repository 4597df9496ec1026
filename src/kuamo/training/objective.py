"""The contract of an objective: what it needs, what it owns, what it costs.

An objective is a frozen dataclass. It keeps no state: modules that it owns (a temperature, a critic) are made by
`build` and live in the fit. Objectives add and scale: `InfoNCE() + 0.5 * Reconstruct()`.

    L_space = Σ_t w_t L_t(step, "space"),     every other player p minimises Σ_t L_t(step, p), unweighted
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kuamo.core.errors import TableError
from kuamo.core.old_names import old_arguments
from kuamo.core.types import Packed, Progress
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.training.callback import Callback
from kuamo.training.run import Prepared
from kuamo.training.step import Step

__all__ = ["Objective", "Optimized", "Sum"]

SPACE = "space"
OLD_HOOKS = {
    "fuses": "make_fusion", "fused": "make_fusion", "decoder": "make_decoder", "joint": "solved_dims",
    "begin": "callback", "after": "callback", "end": "callback",
}  # fmt: skip
"""Methods that version 0.1 asked a member for → what it asks for today."""


@old_arguments(optimiser="optimizer")
@dataclass
class Optimized:
    """Someone who minimises: modules, and how they are optimised.

    A part of the space may be claimed: it is then moved by this player and not by `space`.

    Args:
        module: a `torch.nn.Module`. optimizer: parameters → `torch.optim.Optimizer`; `None` for the fit's own.
        falls_to: its rate falls to this share of itself, along a half cosine, from the share `falls_after` of the steps
            on.
        ema: decay of a moving average of the module's weights, which take its place when the fit ends; `None` for none.
    """

    module: Any
    optimizer: Callable[[Any], Any] | None = None
    falls_to: float = 1.0
    ema: float | None = None
    falls_after: float = 0.0


@dataclass(frozen=True)
class Objective:
    """What "aligned" means. Members override `needs`, `build` and `__call__`; a closed form overrides `solve`."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Some of `pairs`, `unpaired` (unpaired rows), `labels`, `groups`, `gaussian` (Gaussian heads), `decoders`
    (likelihood decoders)."""

    aligns: ClassVar[str] = "pairs"
    """What it brings together: `pairs`, or `distributions` alone, which `fit` says where no other term knows pairs."""

    trained: ClassVar[bool] = True
    """Does the loop run? False for a closed form."""

    def __init_subclass__(cls, **given: Any) -> None:
        """Refuse a member whose hook would never be called.

        Raises:
            TableError: it defines a hook of version 0.1.
        """
        super().__init_subclass__(**given)
        for old, new in OLD_HOOKS.items():
            if callable(vars(cls).get(old)) and new not in vars(cls):
                raise TableError(f"{cls.__name__}: given the hook {old!r} of version 0.1; expected {new!r}")

    trains_fusion: ClassVar[bool] = False
    """Does its loss look at the fused codes of rows, so that a fusion with parameters is trained by it?"""

    @property
    def name(self) -> str:
        """What it is called in a log."""
        return type(self).__name__

    @property
    def predicts(self) -> tuple[str, ...]:
        """The columns that it learns to predict."""
        return ()

    @property
    def private_dim(self) -> int:
        """The size of the private latent that `fit` gives to decoders."""
        return 0

    def decodes(self, column: str) -> bool:
        """Does it train this column's decoder, if it needs decoders at all?"""
        return True

    def solved_dims(self, space: EmbeddingSpace, cells: Packed, dim: int) -> int:
        """How many of the d numbers of a code it solves in closed form itself."""
        return 0

    def make_decoder(self, space: EmbeddingSpace, port: Tower, cells: Packed) -> Any:
        """Its own decoder of a column that it decodes; `None` for a likelihood."""
        return None

    def make_fusion(self, space: EmbeddingSpace) -> Any:
        """Its own fusion of a row's codes; `None` for the mean."""
        return None

    def callback(self, space: EmbeddingSpace, prepared: Prepared, progress: Progress | None = None) -> Callback | None:
        """What it does before, during and after the training, beside its loss."""
        return None

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The players that it adds; one called `space` trains with the space's own optimiser."""
        return {}

    def solve(self, *args: Any, **given: Any) -> Any:
        """Heads in closed form; see `CCA.solve`."""
        raise TableError(f"{type(self).__name__} is trained, not solved in closed form")

    def __call__(self, step: Step, player: str) -> Any:
        """The scalar loss of one batch for one player."""
        raise TableError(f"{type(self).__name__} is solved in closed form, not trained")

    def __add__(self, other: Objective) -> Sum:
        return Sum((*terms_of(self), *terms_of(other)))

    def __rmul__(self, weight: float) -> Sum:
        return Sum(tuple((weight * w, term) for w, term in terms_of(self)))

    __mul__ = __rmul__


@dataclass(frozen=True)
class Sum(Objective):
    """A weighted sum of objectives.

    Args:
        terms: (weight, objective) pairs.
    """

    terms: tuple[tuple[float, Objective], ...] = field(default=())


def terms_of(objective: Objective | None) -> tuple[tuple[float, Objective], ...]:
    """(weight, objective) pairs of any objective; none of `None`."""
    if objective is None:
        return ()
    return objective.terms if isinstance(objective, Sum) else ((1.0, objective),)


def needs_of(objective: Objective | None) -> frozenset[str]:
    """What any of its terms needs."""
    return frozenset().union(*(term.needs for _, term in terms_of(objective)))


def is_trained(objective: Objective | None) -> bool:
    """Is any of its terms trained?"""
    return any(term.trained for _, term in terms_of(objective))
