"""kuamo (跨模): a table whose columns are different kinds of data becomes one shared space.

    table = km.Table.read("pets.csv")
    train, test = table.split(test=0.2, by="group", seed=0)
    space = km.fit(train)
    print(km.evaluate(space, test))

Importing kuamo imports nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

import ast
import importlib
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuamo.core.arguments import checks_arguments
from kuamo.core.errors import did_you_mean
from kuamo.core.old_names import CLASSES, OldModules, renamed, why_removed
from kuamo.core.translation import translate
from kuamo.core.version import __version__ as __version__

sys.meta_path.insert(0, OldModules())

_NAMES = {
    "kuamo.core.errors": "CacheWarning CellError KuamoError StoreError TableError TruncationWarning",
    "kuamo.data.modalities": "Audio Category Image Number Text Vector",
    "kuamo.data.table": "Table",
    "kuamo.diagnostics.contributions": "contributions",
    "kuamo.diagnostics.diagnosis": "Diagnosis",
    "kuamo.diagnostics.pipeline": "diagnose",
    "kuamo.embedding.attention": "Attention",
    "kuamo.embedding.embedding": "Embedding",
    "kuamo.embedding.gating": "Gating",
    "kuamo.embedding.cross_attention": "CrossAttention",
    "kuamo.embedding.late_fusion": "LateFusion",
    "kuamo.embedding.tensor_fusion": "TensorFusion",
    "kuamo.evaluation.benchmark": "compare",
    "kuamo.evaluation.leaderboard": "Benchmark",
    "kuamo.evaluation.paired_comparison": "Comparison",
    "kuamo.evaluation.report": "Report",
    "kuamo.evaluation.retrieval": "evaluate",
    "kuamo.fitting.estimators": "Classifier Regressor",
    "kuamo.fitting.pipeline": "fit",
    "kuamo.fitting.pretrained": "pretrained",
    "kuamo.generation.codecs": "AudioPCA ImagePCA",
    "kuamo.generation.codecs.image_conv": "ImageConv",
    "kuamo.generation.codecs.image_difference": "ImageDifferencePCA",
    "kuamo.generation.codecs.image_patch_pca": "ImagePatchPCA",
    "kuamo.generation.joint_likelihood": "joint_log_likelihood",
    "kuamo.index": "Index Query",
    "kuamo.space": "Space",
    "kuamo.training.balance": "ClassBalanced CoverageBalanced LearningCurves UncertaintyWeighted",
    "kuamo.training.config": "Training",
}
"""Module → what of it is public here."""
_FAMILIES = ("kuamo.generation.recipes", "kuamo.objectives")
"""Modules that are public here as a whole."""
_ROOMS = {
    "balance": "kuamo.training.balance",
    "closed_form": "kuamo.closed_form",
    "datasets": "kuamo.data.datasets",
    "encoders": "kuamo.encoders",
    "metrics": "kuamo.metrics",
    "modalities": "kuamo.data.modalities",
    "objectives": "kuamo.objectives",
}


if TYPE_CHECKING:
    from kuamo import closed_form as closed_form
    from kuamo import encoders as encoders
    from kuamo import metrics as metrics
    from kuamo import objectives as objectives
    from kuamo.core.errors import CacheWarning as CacheWarning
    from kuamo.core.errors import CellError as CellError
    from kuamo.core.errors import KuamoError as KuamoError
    from kuamo.core.errors import StoreError as StoreError
    from kuamo.core.errors import TableError as TableError
    from kuamo.core.errors import TruncationWarning as TruncationWarning
    from kuamo.data import datasets as datasets
    from kuamo.data import modalities as modalities
    from kuamo.data.modalities import Audio as Audio
    from kuamo.data.modalities import Category as Category
    from kuamo.data.modalities import Image as Image
    from kuamo.data.modalities import Number as Number
    from kuamo.data.modalities import Text as Text
    from kuamo.data.modalities import Vector as Vector
    from kuamo.data.table import Table as Table
    from kuamo.diagnostics.contributions import contributions as contributions
    from kuamo.diagnostics.diagnosis import Diagnosis as Diagnosis
    from kuamo.diagnostics.pipeline import diagnose as diagnose
    from kuamo.embedding.attention import Attention as Attention
    from kuamo.embedding.cross_attention import CrossAttention as CrossAttention
    from kuamo.embedding.embedding import Embedding as Embedding
    from kuamo.embedding.gating import Gating as Gating
    from kuamo.embedding.late_fusion import LateFusion as LateFusion
    from kuamo.embedding.tensor_fusion import TensorFusion as TensorFusion
    from kuamo.evaluation.benchmark import compare as compare
    from kuamo.evaluation.leaderboard import Benchmark as Benchmark
    from kuamo.evaluation.paired_comparison import Comparison as Comparison
    from kuamo.evaluation.report import Report as Report
    from kuamo.evaluation.retrieval import evaluate as evaluate
    from kuamo.fitting.estimators import Classifier as Classifier
    from kuamo.fitting.estimators import Regressor as Regressor
    from kuamo.fitting.pipeline import fit as fit
    from kuamo.fitting.pretrained import pretrained as pretrained
    from kuamo.generation.codecs import AudioPCA as AudioPCA
    from kuamo.generation.codecs import ImagePCA as ImagePCA
    from kuamo.generation.codecs.image_conv import ImageConv as ImageConv
    from kuamo.generation.codecs.image_difference import ImageDifferencePCA as ImageDifferencePCA
    from kuamo.generation.codecs.image_patch_pca import ImagePatchPCA as ImagePatchPCA
    from kuamo.generation.joint_likelihood import joint_log_likelihood as joint_log_likelihood
    from kuamo.generation.recipes import *  # noqa: F403
    from kuamo.index import Index as Index
    from kuamo.index import Query as Query
    from kuamo.objectives import *  # noqa: F403
    from kuamo.space import Space as Space
    from kuamo.training import balance as balance
    from kuamo.training.balance import ClassBalanced as ClassBalanced
    from kuamo.training.balance import CoverageBalanced as CoverageBalanced
    from kuamo.training.balance import LearningCurves as LearningCurves
    from kuamo.training.balance import UncertaintyWeighted as UncertaintyWeighted
    from kuamo.training.config import Training as Training


_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    if name == "__all__":
        return [*sorted([*_HOME, *_ROOMS, *(one for family in _FAMILIES for one in _members(family))]), "__version__"]
    if (home := _home(name)) is not None:
        thing = checks_arguments(getattr(importlib.import_module(home), name))
        globals()[name] = thing
        return thing
    if name in CLASSES and _home(CLASSES[name]) is not None:
        renamed(name, CLASSES[name])
        return getattr(sys.modules[__name__], CLASSES[name])
    meant = why_removed(name) or ("" if name.startswith("_") else did_you_mean(name, __dir__()))
    said = translate(f"module 'kuamo' has no attribute {name!r}{meant}")
    raise AttributeError(said, name=name, obj=None)  # else Python would add what it thinks was meant


def _home(name: str) -> str | None:
    """The module that a public name comes from."""
    if name in _HOME or name.startswith("_"):
        return _HOME.get(name)
    return next((family for family in _FAMILIES if name in _members(family)), None)


@cache
def _members(family: str) -> list[str]:
    """`__all__` of a module: read, not run, since objectives import torch."""
    path = Path(__file__).parent.joinpath(*family.split(".")[1:])
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8"))
    named = [node for node in tree.body if ast.unparse(node).startswith("__all__")]
    return [name for node in named for name in ast.literal_eval(node.value)]  # type: ignore[attr-defined]


def __dir__() -> list[str]:
    return __getattr__("__all__")
