"""Record canonical correlations of cca-zoo's CCA, so that the parity tests do not need cca-zoo.

    python -m pip install cca-zoo
    python tests/closed_form/record_cca_zoo.py

Writes `fixtures/cca_zoo.json`; the data are remade from the seed by `fixture_views`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).parents[1] / "fixtures" / "parity" / "cca_zoo.json"
CASES = {  # name: rows, D_x, D_y, spectrum exponent, mean
    "even": (400, 12, 9, 0.0, 0.0),
    "falling": (3000, 40, 60, 1.0, 5.0),
    "steep": (3000, 40, 30, 2.0, 5.0),
    "wide": (50, 10, 80, 0.0, 1.0),
}


def fixture_views(case: str) -> tuple[np.ndarray, np.ndarray]:
    """The two views of a case, from legacy RandomState, whose numbers never change between NumPy versions."""
    n, p, q, power, mean = CASES[case]
    rng = np.random.RandomState(7)
    shared = rng.standard_normal((n, 6)) * np.linspace(2, 0.5, 6)
    x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
    x[:, :6] += shared
    y[:, :6] += shared
    x = x * np.arange(1, p + 1) ** -power @ rng.standard_normal((p, p))
    y = y * np.arange(1, q + 1) ** -power @ rng.standard_normal((q, q))
    return x + mean, y - mean


def main() -> None:
    """Fit every case and write the correlations of its canonical variates."""
    from cca_zoo import __version__
    from cca_zoo.linear import CCA

    found = {"cca_zoo": __version__, "numpy": np.__version__, "correlations": {}}
    for case, (_, p, q, _, _) in CASES.items():
        x, y = fixture_views(case)
        dim = min(p, q)
        u, v = CCA(dim).fit([x, y]).transform([x, y])
        found["correlations"][case] = [float(np.corrcoef(u[:, i], v[:, i])[0, 1]) for i in range(dim)]
    FIXTURE.parent.mkdir(exist_ok=True)
    FIXTURE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
