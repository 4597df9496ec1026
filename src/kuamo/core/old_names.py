"""What had other names in 0.1: modules, classes, arguments. The old names work for one release, with a warning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

__all__ = [
    "CLASSES",
    "MOVED",
    "PARTS",
    "RECIPES",
    "OldModules",
    "current",
    "former",
    "former_names",
    "old_arguments",
    "renamed",
]

F = TypeVar("F", bound=Callable[..., Any])

MOVED = {
    "kuamo.balance": "kuamo.training.balance",
    "kuamo.codecs": "kuamo.generation.codecs",
    "kuamo.datasets": "kuamo.data.datasets",
    "kuamo.decoders": "kuamo.generation.decoders",
    "kuamo.decoders.recipes": "kuamo.generation.recipes",
    "kuamo.encoders.pixels": "kuamo.encoders.image_cnn",
    "kuamo.encoders.sound": "kuamo.encoders.audio_cnn",
    "kuamo.encoders.words": "kuamo.encoders.token_mean",
    "kuamo.errors": "kuamo.core.errors",
    "kuamo.features": "kuamo.encoders.feature_cache",
    "kuamo.fusion": "kuamo.embedding.fusion",
    "kuamo.modalities": "kuamo.data.modalities",
    "kuamo.modalities.base": "kuamo.data.modalities.base",
    "kuamo.table": "kuamo.data.table",
}
"""Modules that users had reason to import; old → new. The next release forgets them."""

CLASSES = {
    "ByClass": "ClassBalanced",
    "ByCoverage": "CoverageBalanced",
    "Code": "Embedding",
    "Contest": "Benchmark",
    "Cross": "CrossReconstruct",
    "CutWarning": "TruncationWarning",
    "Cycle": "CycleConsistency",
    "Learning": "ColumnCurves",
    "ModalityCritic": "ModalityDiscriminator",
    "PictureChange": "ImageDifferencePCA",
    "PictureConv": "ImageConv",
    "PicturePCA": "ImagePCA",
    "Record": "LearningCurves",
    "Retrieve": "NearestText",
    "SpeechPCA": "AudioPCA",
    "Spoken": "TextToSpeech",
    "Uncertain": "UncertaintyWeighted",
    "Writer": "TextRNN",
    "acmr": "ACMR",
}
"""Public classes and functions, and those that stored spaces name; old → new."""


PARTS = {
    "Additive": "AdditiveScore",
    "Answer": "StackedDecoder",
    "ClassList": "OneHotCodec",
    "Classes": "OneHot",
    "InverseVariance": "PrecisionWeighted",
    "JointHead": "SplitHead",
    "Mixture": "MixtureOfExperts",
    "PictureChange": "ImageDifferencePCA",
    "PictureConv": "ImageConv",
    "PicturePCA": "ImagePCA",
    "PixelEncoder": "ImageCNN",
    "Pixels": "PixelLikelihood",
    "Plain": "ScalarCodec",
    "Product": "ProductOfExperts",
    "SolvedHead": "ClosedFormHead",
    "SoundEncoder": "AudioCNN",
    "Sounds": "DefaultAudioEncoder",
    "Spectra": "SpectrumLikelihood",
    "SpeechPCA": "AudioPCA",
    "SpokenText": "TextToSpeechCodec",
    "Subsets": "MixtureOfProducts",
    "TextList": "TextVocabulary",
    "TextTokens": "BPECodec",
    "TrainableHead": "LinearHead",
    "Trust": "UncertaintyFusion",
    "WordEncoder": "TokenMean",
    "Words": "TextLikelihood",
    "WriterDecoder": "TextRNNDecoder",
}
"""Parts by which stored spaces name what they are made of; old → new."""

RECIPES = {"retrieve": "nearest_text", "spoken": "text_to_speech", "writer": "text_rnn"}
"""Words of `--decode`; old → new."""


_FORMER = {new: old for old, new in PARTS.items()}


def current(name: str) -> str:
    """The name that a class, or a recipe on the command line, of 0.1 has now.

    Example:
        >>> current("PicturePCA"), current("writer"), current("MiniLM")
        ('ImagePCA', 'text_rnn', 'MiniLM')
    """
    return (CLASSES | PARTS | RECIPES).get(name, name)


def former(name: str) -> str:
    """The name that a stored part had in 0.1, by which an index knows its space.

    Example:
        >>> former("ClosedFormHead"), former("MiniLM")
        ('SolvedHead', 'MiniLM')
    """
    return _FORMER.get(name, name)


def former_names(module: str) -> Callable[[str], Any]:
    """A module's `__getattr__` that gives its classes by their old names too.

    Example:
        >>> former_names("kuamo.core.old_names")("Writer")
        Traceback (most recent call last):
        AttributeError: module 'kuamo.core.old_names' has no attribute 'Writer'
    """

    def find(name: str) -> Any:
        here = sys.modules[module]
        new = current(name)
        if new != name and hasattr(here, new):
            renamed(name, new, module)
            return getattr(here, new)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return find


def old_arguments(**names: str | None) -> Callable[[F], F]:
    """A function, or a class that is made with them, hears its arguments by their old names too; old → new.

    One whose new name is `None` is gone: it is ignored.

    Example:
        >>> @old_arguments(n="samples")
        ... def draw(samples=1):
        ...     return samples
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     draw(n=3)
        3
    """

    def decorate(function: F) -> F:
        heard: Any = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]

        @wraps(heard)
        def called(*args: Any, **given: Any) -> Any:
            for old in names.keys() & given.keys():
                new, name = names[old], getattr(function, "__name__", "it")
                if new is None:
                    warnings.warn(f"{name}({old}=) is ignored since 0.2", DeprecationWarning, stacklevel=2)
                    given.pop(old)
                    continue
                if new in given:
                    raise TypeError(f"{name}() got {old}= and {new}=, which are one argument; expected {new}= alone")
                warnings.warn(f"{name}({old}=) is {name}({new}=) since 0.2", DeprecationWarning, stacklevel=2)
                given[new] = given.pop(old)
            return heard(*args, **given)

        if isinstance(function, type):
            function.__init__ = called  # type: ignore[misc]
            return function
        return called  # type: ignore[return-value]

    return decorate


def renamed(name: str, new: str, where: str = "km") -> None:
    """Warn that something has another name."""
    warnings.warn(f"{where}.{name} is {where}.{new} since 0.2", DeprecationWarning, stacklevel=3)


class OldModules(MetaPathFinder, Loader):
    """Finds the modules of `MOVED`.

    Example:
        >>> OldModules().find_spec("kuamo.datasets").name, OldModules().find_spec("kuamo.space")
        ('kuamo.datasets', None)
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """One of these, or nothing."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the new module in the old one's place."""
        old = module.__name__
        warnings.warn(f"{old} is {MOVED[old]} since 0.2", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(MOVED[old])
