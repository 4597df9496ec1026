"""Saved states of a training, which a later fit resumes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kuamo.core.errors import KuamoError, StoreError
from kuamo.training.callback import Callback, LoopState
from kuamo.training.config import Training
from kuamo.training.distributed import rank_and_size
from kuamo.training.players import Optimization
from kuamo.training.run_folder import RunFolder

__all__ = ["SaveState"]


class SaveState(Callback):
    """Saves weights, averages, optimizers and the states of other callbacks now and then.

    Args:
        folder: where. optimization: whose. others: callbacks with a state. training, seed: which a state must fit.
    """

    def __init__(
        self,
        folder: RunFolder,
        optimization: Optimization,
        others: Sequence[Callback],
        training: Training,
        seed: int,
    ) -> None:
        self.folder, self.optimization, self.others = folder, optimization, others
        self.given = {"training": training.to_dict(), "seed": seed}

    def on_step(self, loop: LoopState) -> None:
        """Save every so many steps, and after the last."""
        due = loop.done == loop.training.steps or loop.done % loop.training.save_every == 0
        if due and rank_and_size()[0] == 0:
            self.save(loop.done)

    def save(self, step: int) -> None:
        """Write the whole state."""
        game = self.optimization
        arrays: dict[str, np.ndarray] = {}
        plain: dict[str, Any] = {**self.given, "step": step, "skipped": game.skipped, "optimisers": {}}
        plain["callbacks"] = {type(one).__name__: state for one in self.others if (state := one.state())}
        for number, average in enumerate(game.averages):
            arrays |= {f"average.{number}.{name}": w.numpy().copy() for name, w in average.weights.items()}
        for player in game.players:
            for number, module in enumerate(game.modules[player]):
                for name, tensor in module.state_dict().items():
                    arrays[f"{player}.{number}.{name}"] = tensor.detach().numpy().copy()
            state = game.optimizers[player].state_dict()
            plain["optimisers"][player] = state["param_groups"]
            for index, slots in state["state"].items():
                for slot, value in slots.items():
                    if value is not None:
                        arrays[f"optimiser.{player}.{index}.{slot}"] = torch.as_tensor(value).numpy().copy()
        self.folder.save(arrays, plain)

    def resume(self) -> int:
        """Load a saved state; returns the step to go on from."""
        found = self.folder.load()
        if found is None:
            return 0
        try:
            return self._load(*found)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            if isinstance(error, KuamoError):
                raise
            said = f"{type(error).__name__}: {error}"
            raise StoreError(f"{self.folder.folder}: does not describe a run ({said})") from None

    def _load(self, arrays: Mapping[str, np.ndarray], plain: Mapping[str, Any]) -> int:
        game, found = self.optimization, {"training": plain["training"], "seed": plain["seed"]}
        if found != self.given or set(plain["optimisers"]) != set(game.players):
            raise StoreError(
                f"{self.folder.folder}: holds a run with {found}; given {self.given}: expected the same, or another "
                f"folder"
            )
        for player in game.players:
            for number, module in enumerate(game.modules[player]):
                module.load_state_dict(tensors_under(arrays, f"{player}.{number}."))
            slots: dict[int, dict[str, Tensor]] = {}
            for name, tensor in tensors_under(arrays, f"optimiser.{player}.").items():
                index, slot = name.split(".", 1)
                slots.setdefault(int(index), {})[slot] = tensor
            game.optimizers[player].load_state_dict({"state": slots, "param_groups": plain["optimisers"][player]})
        for number, average in enumerate(game.averages):
            average.weights = tensors_under(arrays, f"average.{number}.")
        game.skipped = int(plain.get("skipped", 0))
        for callback in self.others:
            if state := plain["callbacks"].get(type(callback).__name__):
                callback.load_state(state)
        return int(plain["step"])


def tensors_under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    """The arrays whose names begin with a prefix, without it."""
    return {n[len(prefix) :]: torch.from_numpy(array) for n, array in arrays.items() if n.startswith(prefix)}
