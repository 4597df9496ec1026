"""The minimax game, as it was first written down: a generator against a discriminator, both by SGD.

    min_G max_D  E log D(y, z) + E log(1 − D(G(z, noise), z))

G is the target's decoder, D sees the code of another column. It saturates where D wins and it rotates: it is here
because it is the recipe that this field began with, not because it is the best. With `mismatched`, D also learns that a
real y with another row's z is wrong, −½ E log(1 − D(y, z′)), so that it looks at z and not at y alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.nn.functional import softplus

from kuamo.core.modules import without_compiler
from kuamo.core.old_names import old_arguments
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.gan import ConditionalGAN, generator_of, negative_codes, shifted_negative
from kuamo.training.objective import Optimized
from kuamo.training.step import Step

__all__ = ["Minimax", "minimax"]


def minimax(real: Any, made: Any) -> tuple[Any, Any]:
    """What D and G minimise: −log D − log(1 − D(G)) and log(1 − D(G)), each (n,), given D's logits.

    References:
        Generative Adversarial Nets, Goodfellow et al., 2014.

    Example:
        >>> import torch
        >>> [x.exp().round(decimals=2) for x in minimax(torch.zeros(1), torch.zeros(1))]
        [tensor([4.]), tensor([0.5000])]
    """
    return softplus(-real) + softplus(made), -softplus(made)


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class Minimax(ConditionalGAN):
    """The plain minimax game for one direction, `given` → `to`.

    Args:
        given, to: columns; given `None`, codes of any of the others (`subset_codes_per_entry`), of which
            `self_conditioning` is the share of the target's own. lr: of the discriminator's SGD. momentum: of the same.
        critic: () → module (y (n, L), z (n, d)) → logits (n,); `None` is a perceptron of this `width` and `layers`.
        mismatched: also show D real cells with the code of another row; it and the made cells then weigh half each.

    References:
        Generative Adversarial Nets, Goodfellow et al., 2014; Generative Adversarial Text to Image Synthesis, Reed et
        al., 2016 (`mismatched`).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"pairs", "decoders"})
    given: str | None = "text"
    to: str = "image"
    lr: float = 0.02
    momentum: float = 0.5
    critic: Callable[[], Any] | None = None
    mismatched: bool = False
    self_conditioning: float = 0.0
    width: int = 128
    layers: int = 1

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The discriminator and its SGD."""
        module = self.discriminator(generator_of(space, self.to, self.given), space.dim)
        sgd = without_compiler(torch.optim.SGD)
        return {"critic": Optimized(module, lambda p: sgd(p, lr=self.lr, momentum=self.momentum))}

    def __call__(self, step: Step, player: str) -> Any:
        """D's loss for the player `critic`, G's for the player `space`."""
        z, y, row = self.inputs(step)
        critic, made = step.own["critic"], self.generate(step, z, row, player == "space")
        real, fake = critic(y, z), critic(made, z)
        loss_d, loss_g = minimax(real, fake)
        if player == "space":
            return step.mean(loss_g)
        step.log["critic"] = float(loss_d.detach().mean()) if len(loss_d) else 0.0
        if not self.mismatched:
            return step.mean(loss_d)
        other, known = shifted_negative(*negative_codes(step, self.given, z, row), row)
        wrong = softplus(critic(y[known], other[known]))
        return step.mean(softplus(-real) + 0.5 * softplus(fake)) + 0.5 * step.mean(wrong)
