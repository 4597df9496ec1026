"""Labels: codes of one label lie together, whatever column they are of, and a classifier can read it off them.

    Classify      L = E −log p(label | z),                       p a softmax on the code, the same for all columns
    LabelTriplet  L = E_{i, j ∈ same} ‖u_i − v_j‖² + λ E_{i, k ∉ same} max(0, μ − ‖u_i − v_k‖²)
    ACMR()        Classify + triplet · LabelTriplet + critic · ModalityDiscriminator

Rows without a label take no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from kuamo.core.errors import KuamoError
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.domain_adversarial import ModalityDiscriminator
from kuamo.training.objective import Objective, Optimized, Sum
from kuamo.training.step import Step

__all__ = ["ACMR", "Classify", "LabelTriplet", "label_triplet"]


def label_triplet(scores: Any, same: Any, known: Any, margin: float, push: float) -> Any:
    """mean_{same} d + λ mean_{other} max(0, μ − d) for each row, d = 2 − 2 s of codes of unit norm.

    Args:
        scores: (n, m) cosines. same: (n, m) bool. known: (n, m) bool, do both have a label? margin: μ. push: λ.

    Returns:
        (n,) losses; a row without positives, or without negatives, has nothing of that part.

    Example:
        >>> import torch
        >>> label_triplet(torch.tensor([[1.0, 1.0]]), torch.tensor([[True, False]]), torch.ones(1, 2).bool(), 1.0, 2.0)
        tensor([2.])
    """
    distance, other = 2 - 2 * scores, ~same & known
    near = (distance * same).sum(-1) / same.sum(-1).clamp(min=1)
    far = ((margin - distance).clamp(min=0) * other).sum(-1) / other.sum(-1).clamp(min=1)
    return near + push * far


@dataclass(frozen=True)
class Classify(Objective):
    """Semantic matching: one linear classifier of labels for the codes of all columns.

    Args:
        classes: how many labels there are.

    Raises:
        KuamoError: fewer than two classes, or more labels than said.

    References:
        A New Approach to Cross-Modal Multimedia Retrieval, Rasiwasia et al., 2010 (semantic matching).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    classes: int = 2

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise KuamoError(f"given classes={self.classes}; expected at least 2")

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The classifier, trained with the space."""
        return {"space": Optimized(nn.Linear(space.dim, self.classes))}

    def __call__(self, step: Step, player: str) -> Any:
        """Mean over columns of the cross-entropy of the entries that have a label."""
        if len(step.labels) and int(step.labels.max()) >= self.classes:
            raise KuamoError(f"given at least {int(step.labels.max()) + 1} labels; expected classes={self.classes}")
        losses = []
        for name in step.names:
            label = step.labels[step.cells[name].row]
            logits = step.own["space"](step.code(name).mean)[label >= 0]
            losses.append(step.mean(each := cross_entropy(logits, label[label >= 0], reduction="none")))
            step.log_column_loss(name, each)
        return torch.stack(losses).mean()


@dataclass(frozen=True)
class LabelTriplet(Objective):
    """Entries of two columns are near if they share a label, and a margin apart if they do not.

    Args:
        margin: μ, of squared distances between unit codes, at most 4. push: λ.

    References:
        Adversarial Cross-Modal Retrieval, Wang et al., 2017 (the intra-modal invariance and triplet terms).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    margin: float = 1.0
    push: float = 1.0

    def __call__(self, step: Step, player: str) -> Any:
        """Mean over ordered pairs of columns and labelled entries; each process's own rows against all."""
        codes, losses = step.gather(), []
        for a, b in permutations(step.names, 2):
            (others, rows), row = codes[b], step.cells[a].row
            label, other = step.labels[row], step.labels[rows]
            known = (label[:, None] >= 0) & (other >= 0)
            scores = normalize(step.code(a).mean, dim=-1) @ normalize(others, dim=-1).T
            same = known & (label[:, None] == other)
            losses.append(step.mean(label_triplet(scores, same, known, self.margin, self.push)[label >= 0]))
        return torch.stack(losses).mean()


def ACMR(classes: int, *, triplet: float = 1.0, critic: float = 0.1, margin: float = 1.0) -> Sum:
    """Adversarial cross-modal retrieval, as a sum of its three terms.

    Args:
        classes: how many labels there are. triplet, critic: weights. margin: of the triplet term.

    References:
        Adversarial Cross-Modal Retrieval, Wang, Yang, Xu, Hanjalic and Shen, 2017.

    Example:
        >>> [type(term).__name__ for _, term in ACMR(10).terms]
        ['Classify', 'LabelTriplet', 'ModalityDiscriminator']
    """
    return Classify(classes) + triplet * LabelTriplet(margin) + critic * ModalityDiscriminator()
