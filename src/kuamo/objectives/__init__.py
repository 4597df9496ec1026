"""What "aligned" means; `__all__` is what the command line lists."""

from kuamo.objectives.adversarial import Minimax
from kuamo.objectives.base import Objective, Player, Sum
from kuamo.objectives.contrast import InfoNCE, SigLIP
from kuamo.objectives.correlation import CCA
from kuamo.objectives.elbo import Elbo
from kuamo.objectives.labels import Classify, LabelTriplet, acmr
from kuamo.objectives.modality_critic import ModalityCritic
from kuamo.objectives.reconstruct import Cross, Cycle, Reconstruct
from kuamo.objectives.relativistic import R3
from kuamo.objectives.transport import KLOT, Sinkhorn

__all__ = [
    "CCA",
    "KLOT",
    "R3",
    "Classify",
    "Cross",
    "Cycle",
    "Elbo",
    "InfoNCE",
    "LabelTriplet",
    "Minimax",
    "ModalityCritic",
    "Objective",
    "Player",
    "Reconstruct",
    "SigLIP",
    "Sinkhorn",
    "Sum",
    "acmr",
]
