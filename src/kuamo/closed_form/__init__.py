"""Arrays or streamed moments → linear maps. NumPy only.

cca, gcca, procrustes, regression    the solutions: two views, several views, rotation, ridge and reduced rank
cca_search, gcca_search, folds       kernel, ridge and size chosen by retrieval on held-out rows
arc_cosine_kernel, chi2_kernel, kernel_map, kernel_pca    kernels, maps of them, and their principal axes
indicator_ridge, logistic            ridge and logistic regression onto classes
known_alignment, score_stacking    views that share a space already; how much each of several scores counts
moments, streaming_pca, scaling, svd    means and covariances of blocks; components, scales, decompositions
hubness                              answers that are near to every query, and what they pay
linear_map, warm_start               the result; what training starts from
"""

from kuamo.closed_form.arc_cosine_kernel import KernelMap, kernel_map
from kuamo.closed_form.cca import CCAMaps, cca, cca_from_moments, csa_codes
from kuamo.closed_form.cca_search import CCAFit, RidgeTrial, SearchSpace, search_cca
from kuamo.closed_form.chi2_kernel import ChiSquaredMap, chi_squared_map
from kuamo.closed_form.gcca import GCCA, gcca, gcca_from_moments
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import Covariances, Moments, PairMoments, moments_of
from kuamo.closed_form.procrustes import procrustes, procrustes_from_moments
from kuamo.closed_form.regression import reduced_rank, reduced_rank_from_moments, ridge, ridge_from_moments
from kuamo.core.old_names import former_names

__all__ = [
    "GCCA",
    "CCAFit",
    "CCAMaps",
    "ChiSquaredMap",
    "Covariances",
    "KernelMap",
    "LinearMap",
    "Moments",
    "PairMoments",
    "RidgeTrial",
    "SearchSpace",
    "cca",
    "cca_from_moments",
    "chi_squared_map",
    "csa_codes",
    "gcca",
    "gcca_from_moments",
    "kernel_map",
    "moments_of",
    "procrustes",
    "procrustes_from_moments",
    "reduced_rank",
    "reduced_rank_from_moments",
    "ridge",
    "ridge_from_moments",
    "search_cca",
]

__getattr__ = former_names(__name__, CCA="CCAMaps")
