"""Losses and closed forms that define "aligned"; `__all__` is what the command line lists.

cca, semantic_matching, solution     closed forms, and what they return
contrastive, triplet, pairwise, tiled_sums    losses of pairs of entries; positives; sums over all pairs in tiles
reconstruction, supervised, domain_adversarial    reconstruction; losses of labels; a discriminator of modalities
vae, mvtcae, mmvm, mmvae_plus        variational bounds
gan, gan_minimax, gan_relativistic, gan_least_squares    GANs, and what they share
networks, conv_critic    perceptrons and convolutions that games are played with
optimal_transport        unpaired rows, matched by transport plans
conditional_likelihood   decoders trained on fixed codes
fused_retrieval          a fusion trained beside other objectives
prediction/              classes and numbers predicted from any subset of columns
registry                 objectives by their names
"""

from kuamo.core.old_names import former_names
from kuamo.objectives.cca import CCA
from kuamo.objectives.contrastive import DCL, InfoNCE, SigLIP
from kuamo.objectives.domain_adversarial import ModalityDiscriminator
from kuamo.objectives.gan_least_squares import LSGAN
from kuamo.objectives.gan_minimax import Minimax
from kuamo.objectives.gan_relativistic import R3
from kuamo.objectives.mmvae_plus import MMVAEPlus
from kuamo.objectives.mmvm import MMVM
from kuamo.objectives.mvtcae import MVTCAE
from kuamo.objectives.optimal_transport import KLOT, Sinkhorn
from kuamo.objectives.prediction.objective import Predict
from kuamo.objectives.reconstruction import CrossReconstruct, CycleConsistency, Reconstruct
from kuamo.objectives.semantic_matching import SemanticMatching
from kuamo.objectives.supervised import ACMR, Classify, LabelTriplet
from kuamo.objectives.triplet import Triplet
from kuamo.objectives.vae import MMVAE, MVAE, Elbo, MoPoE
from kuamo.training.objective import Objective, Optimized, Sum

__all__ = [
    "ACMR",
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
    "CrossReconstruct",
    "CycleConsistency",
    "Elbo",
    "InfoNCE",
    "LabelTriplet",
    "MMVAEPlus",
    "Minimax",
    "MoPoE",
    "ModalityDiscriminator",
    "Objective",
    "Optimized",
    "Predict",
    "Reconstruct",
    "SemanticMatching",
    "SigLIP",
    "Sinkhorn",
    "Sum",
    "Triplet",
]

__getattr__ = former_names(__name__)
