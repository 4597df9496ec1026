"""Prediction of a class or number from any subset of the other columns.

objective, settings, schedule    `Predict`, what its parts know of it, and the phases of its fit
regression, subset_regression    a regression on all frozen columns side by side; one for every subset of them
uncertainty_fusion, uncertainty  weights by predicted error, and how those are fitted on held-out rows
noise, corruption                cells mixed with noise, after and before the encoder
stacking, decoder                learned and regressed answers combined; the target's decoder
intervals                        how far off a predicted number may be
class_codes                      many classes of few rows each
targets                          which columns a space was fitted to predict
"""
