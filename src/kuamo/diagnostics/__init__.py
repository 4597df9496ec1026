"""What a table or a space is like: what is there, how it relates, what to expect, what it costs, what to do.

pipeline, sample         diagnose; the rows that it looks at
column_pairs             how two columns relate
contributions            what each column adds to a prediction, by Shapley values
space_usage              how a space uses its columns
cost/                    what a fit will cost
advice                   which method suits
diagnosis, text, html    the result, in words, as a page
"""

from kuamo.diagnostics import html, text

__all__ = ["html", "text"]  # they register how a diagnosis is shown
