"""Prediction of a class or number from any subset of the other columns.

objective                        `Predict`, its loss, and what is solved beside its training
regression, subset_regression    a regression on all frozen columns; one for every subset of them
uncertainty_fusion, uncertainty  weights by predicted error, and how those are fitted on held-out rows
corruption                       cells mixed with noise, in a batch and before a frozen encoder
decoder, stacking                trained and regressed predictions combined; their weights and calibration
intervals                        how far off a predicted number may be; which columns a space was fitted to predict
class_codes                      many classes of few rows each
"""
