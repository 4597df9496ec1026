"""The flow decoder: y is carried from noise to what a code asks for, along nearly straight lines.

    x_t = (1 − t) ε + t y,   t = σ(N(−.3, 1)),     v = (x̂(x_t, t, z) − x_t) / max(1 − t, .05)
    v = ((t s² − (1 − t)) x_t/q + s F(x_t, t, z))/q,     q = √(t²s² + (1 − t)²),       s: spread of each axis of y
    L = ‖v − (y − ε)‖²,      the code is left out in a tenth of the cases
    made: x₀ = ε, dx/dt = v_∅ + w (v_z − v_∅) from t = 0 to 1;     w is guidance, 1 for none

The network says where the line ends (x̂) and not its direction: what is made lies where data lie. It adds to the best
linear guess of that, in units of what such a guess leaves open, so that no number near the end need be learned exactly.

The way is walked by the midpoint rule, t_k = sin(½π k/K): fine steps near the end, where narrow axes bend. Of Gaussians
with a spread of 1 to .05, 12 steps give it back to 1 %; as many looks by Euler's rule, 6 to 50 % too narrow.

References:
    Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow, Liu, Gong and Liu, 2023; Back to
    Basics: Let Denoising Generative Models Denoise, Li and He, 2025 (x-prediction); Elucidating the Design Space of
    Diffusion-Based Generative Models, Karras et al., 2022 (the linear guess); Classifier-Free Diffusion Guidance, Ho
    and Salimans, 2022; FiLM: Visual Reasoning with a General Conditioning Layer, Perez et al., 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError
from kuamo.core.validation import is_int, is_number
from kuamo.embedding.decoder import Decoder

__all__ = ["FlowDecoder"]

NEAR = 0.05  # of the end, where the direction would be divided by nothing
CENTER = -0.3  # of the logit of t
WAVES = 16
MOST_STEPS, MOST_GUIDANCE = 1000, 30.0


class FiLM(nn.Module):
    """h + W₂ GELU(W₁ (LN(h) (1 + a) + b)), with a and b from the condition; it starts as h."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.film = nn.Linear(width, 2 * width)
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, h: Tensor, film: Tensor) -> Tensor:
        """(n, width) of h and of a and b (n, 2 width)."""
        a, b = film.chunk(2, -1)
        return h + self.outer(nn.functional.gelu(self.inner(self.norm(h) * (1 + a) + b)))


