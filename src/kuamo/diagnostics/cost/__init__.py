"""What a fit will cost: time, memory and disk of each step, measured on a little and extrapolated.

forecast, result    the forecast, and as a table
encoder_timing      a few cells of each column, encoded
trial               `fit` itself on few rows, its loops cut short
steps               each step of a trial carried over to all rows
advice              what makes it cheaper
"""
