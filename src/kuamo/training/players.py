"""The players of a fit, and their turns: each minimises its terms of the objective over parameters of its own.

L = Σ_t w_t L_t(step, player);   g = Σ_processes ∂L/∂θ_player;   θ_player ← optimiser(g)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError, StoreError
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.balance.monitor import ColumnMonitor
from kuamo.training.batch import Batch, FeatureSource, Source, batch_of
from kuamo.training.config import Training
from kuamo.training.distributed import sum_gradients
from kuamo.training.ema import EMA
from kuamo.training.objective import SPACE, Objective, Optimized, terms_of
from kuamo.training.run_folder import Run
from kuamo.training.step import Step
from kuamo.training.targets import decoder_targets

__all__ = ["Optimization"]


class Optimization:
    """The players of a fit: their modules, their optimisers, and the terms of the objective that they minimise."""

    def __init__(self, space: EmbeddingSpace, objective: Objective, training: Training) -> None:
        self.space, self.steps = space, training.steps
        self.terms = terms_of(objective)
        self.own: list[dict[str, Any]] = []
        self.modules: dict[str, list[nn.Module]] = {SPACE: list(space.modules())}
        self.averages: list[EMA] = []
        optimisers: dict[str, Callable[[Any], Any]] = {SPACE: space_optimiser(training)}
        self.falls_to = {SPACE: 0.0}
        for number, (_, term) in enumerate(self.terms):
            built = term.build(space)
            self.own.append({name: player.module for name, player in built.items()})
            for name, player in built.items():
                key = self._name(name, number)
                self.modules.setdefault(key, []).append(player.module)
                if player.ema is not None:
                    self.averages.append(EMA(player.module, player.ema))
                if name != SPACE:
                    optimisers[key], self.falls_to[key] = _optimiser_of(name, player), player.falls_to
        names = [term.name for _, term in self.terms]
        self.turn = ColumnMonitor(space, training, names) if training.learning_curves is not None else None
        self.skipped = 0
        self.parameters = {name: unique_parameters(modules) for name, modules in self.modules.items()}
        claimed = {id(p) for name in self.modules if name != SPACE for p in self.parameters[name]}
        self.parameters[SPACE] = [p for p in self.parameters[SPACE] if id(p) not in claimed]
        self.players = [name for name in self.modules if self.parameters[name]]  # whoever has nothing to move is out
        self.optimisers = {name: optimisers[name](self.parameters[name]) for name in self.players}
        self.lr = {name: float(one.param_groups[0]["lr"]) for name, one in self.optimisers.items()}

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
        optimiser = self.optimisers[player]
        if (
            counted == 0 and float(torch.as_tensor(loss).detach()) == 0.0
        ):  # no usable row: nothing moves, not even by momentum or decay
            self.skipped += player == SPACE
            optimiser.zero_grad(set_to_none=True)
            return
        last = self.falls_to[player]
        for group in optimiser.param_groups:
            group["lr"] = self.lr[player] * (last + (1 - last) * 0.5 * (1 + np.cos(np.pi * key[1] / self.steps)))
        if isinstance(loss, Tensor) and loss.requires_grad:
            assign_gradients(loss, self.parameters[player])
        else:
            optimiser.zero_grad(set_to_none=True)
        sum_gradients(self.parameters[player])
        if self.turn is not None and role == SPACE:
            self.turn.observe(column_losses)
        optimiser.step()

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
                column_losses: list[tuple[str, Tensor]] | None = None if self.turn is None else []
                yield number, weight, Step(
                    self.space, batch, key, targets, frozen, own, learning, log, codes, key[1] / self.steps,
                    shared=len(self.terms) > 1, _places=places, column_losses=column_losses,
                )  # fmt: skip

    def write(
        self,
        done: int,
        sources: Mapping[str, Source | FeatureSource],
        held: np.ndarray | None,
        key: tuple[int, int],
        marks: Mapping[str, np.ndarray] | None,
    ) -> None:
        """A line of the record, if there is one and it is due: also of the rows `held`, which leave no trace."""
        if self.turn is None or not self.turn.due(done, self.steps):
            return
        column_losses: dict[int, list[tuple[str, Tensor]]] | None = None
        if held is not None:
            buffers = [(b, b.clone()) for module in self.space.modules() for b in module.buffers()]
            with self.averaged(), torch.no_grad():
                batch = batch_of(sources, held, marks=marks)
                column_losses = {}
                for number, _, step in self._steps(SPACE, batch, sources, key, {}, False):
                    self.terms[number][1](step, SPACE)
                    column_losses[number] = step.column_losses or []
            for buffer, before in buffers:
                buffer.copy_(before)
        self.turn.write(done, column_losses)

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

    # ── run folder ───────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, out: Run, step: int, training: Training, seed: int) -> None:
        """Write the whole state."""
        arrays: dict[str, np.ndarray] = {}
        plain: dict[str, Any] = {"step": step, "training": training.plain(), "seed": seed, "skipped": self.skipped}
        plain["optimisers"] = {}
        if self.turn is not None:
            plain["turn"] = self.turn.state()
        for number, average in enumerate(self.averages):
            arrays |= {f"average.{number}.{name}": w.numpy().copy() for name, w in average.weights.items()}
        for player in self.players:
            for number, module in enumerate(self.modules[player]):
                for name, tensor in module.state_dict().items():
                    arrays[f"{player}.{number}.{name}"] = tensor.detach().numpy().copy()
            state = self.optimisers[player].state_dict()
            plain["optimisers"][player] = state["param_groups"]
            for index, slots in state["state"].items():
                for slot, value in slots.items():
                    if value is not None:
                        arrays[f"optimiser.{player}.{index}.{slot}"] = torch.as_tensor(value).numpy().copy()
        out.save(arrays, plain)

    def resume(self, out: Run, training: Training, seed: int) -> int:
        """Take up a saved state; returns the step to go on from.

        Raises:
            StoreError: the folder belongs to another run, or is damaged.
        """
        found = out.load()
        if found is None:
            return 0
        try:
            return self._take_up(*found, out.folder, training, seed)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            if isinstance(error, KuamoError):
                raise
            raise StoreError(f"{out.folder}: does not describe a run ({type(error).__name__}: {error})") from None

    def _take_up(
        self, arrays: Mapping[str, np.ndarray], plain: Mapping[str, Any], folder: Path, training: Training, seed: int
    ) -> int:
        given = {"training": training.plain(), "seed": seed}
        found = {"training": plain["training"], "seed": plain["seed"]}
        if found != given or set(plain["optimisers"]) != set(self.players):
            raise StoreError(f"{folder}: holds a run with {found}; given {given}: expected the same, or another folder")
        for player in self.players:
            for number, module in enumerate(self.modules[player]):
                prefix = f"{player}.{number}."
                state = {n[len(prefix) :]: torch.from_numpy(a) for n, a in arrays.items() if n.startswith(prefix)}
                module.load_state_dict(state)
            slots: dict[int, dict[str, Tensor]] = {}
            prefix = f"optimiser.{player}."
            for name, array in arrays.items():
                if name.startswith(prefix):
                    index, slot = name[len(prefix) :].split(".", 1)
                    slots.setdefault(int(index), {})[slot] = torch.from_numpy(array)
            self.optimisers[player].load_state_dict({"state": slots, "param_groups": plain["optimisers"][player]})
        for number, average in enumerate(self.averages):
            average.weights = {name: torch.from_numpy(arrays[f"average.{number}.{name}"]) for name in average.weights}
        self.skipped = int(plain.get("skipped", 0))
        if self.turn is not None:
            self.turn.take_up(plain["turn"])
        return int(plain["step"])


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


def space_optimiser(training: Training) -> Callable[[Any], torch.optim.Optimizer]:
    """AdamW, or the mission's SGD."""
    if training.optimizer == "sgd":
        return lambda p: torch.optim.SGD(p, lr=training.lr, momentum=0.5)
    if training.optimizer == "adamw":
        return lambda p: torch.optim.AdamW(p, lr=training.lr, weight_decay=training.weight_decay, fused=True)
    raise KuamoError(f"given optimiser {training.optimizer!r}; expected 'adamw' or 'sgd'")


def _optimiser_of(name: str, player: Optimized) -> Callable[[Any], Any]:
    if player.optimiser is None:
        raise KuamoError(f"player {name!r}: given no optimiser; expected one, since it does not train with the space")
    return player.optimiser
