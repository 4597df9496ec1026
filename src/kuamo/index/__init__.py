"""Index: codes of a table's cells that can be searched, in memory or on disk, with what to show for each.

base                search: query → codes → nearest cells → percentiles → hits; every kind of index registers here
query               what is asked: one input, a list, a weighted sum of inputs, ready codes
score_calibration   scores of different pairs of columns made comparable
rows                a table's rows as Arrow batches: id, group, label, meta, payload, codes
filters             `where=`: a small SQL predicate
exact_search        the exact scan, in tiles
in_memory, lance    the index in memory; on disk, in the Lance format (extra `index`)
lance_dataset       what is stored there, and Lance's errors as ours
"""

from kuamo.index import in_memory, lance
from kuamo.index.base import Hit, Index
from kuamo.index.query import Query

__all__ = ["Hit", "Index", "Query", "in_memory", "lance"]  # the last two register themselves
