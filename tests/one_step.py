"""Gradients of one step of any objective, in one process or in several."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import kuamo as km
from kuamo.core.modules import is_trainable
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion
from kuamo.encoders.feature_cache import features
from kuamo.fitting.fusions import bind_fusion, fused_terms
from kuamo.fitting.gradient import add_decoders, add_heads
from kuamo.fitting.towers import open_ports
from kuamo.training.balance import ColumnCurves
from kuamo.training.batch import Source, batch_of
from kuamo.training.callback import LoopState
from kuamo.training.objective import needs_of
from kuamo.training.players import Optimization
from kuamo.training.randomness import forked_rng
from kuamo.training.run import Prepared


def gradients_of_one_step(
    table: km.Table, member: dict[str, Any], *, like: str | None = None, fitted_on: km.Table | None = None
) -> tuple[dict[str, torch.Tensor], dict[str, set[int]]]:
    """Gradient by parameter name, and the parameters of each player, for one batch of the whole table in order.

    `like` names the column that heads are made for first, so that column order changes no initial weight.
    """
    base = fitted_on or table
    objective = member["objective"]
    ports, _ = open_ports(base, member.get("encoders", {}), member.get("decoders", {}))
    frozen = [p for p in ports if not is_trainable(p.encoder)]
    cells = {p.name: (features(base, p.name, p.encoder), base.column(p.name).row) for p in frozen}
    space = km.Space(sorted(ports, key=lambda p: p.name) if like else ports)
    needs = needs_of(objective) - {"pairs", "labels", "unpaired"}
    with forked_rng(0):
        torch.manual_seed(5)
        prepared = Prepared(base, cells)
        add_heads(space, prepared, needs, 16, 0, objective)
        if "decoders" in needs:
            add_decoders(space, prepared, objective)
        if isinstance(objective, km.Predict):
            space.fusion = objective.make_fusion(space)
            objective.callback(space, prepared).on_start(LoopState(space, {}, km.Training()))
        for decoder in member.get("decoders", {}).values():
            for parameter in decoder.parameters():
                torch.nn.init.normal_(parameter, std=0.1)
        space.ports = [next(p for p in space.ports if p.name == name) for name in table.columns]
        spec = member.get("fusion", getattr(objective, "fusion", None))
        if isinstance(spec, FusionSpec) and not isinstance(objective, km.Predict):
            bind_fusion(space, spec, 0)
            objective += fused_terms(space, objective) or km.Sum()
        game = Optimization(space, objective, km.Training(steps=10, optimizer="sgd", lr=0.0))
        sources = {
            p.name: Source(table, p, features(table, p.name, p.encoder) if p in frozen else None, member.get("chunk"))
            for p in space.ports
        }
        for source in sources.values():
            if source.frozen is not None and source.frozen.size == 0:
                source.frozen = np.zeros((0, cells[source.port.name][0].shape[1]), np.float32)
        batch = batch_of(sources, np.arange(len(table)), marks=Prepared(table, {}).match_keys)
        log: dict[str, float] = {}
        grads: dict[str, torch.Tensor] = {}
        for player in game.players:
            game.play(player, batch, sources, (0, 1), log)
            for label, module in _labelled(space, game, player):
                for key, parameter in module.named_parameters():
                    if parameter.requires_grad and any(parameter is p for p in game.parameters[player]):
                        gradient = parameter.grad
                        grads[f"{label}.{key}"] = torch.zeros_like(parameter) if gradient is None else gradient.clone()
    if isinstance(space.fusion, TrainedFusion):
        grads = dict(in_order_of_names(space.fusion.names, key, gradient) for key, gradient in grads.items())
    return grads, {player: {id(p) for p in game.parameters[player]} for player in game.players}


def in_order_of_names(names: list[str], key: str, gradient: torch.Tensor) -> tuple[str, torch.Tensor]:
    """A gradient of a fusion, whose parameters stand in the order of columns, by names."""
    owner, *parts = key.split(".")
    order = sorted(range(len(names)), key=names.__getitem__)
    if owner.startswith("own") and parts[0] in ("keys", "own", "enter", "mix", "factors", "codes", "asks", "parts"):
        return ".".join([owner, parts[0], names[int(parts[1])], *parts[2:]]), gradient
    if owner.startswith("own") and parts[-1] in ("wanted", "bias") and len(parts) == 1:
        gradient = gradient[order]
        return key, gradient[:, order] if gradient.shape == (len(names),) * 2 else gradient
    return key, gradient


def _labelled(space: km.Space, game: Optimization, player: str) -> list[tuple[str, torch.nn.Module]]:
    if player != "space":
        return [(player, module) for module in game.modules[player]]
    parts = [(f"{p.name}.{role}", part) for p in space.ports for role, part in p.parts().items()]
    named = [(label, part) for label, part in parts if isinstance(part, torch.nn.Module)]
    extra = [module for module in game.modules[player] if not any(module is part for _, part in named)]
    return named + [(f"own{i}", module) for i, module in enumerate(extra)]


def main(rendezvous: str, rank: int, size: int, folder: str, names: list[str]) -> None:
    """One step of each member in one group. Column b is in even rows only, and these are the first process's."""
    torch.set_num_threads(1)
    compiler = "torch._dynamo" in sys.modules
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=size)
    for name in names:
        grads = gradients_of_holed(name)
        if rank == 0:
            np.savez(Path(folder) / f"{name} {size}.npz", **{key: value.numpy() for key, value in grads.items()})
    assert compiler or "torch._dynamo" not in sys.modules, "an optimizer has imported torch's compiler: seconds"
    torch.distributed.barrier()  # nobody leaves while another still reads
    torch.distributed.destroy_process_group()


