"""The players of a fit, and their turns: each minimises its terms of the objective over parameters of its own.

L = Σ_t w_t L_t(step, player);   g = Σ_processes ∂L/∂θ_player;   θ_player ← optimiser(g)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError
from kuamo.core.modules import without_compiler
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.batch import Batch, FeatureSource, Source
from kuamo.training.config import Training
from kuamo.training.distributed import sum_gradients
from kuamo.training.ema import EMA
from kuamo.training.objective import SPACE, Objective, Optimized, terms_of
from kuamo.training.step import Step, decoder_targets

__all__ = ["Optimization"]


class Optimization:
    """The players of a fit: their modules, their optimisers, and the terms of the objective that they minimise."""

    def __init__(self, space: EmbeddingSpace, objective: Objective, training: Training) -> None:
        self.space, self.steps = space, training.steps
        self.terms = terms_of(objective)
        self.own: list[dict[str, Any]] = []
        self.modules: dict[str, list[nn.Module]] = {SPACE: list(space.modules())}
        self.averages: list[EMA] = []
        optimizers: dict[str, Callable[[Any], Any]] = {SPACE: space_optimizer(training)}
        self.falls = {SPACE: (0.0, 0.0)}
        for number, (_, term) in enumerate(self.terms):
            built = term.build(space)
            self.own.append({name: player.module for name, player in built.items()})
            for name, player in built.items():
                key = self._name(name, number)
                self.modules.setdefault(key, []).append(player.module)
                if player.ema is not None:
                    self.averages.append(EMA(player.module, player.ema))
                if name != SPACE:
                    optimizers[key] = _optimizer_of(name, player)
                    self.falls[key] = player.falls_to, player.falls_after
        self.reports = training.learning_curves is not None
        self.column_losses: dict[int, list[tuple[str, Tensor]]] = {}
        self.skipped = 0
        self.parameters = {name: unique_parameters(modules) for name, modules in self.modules.items()}
        claimed = {id(p) for name in self.modules if name != SPACE for p in self.parameters[name]}
        self.parameters[SPACE] = [p for p in self.parameters[SPACE] if id(p) not in claimed]
        self.players = [name for name in self.modules if self.parameters[name]]  # whoever has nothing to move is out
        self.optimizers = {name: optimizers[name](self.parameters[name]) for name in self.players}
        self.lr = {name: float(one.param_groups[0]["lr"]) for name, one in self.optimizers.items()}

    def play(
        self,
        player: str,
        batch: Batch,
        sources: Mapping[str, Source | FeatureSource],
        key: tuple[int, int],
        log: dict[str, float],
    ) -> None:
        """One player's turn."""
        role = player.split("/")[0]
        loss: Any = 0.0
        counted = 0
        column_losses: dict[int, list[tuple[str, Tensor]]] = {}
        for number, weight, step in self._steps(player, batch, sources, key, log, role == SPACE):
            term = self.terms[number][1]
            value = term(step, role)
            column_losses[number] = step.column_losses or []
            if value is None:
                continue
            said = float(value.detach())
            if not isfinite(said):
                raise KuamoError(
                    f"step {key[1]}: the loss of {term.name} for {role!r} is {said}; "
                    f"{nonfinite_hint(step)}; the last state that was saved is kept"
                )
            counted += step.counted
            log[term.name if role == SPACE else role] = said
            loss = loss + (weight if role == SPACE else 1.0) * value
        optimizer, parameters = self.optimizers[player], self.parameters[player]
        usable = counted > 0 or float(torch.as_tensor(loss).detach()) != 0.0
        if player == SPACE:
            self.column_losses = column_losses if usable else {}
        if not usable:  # nothing moves, not even by momentum or decay
            self.skipped += player == SPACE
            optimizer.zero_grad(set_to_none=True)
            return
        fall = self.falls[player]
        for group in optimizer.param_groups:
            group["lr"] = self.lr[player] * rate_share(key[1] / self.steps, *fall)
        if isinstance(loss, Tensor) and loss.requires_grad:
            assign_gradients(loss, parameters)
        else:
            optimizer.zero_grad(set_to_none=True)
        sum_gradients(parameters)
        optimizer.step()

    def _steps(
        self,
        player: str,
        batch: Batch,
        sources: Mapping[str, Source | FeatureSource],
        key: tuple[int, int],
        log: dict[str, float],
        learning: bool,
    ) -> Iterator[tuple[int, float, Step]]:
        """What each term of this player sees of a batch, the term's number and its weight."""
        codes: dict[str, Any] = {}  # shared by the terms: every encoder runs once a turn
        places: dict[str, Any] = {}
        frozen = {name: source.frozen is not None for name, source in sources.items()}
        targets = decoder_targets(self.space, batch, frozen)
        for number, ((weight, _), own) in enumerate(zip(self.terms, self.own, strict=True)):
            if player in (SPACE, *(self._name(name, number) for name in own)):
                column_losses: list[tuple[str, Tensor]] | None = [] if self.reports else None
                yield number, weight, Step(
                    self.space, batch, key, targets, frozen, own, learning, log, codes, key[1] / self.steps,
                    shared=len(self.terms) > 1, _places=places, column_losses=column_losses,
                )  # fmt: skip

    def losses_of_columns(
        self, batch: Batch, sources: Mapping[str, Source | FeatureSource], key: tuple[int, int]
    ) -> dict[int, list[tuple[str, Tensor]]]:
        """What terms report of the columns of a batch; it leaves no trace."""
        buffers = [(b, b.clone()) for module in self.space.modules() for b in module.buffers()]
        found: dict[int, list[tuple[str, Tensor]]] = {}
        with self.averaged(), torch.no_grad():
            for number, _, step in self._steps(SPACE, batch, sources, key, {}, False):
                self.terms[number][1](step, SPACE)
                found[number] = step.column_losses or []
        for buffer, before in buffers:
            buffer.copy_(before)
        return found

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, modules have the moving averages of their weights, and are not in training mode."""
        modules = [module for module in self.space.modules() if module.training]
        weights = [average.swap() for average in self.averages]
        for module in modules:
            module.eval()
        yield
        for module in modules:
            module.train()
        for average, held in zip(self.averages, weights, strict=True):
            average.put(held)

    def _name(self, name: str, number: int) -> str:
        return name if name == SPACE else f"{name}/{number}"


def rate_share(progress: float, last: float, after: float) -> float:
    """The share of its rate that an optimizer has left: 1 at first, from `after` on to `last` along a half cosine.

    Example:
        >>> [round(float(rate_share(progress, 0.0, 0.5)), 2) for progress in (0.0, 0.5, 0.75, 1.0)]
        [1.0, 1.0, 0.5, 0.0]
    """
    falling = max(progress - after, 0.0) / (1 - after)
    return last + (1 - last) * 0.5 * (1 + np.cos(np.pi * falling))


def assign_gradients(loss: Tensor, parameters: list[Tensor]) -> None:
    """Gradients of this player's parameters and of no other's."""
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


def nonfinite_hint(step: Step) -> str:
    """Which column and table rows a loss that is not finite may come from: numbers that are not finite, or the largest.

    Codes were refused before if they were not finite; what is left is a target, or codes that are too large.
    """
    sizes: dict[tuple[str, str], Tensor] = {}
    for name in step.names:
        for what, values in (("target", step.targets.get(name)), ("code", step.code(name).mean)):
            if values is not None and 0 < len(values) == len(step.cells[name]):
                sizes[name, what] = values.detach().flatten(1).abs().amax(1)
    if not sizes:
        return "no cell is present"
    (name, what), size = max(sizes.items(), key=lambda item: float(item[1].nan_to_num(torch.inf, torch.inf).max()))
    odd = ~torch.isfinite(size)
    rows = step.table_rows(step.cells[name].row[odd if odd.any() else size == size.max()])
    said = "not finite" if odd.any() else f"as large as {float(size.max()):.3g}, the largest of all"
    return f"column {name!r}, rows {rows}: its {what} is {said}"


def unique_parameters(modules: list[nn.Module]) -> list[Tensor]:
    """Trainable parameters, each once, in order."""
    seen: dict[int, Tensor] = {}
    for module in modules:
        for parameter in module.parameters():
            if parameter.requires_grad:
                seen.setdefault(id(parameter), parameter)
    return list(seen.values())


def space_optimizer(training: Training) -> Callable[[Any], torch.optim.Optimizer]:
    """AdamW, or SGD with momentum."""
    if training.optimizer == "sgd":
        return lambda p: without_compiler(torch.optim.SGD)(p, lr=training.lr, momentum=0.5)
    if training.optimizer == "adamw":
        adamw = without_compiler(torch.optim.AdamW)
        return lambda p: adamw(p, lr=training.lr, weight_decay=training.weight_decay, fused=True)
    raise KuamoError(f"given optimiser {training.optimizer!r}; expected 'adamw' or 'sgd'")


def _optimizer_of(name: str, player: Optimized) -> Callable[[Any], Any]:
    if player.optimizer is None:
        raise KuamoError(
            f"player {name!r}: its optimizer is missing; expected one, since it does not train with the space"
        )
    return player.optimizer
