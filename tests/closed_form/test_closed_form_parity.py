"""Closed forms against other people's formulas: QR + SVD, the normal equations, cca-zoo."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from kuamo.closed_form import cca, gcca, procrustes, reduced_rank, ridge

HERE = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("record_cca_zoo", Path(__file__).parent / "record_cca_zoo.py")
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
RECORDED = json.loads((HERE / "fixtures" / "parity" / "cca_zoo.json").read_text())


def bjorck_golub(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Canonical correlations as cosines between column spaces: singular values of QxᵀQy."""
    q_x, q_y = (np.linalg.qr(z - z.mean(0))[0] for z in (x, y))
    return np.linalg.svd(q_x.T @ q_y, compute_uv=False)


@pytest.mark.parametrize("case", record.CASES)
def test_correlations_equal_cca_zoo(case: str) -> None:
    x, y = record.fixture_views(case)
    recorded = np.array(RECORDED["correlations"][case])
    assert np.abs(cca(x, y, len(recorded)).correlations - recorded).max() < 1e-6


@pytest.mark.parametrize("case", ["even", "falling", "steep"])
def test_correlations_equal_bjorck_and_golub(case: str) -> None:
    x, y = record.fixture_views(case)
    expected = bjorck_golub(x, y)
    assert np.abs(cca(x, y, len(expected)).correlations - expected).max() < 1e-8


def test_variates_are_white_and_correlate_as_said() -> None:
    x, y = record.fixture_views("falling")
    model = cca(x, y, 10)
    u, v = model.transform(x, y)
    both = np.cov(np.c_[u, v].T)
    np.testing.assert_allclose(both[:10, :10], np.eye(10), atol=1e-9)
    np.testing.assert_allclose(both[10:, 10:], np.eye(10), atol=1e-9)
    np.testing.assert_allclose(both[:10, 10:], np.diag(model.correlations), atol=1e-9)


@pytest.mark.parametrize("c", [0.01, 0.5, 3.0])
def test_regularised_cca_equals_the_eigenproblem(c: float) -> None:
    """(Σxx + λx)⁻¹ Σxy (Σyy + λy)⁻¹ Σyx has eigenvalues ρ²."""
    x, y = record.fixture_views("even")
    p, q = x.shape[1], y.shape[1]
    s = np.cov(np.c_[x, y].T)
    xx = s[:p, :p] + c * np.trace(s[:p, :p]) / p * np.eye(p)
    yy = s[p:, p:] + c * np.trace(s[p:, p:]) / q * np.eye(q)
    squares = np.linalg.eigvals(np.linalg.solve(xx, s[:p, p:]) @ np.linalg.solve(yy, s[p:, :p]))
    rho = np.sqrt(np.sort(squares.real)[::-1][:q])
    np.testing.assert_allclose(cca(x, y, q, ridge=c).correlations, rho, atol=1e-9)


def test_gcca_equals_the_generalised_eigenproblem() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 3))
    views = {name: np.c_[z + rng.normal(size=z.shape), rng.normal(size=(300, 2))] for name in "abc"}
    s = np.cov(np.concatenate([views[name] for name in "abc"], 1).T)
    own = np.kron(np.eye(3), np.ones((5, 5))) * s
    values = np.sort(np.linalg.eigvals(np.linalg.solve(own, s)).real)[::-1]
    np.testing.assert_allclose(gcca(views, 4).spectrum, (values[:4] - 1) / 2, atol=1e-10)


@pytest.mark.parametrize("penalty", [0.0, 0.1, 2.0])
def test_ridge_equals_the_normal_equations(penalty: float) -> None:
    x, y = record.fixture_views("even")
    u, v = x - x.mean(0), y - y.mean(0)
    strength = penalty * np.trace(u.T @ u) / x.shape[1]
    weight = np.linalg.solve(u.T @ u + strength * np.eye(x.shape[1]), u.T @ v)
    found = ridge(x, y, penalty)
    np.testing.assert_allclose(found.weight, weight, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found(x), u @ weight + y.mean(0), atol=1e-9)


def test_reduced_rank_equals_the_projected_fit() -> None:
    """Without a penalty: least squares, then the leading right singular vectors of its fitted values."""
    x, y = record.fixture_views("even")
    u, v = x - x.mean(0), y - y.mean(0)
    weight = np.linalg.lstsq(u, v)[0]
    lead = np.linalg.svd(u @ weight, full_matrices=False)[2][:3]
    np.testing.assert_allclose(reduced_rank(x, y, 3, 0.0).weight, weight @ lead.T @ lead, atol=1e-9)


def test_procrustes_recovers_a_rotation() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(100, 6)) * np.arange(1, 7)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    to_x, to_y = procrustes(x, 2.5 * x @ turn + 4, 6)
    np.testing.assert_allclose(to_x(x), to_y(2.5 * x @ turn + 4), atol=1e-12)
    found = to_x.weight @ to_y.weight.T
    np.testing.assert_allclose(found / np.linalg.norm(found[0]), turn, atol=1e-10)
