"""What GANs for one direction share: a generator, which is the target's decoder, and a critic.

ŷ = G(z, noise),     D(y, z) or D(y);     z: the code of a given column, or of any of the row's others
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from kuamo.core.errors import KuamoError
from kuamo.core.modules import without_compiler
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.conditional_likelihood import subset_codes_per_entry
from kuamo.objectives.networks import Critic
from kuamo.training.distributed import gather_rows
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = [
    "ConditionalGAN",
    "check_optimizer",
    "conditioning_scale",
    "generator_of",
    "hard_negative",
    "logits_of",
    "negative_codes",
    "optimizer_of",
    "shifted_negative",
]


def check_optimizer(name: str) -> None:
    """Refuse an optimizer that no game is played with."""
    if name not in ("sgd", "adam"):
        raise KuamoError(f"given optimizer={name!r}; expected 'sgd' or 'adam'")


def optimizer_of(name: str, lr: float, momentum: float = 0.0, beta: float = 0.0) -> Callable[[Any], Any]:
    """Parameters → Adam(β₁, .99), or stochastic gradient descent with momentum."""
    if name == "sgd":
        return lambda parameters: without_compiler(torch.optim.SGD)(parameters, lr=lr, momentum=momentum)
    return lambda parameters: without_compiler(torch.optim.Adam)(parameters, lr=lr, betas=(beta, 0.99))


class ConditionalGAN(Objective):
    """A game for one direction, `given` → `to`.

    Args:
        given, to: columns; given `None`, codes of any of the others (`subset_codes`), of which `self_conditioning` is
            the share of the target's own. lr: of the optimizers.
        critic: () → module of y (n, L), and of z (n, d) where it sees codes, → (n,); `None` is the generator's own, if
            it has one (`Decoder.critic`), and else a perceptron of this `width` and `layers`.
    """

    given: str | None
    to: str
    lr: float
    critic: Callable[[], Any] | None
    self_conditioning: float
    width: int
    layers: int

    def decodes(self, column: str) -> bool:
        return column == self.to

    def discriminator(self, generator: Any, dim: int) -> Any:
        """The critic, which sees codes of d numbers as the generator does; with d = 0 it sees none."""
        own = Decoder.adapt(generator).critic
        if self.critic is not None:
            return self.critic()
        module = Critic(generator.out, dim, self.width, self.layers) if own is None else own(dim)
        if dim:
            module.see_as(generator)
        return module

    def players(
        self,
        space: EmbeddingSpace,
        dim: int,
        optimizer: Callable[[Any], Any],
        ema: float,
        falls_to: float = 0.25,
        falls_after: float = 0.0,
    ) -> dict[str, Optimized]:
        """Critic and generator, each with such an optimizer, whose rate falls; G's weights are averaged."""
        generator = generator_of(space, self.to, self.given)
        modules = {"critic": self.discriminator(generator, dim), "generator": generator}
        averaged = {"critic": None, "generator": ema}
        return {
            name: Optimized(module, optimizer, falls_to, averaged[name], falls_after)
            for name, module in modules.items()
        }

    def generate(self, step: Step, z: Any, row: Any, learns: bool) -> Any:
        """ŷ (n, L) of codes z (n, d) in these rows; with a gradient where G learns."""
        with torch.set_grad_enabled(learns):
            return step.space.port(self.to).decoder.generate(z, self.noise(step, row))

    def noise(self, step: Step, row: Any, purpose: str = "generator") -> Any:
        """What G draws for these rows, (n, numbers)."""
        numbers = Decoder.adapt(step.space.port(self.to).decoder).noise
        return step.noise(purpose, row, 1 if numbers is None else numbers)

    def inputs(self, step: Step) -> tuple[Any, Any, Any]:
        """z (n, d), y (n, L) and the row (n,) of each pair of a given cell and a target's."""
        target = step.cells[self.to].row
        if self.given is None:
            return subset_codes_per_entry(step, self.to, self.self_conditioning), step.target(self.to), target
        row = step.cells[self.given].row
        at_given, at_target = (target[None] == row[:, None]).nonzero(as_tuple=True)
        return step.code(self.given).mean[at_given], step.target(self.to)[at_target], row[at_given]


def generator_of(space: EmbeddingSpace, name: str, given: str | None) -> Any:
    """A column's decoder, which generates, of codes of the column `given`, or of any."""
    if given is not None:
        space.port(given)
    generator = space.port(name).decoder
    if Decoder.adapt(generator).generate is None:
        raise KuamoError(
            f"column {name!r}: given the decoder {type(generator).__name__}; expected one with "
            f"`generate(z, noise)`, such as decoders={{{name!r}: Generator(dim, out)}}"
        )
    return generator


def conditioning_scale(generator: Any, y: Any) -> Any:
    """y in the units in which the generator's target has mean 0 and variance 1, where it knows them."""
    return (y - generator.shift) * generator.gain if hasattr(generator, "gain") else y


def logits_of(critic: Any, y: Any, codes: list[Any]) -> list[Any]:
    """D(y, z) (n,) for several z (n, d) of the same y, which is looked at once where the critic can."""
    return critic.with_codes(y, codes) if hasattr(critic, "with_codes") else [critic(y, z) for z in codes]


def negative_codes(step: Step, given: str | None, z: Any, row: Any) -> tuple[Any, Any]:
    """Codes and their rows, of all processes, of which some are the wrong ones."""
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
    if len(codes) == 0:
        return z, torch.zeros(len(of), dtype=torch.bool)
    distance = torch.cdist(z, codes).square()
    alike = (rows[None] == of[:, None]) | (distance < 1e-3 * distance.mean())
    nearest = distance.masked_fill(alike, torch.inf).topk(min(among, len(codes)), dim=1, largest=False)
    count = torch.isfinite(nearest.values).sum(1)
    place = nearest.indices.gather(1, (uniform * count).long()[:, None])[:, 0]
    return codes[place], count > 0


def shifted_negative(codes: Any, rows: Any, z: Any, of: Any) -> tuple[Any, Any]:
    """For each code z the code of the next row of the whole batch that has one, and whether it is another code.

    Codes that are as good as equal, such as those of the same caption, are no mistake.

    Args:
        codes: (n, d), rows: (n,), of all processes. z: (m, d), of: (m,) its rows.

    Example:
        >>> import torch
        >>> codes = torch.tensor([[1.0], [2.0], [2.0]])
        >>> shifted_negative(codes, torch.tensor([4, 0, 2]), codes[[1, 0]], torch.tensor([0, 4]))
        (tensor([[2.],
                [2.]]), tensor([False,  True]))
    """
    order = rows.argsort(stable=True)
    if len(order) == 0:
        return codes.new_zeros((len(of), codes.shape[-1])), torch.zeros(len(of), dtype=torch.bool)
    place = order[torch.searchsorted(rows[order], of.contiguous(), right=True) % len(order)]
    other = codes[place]
    distance = (other - z).square().sum(1)
    return other, (rows[place] != of) & (distance > 1e-3 * distance.mean())
