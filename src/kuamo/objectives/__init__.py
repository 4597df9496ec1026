"""What "aligned" means; `__all__` is what the command line lists."""

from kuamo.objectives.adversarial import Minimax
from kuamo.objectives.base import Objective, Player, Sum
from kuamo.objectives.contrast import InfoNCE, SigLIP
from kuamo.objectives.correlation import CCA
from kuamo.objectives.elbo import Elbo
from kuamo.objectives.reconstruct import Reconstruct
from kuamo.objectives.transport import KLOT, Sinkhorn

__all__ = [
    "CCA",
    "KLOT",
    "Elbo",
    "InfoNCE",
    "Minimax",
    "Objective",
    "Player",
    "Reconstruct",
    "SigLIP",
    "Sinkhorn",
    "Sum",
]
