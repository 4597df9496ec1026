"""kuamo (跨模): a table whose columns are different kinds of data becomes one shared space.

    table = km.Table.read("pets.csv")
    train, test = table.split(test=0.2, by="group", seed=0)
    space = km.fit(train)
    print(km.evaluate(space, test))

Importing kuamo imports nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from kuamo.core.old_names import CLASSES, OldModules, renamed
from kuamo.core.version import __version__

sys.meta_path.insert(0, OldModules())

_HOME = {
    "ClassBalanced": "kuamo.training.balance",
    "CoverageBalanced": "kuamo.training.balance",
    "OGMGE": "kuamo.training.balance",
    "LearningCurves": "kuamo.training.balance",
    "UncertaintyWeighted": "kuamo.training.balance",
    "contributions": "kuamo.diagnostics.contributions",
    "Training": "kuamo.training.loop",
    "Reconstruct": "kuamo.objectives",
    "CrossReconstruct": "kuamo.objectives",
    "CycleConsistency": "kuamo.objectives",
    "Minimax": "kuamo.objectives",
    "InfoNCE": "kuamo.objectives",
    "MMVAE": "kuamo.objectives",
    "MMVAEPlus": "kuamo.objectives",
    "MMVM": "kuamo.objectives",
    "MVAE": "kuamo.objectives",
    "MVTCAE": "kuamo.objectives",
    "MoPoE": "kuamo.objectives",
    "Elbo": "kuamo.objectives",
    "Audio": "kuamo.data.modalities",
    "Bilinear": "kuamo.generation.recipes",
    "Flow": "kuamo.generation.recipes",
    "GAN": "kuamo.generation.recipes",
    "CycleGAN": "kuamo.generation.recipes",
    "Gaussian": "kuamo.generation.recipes",
    "Ridge": "kuamo.generation.recipes",
    "Caption": "kuamo.generation.recipes",
    "NearestText": "kuamo.generation.recipes",
    "TextRNN": "kuamo.generation.recipes",
    "TextToSpeech": "kuamo.generation.recipes",
    "ImageDifferencePCA": "kuamo.generation.codecs.image_difference",
    "ImageConv": "kuamo.generation.codecs.image_conv",
    "ImagePCA": "kuamo.generation.codecs",
    "AudioPCA": "kuamo.generation.codecs",
    "CCA": "kuamo.objectives",
    "DCL": "kuamo.objectives",
    "Category": "kuamo.data.modalities",
    "CellError": "kuamo.core.errors",
    "Classifier": "kuamo.fitting.estimators",
    "Comparison": "kuamo.evaluation.paired_comparison",
    "Benchmark": "kuamo.evaluation.leaderboard",
    "Diagnosis": "kuamo.diagnostics.diagnosis",
    "CacheWarning": "kuamo.core.errors",
    "TruncationWarning": "kuamo.core.errors",
    "Embedding": "kuamo.embedding.embedding",
    "Image": "kuamo.data.modalities",
    "KLOT": "kuamo.objectives",
    "LSGAN": "kuamo.objectives",
    "Index": "kuamo.index",
    "KuamoError": "kuamo.core.errors",
    "Number": "kuamo.data.modalities",
    "Objective": "kuamo.objectives",
    "Predict": "kuamo.objectives",
    "Query": "kuamo.index",
    "Regressor": "kuamo.fitting.estimators",
    "Report": "kuamo.evaluation.report",
    "SemanticMatching": "kuamo.objectives",
    "SigLIP": "kuamo.objectives",
    "R3": "kuamo.objectives",
    "Classify": "kuamo.objectives",
    "LabelTriplet": "kuamo.objectives",
    "ModalityDiscriminator": "kuamo.objectives",
    "ACMR": "kuamo.objectives",
    "Sinkhorn": "kuamo.objectives",
    "Space": "kuamo.space",
    "StoreError": "kuamo.core.errors",
    "Table": "kuamo.data.table",
    "TableError": "kuamo.core.errors",
    "Text": "kuamo.data.modalities",
    "Triplet": "kuamo.objectives",
    "Vector": "kuamo.data.modalities",
    "compare": "kuamo.evaluation.benchmark",
    "diagnose": "kuamo.diagnostics.pipeline",
    "evaluate": "kuamo.evaluation.retrieval",
    "fit": "kuamo.fitting.pipeline",
    "joint_log_likelihood": "kuamo.generation.joint_likelihood",
}
__all__ = [
    "ACMR",
    "CCA",
    "DCL",
    "GAN",
    "KLOT",
    "LSGAN",
    "MMVAE",
    "MMVM",
    "MVAE",
    "MVTCAE",
    "OGMGE",
    "R3",
    "Audio",
    "AudioPCA",
    "Benchmark",
    "Bilinear",
    "CacheWarning",
    "Caption",
    "Category",
    "CellError",
    "ClassBalanced",
    "Classifier",
    "Classify",
    "Comparison",
    "CoverageBalanced",
    "CrossReconstruct",
    "CycleConsistency",
    "CycleGAN",
    "Diagnosis",
    "Elbo",
    "Embedding",
    "Flow",
    "Gaussian",
    "Image",
    "ImageConv",
    "ImageDifferencePCA",
    "ImagePCA",
    "Index",
    "InfoNCE",
    "KuamoError",
    "LabelTriplet",
    "LearningCurves",
    "MMVAEPlus",
    "Minimax",
    "MoPoE",
    "ModalityDiscriminator",
    "NearestText",
    "Number",
    "Objective",
    "Predict",
    "Query",
    "Reconstruct",
    "Regressor",
    "Report",
    "Ridge",
    "SemanticMatching",
    "SigLIP",
    "Sinkhorn",
    "Space",
    "StoreError",
    "Table",
    "TableError",
    "Text",
    "TextRNN",
    "TextToSpeech",
    "Training",
    "Triplet",
    "TruncationWarning",
    "UncertaintyWeighted",
    "Vector",
    "__version__",
    "balance",
    "closed_form",
    "compare",
    "contributions",
    "datasets",
    "diagnose",
    "encoders",
    "evaluate",
    "fit",
    "joint_log_likelihood",
    "metrics",
    "modalities",
    "objectives",
]
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
    from kuamo import closed_form, encoders, metrics, objectives
    from kuamo.core.errors import CacheWarning, CellError, KuamoError, StoreError, TableError, TruncationWarning
    from kuamo.data import datasets, modalities
    from kuamo.data.modalities import Audio, Category, Image, Number, Text, Vector
    from kuamo.data.table import Table
    from kuamo.diagnostics.contributions import contributions
    from kuamo.diagnostics.diagnosis import Diagnosis
    from kuamo.diagnostics.pipeline import diagnose
    from kuamo.embedding.embedding import Embedding
    from kuamo.evaluation.benchmark import compare
    from kuamo.evaluation.leaderboard import Benchmark
    from kuamo.evaluation.paired_comparison import Comparison
    from kuamo.evaluation.report import Report
    from kuamo.evaluation.retrieval import evaluate
    from kuamo.fitting.estimators import Classifier, Regressor
    from kuamo.fitting.pipeline import fit
    from kuamo.generation.codecs import AudioPCA, ImagePCA
    from kuamo.generation.codecs.image_conv import ImageConv
    from kuamo.generation.codecs.image_difference import ImageDifferencePCA
    from kuamo.generation.joint_likelihood import joint_log_likelihood
    from kuamo.generation.recipes import (
        GAN,
        Bilinear,
        Caption,
        CycleGAN,
        Flow,
        Gaussian,
        NearestText,
        Ridge,
        TextRNN,
        TextToSpeech,
    )
    from kuamo.index import Index, Query
    from kuamo.objectives import (
        ACMR,
        CCA,
        DCL,
        KLOT,
        LSGAN,
        MMVAE,
        MMVM,
        MVAE,
        MVTCAE,
        R3,
        Classify,
        CrossReconstruct,
        CycleConsistency,
        Elbo,
        InfoNCE,
        LabelTriplet,
        Minimax,
        MMVAEPlus,
        ModalityDiscriminator,
        MoPoE,
        Objective,
        Predict,
        Reconstruct,
        SemanticMatching,
        SigLIP,
        Sinkhorn,
        Triplet,
    )
    from kuamo.space import Space
    from kuamo.training import balance
    from kuamo.training.balance import OGMGE, ClassBalanced, CoverageBalanced, LearningCurves, UncertaintyWeighted
    from kuamo.training.config import Training


def __getattr__(name: str) -> Any:
    if name in _HOME:
        thing = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = thing
        return thing
    if CLASSES.get(name) in _HOME:
        renamed(name, CLASSES[name])
        return getattr(sys.modules[__name__], CLASSES[name])
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    raise AttributeError(f"module 'kuamo' has no attribute {name!r}{_meant(name)}")


def _meant(name: str) -> str:
    """What a misspelt name was to be, in words."""
    from difflib import get_close_matches

    known = {one.lower(): one for one in __all__}
    found = get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {known[found[0]]!r}?" if found and not name.startswith("_") else ""


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