class FlowDecoder(nn.Module, Decoder, Configured):
    """p(y | z) by rectified flow.

    Args:
        dim: d of the code. out: L. width, layers: of the network. dropped: how often the code is left out in training.
        steps, guidance: defaults of `sample`.

    Example:
        >>> decoder = FlowDecoder(4, 10, width=32)
        >>> decoder.loss(torch.zeros(2, 10), torch.zeros(2, 4)).shape, decoder.sample(torch.zeros(2, 4)).shape
        (torch.Size([2]), torch.Size([2, 10]))
    """

    options = ("guidance", "steps")

    def __init__(
        self,
        dim: int,
        out: int,
        *,
        width: int = 256,
        layers: int = 3,
        dropped: float = 0.1,
        steps: int = 12,
        guidance: float = 2.0,
    ) -> None:
        super().__init__()
        check_draw(steps, guidance)
        self.dim, self.out, self.width, self.layers = dim, out, width, layers
        self.dropped, self.steps, self.guidance = dropped, int(steps), float(guidance)
        self.noise = out + 2  # numbers that a loss draws for each entry: ε, t, and whether the code is left out
        self.enter, self.leave = nn.Linear(out, width), nn.Linear(width, out)
        self.code = nn.Sequential(nn.Linear(dim, width), nn.GELU(), nn.Linear(width, width))
        self.nothing = nn.Parameter(torch.zeros(width))
        self.time = nn.Sequential(nn.Linear(2 * WAVES, width), nn.GELU(), nn.Linear(width, width))
        self.blocks: Any = nn.ModuleList(FiLM(width) for _ in range(layers))
        self.shift: Tensor
        self.gain: Tensor
        self.code_shift: Tensor
        self.code_gain: Tensor
        self.spread: Tensor
        for name, size in (("shift", out), ("code_shift", dim)):
            self.register_buffer(name, torch.zeros(size))
        for name, size in (("gain", out), ("code_gain", dim), ("spread", out)):
            self.register_buffer(name, torch.ones(size))

    def standardize(self, shift: Tensor, gain: Tensor) -> None:
        self.shift.copy_(shift)
        self.gain.copy_(gain)

    def standardize_axes(self, spread: Tensor) -> None:
        self.spread.copy_(spread)

    def standardize_codes(self, shift: Tensor, gain: Tensor) -> None:
        self.code_shift.copy_(shift)
        self.code_gain.copy_(gain)

    def condition(self, z: Tensor) -> Tensor:
        """(n, width) of codes (n, d)."""
        return self.code((z - self.code_shift) * self.code_gain)

    def films(self, condition: Tensor) -> list[Tensor]:
        """Each block's a and b (n, 2 width)."""
        return [block.film(condition) for block in self.blocks]

    def clock(self, t: Tensor) -> Tensor:
        """(n, width) of times (n, 1)."""
        waves = 2.0 ** torch.arange(WAVES, dtype=t.dtype).mul(0.5) * torch.pi * t
        return self.time(torch.cat([waves.sin(), waves.cos()], -1))

    def end(self, x: Tensor, t: Tensor, films: Sequence[Tensor]) -> Tensor:
        """x̂ (n, L): where the line through x (n, L) at t (n, 1) ends, or near the end, how it goes on for .05.

        Args:
            films: each block's (n, 2 width) of the code and the time.
        """
        size = torch.sqrt((t * self.spread) ** 2 + (1 - t) ** 2)
        h = self.enter(x / size)
        for block, film in zip(self.blocks, films, strict=True):
            h = block(h, film)
        v = ((t * self.spread**2 - (1 - t)) * x / size + self.spread * self.leave(h)) / size
        return x + (1 - t).clamp(min=NEAR) * v

    def velocity(self, x: Tensor, t: float, films: Sequence[Tensor], guidance: float) -> Tensor:
        """v (n, L) at x (n, L) and a time, from each block's film (n, 2 width) of the code; behind them stand those
        without the code, if w is not 1."""
        time = x.new_full((1, 1), t)
        clock = self.clock(time)
        both = torch.cat([x, x]) if guidance != 1 else x
        films = [film + clock @ block.film.weight.T for block, film in zip(self.blocks, films, strict=True)]
        v = (self.end(both, time, films) - both) / max(1 - t, NEAR)
        if guidance == 1:
            return v
        with_code, without = v.chunk(2)
        return without + guidance * (with_code - without)

    def loss(self, y: Tensor, z: Tensor, rng: Any = None, *, noise: Tensor | None = None) -> Tensor:
        """The mean over L of ‖v − (y − ε)‖², (n,).

        Args:
            y: (n, L). z: (n, d). rng: draws the noise, if it is not given. noise: (n, L + 2) standard normal.
        """
        noise = torch.randn((len(y), self.noise), generator=rng) if noise is None else noise
        eps, t = noise[:, : self.out], torch.sigmoid(noise[:, -2:-1] + CENTER)
        y = (y - self.shift) * self.gain
        left_out = torch.special.ndtr(noise[:, -1:]) < self.dropped
        condition = torch.where(left_out, self.nothing, self.condition(z)) + self.clock(t)
        far = (1 - t).clamp(min=NEAR)
        x = (1 - t) * eps + t * y
        return (((self.end(x, t, self.films(condition)) - x) / far - (y - eps)) ** 2).mean(-1)

    def sample(self, z: Tensor, rng: Any = None, *, guidance: float | None = None, steps: int | None = None) -> Tensor:
        """One draw (n, L) for each code (n, d).

        Args:
            rng: of the noise. guidance: w in [0, 30], how much more than what comes without the code; 1 is the
                distribution that was learned. steps: of the way, 1 to 1,000, with two looks each.

        Raises:
            KuamoError: guidance or steps out of range.
        """
        steps = self.steps if steps is None else steps
        guidance = self.guidance if guidance is None else guidance
        check_draw(steps, guidance)
        x = torch.randn((len(z), self.out), generator=rng, dtype=z.dtype)
        condition = self.condition(z)
        if guidance != 1:
            condition = torch.cat([condition, self.nothing.expand_as(condition)])
        films = self.films(condition)  # linear: what time adds is the same for all
        way = np.sin(0.5 * np.pi * np.arange(steps + 1) / steps)
        for t, then in pairwise(way.tolist()):
            half = x + 0.5 * (then - t) * self.velocity(x, t, films, guidance)
            x = x + (then - t) * self.velocity(half, 0.5 * (t + then), films, guidance)
        return x / self.gain + self.shift


def check_draw(steps: Any, guidance: Any) -> None:
    """Refuse steps and guidance out of range."""
    if not is_int(steps, 1) or steps > MOST_STEPS:
        raise KuamoError(f"given steps={steps!r}; expected a whole number from 1 to {MOST_STEPS:,}")
    if not is_number(guidance, 0, MOST_GUIDANCE):
        raise KuamoError(f"given guidance={guidance!r}; expected a number from 0 to {MOST_GUIDANCE:g}")
