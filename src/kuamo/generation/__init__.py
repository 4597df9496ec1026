"""Codes → values: what a column would hold.

codecs/, decoders/      value ↔ numbers; p(numbers | code)
decoder_spec, recipes, registry    what a column's decoder shall be: the contract, its members, and by name
decoder_problem, decoder_training, best_checkpoint    decoders are trained and compared with the closed form
translation, residual   translate and decode; the noise that draws of numbers lack
imputation, prediction, zero_shot    empty cells; classes and numbers; classes by texts alone
gaussian_mixture, hopfield    a prior on codes; codes moved to where training codes are
joint_likelihood        how likely a row is
"""
