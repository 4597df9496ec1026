"""What two columns share, measured on paired features.

paired_sample, exchangeable     the rows that are looked at, and which of them are permuted together
permutation_test, family_wise   is there any dependence; many pairs of columns at once
screening                       which columns look related at all, before a fit
cca_spectrum, cka, mutual_information, kernels    how strong it is
expected_retrieval, gallery_scaling    what retrieval to expect, in a gallery of any size
align_or_predict                which closed form keeps what matters
modality_gap, near_duplicates   codes that lie apart; rows that repeat each other
"""
