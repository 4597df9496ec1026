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

from kuamo.core.old_names import OldModules
from kuamo.core.version import __version__

sys.meta_path.insert(0, OldModules())

_HOME = {
    "ByClass": "kuamo.training.balance",
    "ByCoverage": "kuamo.training.balance",
    "OGMGE": "kuamo.training.balance",
    "Record": "kuamo.training.balance",
    "Uncertain": "kuamo.training.balance",
    "contributions": "kuamo.diagnostics.contributions",
    "Training": "kuamo.training.loop",
    "Reconstruct": "kuamo.objectives",
    "Cross": "kuamo.objectives",
    "Cycle": "kuamo.objectives",
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
    "Retrieve": "kuamo.generation.recipes",
    "Writer": "kuamo.generation.recipes",
    "Spoken": "kuamo.generation.recipes",
    "PictureChange": "kuamo.generation.codecs.image_difference",
    "PictureConv": "kuamo.generation.codecs.image_conv",
    "PicturePCA": "kuamo.generation.codecs",
    "SpeechPCA": "kuamo.generation.codecs",
    "CCA": "kuamo.objectives",
    "DCL": "kuamo.objectives",
    "Category": "kuamo.data.modalities",
    "CellError": "kuamo.core.errors",
    "Classifier": "kuamo.fitting.estimators",
    "Comparison": "kuamo.evaluation.paired_comparison",
    "Contest": "kuamo.evaluation.leaderboard",
    "Diagnosis": "kuamo.diagnostics.diagnosis",
    "CacheWarning": "kuamo.core.errors",
    "CutWarning": "kuamo.core.errors",
    "Code": "kuamo.embedding.embedding",
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
    "ModalityCritic": "kuamo.objectives",
    "acmr": "kuamo.objectives",
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
    "Bilinear",
    "ByClass",
    "ByCoverage",
    "CacheWarning",
    "Caption",
    "Category",
    "CellError",
    "Classifier",
    "Classify",
    "Code",
    "Comparison",
    "Contest",
    "Cross",
    "CutWarning",
    "Cycle",
    "CycleGAN",
    "Diagnosis",
    "Elbo",
    "Flow",
    "Gaussian",
    "Image",
    "Index",
    "InfoNCE",
    "KuamoError",
    "LabelTriplet",
    "MMVAEPlus",
    "Minimax",
    "MoPoE",
    "ModalityCritic",
    "Number",
    "Objective",
    "PictureChange",
    "PictureConv",
    "PicturePCA",
    "Predict",
    "Query",
    "Reconstruct",
    "Record",
    "Regressor",
    "Report",
    "Retrieve",
    "Ridge",
    "SemanticMatching",
    "SigLIP",
    "Sinkhorn",
    "Space",
    "SpeechPCA",
    "Spoken",
    "StoreError",
    "Table",
    "TableError",
    "Text",
    "Training",
    "Triplet",
    "Uncertain",
    "Vector",
    "Writer",
    "__version__",
    "acmr",
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
    from kuamo.core.errors import CacheWarning, CellError, CutWarning, KuamoError, StoreError, TableError
    from kuamo.data import datasets, modalities
    from kuamo.data.modalities import Audio, Category, Image, Number, Text, Vector
    from kuamo.data.table import Table
    from kuamo.diagnostics.contributions import contributions
    from kuamo.diagnostics.diagnosis import Diagnosis
    from kuamo.diagnostics.pipeline import diagnose
    from kuamo.embedding.embedding import Code
    from kuamo.evaluation.benchmark import compare
    from kuamo.evaluation.leaderboard import Contest
    from kuamo.evaluation.paired_comparison import Comparison
    from kuamo.evaluation.report import Report
    from kuamo.evaluation.retrieval import evaluate
    from kuamo.fitting.estimators import Classifier, Regressor
    from kuamo.fitting.pipeline import fit
    from kuamo.generation.codecs import PicturePCA, SpeechPCA
    from kuamo.generation.codecs.image_conv import PictureConv
    from kuamo.generation.codecs.image_difference import PictureChange
    from kuamo.generation.joint_likelihood import joint_log_likelihood
    from kuamo.generation.recipes import (
        GAN,
        Bilinear,
        Caption,
        CycleGAN,
        Flow,
        Gaussian,
        Retrieve,
        Ridge,
        Spoken,
        Writer,
    )
    from kuamo.index import Index, Query
    from kuamo.objectives import (
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
        Cross,
        Cycle,
        Elbo,
        InfoNCE,
        LabelTriplet,
        Minimax,
        MMVAEPlus,
        ModalityCritic,
        MoPoE,
        Objective,
        Predict,
        Reconstruct,
        SemanticMatching,
        SigLIP,
        Sinkhorn,
        Triplet,
        acmr,
    )
    from kuamo.space import Space
    from kuamo.training import balance
    from kuamo.training.balance import OGMGE, ByClass, ByCoverage, Record, Uncertain
    from kuamo.training.config import Training


def __getattr__(name: str) -> Any:
    if name in _HOME:
        thing = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = thing
        return thing
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
