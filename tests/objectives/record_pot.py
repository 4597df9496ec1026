"""Record transport plans of POT's `ot.sinkhorn`, so that the parity tests do not need POT.

    python -m pip install POT
    python tests/objectives/record_pot.py

Writes `fixtures/pot.json`; the scores are remade from the seed by `fixture_scores`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).parents[1] / "fixtures" / "parity" / "pot.json"
CASES = {  # name: n, m, ε, even marginals?
    "square": (5, 5, 0.1, True),
    "wide": (4, 7, 0.05, True),
    "uneven": (6, 3, 0.2, False),
    "sharp": (6, 8, 0.04, True),
}


def fixture_scores(case: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores (n, m) and both marginals, from legacy RandomState, whose numbers never change between NumPy versions."""
    n, m, _, even = CASES[case]
    rng = np.random.RandomState(3)
    scores, a, b = rng.uniform(-1, 1, (n, m)), rng.uniform(0.5, 1.5, n), rng.uniform(0.5, 1.5, m)
    return scores, *((np.ones(n) / n, np.ones(m) / m) if even else (a / a.sum(), b / b.sum()))


def main() -> None:
    """Solve every case to convergence and write the plans."""
    import ot

    found = {"POT": ot.__version__, "numpy": np.__version__, "plans": {}}
    for case, (_, _, eps, _) in CASES.items():
        scores, a, b = fixture_scores(case)
        plan = ot.sinkhorn(a, b, -scores, eps, method="sinkhorn_log", numItermax=100_000, stopThr=1e-14)
        found["plans"][case] = plan.tolist()
    FIXTURE.parent.mkdir(exist_ok=True)
    FIXTURE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
