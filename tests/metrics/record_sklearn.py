"""Writes fixtures/sklearn_ranking.json. Needs: pip install scikit-learn==1.9.1, NumPy 2.4.6.

    python tests/metrics/record_sklearn.py

Each case: scores of one query (normal draws, so without ties), which answers are right, and what
`average_precision_score` and `ndcg_score(k=10)` say.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, ndcg_score


def main() -> None:
    rng = np.random.default_rng(0)
    cases = []
    for answers, share in [(5, 0.5), (20, 0.1), (40, 0.3), (40, 0.9), (100, 0.02), (100, 0.5)]:
        scores = rng.standard_normal(answers).round(6)
        right = rng.random(answers) < share
        right[0] = True
        cases.append(
            {
                "scores": scores.tolist(),
                "right": right.tolist(),
                "mAP": float(average_precision_score(right, scores)),
                "nDCG@10": float(ndcg_score(right[None].astype(float), scores[None], k=10)),
            }
        )
    path = Path(__file__).parents[1] / "fixtures" / "parity" / "sklearn_ranking.json"
    path.write_text(json.dumps({"scikit-learn": "1.9.1", "cases": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
