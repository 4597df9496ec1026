"""What a fit will cost: time, memory and disk of each step, measured on a little and extrapolated.

forecast, result         the forecast, and as a table
steps                    each step of a fit, tried on a little
encoder_timing, closed_form, operation_counts, dry_run    cells encoded, the search, its operations, steps of the loop
advice                   what makes it cheaper
"""
