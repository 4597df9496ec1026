"""R3: a relativistic game with penalised gradients, which converges where the minimax game rotates.

    L_D = sp(−(D(y, z) − D(ŷ, z))) + ½ sp(−(D(y, z) − D(y, z′))) + γ/2 (‖∇_y D(y, z)‖² + ‖∇_ŷ D(ŷ, z)‖²)
    L_G = sp(−(D(ŷ, z) − D(y, z))),     ŷ = G(z, noise),   sp(x) = log(1 + eˣ)

D says how much more real a cell is than the one made in its stead; z′ is the code of another row, so that D looks at z
too. y and ŷ are in the generator's standard units. What is kept of G is the moving average of its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.nn.functional import softplus

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import old_arguments
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.gan import (
    ConditionalGAN,
    check_optimizer,
    conditioning_scale,
    hard_negative,
    logits_of,
    negative_codes,
    optimizer_of,
    shifted_negative,
)
from kuamo.training.objective import Optimized
from kuamo.training.step import Step

__all__ = ["R3", "gradient_penalty", "relativistic"]


def relativistic(real: Any, other: Any) -> Any:
    """sp(−(D(real) − D(other))), (n,): what D minimises; G minimises it with the two exchanged.

    References:
        The relativistic discriminator, Jolicoeur-Martineau, 2018.

    Example:
        >>> import torch
        >>> relativistic(torch.zeros(1), torch.zeros(1)).exp()
        tensor([2.])
    """
    return softplus(other - real)


def gradient_penalty(critic: Any, y: Any, z: Any) -> tuple[Any, Any]:
    """D(y, z) (n,) and ‖∇_y D(y, z)‖² (n,), which D can be trained by.

    Example:
        >>> import torch
        >>> gradient_penalty(lambda y, z: (3 * y).sum(1), torch.ones(1, 2), None)[1].detach()
        tensor([18.])
    """
    y = y.detach().requires_grad_()
    with torch.enable_grad():
        logits = critic(y, z)
        slope = torch.autograd.grad(logits.sum(), y, create_graph=True)[0]
    return logits, slope.flatten(1).square().sum(-1)


@old_arguments(own="self_conditioning", mismatched="mismatch_weight")
@dataclass(frozen=True)
class R3(ConditionalGAN):
    """The relativistic game for one direction, `given` → `to`; codes are not moved by it.

    Args:
        given, to: columns; given `None`, codes of any of the others (`subset_codes_per_entry`), of which
            `self_conditioning` is the share of the target's own. lr: of both optimizers, falling to a quarter along a
            half cosine. optimizer: `"adam"` (β₁ = 0) or `"sgd"` (momentum .5).
        penalty: γ, of every so many-th row (`every`), others in each step. ema: decay of G's moving average.
        mismatch_weight: weight of real cells with the code of another row; `hard`: of a near one.
        critic: () → module (y (n, L), z (n, d)) → logits (n,); `None` is a perceptron of this `width` and `layers`.

    Raises:
        KuamoError: given and to are the same, or numbers make no sense.

    References:
        The GAN is dead; long live the GAN! A Modern Baseline GAN, Huang, Gokaslan, Kuleshov and Tompkin, 2024;
        Generative Adversarial Text to Image Synthesis, Reed et al., 2016 (`mismatch_weight`).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"pairs", "decoders"})
    given: str | None = "text"
    to: str = "image"
    lr: float = 2e-4
    penalty: float = 1.0
    mismatch_weight: float = 0.5
    ema: float = 0.998
    critic: Callable[[], Any] | None = None
    hard: bool = False
    every: int = 1
    self_conditioning: float = 0.0
    width: int = 128
    layers: int = 1
    optimizer: str = "adam"

    def __post_init__(self) -> None:
        check_optimizer(self.optimizer)
        if (
            self.given == self.to
            or self.lr <= 0
            or self.penalty < 0
            or self.every < 1
            or self.mismatch_weight < 0
            or not 0 <= self.ema < 1
        ):
            raise KuamoError(f"given {self}; expected two columns, lr > 0, weights of at least 0, and ema in [0, 1)")

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The critic, and the generator as a player of its own, with a moving average.

        Raises:
            KuamoError: the target's decoder does not generate.
        """
        return self.players(space, space.dim, optimizer_of(self.optimizer, self.lr, 0.5), self.ema)

    def __call__(self, step: Step, player: str) -> Any:
        """D's loss for the player `critic`, G's for the player `generator`."""
        if player not in ("critic", "generator"):
            return None
        z, y, row = self.inputs(step)
        generator, critic = step.own["generator"], step.own["critic"]
        y = conditioning_scale(generator, y)
        made = conditioning_scale(generator, self.generate(step, z, row, player == "generator"))
        if player == "generator":
            return step.mean(relativistic(critic(made, z), critic(y, z)))
        fake, some = critic(made, z), row % self.every == step.key[1] % self.every
        slopes = [gradient_penalty(critic, one[some], z[some])[1] for one in (y, made)]
        codes = negative_codes(step, self.given, z, row)
        other, known = shifted_negative(*codes, z, row)
        if self.hard:
            other, known = hard_negative(*codes, z, row, step.uniform("mistake", row, 1)[:, 0])
        real, wrong = logits_of(critic, y, [z, other])
        wrong = relativistic(real, wrong)[known]
        penalty = 0.5 * self.penalty * step.mean(slopes[0] + slopes[1])
        return step.mean(relativistic(real, fake)) + penalty + self.mismatch_weight * step.mean(wrong)
