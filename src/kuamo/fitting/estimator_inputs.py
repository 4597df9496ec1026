"""What a scikit-learn estimator is given: X in any of its forms → a table; y → classes or numbers, or a clear refusal.

The words of some refusals are those that scikit-learn's own checks look for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.closed_form.scaling import RunningSpread
from kuamo.core.arguments import ArgumentError
from kuamo.core.errors import KuamoError, TableError, shorten, warn_user
from kuamo.core.translation import translate
from kuamo.data.modalities import Number, Vector
from kuamo.data.modalities.vector import LARGEST, within_limits
from kuamo.data.table import Table
from kuamo.fitting.towers import numbers_of

__all__ = [
    "check_estimator_rows",
    "check_estimator_targets",
    "classes_of",
    "columns_of",
    "named_features",
    "not_fitted",
    "sample_weights",
    "varying",
]

WHOLE = "x"  # the one column of an array that is not parted


def not_fitted(estimator: Any) -> Exception:
    """The error of scikit-learn's own kind, where that is installed."""
    words = f"given a {type(estimator).__name__} that is not fitted; expected fit(X, y) before"
    try:
        from sklearn.exceptions import NotFittedError
    except ImportError:
        return KuamoError(words)
    return NotFittedError(words)


def check_estimator_targets(estimator: Any, rows: Table, y: Any, *, classes: bool) -> np.ndarray:
    """y (n,)."""
    if y is None:
        raise KuamoError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    known = _array(y, "y")
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
        known = _real(known, "y")
    elif known.dtype.kind == "O":
        if any(one is None or one != one for one in known):
            raise KuamoError("given y with an absent value; Input y contains NaN")
        known = known if all(isinstance(one, str) for one in known) else np.array(known.tolist())
    if known.dtype.kind == "f" and not np.isfinite(known).all():
        raise KuamoError("given y that is not finite: Input y contains NaN or infinity (inf)")
    if not classes and len(known) and (known == known[0]).all():
        raise KuamoError(f"given y of 1 value, {known[0]:g}, in {len(known)} sample(s); expected at least 2 values")
    if classes and known.dtype.kind == "f" and (known != np.round(known)).any():
        raise KuamoError(f"Unknown label type: continuous; given y {shorten(known[:3].tolist())}; expected classes")
    return known


