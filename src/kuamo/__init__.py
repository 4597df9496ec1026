"""kuamo (跨模): a table whose columns are different kinds of data becomes one shared space.

    table = km.Table.read("pets.csv")
    train, test = table.split(test=0.2, by="group", seed=0)
    space = km.fit(train)
    print(km.evaluate(space, test))

Importing kuamo imports nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "ByClass": "kuamo.balance",
    "ByCoverage": "kuamo.balance",
    "OGMGE": "kuamo.balance",
    "Record": "kuamo.balance",
    "Uncertain": "kuamo.balance",
    "contributions": "kuamo.diagnosis.contribution",
    "Training": "kuamo.training",
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
    "Audio": "kuamo.modalities",
    "Bilinear": "kuamo.decoders.recipes",
    "Flow": "kuamo.decoders.recipes",
    "GAN": "kuamo.decoders.recipes",
    "CycleGAN": "kuamo.decoders.recipes",
    "Gaussian": "kuamo.decoders.recipes",
    "Ridge": "kuamo.decoders.recipes",
    "Caption": "kuamo.decoders.recipes",
    "Retrieve": "kuamo.decoders.recipes",
    "Writer": "kuamo.decoders.recipes",
    "Spoken": "kuamo.decoders.recipes",
    "PictureChange": "kuamo.codecs.change",
    "PictureConv": "kuamo.codecs.conv",
    "PicturePCA": "kuamo.codecs",
    "SpeechPCA": "kuamo.codecs",
    "CCA": "kuamo.objectives",
    "DCL": "kuamo.objectives",
    "Category": "kuamo.modalities",
    "CellError": "kuamo.errors",
    "Classifier": "kuamo.estimator",
    "Comparison": "kuamo.comparison",
    "Contest": "kuamo.contest",
    "Diagnosis": "kuamo.diagnosis.diagnosis",
    "CacheWarning": "kuamo.errors",
    "CutWarning": "kuamo.errors",
    "Code": "kuamo.codes",
    "Image": "kuamo.modalities",
    "KLOT": "kuamo.objectives",
    "LSGAN": "kuamo.objectives",
    "Index": "kuamo.index",
    "KuamoError": "kuamo.errors",
    "Number": "kuamo.modalities",
    "Objective": "kuamo.objectives",
    "Predict": "kuamo.objectives",
    "Query": "kuamo.index",
    "Regressor": "kuamo.estimator",
    "Report": "kuamo.report",
    "SemanticMatching": "kuamo.objectives",
    "SigLIP": "kuamo.objectives",
    "R3": "kuamo.objectives",
    "Classify": "kuamo.objectives",
    "LabelTriplet": "kuamo.objectives",
    "ModalityCritic": "kuamo.objectives",
    "acmr": "kuamo.objectives",
    "Sinkhorn": "kuamo.objectives",
    "Space": "kuamo.space",
    "StoreError": "kuamo.errors",
    "Table": "kuamo.table",
    "TableError": "kuamo.errors",
    "Text": "kuamo.modalities",
    "Triplet": "kuamo.objectives",
    "Vector": "kuamo.modalities",
    "compare": "kuamo.comparing",
    "diagnose": "kuamo.diagnosis.diagnose",
    "evaluate": "kuamo.evaluation",
    "fit": "kuamo.fitting",
    "joint_log_likelihood": "kuamo.generation",
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
_ROOMS = ("balance", "closed_form", "datasets", "encoders", "metrics", "modalities", "objectives")


if TYPE_CHECKING:
    from kuamo import balance, closed_form, datasets, encoders, metrics, modalities, objectives
    from kuamo.balance import OGMGE, ByClass, ByCoverage, Record, Uncertain
    from kuamo.codecs import PicturePCA, SpeechPCA
    from kuamo.codecs.change import PictureChange
    from kuamo.codecs.conv import PictureConv
    from kuamo.codes import Code
    from kuamo.comparing import compare
    from kuamo.comparison import Comparison
    from kuamo.contest import Contest
    from kuamo.decoders.recipes import GAN, Bilinear, Caption, CycleGAN, Flow, Gaussian, Retrieve, Ridge, Spoken, Writer
    from kuamo.diagnosis.contribution import contributions
    from kuamo.diagnosis.diagnose import diagnose
    from kuamo.diagnosis.diagnosis import Diagnosis
    from kuamo.errors import CacheWarning, CellError, CutWarning, KuamoError, StoreError, TableError
    from kuamo.estimator import Classifier, Regressor
    from kuamo.evaluation import evaluate
    from kuamo.fitting import fit
    from kuamo.generation import joint_log_likelihood
    from kuamo.index import Index, Query
    from kuamo.modalities import Audio, Category, Image, Number, Text, Vector
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
    from kuamo.report import Report
    from kuamo.space import Space
    from kuamo.table import Table
    from kuamo.training import Training


def __getattr__(name: str) -> Any:
    if name in _HOME:
        thing = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = thing
        return thing
    if name in _ROOMS:
        return importlib.import_module(f"kuamo.{name}")
    raise AttributeError(f"module 'kuamo' has no attribute {name!r}{_meant(name)}")


def _meant(name: str) -> str:
    """What a misspelt name was to be, in words."""
    from difflib import get_close_matches

    known = {one.lower(): one for one in __all__}
    found = get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {known[found[0]]!r}?" if found and not name.startswith("_") else ""


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
