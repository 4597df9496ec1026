"""What "aligned" means; `__all__` is what the command line lists."""

from kuamo.objectives.adversarial import Minimax
from kuamo.objectives.base import Objective, Player, Sum
from kuamo.objectives.contrast import DCL, InfoNCE, SigLIP
from kuamo.objectives.correlation import CCA
from kuamo.objectives.elbo import MMVAE, MVAE, Elbo, MoPoE
from kuamo.objectives.labels import Classify, LabelTriplet, acmr
from kuamo.objectives.least_squares import LSGAN
from kuamo.objectives.mmvae_plus import MMVAEPlus
from kuamo.objectives.mmvm import MMVM
from kuamo.objectives.modality_critic import ModalityCritic
from kuamo.objectives.mvtcae import MVTCAE
from kuamo.objectives.predict import Predict
from kuamo.objectives.reconstruct import Cross, Cycle, Reconstruct
from kuamo.objectives.relativistic import R3
from kuamo.objectives.semantic import SemanticMatching
from kuamo.objectives.transport import KLOT, Sinkhorn
from kuamo.objectives.triplet import Triplet

__all__ = [
    "CCA",
    "DCL",
    "KLOT",
    "LSGAN",
    "MMVAE",
    "MMVM",
    "MVAE",
    "MVTCAE",
    "R3",
    "Classify",
    "Cross",
    "Cycle",
    "Elbo",
    "InfoNCE",
    "LabelTriplet",
    "MMVAEPlus",
    "Minimax",
    "MoPoE",
    "ModalityCritic",
    "Objective",
    "Player",
    "Predict",
    "Reconstruct",
    "SemanticMatching",
    "SigLIP",
    "Sinkhorn",
    "Sum",
    "Triplet",
    "acmr",
]
