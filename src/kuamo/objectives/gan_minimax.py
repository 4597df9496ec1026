"""The minimax game, as it was first written down: a generator against a discriminator, both by SGD.

    min_G max_D  E log D(y, z) + E log(1 − D(G(z, noise), z))

G is the target's decoder, D sees the code of another column. Played barely it saturates where D wins, and it rotates.
What keeps it open: D also learns that a real y with another row's z is wrong, −½ E log(1 − D(y, z′)), so that it looks
at z and not at y alone; its slope is penalised, γ/2 E ‖∇_y D(y, z)‖²; noise that fades is added to what it sees; and
what is kept of G is the moving average of its weights. A G that fools D with one good picture of a code has no reason
to vary it, so two that it makes of one code are pushed apart, + λ E |n − n′| / |G(n, z) − G(n′, z)|. y and G(noise, z)
are in the generator's standard units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.nn.functional import softplus

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import old_arguments
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.gan import (
    ConditionalGAN,
    check_optimizer,
    conditioning_scale,
    generator_of,
    hard_negative,
    logits_of,
    negative_codes,
    optimizer_of,
    shifted_negative,
)
from kuamo.objectives.gan_relativistic import gradient_penalty
from kuamo.training.objective import SPACE, Optimized
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
    """The minimax game for one direction, `given` → `to`.

    Args:
        given, to: columns; given `None`, codes of any of the others (`subset_codes_per_entry`), of which
            `self_conditioning` is the share of the target's own. lr: of the discriminator. momentum: of its SGD.
        optimizer: of both players, `"sgd"` or `"adam"`, whose rate falls to a fiftieth in the second half
            of the steps; codes are then not moved.
            `None`: D has SGD, and G is trained with the space, by its optimizer.
        critic: () → module (y (n, L), z (n, d)) → logits (n,); `None` is the generator's own, or a perceptron of this
            `width` and `layers`.
        mismatched: also show D real cells with the code of another row; it and the made cells then weigh half each.
        hard: of one of the eight nearest other codes of the batch, rather than of any.
        penalty: γ, of every so many-th row (`every`), others in each step. instance_noise: standard deviation of the
            noise at the first step; it is 0 at the last. saturating: G minimises log(1 − D(G)), as the game says, or
            else −log D(G), whose slope does not vanish where D wins. ema: decay of G's moving average, where it has an
            optimizer. mode_seeking: λ; G's turn then makes two pictures of every second row, in place of one of each.

    Raises:
        KuamoError: an unknown optimizer, or numbers that make no sense.

    References:
        Generative Adversarial Nets, Goodfellow et al., 2014; Generative Adversarial Text to Image Synthesis, Reed et
        al., 2016 (`mismatched`); Which Training Methods for GANs do actually Converge?, Mescheder, Geiger and Nowozin,
        2018 (`penalty`); Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis, Mao et al., 2019
        (`mode_seeking`); Amortised MAP Inference for Image Super-resolution, Sønderby et al., 2017 (`instance_noise`).
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
    optimizer: str | None = None
    penalty: float = 0.0
    every: int = 4
    instance_noise: float = 0.0
    ema: float = 0.998
    saturating: bool = True
    hard: bool = False
    mode_seeking: float = 0.0

    def __post_init__(self) -> None:
        if self.optimizer is not None:
            check_optimizer(self.optimizer)
        if not (
            self.given != self.to
            and self.lr > 0
            and min(self.penalty, self.instance_noise, self.mode_seeking) >= 0
            and self.every >= 1
            and max(0, self.ema, self.momentum) < 1
        ):
            raise KuamoError(f"given {self}; expected two columns, lr > 0, weights of at least 0, and ema in [0, 1)")

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The discriminator and its optimizer, and the generator as a player of its own, if it has one."""
        if self.optimizer is not None:
            how = optimizer_of(self.optimizer, self.lr, self.momentum)
            return self.players(space, space.dim, how, self.ema, falls_to=0.02, falls_after=0.5)
        module = self.discriminator(generator_of(space, self.to, self.given), space.dim)
        return {"critic": Optimized(module, optimizer_of("sgd", self.lr, self.momentum))}

    def __call__(self, step: Step, player: str) -> Any:
        """D's loss for the player `critic`, G's for the player `generator`, or else `space`."""
        if player == SPACE and self.optimizer is not None:
            return None
        z, y, row = self.inputs(step)
        critic = step.own["critic"]
        if player != "critic":
            return self.generator_loss(step, z, row)
        made = self.seen(step, self.generate(step, z, row, False), row, "made")
        y = self.seen(step, y, row, "real")
        other, known = self.negative(step, z, row)
        real, wrong = logits_of(critic, y, [z, other]) if self.mismatched else (critic(y, z), None)
        fake = critic(made, z)
        loss: Any = 0.0
        if self.penalty:
            some = row % self.every == step.key[1] % self.every
            loss = 0.5 * self.penalty * step.mean(gradient_penalty(critic, y[some], z[some])[1])
        step.log["critic"] = float(step.mean(minimax(real, fake)[0]).detach())
        if wrong is None:
            return loss + step.mean(minimax(real, fake)[0])
        return loss + step.mean(softplus(-real) + 0.5 * softplus(fake)) + 0.5 * step.mean(softplus(wrong[known]))

    def generator_loss(self, step: Step, z: Any, row: Any) -> Any:
        """log(1 − D(ŷ)), or −log D(ŷ); and, with `mode_seeking`, how near two pictures of one code are."""
        generator, critic = step.space.port(self.to).decoder, step.own["critic"]
        if not (self.mode_seeking and Decoder.adapt(generator).noise):
            made, codes = self.seen(step, self.generate(step, z, row, True), row, "made"), z
            alike: Any = 0.0
        else:
            some = row % 2 == step.key[1] % 2
            codes, row = torch.cat([z[some], z[some]]), row[some]
            noise = [self.noise(step, row, f"generator/{which}") for which in ("first", "second")]
            pair = generator.generate(codes, torch.cat(noise)).chunk(2)
            seen = [self.seen(step, one, row, f"made/{which}") for which, one in enumerate(pair)]
            apart = conditioning_scale(generator, pair[0]) - conditioning_scale(generator, pair[1])
            near = (noise[0] - noise[1]).abs().mean(1) / (apart.abs().mean(1) + 1e-3)
            made, alike = torch.cat(seen), self.mode_seeking * step.mean(near)
        logits = critic(made, codes)
        return step.mean(-softplus(logits) if self.saturating else softplus(-logits)) + alike

    def negative(self, step: Step, z: Any, row: Any) -> tuple[Any, Any]:
        """The code of another row for each, and whether there is one."""
        codes, rows = negative_codes(step, self.given, z, row)
        if not self.hard:
            return shifted_negative(codes, rows, z, row)
        return hard_negative(codes, rows, z, row, step.uniform("mismatched", row, 1)[:, 0])

    def seen(self, step: Step, y: Any, row: Any, what: str) -> Any:
        """y as D sees it: in the generator's standard units, with the noise of this step."""
        y = conditioning_scale(step.space.port(self.to).decoder, y)
        size = self.instance_noise * (1 - step.progress)
        return y + size * step.noise(f"instance/{what}", row, y.shape[1]) if size else y
