"""LSGAN: a least-squares GAN with cycle consistency and pairs: a translator that uses unpaired rows too.

    L_D = ½ E (D(y) − 1)² + ½ E D(ŷ)²,     ŷ = G(z, noise)
    L_G = ½ E (D(ŷ) − 1)² + cycle · E ‖e(ŷ) − z‖² / Σ_i σ_i² + paired · E ‖ŷ − y‖² / L

e is the column's own head: what is made of a code has that code again. In features the cycle would be
G_a(e_b(G_b(z_a))) ≈ y_a, and need a decoder of every column; a code is all that G sees, so here the cycle ends
there, with one decoder and from any number of columns. D sees no code. So D and the cycle look at all that is there,
paired or not; only the last term looks at rows that have both. Without it distributions are aligned, not pairs. y and
ŷ are in the generator's standard units, σ is the codes' deviation, as the generator sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from kuamo.core.errors import KuamoError
from kuamo.core.modules import is_trainable
from kuamo.core.old_names import old_arguments
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.objectives.conditional_likelihood import subset_codes
from kuamo.objectives.gan import ConditionalGAN, conditioning_scale, optimizer_of
from kuamo.training.distributed import total
from kuamo.training.objective import Optimized
from kuamo.training.step import Step

__all__ = ["LSGAN", "least_squares"]


def least_squares(real: Any, made: Any) -> tuple[Any, Any]:
    """What D minimises of real and of made cells, ½ (D(y) − 1)² (n,) and ½ D(ŷ)² (m,), given D's values.

    G minimises the first of what it made.

    References:
        Least Squares Generative Adversarial Networks, Mao, Li, Xie, Lau, Wang and Smolley, 2017.

    Example:
        >>> import torch
        >>> least_squares(torch.ones(1), torch.ones(1))
        (tensor([0.]), tensor([0.5000]))
    """
    return 0.5 * (real - 1).square(), 0.5 * made.square()


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class LSGAN(ConditionalGAN):
    """The game by least squares for one direction, `given` → `to`; codes are not moved by it.

    Args:
        given, to: columns; given `None`, codes of any of the others (`subset_codes`), of which `self_conditioning` is
            the share of the target's own.
        cycle: weight of the way back to the code, in shares of the codes' variance. paired: weight of rows that have
            both; 0 for a game that knows no pairs. adversary: weight of the game itself in L_G.
        lr: of both players' Adam, falling to a quarter along a half cosine. ema: decay of G's moving average.
        critic: () → module y (n, L) → (n,); `None` is a perceptron of this `width` and `layers`.

    Raises:
        KuamoError: given and to are the same, or numbers make no sense.

    References:
        Least Squares Generative Adversarial Networks, Mao et al., 2017; Unpaired Image-to-Image Translation using
        Cycle-Consistent Adversarial Networks, Zhu, Park, Isola and Efros, 2017 (the cycle, here of codes).
    """

    given: str | None = "text"
    to: str = "image"
    cycle: float = 1.0
    paired: float = 1.0
    adversary: float = 1.0
    lr: float = 2e-4
    ema: float = 0.998
    critic: Callable[[], Any] | None = None
    self_conditioning: float = 0.0
    width: int = 128
    layers: int = 1

    def __post_init__(self) -> None:
        if (
            self.given == self.to
            or not self.lr > 0
            or not min(self.cycle, self.paired, self.adversary) >= 0
            or not 0 <= self.ema < 1
        ):
            raise KuamoError(f"given {self}; expected two columns, lr > 0, weights of at least 0, and ema in [0, 1)")

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        """Decoders; pairs too, where they weigh anything."""
        return frozenset({"pairs", "decoders"} if self.paired else {"decoders"})

    @property
    def aligns(self) -> str:  # type: ignore[override]
        """Pairs, or distributions alone."""
        return "pairs" if self.paired else "distributions"

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The critic, and the generator as a player of its own, with a moving average.

        Raises:
            KuamoError: the target's decoder does not generate, or what it makes has no way back to a code.
        """
        if self.cycle:
            reencoder(space.port(self.to))
        return self.players(space, 0, optimizer_of("adam", self.lr, beta=0.5), self.ema)

    def __call__(self, step: Step, player: str) -> Any:
        """D's loss for the player `critic`, G's for the player `generator`."""
        if player not in ("critic", "generator"):
            return None
        z, row, both = self.codes(step)
        generator, critic = step.own["generator"], step.own["critic"]
        y, row_y = conditioning_scale(generator, step.target(self.to)), step.cells[self.to].row
        raw = self.generate(step, z, row, player == "generator")
        made = conditioning_scale(generator, raw)
        if player == "critic":
            real, fake = least_squares(critic(y), critic(made))
            return step.mean(real) + step.mean(fake)
        loss = self.adversary * step.mean(least_squares(critic(made), made)[0])
        if self.cycle:
            back = reencoder(step.space.port(self.to))(raw).mean
            loss = loss + self.cycle * step.mean((back - z).square().sum(-1) / code_variance(generator, z))
        if self.paired:
            at_made, at_real = ((row[:, None] == row_y) & both[:, None]).nonzero(as_tuple=True)
            loss = loss + self.paired * step.mean((made[at_made] - y[at_real]).square().mean(-1))
        return loss

    def codes(self, step: Step) -> tuple[Any, Any, Any]:
        """z (n, d) and rows (n,) of all that a cell is made of, and which (n,) have another column than the target.

        Nothing, where no process has a real cell to compare.
        """
        if self.given is None:
            z, there = subset_codes(step, self.to, self.self_conditioning)
            z, row, both = z[there], step.batch.row[there], step.present().sum(1)[there] > 1
        else:
            z, row = step.code(self.given).mean, step.cells[self.given].row
            both = torch.ones(len(row), dtype=torch.bool)
        some = slice(None if total(len(step.cells[self.to].row)) else 0)
        return z[some], row[some], both[some]


def reencoder(port: Tower) -> Callable[[Any], Any]:
    """Made features (n, L) → Embedding, with a gradient."""
    if is_trainable(port.encoder):
        raise KuamoError(
            f"column {port.name!r}: given a trainable encoder; expected frozen features, so that what is made can be "
            f"encoded again, or cycle=0"
        )
    return getattr(port.head, "reencode", port.head)


def code_variance(generator: Any, z: Any) -> Any:
    """Σ_i σ_i², the variance of all of a code, where the generator knows it; else d."""
    codes = getattr(generator, "codes", None)
    return z.shape[-1] if codes is None else codes.gain.square().reciprocal().sum()
