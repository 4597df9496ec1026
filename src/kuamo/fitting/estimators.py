"""The same prediction as a scikit-learn estimator: `fit`, `predict`, `predict_proba`, `score`.

    Classifier().fit(X, y)       =   km.fit(Table(columns of X, y), Predict("y"))       predict = Space.predict

X is a 2-D array, whole or parted into columns; a dict or a data frame of columns of any kind; or a `Table`. Nothing of
scikit-learn is imported but where it asks for its own tags, warnings and errors, so it need not be there.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from kuamo.core.errors import KuamoError, TableError, did_you_mean
from kuamo.core.messages import Note
from kuamo.core.modules import single_threaded_torch
from kuamo.core.validation import check_int
from kuamo.data.column import Column
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table
from kuamo.fitting.estimator_inputs import (
    check_estimator_rows,
    check_estimator_targets,
    classes_of,
    columns_of,
    named_features,
    not_fitted,
    sample_weights,
    varying,
)
from kuamo.fitting.gradient import steps_for
from kuamo.fitting.pipeline import fit
from kuamo.generation.prediction import Prediction
from kuamo.objectives import Predict
from kuamo.space import Space
from kuamo.training.config import Training

__all__ = ["Classifier", "Regressor"]


@dataclass(repr=False, eq=False)
class _Estimator:
    """What both have: parameters by name, and the way through the space."""

    kind: ClassVar[str] = ""

    columns: Mapping[str, Any] | None = None
    _: KW_ONLY
    encoders: Mapping[str, Any] | None = None
    dim: int = 32
    noise: float = 0.7
    steps: int | None = None
    batch_size: int = 128
    lr: float = 3e-3
    seed: int = 0

    # ── scikit-learn's conventions ───────────────────────────────────────────────────────────────────────────────

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What the constructor was given, by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Any:
        """Change some of them."""
        unknown = set(params) - set(self.get_params())
        if unknown:
            known = list(self.get_params())
            name = min(unknown)
            raise KuamoError(f"given the parameter {name!r}{did_you_mean(name, known)}; expected some of {known}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        usual = {name: one.default for name, one in inspect.signature(type(self)).parameters.items()}
        said = [f"{name}={value!r}" for name, value in self.get_params().items() if value is not usual[name]]
        return f"{type(self).__name__}({', '.join(said)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "space_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self.kind,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if self.kind == "classifier" else None,
            regressor_tags=RegressorTags() if self.kind == "regressor" else None,
            input_tags=InputTags(allow_nan=bool(self.columns)),
        )

    # ── the way through ──────────────────────────────────────────────────────────────────────────────────────────

    def _given(self, X: Any, y: Any, sample_weight: Any) -> tuple[Table, np.ndarray, np.ndarray | None]:
        """The rows that count, their targets, and their weights, if these differ."""
        rows = self._rows(X, first=True)
        known = check_estimator_targets(self, rows, y, classes=self.kind == "classifier")
        weights, some = sample_weights(sample_weight, len(known))
        return (rows, known, weights) if some is None else (rows.take(some), known[some], weights)

    def _learn(
        self, given: Table, cells: Sequence[Any], modality: Any, weights: np.ndarray | None, balanced: bool = False
    ) -> None:
        """Fit the space; `cells` are the targets as the column of kind `modality` takes them."""
        target = "y"
        while target in given.columns:
            target += "_"
        if self.encoders is not None and not isinstance(self.encoders, Mapping):
            raise TableError(f"given encoders={self.encoders!r}; expected None, or column → encoder")
        check_int(1, batch_size=self.batch_size)
        able = varying(given)
        rows = given.select(*able)
        rows.columns = rows.columns | {target: Column(target, modality, list(cells))}
        steps = steps_for(len(rows)) if self.steps is None else self.steps
        size = min(self.batch_size, len(rows))
        training = Training(steps, size, self.lr, at_most=self.steps is None)
        objective = Predict(target, corruption=self.noise, balanced=balanced, weights=weights)
        encoders = {
            name: one for name, one in (self.encoders or {}).items() if name in able or name not in given.columns
        }
        with single_threaded_torch():
            self.space_: Space = fit(
                rows, objective, encoders=encoders, dim=self.dim, training=training, seed=self.seed
            )
        self.space_.notes += [Note("same_everywhere", column=name) for name in given.columns if name not in able]
        self.target_ = target

    def _rows(self, X: Any, first: bool = False) -> Table:
        """X as a table; the number and the names of its features are learned, or must be those that were."""
        rows = columns_of(named_features(self, X, first), self.columns)
        check_estimator_rows(
            rows,
            [name for name in (rows.columns if first else self.space_.modalities) if first or name != self.target_],
        )
        return rows

    def weigh(self, X: Any) -> Prediction:
        """The whole prediction: values, probabilities, and how much each column weighed; see `Space.predict`."""
        if not hasattr(self, "space_"):
            raise not_fitted(self)
        return self.space_.predict(self._rows(X), self.target_)


@dataclass(repr=False, eq=False)
class Classifier(_Estimator):
    """Predict classes from any subset of columns.

    Args:
        columns: of a 2-D X, name → which of its numbers are that column: a slice, positions, or names of a data
            frame; no number is in two. A cell whose numbers are all NaN is absent; one of which some are is refused,
            and so is a row without any cell, in `fit` as in `predict`. A column that is the same in all rows of a fit
            is not used, and `space_.notes` says so. `None` is one column of all numbers. Of a dict, a data frame of
            mixed kinds or a table, name → modality, as in `Table`, or `None`.
        encoders: column → encoder, as in `fit`. balanced: does every class count the same, however rare?
        dim: d of the space. noise: see `Predict`. steps: of the training; by the number of rows if not given.
        batch_size, lr: see `Training`. seed: of everything random.

    Raises:
        KuamoError: (a `ValueError`) X or y that nothing can be learned from.

    Example:
        >>> X = np.repeat(np.eye(2), 20, axis=0)
        >>> Classifier(steps=30).fit(X, ["a"] * 20 + ["b"] * 20).predict(np.eye(2)).tolist()
        ['a', 'b']
    """

    kind: ClassVar[str] = "classifier"

    _: KW_ONLY
    balanced: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Classifier:
        """Learn from rows X and their classes y (n,): texts or whole numbers.

        Args:
            sample_weight: (n,) how much each row counts; one of weight 0 is as if it were not there.

        Raises:
            KuamoError: fewer than two classes, or numbers that are no classes.
        """
        given, known, weights = self._given(X, y, sample_weight)
        self.classes_, numbers = classes_of(known)
        if len(self.classes_) < 2:
            raise KuamoError(f"given y of 1 class, {self.classes_.tolist()[0]!r}; expected at least 2 classes")
        self._learn(given, [str(number) for number in numbers], Category(), weights, self.balanced)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities (n, K), in the order of `classes_`."""
        predicted = self.weigh(X)
        assert predicted.classes is not None and predicted.probability is not None
        return predicted.probability[:, np.argsort(np.array(predicted.classes).astype(int))]

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row (n,)."""
        predicted = self.predict_proba(X)
        return self.classes_[predicted.argmax(1)]

    def score(self, X: Any, y: Any) -> float:
        """The share that is right.

        Raises:
            TableError: another number of classes than rows.
        """
        predicted, known = self.predict(X), np.asarray(y).reshape(-1)
        if len(predicted) != len(known):
            raise TableError(f"given X of {len(predicted)} rows and y of {len(known)}; expected as many")
        return float(np.mean(predicted == known))


@dataclass(repr=False, eq=False)
class Regressor(_Estimator):
    """Predict a number from any subset of columns; see `Classifier` for the arguments.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> Regressor(steps=30).fit(X, X @ [1.0, 2.0, 3.0]).score(X, X @ [1.0, 2.0, 3.0]) > 0.9
        True
    """

    kind: ClassVar[str] = "regressor"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Learn from rows X and their numbers y (n,); `sample_weight` as in `Classifier.fit`."""
        given, known, weights = self._given(X, y, sample_weight)
        self._learn(given, known.tolist(), Number(), weights)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """A number for each row (n,)."""
        return np.array(self.weigh(X).values)

    def score(self, X: Any, y: Any) -> float:
        """R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)².

        Raises:
            TableError: fewer than two rows, or another number of them than of y.
        """
        known = np.asarray(y, np.float64).reshape(-1)
        if len(known) < 2:
            raise TableError(f"given {len(known)} rows; expected at least 2, for R²")
        predicted = self.predict(X)
        if len(predicted) != len(known):
            raise TableError(f"given X of {len(predicted)} rows and y of {len(known)}; expected as many")
        around = np.square(known - known.mean()).sum()
        left = np.square(known - predicted).sum()
        return float(1 - left / around) if around > 0 else float(left == 0)
