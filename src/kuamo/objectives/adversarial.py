"""The minimax game, as it was first written down: a generator against a discriminator, both by SGD.

    min_G max_D  E log D(y, z) + E log(1 − D(G(z, noise), z))

G is the target's decoder, D sees the code of another column. It saturates where D wins and it rotates: it is here
because it is the recipe that this field began with, not because it is the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.objectives.base import Objective, Player

if TYPE_CHECKING:
    from kuamo.space import Space
    from kuamo.step import Step

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
    from torch.nn.functional import softplus

    return softplus(-real) + softplus(made), -softplus(made)


@dataclass(frozen=True)
class Minimax(Objective):
    """The plain minimax game for one direction, `given` → `to`.

    Args:
        given, to: columns. lr: of the discriminator's SGD. momentum: of the same.
        critic: () → module (y (n, L), z (n, d)) → logits (n,); `None` is a perceptron.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"pairs", "decoders"})
    given: str = "text"
    to: str = "image"
    lr: float = 0.02
    momentum: float = 0.5
    critic: Callable[[], Any] | None = None

    def decodes(self, column: str) -> bool:
        """Only the target's decoder plays."""
        return column == self.to

    def build(self, space: Space) -> dict[str, Player]:
        """The discriminator and its SGD."""
        import torch

        from kuamo.decoders.generator import Critic

        out = space.port(self.to).decoder.out
        module = self.critic() if self.critic else Critic(out, space.dim)
        return {"critic": Player(module, lambda p: torch.optim.SGD(p, lr=self.lr, momentum=self.momentum))}

    def __call__(self, step: Step, player: str) -> Any:
        """D's loss for the player `critic`, G's for the player `space`."""
        if player not in ("space", "critic"):
            return None
        import torch

        target, given = step.cells[self.to].row, step.cells[self.given].row
        at_given, at_target = (target[None] == given[:, None]).nonzero(as_tuple=True)
        z = step.code(self.given).mean[at_given]
        y = step.target(self.to)[at_target]
        generator, critic = step.space.port(self.to).decoder, step.own["critic"]
        noise = step.noise("generator", given[at_given], getattr(generator, "noise", 1))
        with torch.set_grad_enabled(player == "space"):
            made = generator.generate(z, noise)
        loss_d, loss_g = minimax(critic(y, z), critic(made, z))
        if player == "critic":
            step.log["critic"] = float(loss_d.detach().mean()) if len(loss_d) else 0.0
        return step.mean(loss_d if player == "critic" else loss_g)
