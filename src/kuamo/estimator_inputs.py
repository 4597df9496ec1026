"""What a scikit-learn estimator is given: X in any of its forms → a table; y → classes or numbers, or a clear refusal.

The words of some refusals are those that scikit-learn's own checks look for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.errors import KuamoError, TableError, shorten
from kuamo.table import Table

__all__ = ["check_targets", "columns_of", "named_features", "not_fitted"]

WHOLE = "x"  # the one column of an array that is not parted


def not_fitted(estimator: Any) -> Exception:
    """The error of scikit-learn's own kind, where that is installed."""
    words = f"given a {type(estimator).__name__} that is not fitted; expected fit(X, y) before"
    try:
        from sklearn.exceptions import NotFittedError
    except ImportError:
        return KuamoError(words)
    return NotFittedError(words)


def check_targets(estimator: Any, rows: Table, y: Any, *, classes: bool) -> np.ndarray:
    """y (n,).

    Raises:
        KuamoError: none, another number than rows, numbers that are not finite, or that are no classes.
    """
    if y is None:
        raise KuamoError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    known = np.asarray(y)
    if known.ndim == 2 and known.shape[1] == 1:
        _warn_of_column()
        known = known[:, 0]
    if known.ndim != 1:
        raise KuamoError(f"given y of shape {known.shape}; expected (n,)")
    if len(rows) != len(known):
        raise KuamoError(f"given X of {len(rows)} rows and y of {len(known)}; expected as many")
    if known.dtype.kind == "c":
        raise KuamoError("given complex y; expected real: Complex data not supported")
    if not classes:
        known = known.astype(np.float64)
    elif known.dtype.kind == "O":
        if any(one is None or one != one for one in known):
            raise KuamoError("given y with an absent value; Input y contains NaN")
        known = known if all(isinstance(one, str) for one in known) else np.array(known.tolist())
    if known.dtype.kind == "f" and not np.isfinite(known).all():
        raise KuamoError("given y that is not finite: Input y contains NaN or infinity (inf)")
    if classes and known.dtype.kind == "f" and (known != np.round(known)).any():
        raise KuamoError(f"Unknown label type: continuous; given y {shorten(known[:3].tolist())}; expected classes")
    return known


def named_features(estimator: Any, X: Any, first: bool) -> Any:
    """X as a table, or as (numbers (n, D), names or `None`); sets or checks `n_features_in_` and `feature_names_in_`.

    Raises:
        KuamoError: X is nothing that an estimator takes, or has other features than those that were learned.
    """
    if isinstance(X, Table):
        found: Any = X
    elif isinstance(X, Mapping) and not hasattr(X, "toarray"):  # some sparse matrices are dicts
        found = Table(X, modalities=_kinds(estimator, X, first))
    elif hasattr(X, "iloc") and not all(kind.kind in "biuf" for kind in X.dtypes):
        found = Table.read(X, modalities=_kinds(estimator, X.columns, first))
    else:
        found = _numbers(X), _names(X)
    names = list(found.columns) if isinstance(found, Table) else found[1]
    count = len(names) if isinstance(found, Table) else found[0].shape[1]
    who = type(estimator).__name__
    if first:
        estimator.n_features_in_ = count
        if names is not None:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return found
    if isinstance(found, Table):  # columns may be missing: that is what it is for
        return found
    if count != estimator.n_features_in_:
        raise KuamoError(f"X has {count} features, but {who} is expecting {estimator.n_features_in_} features as input")
    learned = getattr(estimator, "feature_names_in_", None)
    if names is not None and learned is not None and names != list(learned):
        raise KuamoError(f"given features {names}; expected the feature names of the fit, {list(learned)}")
    return found


def columns_of(found: Any, columns: Mapping[str, Any] | None) -> Table:
    """A table, or numbers and their names, as a table of the columns that they are parted into.

    Raises:
        KuamoError: a cell of which some numbers are NaN and others not; columns without numbers.
    """
    from kuamo.modalities import Vector

    if isinstance(found, Table):
        return found
    numbers, names = found
    cells: dict[str, list[Any]] = {}
    for name, which in (columns or {WHOLE: slice(None)}).items():
        part = numbers[:, _positions(which, names, name)]
        if part.ndim != 2 or part.shape[1] == 0:
            raise TableError(f"column {name!r}: given {which!r}, no number of {numbers.shape[1]}; expected some")
        gap = np.isnan(part)
        half = np.flatnonzero(gap.any(1) & ~gap.all(1))
        if len(half) or (columns is None and gap.any()):
            row = int(half[0] if len(half) else np.flatnonzero(gap.any(1))[0])
            raise TableError(
                f"column {name!r}, row {row}: Input X contains NaN among its numbers; expected all of a cell to be "
                f"NaN, or columns={{name: which numbers}} that are absent together"
            )
        cells[name] = [None if absent else row for absent, row in zip(gap.all(1), part)]
    return Table(cells, modalities={name: Vector() for name in cells}, source="an array")


def _kinds(estimator: Any, columns: Any, first: bool) -> dict[str, Any]:
    """Column → modality, of those that are there: as was said, and after the fit as was learned."""
    known = (estimator.columns or {}) if first else estimator.space_.modalities
    return {name: kind for name, kind in known.items() if name in columns}


def _numbers(X: Any) -> np.ndarray:
    """(n, D) float32; NaN is let through.

    Raises:
        KuamoError: in scikit-learn's words.
    """
    if hasattr(X, "tocsr") or hasattr(X, "toarray"):
        raise TypeError(
            "given a sparse matrix; expected a dense array, such as X.toarray(): sparse input is not supported"
        )
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise KuamoError("given complex X; expected real: Complex data not supported")
    if array.ndim != 2:
        raise KuamoError(
            f"given X of shape {array.shape}; expected a 2D array (n, D). Reshape your data: X.reshape(-1, 1) for one "
            f"feature, X.reshape(1, -1) for one sample"
        )
    if array.shape[0] == 0:
        raise KuamoError(f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
    if array.shape[1] == 0:
        raise KuamoError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if np.isinf(array).any():
        raise KuamoError("Input X contains infinity or a value too large for float32; expected finite numbers")
    return array


def _names(X: Any) -> list[str] | None:
    names = list(X.columns) if hasattr(X, "columns") and hasattr(X, "iloc") else None
    return names if names and all(isinstance(name, str) for name in names) else None


def _positions(which: Any, names: Sequence[str] | None, column: str) -> Any:
    """Where a column's numbers stand."""
    if isinstance(which, slice):
        return which
    if isinstance(which, str | int | np.integer):
        which = [which]
    if any(isinstance(one, str) for one in which):
        missing = [one for one in which if one not in (names or [])]
        if missing:
            raise TableError(f"column {column!r}: given {missing}; expected some of {names}")
        return [list(names or []).index(one) for one in which]
    return list(which)


def _warn_of_column() -> None:
    """As scikit-learn does."""
    try:
        from sklearn.exceptions import DataConversionWarning as Kind
    except ImportError:
        Kind = UserWarning
    words = "A column-vector y was passed when a 1d array was expected: given y (n, 1); expected y.ravel()"
    warnings.warn(words, Kind, stacklevel=4)