def gradients_of_holed(name: str) -> dict[str, torch.Tensor]:
    """Gradients of one step on 64 rows of which every other lacks column b."""
    from members import TRAINED, raw_text_table, small_toy, words

    if name.startswith("raw text"):
        table, member = raw_text_table(64), {"objective": km.InfoNCE(), "encoders": {"b": words()}}
        member |= {"chunk": 5} if name == "raw text in chunks" else {}
    elif name == "Predict":
        table, kinds = small_toy(64), {"a": km.Vector(), "b": km.Category()}
        values = {"a": [table[i]["a"] for i in range(64)], "b": [f"class {i // 3 % 3}" for i in range(64)]}
        table, member = km.Table(values, modalities=kinds), {"objective": km.Predict("b", corruption=0.7)}
    elif name == "balanced fit":
        table, member = small_toy(64), {}
    elif name == "fused":
        table = small_toy(64, names=("a", "b", "c"))
        member = {"objective": km.InfoNCE(), "fusion": km.Gating(experts=3)}
    else:
        table, member = small_toy(64), TRAINED[name]()
    holed = km.Table(
        {
            "a": [table[i]["a"] if i % 4 else None for i in range(64)],
            "b": [table[i]["b"] if i % 2 == 0 else None for i in range(64)],
            **({"c": [table[i]["c"] for i in range(64)]} if "c" in table.columns else {}),
        },
        modalities=table.modalities,
        label=table.labels,
    )
    torch.manual_seed(3)
    if name == "balanced fit":
        return balanced_fit(holed)
    return gradients_of_one_step(holed, member, fitted_on=table)[0]


def balanced_fit(table: km.Table) -> dict[str, torch.Tensor]:
    """A whole fit with everything of `training/balance` on: its codes and its record. SGD, since Adam makes much of
    rounding."""
    training = km.Training(
        steps=6, batch_size=24, lr=0.05, optimizer="sgd", sampling=km.CoverageBalanced(1.0),
        learning_curves=km.LearningCurves(every=2, held=0.2),
    )  # fmt: skip
    space = km.fit(table, km.UncertaintyWeighted(km.InfoNCE() + km.Reconstruct()), dim=8, training=training, seed=1)
    learning = ColumnCurves.of(space)
    lines = {f"{key} {term}": x for key in ("loss", "score", "held") for term, x in getattr(learning, key).items()}
    numbers = lines | {"gradient": learning.gradient, "codes": np.asarray(space.encode(table))}
    return {name: torch.from_numpy(np.nan_to_num(x, nan=-1.0)) for name, x in numbers.items()}
