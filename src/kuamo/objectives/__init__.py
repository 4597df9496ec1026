"""What "aligned" means; `__all__` is what the command line lists."""

from kuamo.objectives.adversarial import Minimax
from kuamo.objectives.base import Objective, Player, Sum
from kuamo.objectives.contrast import InfoNCE, SigLIP
from kuamo.objectives.correlation import CCA
from kuamo.objectives.elbo import MMVAE, MVAE, Elbo, MoPoE
from kuamo.objectives.mmvae_plus import MMVAEPlus
from kuamo.objectives.mmvm import MMVM
from kuamo.objectives.mvtcae import MVTCAE
from kuamo.objectives.reconstruct import Reconstruct

__all__ = [
    "CCA",
    "MMVAE",
    "MMVM",
    "MVAE",
    "MVTCAE",
    "Elbo",
    "InfoNCE",
    "MMVAEPlus",
    "Minimax",
    "MoPoE",
    "Objective",
    "Player",
    "Reconstruct",
    "SigLIP",
    "Sum",
]
