"""How good it is: searches, generation and predictions measured; methods compared; reports and pages.

retrieval, generation, prediction    evaluate: each column searched from, generated from and predicted from the others
repeated_answers         equal answers of which one alone counts as right
report, results, examples            what is held of it
report_json, report_html             as a file, as a page
paired_comparison        two reports on the same queries
benchmark, leaderboard, leaderboard_html    several methods side by side
"""

from kuamo.evaluation import leaderboard_html, report_html

__all__ = ["leaderboard_html", "report_html"]  # they register the pages of results
