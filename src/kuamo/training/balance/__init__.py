"""Balance: what to do where some rows, columns, classes or terms are learned at the expense of others.

    Training(sampling=CoverageBalanced(0.5))   rows of rare subsets of columns are drawn more often: sampling
    Training(sampling=ClassBalanced(1.0))      rows of rare labels are drawn more often: sampling
    UncertaintyWeighted(InfoNCE() + …)         terms of a sum weigh by how sure they are: uncertainty_weighting
    MoPoE(), MVAE(), …                         likelihoods weigh by their size, w_m = max L / L_m, unless
                                               `weights="equal"` or others are given       objectives/vae.py
    Predict("kind", balanced=True)             every class counts the same in the loss     objectives/prediction
    Predict("kind"), … + Classify(10)          each column predicts the target by itself too, so that none is idle while
                                               another has it   objectives/prediction, objectives/supervised.py
    Training(learning_curves=LearningCurves(every=10))  changes nothing: it writes down how fast each column learns;
                                               with `held=0.1` also how well, by groups that training does not see

All go with any objective, can be taken together, and are off unless they are asked for, but for likelihoods' sizes.
That columns are learned evenly is not an aim in itself: the best of all may come of uneven ones (Improving Multimodal
Learning via Imbalanced Learning, Wei, Luo and Luo, ICCV 2025), and a column that contributes little need not be
starved: it may have little to say. It is starved where, trained alone, it would do better by itself than it does in the
joint fit; see `contributions` of both. Then compare a remedy with none on rows that were held out
(`benchmarks/training/balance.py`: some help, some harm).
"""

from kuamo.core.old_names import former_names
from kuamo.training.balance.learning_curves import ColumnCurves
from kuamo.training.balance.sampling import ClassBalanced, CoverageBalanced
from kuamo.training.balance.uncertainty_weighting import UncertaintyWeighted
from kuamo.training.config import LearningCurves

__all__ = ["ClassBalanced", "ColumnCurves", "CoverageBalanced", "LearningCurves", "UncertaintyWeighted"]

__getattr__ = former_names(__name__)
