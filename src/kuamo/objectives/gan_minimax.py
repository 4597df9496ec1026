"""The minimax game, as it was first written down: a generator against a discriminator, both by SGD.

    min_G max_D  E log D(y, z) + E log(1 − D(G(z, noise), z))

G is the target's decoder, D sees the code of another column. It saturates where D wins and it rotates: it is here
because it is the recipe that this field began with, not because it is the best. With `mismatched`, D also learns that a
real y with another row's z is wrong, −½ E log(1 − D(y, z′)), so that it looks at z and not at y alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import old_arguments
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.conditional_likelihood import subset_codes_per_entry
from kuamo.training.objective import Objective, Optimized

if TYPE_CHECKING:
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
    from torch.nn.functional import softplus

    return softplus(-real) + softplus(made), -softplus(made)


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class Minimax(Objective):
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

    def decodes(self, column: str) -> bool:
        """Only the target's decoder plays."""
        return column == self.to

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The discriminator and its SGD."""
        import torch

        from kuamo.objectives.networks import Critic

        generator = generator_of(space, self.to, self.given)
        module = self.critic() if self.critic else Critic(generator.out, space.dim, self.width, self.layers)
        if isinstance(module, Critic):
            module.see_as(generator)
        return {"critic": Optimized(module, lambda p: torch.optim.SGD(p, lr=self.lr, momentum=self.momentum))}

    def __call__(self, step: Step, player: str) -> Any:
        """D's loss for the player `critic`, G's for the player `space`."""
        if player not in ("space", "critic"):
            return None
        import torch

        z, y, row = generator_inputs(step, self.given, self.to, self.self_conditioning)
        generator, critic = step.space.port(self.to).decoder, step.own["critic"]
        noise = step.noise("generator", row, getattr(generator, "noise", 1))
        with torch.set_grad_enabled(player == "space"):
            made = generator.generate(z, noise)
        real, fake = critic(y, z), critic(made, z)
        loss_d, loss_g = minimax(real, fake)
        if player == "space":
            return step.mean(loss_g)
        step.log["critic"] = float(loss_d.detach().mean()) if len(loss_d) else 0.0
        if not self.mismatched:
            return step.mean(loss_d)
        other, known = shifted_negative(*negative_codes(step, self.given, z, row), row)
        wrong = torch.nn.functional.softplus(critic(y[known], other[known]))
        return step.mean(torch.nn.functional.softplus(-real) + 0.5 * torch.nn.functional.softplus(fake)) + (
            0.5 * step.mean(wrong)
        )


def generator_of(space: EmbeddingSpace, name: str, given: str | None) -> Any:
    """A column's decoder, which generates, of codes of the column `given`, or of any.

    Raises:
        TableError: the space has no such column. KuamoError: the decoder does not generate.
    """
    if given is not None:
        space.port(given)
    generator = space.port(name).decoder
    if not hasattr(generator, "generate"):
        raise KuamoError(
            f"column {name!r}: given the decoder {type(generator).__name__}; expected one with "
            f"`generate(z, noise)`, such as decoders={{{name!r}: Generator(dim, out)}}"
        )
    return generator


def generator_inputs(step: Step, given: str | None, to: str, self_conditioning: float) -> tuple[Any, Any, Any]:
    """What a game is played with: z (n, d), y (n, L) and the row (n,) of each pair of a given cell and a target's.

    Args:
        given: a column, or `None` for codes of any of the others. self_conditioning: see `subset_codes_per_entry`.
    """
    target = step.cells[to].row
    if given is None:
        return subset_codes_per_entry(step, to, self_conditioning), step.target(to), target
    row = step.cells[given].row
    at_given, at_target = (target[None] == row[:, None]).nonzero(as_tuple=True)
    return step.code(given).mean[at_given], step.target(to)[at_target], row[at_given]


def negative_codes(step: Step, given: str | None, z: Any, row: Any) -> tuple[Any, Any]:
    """Codes and their rows, of all processes, of which some are the wrong ones."""
    from kuamo.training.distributed import gather_rows

    return step.gather()[given] if given is not None else (gather_rows(z), gather_rows(row))


def hard_negative(codes: Any, rows: Any, z: Any, of: Any, uniform: Any, among: int = 8) -> tuple[Any, Any]:
    """For each code z the code of one of the nearest other rows, and whether there is one: a mistake hard to see.

    Codes that are as good as equal, such as those of the same caption, are no mistake.

    Args:
        codes: (n, d), rows: (n,), of all processes. z: (m, d), of: (m,) its rows. uniform: (m,) chooses in [0, 1).
        among: how many are near.

    References:
        Contrastive Learning with Hard Negative Samples, Robinson et al., 2021.

    Example:
        >>> import torch
        >>> codes = torch.tensor([[0.0], [0.0], [1.0], [9.0]])
        >>> hard_negative(codes, torch.arange(4), codes[:1], torch.tensor([0]), torch.zeros(1))[0]
        tensor([[1.]])
    """
    import torch

    if len(codes) == 0:
        return z, torch.zeros(len(of), dtype=torch.bool)
    distance = torch.cdist(z, codes).square()
    alike = (rows[None] == of[:, None]) | (distance < 1e-3 * distance.mean())
    nearest = distance.masked_fill(alike, torch.inf).topk(min(among, len(codes)), dim=1, largest=False)
    count = torch.isfinite(nearest.values).sum(1)
    place = nearest.indices.gather(1, (uniform * count).long()[:, None])[:, 0]
    return codes[place], count > 0


def shifted_negative(codes: Any, rows: Any, of: Any) -> tuple[Any, Any]:
    """For each row in `of`, the code of the next row of the whole batch that has one, and whether there is another.

    Args:
        codes: (n, d), rows: (n,), of all processes. of: (m,).

    Example:
        >>> import torch
        >>> shifted_negative(torch.eye(3), torch.tensor([4, 0, 2]), torch.tensor([0, 4]))[0].argmax(1)
        tensor([2, 1])
    """
    import torch

    order = rows.argsort(stable=True)
    if len(order) == 0:
        return codes.new_zeros((len(of), codes.shape[-1])), torch.zeros(len(of), dtype=torch.bool)
    place = order[torch.searchsorted(rows[order], of.contiguous(), right=True) % len(order)]
    return codes[place], rows[place] != of
