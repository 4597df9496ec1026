"""Index: codes of a table's cells that can be searched, in memory or on disk, with what to show for each.

base.py         search: query → codes → nearest cells → percentiles → hits
query.py        what is asked: one input, a list, a weighted sum of inputs, ready codes
percentile.py   scores of different pairs of columns made comparable
rows.py         a table's rows as Arrow batches: id, group, label, meta, payload, codes
exact.py        the exact scan, in tiles
filters.py      `where=`: a small SQL predicate over the index in memory
memory.py       the form in memory      lance.py   the form on disk (extra `index`)
"""

from kuamo.index.base import Hit, Index
from kuamo.index.query import Query

__all__ = ["Hit", "Index", "Query"]