def classes_of(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes of targets, in order, and which of them each row has (n,)."""
    try:
        found, numbers = np.unique(known, return_inverse=True)
    except TypeError as error:
        raise KuamoError(f"given y {shorten(known[:3].tolist())} ({error}); expected texts or whole numbers") from None
    return found, numbers


def sample_weights(sample_weight: Any, count: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """How much rows count, of those that do (k,), and which these are (k,); `None` for all alike, and for all.

    Example:
        >>> [one.tolist() for one in sample_weights([1, 0, 3], 3)]
        [[1.0, 3.0], [0, 2]]
    """
    if sample_weight is None:
        return None, None
    weights = _real(_array(sample_weight, "sample_weight"), "sample_weight")
    if weights.ndim == 0:
        weights = np.full(count, float(weights))
    if weights.shape != (count,):
        raise KuamoError(f"given sample_weight of shape {weights.shape}; Sample weights must be 1D array of {count}")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise KuamoError("given sample_weight below 0, not finite, or every weight is zero; expected some above 0")
    some = np.flatnonzero(weights)
    even = (weights[some] == weights[some[0]]).all()
    return None if even else weights[some], None if len(some) == count else some


def named_features(estimator: Any, X: Any, first: bool) -> Any:
    """X as a table, or as (numbers (n, D), names or `None`); sets or checks scikit-learn's attributes of features."""
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
    """A table, or numbers and their names, as a table of the columns that they are parted into."""
    if isinstance(found, Table):
        return found
    numbers, names = found
    if columns is not None and not (isinstance(columns, Mapping) and columns):
        raise TableError(f"given columns={columns!r}; expected None, or column → which numbers of X are that column")
    cells: dict[str, list[Any]] = {}
    taken: dict[int, str] = {}
    for name, which in ({WHOLE: slice(None)} if columns is None else columns).items():
        place = _positions(which, names, name, numbers.shape[1])
        for one in place.tolist():
            if one in taken:
                raise TableError(f"column {name!r}: given {which!r}, and number {one} twice: it is in {taken[one]!r}")
            taken[one] = name
        part = numbers[:, place]
        gap = np.isnan(part)
        half = np.flatnonzero(gap.any(1) & ~gap.all(1))
        if len(half) or (columns is None and gap.any()):
            row = int(half[0] if len(half) else np.flatnonzero(gap.any(1))[0])
            raise TableError(
                f"column {name!r} ({'all of X' if columns is None else which!r}), row {row}: Input X contains NaN "
                f"among its numbers, {int(gap[row].sum())} of {len(place)}; expected all of a cell to be NaN, which is "
                f"an absent cell, in columns={{name: which numbers are absent together}}"
            )
        cells[name] = [None if absent else row for absent, row in zip(gap.all(1), part)]
    return Table(cells, modalities={name: Vector() for name in cells}, source="an array")


def check_estimator_rows(rows: Table, names: Sequence[str]) -> None:
    """Refuse rows that have none of these columns: nothing can be learned or predicted of them."""
    known = [name for name in names if name in rows.columns]
    if not known:
        raise TableError(f"given the columns {list(rows.columns)}; expected some of {list(names)}")
    empty = np.flatnonzero(~rows.select(*known).present().any(1))
    if len(empty):
        more = f", and {len(empty) - 1:,} more rows" if len(empty) > 1 else ""
        raise TableError(
            f"columns {known}, row {rows.where(int(empty[0]))}" + more + ": every cell is NaN or absent; "
            "expected at least one cell in each row, or the row left out"
        )


def varying(rows: Table) -> list[str]:
    """The columns of which two cells differ; others, as a fold may have them, are useless."""
    known = [name for name in rows.columns if _varies(rows, name)]
    if not known:
        raise TableError(
            f"columns {list(rows.columns)}: given the same cell in all {len(rows)} rows; expected one that differs"
        )
    return known


def _varies(rows: Table, name: str) -> bool:
    """Do two cells differ, numbers by what `fit` takes for a difference?"""
    column = rows.column(name)
    if isinstance(column.modality, Vector | Number):
        found = RunningSpread()
        for block in numbers_of(rows, name):
            found.add(block)
        return bool(found.std.any())
    return any(bool(np.any(column.raw(entry) != column.raw(0))) for entry in range(1, len(column.row)))


def _kinds(estimator: Any, columns: Any, first: bool) -> dict[str, Any]:
    """Column → modality, of those that are there: as was said, and after the fit as was learned."""
    known = (estimator.columns or {}) if first else estimator.space_.modalities
    if not isinstance(known, Mapping):
        raise TableError(f"given columns={known!r}; expected None, or column → modality")
    return {name: kind for name, kind in known.items() if name in columns}


def _array(given: Any, name: str) -> np.ndarray:
    """An array of whatever was given."""
    try:
        return np.asarray(given)
    except (ValueError, OverflowError) as error:
        raise KuamoError(f"given {name} that is no array ({error}); expected rows of equal length") from None


def _real(array: np.ndarray, name: str, kind: Any = np.float64) -> np.ndarray:
    """As floats."""
    if array.dtype.kind in "mM":
        raise KuamoError(f"given {name} of dates or spans of time; expected numbers")
    try:
        return array.astype(kind)
    except TypeError as error:
        if name == "X":
            raise
        raise KuamoError(f"given {name} that are no numbers ({error}); expected numbers") from None
    except (ValueError, OverflowError) as error:
        raise KuamoError(f"given {name} that are no numbers ({error}); expected numbers") from None


def _numbers(X: Any) -> np.ndarray:
    """(n, D) in float64, or in float32 if that was given; NaN is let through."""
    if hasattr(X, "tocsr") or hasattr(X, "toarray"):
        raise ArgumentError(
            "given a sparse matrix; expected a dense array, such as X.toarray(): sparse input is not supported"
        )
    array = _array(X, "X")
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
    array = _real(array, "X", np.float32 if array.dtype in (np.float16, np.float32) else np.float64)
    if (~within_limits(array) & ~np.isnan(array)).any():
        raise KuamoError(f"Input X contains infinity or a value too large; expected numbers up to {LARGEST:g}")
    return array


def _names(X: Any) -> list[str] | None:
    names = list(X.columns) if hasattr(X, "columns") and hasattr(X, "iloc") else None
    return names if names and all(isinstance(name, str) for name in names) else None


def _positions(which: Any, names: Sequence[str] | None, column: str, width: int) -> np.ndarray:
    """Where a column's numbers stand, of `width`: from a slice, positions, truth values, or names."""
    given = f"column {column!r}: given {which!r}"
    if isinstance(which, slice):
        ends = [end for end in (which.start, which.stop) if end is not None]
        if which.step == 0 or not all(_is_whole(end) and -width <= end <= width for end in (*ends, which.step or 1)):
            raise TableError(f"{given}; expected a slice of whole numbers within the {width} features of X")
        place = np.arange(width)[which]
    else:
        some = _listed(which, width)
        missing = [one for one in some or () if isinstance(one, str) and one not in (names or ())]
        if missing:
            raise TableError(f"{given}, and X has not {missing}; expected some of {names or 'its positions'}")
        some = some and [list(names or ()).index(one) if isinstance(one, str) else one for one in some]
        if some is None or not all(_is_whole(one) and -width <= one < width for one in some):
            raise TableError(f"{given}; expected a slice, or positions within the {width} features of X, or names")
        place = np.array([one % width for one in some], dtype=np.int64)
    if len(place) == 0:
        raise TableError(f"{given}, which is none of the {width} features of X; expected at least one")
    return place


def _listed(which: Any, width: int) -> list[Any] | None:
    """Positions or names as a list, of truth values those that are true; `None` for what is neither."""
    if isinstance(which, str) or _is_whole(which):
        return [which]
    if isinstance(which, Mapping) or not hasattr(which, "__iter__"):
        return None
    some = list(which)
    truths = len(some) == width and all(isinstance(one, bool | np.bool_) for one in some)
    return [place for place, one in enumerate(some) if one] if truths else some


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _warn_of_column() -> None:
    """As scikit-learn does."""
    try:
        from sklearn.exceptions import DataConversionWarning as Kind
    except ImportError:
        Kind = UserWarning
    words = "A column-vector y was passed when a 1d array was expected: given y (n, 1); expected y.ravel()"
    warn_user(translate(words), Kind)
