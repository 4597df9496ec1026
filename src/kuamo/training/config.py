"""How long and how a fit trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import old_arguments, old_methods
from kuamo.core.validation import check_type, is_int, is_number

__all__ = ["LearningCurves", "Training"]


@old_methods(plain="to_dict")
@old_arguments(
    mix="fusemix_alpha",
    chunk="grad_cache_chunk",
    modulate=None,
    record="learning_curves",
    optimiser="optimizer",
)
@dataclass(frozen=True)
class Training:
    """How long and how fast.

    Args:
        steps: optimiser steps. batch_size: rows of the whole batch, over all processes.
        lr: of the space's optimiser, falling to 0 along a half cosine. weight_decay: of the same.
        optimizer: `"adamw"` or `"sgd"` (momentum .5). save_every: steps between two states in the run folder.
        fusemix_alpha: α of Beta(α, α) where frozen features are mixed with those of another row (FuseMix); 0 for not.
        grad_cache_chunk: how many cells pass a trained encoder at a time, with the gradients of the whole batch all
            the same (GradCache): memory holds one chunk's activations, whatever the batch size, and one forward more is
            paid for it; `None` for all at once.
        sampling: who is drawn more often, `km.CoverageBalanced()`, `km.ClassBalanced()`; `None`: all alike.
        learning_curves: `km.LearningCurves()`, to write down how fast each column learns; `None` for not.
        at_most: may the objective end sooner, where what it solves beside the training leaves nothing to learn?
    """

    steps: int = 600
    batch_size: int = 256
    lr: float = 1e-3
    weight_decay: float = 1e-4
    optimizer: str = "adamw"
    save_every: int = 200
    fusemix_alpha: float = 0.0
    grad_cache_chunk: int | None = None
    sampling: Any = None
    learning_curves: LearningCurves | None = None
    at_most: bool = False

    def __post_init__(self) -> None:
        if not is_int(self.steps) or not is_int(self.batch_size, 1) or not is_number(self.lr, 0):
            raise KuamoError(
                f"given steps={self.steps!r}, batch_size={self.batch_size!r}, lr={self.lr!r}; expected "
                f"steps a whole number ≥ 0, batch_size a whole number ≥ 1, and lr finite and ≥ 0"
            )

        if (
            not is_number(self.weight_decay, 0)
            or not is_int(self.save_every, 1)
            or not is_number(self.fusemix_alpha, 0)
        ):
            raise KuamoError(
                f"given weight_decay={self.weight_decay!r}, save_every={self.save_every!r}, "
                f"fusemix_alpha={self.fusemix_alpha!r}; expected "
                f"weight_decay and fusemix_alpha finite and ≥ 0, and save_every a whole number ≥ 1"
            )
        if self.sampling is not None and (isinstance(self.sampling, type) or not hasattr(self.sampling, "weights")):
            raise KuamoError(f"given sampling={self.sampling!r}; expected None, or one such as km.ClassBalanced(1)")
        check_type(LearningCurves | None, "LearningCurves, or None", learning_curves=self.learning_curves)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Plain data; what is off is not in it."""
        given = asdict(self)
        for name in ("sampling", "learning_curves"):
            one = getattr(self, name)
            if one is None:
                del given[name]
            else:
                given[name] = {type(one).__name__: given[name] if is_dataclass(one) else repr(one)}
        return given


@dataclass(frozen=True)
class LearningCurves:
    """Write down how fast each column learns: `ColumnCurves.of(space)` afterwards.

    Args:
        every: steps between two lines. held: the share of the groups that training does not see, to detect overfitting
            by; with 0 the space is, bit for bit, what it is without a record.

    Raises:
        KuamoError: no steps, or a share outside [0, 1).
    """

    every: int = 10
    held: float = 0.0

    def __post_init__(self) -> None:
        if not is_int(self.every, 1) or not is_number(self.held, 0) or self.held >= 1:
            raise KuamoError(f"given {self}; expected every, a whole number from 1, and held in [0, 1)")
