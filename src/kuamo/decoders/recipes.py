"""Recipes: what a column's decoder shall be, before anyone knows how large codes and y are.

    km.fit(table, decoders={"image": km.Flow()})            learned with the rest
    km.fit(table, start=space, decoders={"image": km.Flow()})       learned for a space that is there

A recipe makes the decoder (`build`) and the objective that trains it (`objective`), which play in the one loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from kuamo.errors import KuamoError

if TYPE_CHECKING:
    from kuamo.objectives import Objective

__all__ = ["GAN", "Flow", "Gaussian", "Recipe", "Ridge"]


@runtime_checkable
class Recipe(Protocol):
    """What `decoders=` takes besides decoders themselves."""

    def build(self, dim: int, out: int) -> Any:
        """The decoder of codes (n, dim) and y (n, out), untrained; `None` for the closed form."""

    def objective(self, column: str) -> Objective:
        """What it is trained by."""


@dataclass(frozen=True)
class Ridge:
    """The closed form: E[y | z], linear in z.

    Example:
        >>> Ridge().build(4, 10) is None
        True
    """

    def build(self, dim: int, out: int) -> Any:
        """None: it is solved, not trained."""
        return None

    def objective(self, column: str) -> Objective:
        """There is none.

        Raises:
            KuamoError: always.
        """
        raise KuamoError("a ridge decoder is solved in closed form, not trained")


@dataclass(frozen=True)
class Flow:
    """A rectified flow: sharp, varied, guided; see `kuamo.decoders.flow`.

    Args:
        width, layers: of the network. dropped: how often the code is left out in training.
        steps, guidance: of what is made, where `translate` is not told.
        own: how often a cell is made from its own code, rather than from the other columns'.

    Raises:
        KuamoError: numbers that make no sense.

    Example:
        >>> Flow(width=64).build(4, 10).out
        10
    """

    width: int = 384
    layers: int = 3
    dropped: float = 0.1
    steps: int = 25
    guidance: float = 2.0
    own: float = 0.1

    def __post_init__(self) -> None:
        from kuamo.decoders.flow import check_draw

        check_draw(self.steps, self.guidance)
        check_sizes(self, self.width, self.layers, (self.dropped, self.own))

    def build(self, dim: int, out: int) -> Any:
        """An untrained `FlowDecoder`."""
        from kuamo.decoders.flow import FlowDecoder

        options = {name: getattr(self, name) for name in ("width", "layers", "dropped", "steps", "guidance")}
        return FlowDecoder(dim, out, **options)

    def objective(self, column: str) -> Objective:
        """`Decode`."""
        from kuamo.objectives.decode import Decode

        return Decode((column,), own=self.own)


@dataclass(frozen=True)
class Gaussian:
    """A likelihood: the mean of y given z by a perceptron, so the average of all that would do; smooth, not varied.

    Args:
        width, layers: of the perceptron. own: as in `Flow`.

    Example:
        >>> Gaussian().build(4, 10).family
        'gaussian'
    """

    width: int = 384
    layers: int = 2
    own: float = 0.1

    def __post_init__(self) -> None:
        check_sizes(self, self.width, self.layers, (self.own,))

    def build(self, dim: int, out: int) -> Any:
        """An untrained `Likelihood`."""
        from kuamo.decoders.likelihood import Likelihood

        return Likelihood(dim, out, hidden=self.width, layers=self.layers)

    def objective(self, column: str) -> Objective:
        """`Decode`."""
        from kuamo.objectives.decode import Decode

        return Decode((column,), own=self.own)


@dataclass(frozen=True)
class GAN:
    """A generator against a critic.

    Args:
        game: `"r3"`, the relativistic game with penalised gradients, or `"minimax"`, the game as it was first written
            down, by SGD, which saturates and rotates: it is here to compare with.
        width, layers: of both networks. noise: numbers that the generator draws.
        lr: of both players; .0002 (r3) or .02 (minimax) if not given.
        penalty: γ of R1 and R2. mismatched: weight of real cells with another row's code. own: as in `Flow`.

    Raises:
        KuamoError: an unknown game, or numbers that make no sense.

    Example:
        >>> GAN(noise=16).build(4, 10).noise
        16
    """

    game: str = "r3"
    width: int = 384
    layers: int = 3
    noise: int = 32
    lr: float | None = None
    penalty: float = 1.0
    mismatched: float = 0.5
    own: float = 0.1

    def __post_init__(self) -> None:
        if self.game not in ("r3", "minimax"):
            raise KuamoError(f"given game={self.game!r}; expected 'r3' or 'minimax'")
        check_sizes(self, self.width, self.layers, (self.own,))

    def build(self, dim: int, out: int) -> Any:
        """An untrained `Generator`."""
        from kuamo.decoders.generator import Generator

        return Generator(dim, out, noise=self.noise, hidden=self.width, layers=self.layers)

    def objective(self, column: str) -> Objective:
        """`R3` or `Minimax`, from any of the other columns."""
        from kuamo.objectives import R3, Minimax

        shape: dict[str, Any] = {"own": self.own, "width": self.width, "layers": self.layers}
        if self.game == "minimax":
            return Minimax(None, column, lr=self.lr or 0.02, **shape)
        shape |= {"penalty": self.penalty, "mismatched": self.mismatched}
        return R3(None, column, lr=self.lr or 2e-4, **shape)


def check_sizes(recipe: Any, width: int, layers: int, shares: tuple[float, ...]) -> None:
    """Refuse a network of nothing, and shares outside [0, 1)."""
    if width < 1 or layers < 1 or not all(0 <= share < 1 for share in shares):
        raise KuamoError(f"given {recipe}; expected width and layers of at least 1, and shares in [0, 1)")


NAMED = {"ridge": Ridge, "gaussian": Gaussian, "gan": GAN, "flow": Flow}


def recipes_named(said: list[str]) -> dict[str, Recipe]:
    """Column → recipe, of words such as "image" (a flow) or "image=gan".

    Raises:
        KuamoError: an unknown recipe, or a column that is named twice.

    Example:
        >>> recipes_named(["image", "audio=ridge"])["audio"]
        Ridge()
    """
    found: dict[str, Recipe] = {}
    for word in said:
        column, _, kind = word.partition("=") if word.rpartition("=")[2] in NAMED else (word, "", "")
        if not kind and "=" in word:
            raise KuamoError(f"given {word!r}; expected COLUMN or COLUMN=RECIPE, a recipe among {sorted(NAMED)}")
        if column in found:
            raise KuamoError(f"given the column {column!r} twice; expected each once")
        found[column] = NAMED[kind or "flow"]()
    return found
