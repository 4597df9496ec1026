"""The one loop: batches in, moved weights out.

loop, config             the loop; how long and how a fit trains
run                      what the steps of one fit share: seed, folder, progress; the table and its features
batch, step              what one step has, and what an objective sees of it
objective, callback      the contracts of an objective, and of what goes beside the loop
players                  optimisers and the parameters that each moves, in turn
ema, gradient_cache, distributed, randomness    averages of weights, large batches, several processes, seeds
balance/                 rows, columns and terms that would otherwise be learned at the expense of others
checkpoint, run_folder   the state of a training on disk
"""
