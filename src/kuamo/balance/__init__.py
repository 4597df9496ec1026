"""Balance: what to do where some rows, columns, classes or terms are learned at the expense of others.

    Training(sampling=ByCoverage(0.5))         rows of rare subsets of columns are drawn more often    sampling.py
    Training(sampling=ByClass(1.0))            rows of rare labels are drawn more often                sampling.py
    Training(modulate=OGMGE(0.3))              columns that are ahead of the others are held back      modulation.py
    Uncertain(InfoNCE() + Reconstruct())       terms of a sum weigh by how sure they are               uncertain.py
    MoPoE(), MVAE(), …                         likelihoods weigh by their size, w_m = max L / L_m, unless
                                               `weights="equal"` or others are given       objectives/elbo.py
    Predict("kind", balanced=True)             every class counts the same in the loss     objectives/predict.py
    Training(record=Record(every=10, held=0.1))   changes nothing: it writes down how fast each column learns

All go with any objective, can be taken together, and are off unless they are asked for. That modalities learn evenly is
not an aim in itself: the best mean may well come of uneven ones (Improving Multimodal Learning Balance and Sufficiency
through Data Remixing, Ma et al., 2025; Asymmetric Representation Learning, Wei et al., ICCV 2025). Measure first
(`kuamo.diagnosis.contribution`), then compare with none on rows that were held out.
"""

from kuamo.balance.learning import Learning, Record
from kuamo.balance.modulation import OGMGE
from kuamo.balance.sampling import ByClass, ByCoverage
from kuamo.balance.uncertain import Uncertain

__all__ = ["OGMGE", "ByClass", "ByCoverage", "Learning", "Record", "Uncertain"]
