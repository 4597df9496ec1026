"""Table → Space.

pipeline                 fit
checks, towers           what is refused; encoders, codecs and what a start gives
closed_form, rare_columns, finetuning    the closed form, columns of few rows, contrastive fine-tuning
shared_spaces, known_alignment           columns that share a space: which; what pairs add to what is known
hubness                  which columns' queries are corrected, and how sharply
text_encoders                            one encoder for texts in several languages
anchor_trial                             are such columns the anchor of all others?
pretrained                               a space without a table, by encoders that share one
gradient                 before and after the training loop
fusions                  a fusion that is trained, with the space or after it
decoders                 what `translate` generates
estimators, estimator_inputs    scikit-learn estimators
"""
