"""The one loop: batches in, moved weights out.

loop, config             the loop; how long and how a fit trains
batch, step, targets     what one step has, and what an objective sees of it
objective                the contract of an objective
players                  optimisers and the parameters that each moves, in turn
ema, gradient_cache, recompute, distributed, randomness    averages of weights, large batches, several processes, seeds
balance/                 rows, columns and terms that would otherwise be learned at the expense of others
run_folder               the state of a training on disk
"""
