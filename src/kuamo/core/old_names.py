"""What had other names in 0.1: modules, classes, arguments. The old names work for one release, with a warning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

from kuamo.core.translation import translate

__all__ = [
    "ARRAYS",
    "CLASSES",
    "INFO",
    "METRICS",
    "MOVED",
    "NOTES",
    "OLD_OPTIONS",
    "PARTS",
    "RECIPES",
    "REMOVED",
    "OldModules",
    "current",
    "current_array",
    "current_info",
    "current_metric",
    "current_note",
    "current_word",
    "former",
    "former_array",
    "former_names",
    "old_arguments",
    "old_methods",
    "renamed",
    "stack_level",
    "why_removed",
]

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

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

METRICS = {
    "told_accuracy": "pred_accuracy",
    "told_log_loss": "pred_log_loss",
    "told_confidence_gap": "pred_confidence_gap",
    "told_R2": "pred_R2",
    "told_error": "pred_MAE",
    "told_within_90": "pred_coverage_90",
    "made_R2": "gen_R2",
    "made_energy": "gen_energy",
    "made_energy_ridge": "gen_energy_ridge",
    "made_R@1": "gen_R@1",
    "made_R@10": "gen_R@10",
    "made_back_R@1": "gen_reverse_R@1",
    "made_back_R@10": "gen_reverse_R@10",
    "made_diversity": "gen_diversity",
    "made_nearest": "gen_memorization",
    "made_judged": "gen_accuracy",
    "made_judged_real": "gen_accuracy_real",
    "made_judged_codec": "gen_accuracy_codec",
    "made_overlap": "gen_token_F1",
}
"""Metrics of reports, as they end the names of figures; old → new."""

NOTES = {
    "advice_aside": "advice_unrelated",
    "advice_hopeless": "advice_none_related",
    "closed_several": "gcca",
    "closed_two": "cca",
    "only_distributions": "unpaired_only",
    "remark_told": "remark_label_column",
    "taught": "seen_in_training",
    "told_of_another": "predicts_another",
    "told_unfitted": "predicts_unfitted",
    "writer_yields": "text_falls_back",
}
"""Keys of notes in stored spaces, reports and diagnoses; old → new."""

ARRAYS = {"belief": "log_scale", "doubts": "uncertainty_nets"}
"""First parts of the names of arrays that stored spaces have by the old names; old → new."""

OLD_OPTIONS = {"--agree": "--chained", "--settle": "--project"}
"""Options of the command line; old → new."""

INFO = {"taught": "training_rows"}
"""Keys of `Space.info` in stored spaces; old → new."""

CLASSES = {
    "ByClass": "ClassBalanced",
    "ByCoverage": "CoverageBalanced",
    "Choice": "CCAFit",
    "Code": "Embedding",
    "Contest": "Benchmark",
    "Cross": "CrossReconstruct",
    "CutWarning": "TruncationWarning",
    "Cycle": "CycleConsistency",
    "Learning": "ColumnCurves",
    "ModalityCritic": "ModalityDiscriminator",
    "Pick": "EncoderChoice",
    "PictureChange": "ImageDifferencePCA",
    "PictureConv": "ImageConv",
    "PicturePCA": "ImagePCA",
    "Player": "Optimized",
    "Ranked": "RankedRelevance",
    "Recipe": "DecoderSpec",
    "Record": "LearningCurves",
    "Retrieve": "NearestText",
    "Search": "SearchSpace",
    "SpeechPCA": "AudioPCA",
    "Spoken": "TextToSpeech",
    "Trial": "RidgeTrial",
    "Uncertain": "UncertaintyWeighted",
    "Writer": "TextRNN",
    "acmr": "ACMR",
    "choose": "search_cca",
    "measure": "rank_queries",
    "ranked": "ranked_relevance",
}
"""Public classes and functions, and those that stored spaces name; old → new."""


REMOVED = {
    "OGMGE": (
        "removed in 0.2, since it lowered accuracy wherever it had an effect; against imbalance use "
        "km.Training(sampling=km.CoverageBalanced(1)) or km.UncertaintyWeighted"
    ),
}
"""Public names that are gone → why, and what to use."""

PARTS = {
    "Additive": "AdditiveScore",
    "Answer": "StackedDecoder",
    "Bilinear": "BilinearDecoder",
    "ClassList": "OneHotCodec",
    "Classes": "OneHot",
    "InverseVariance": "PrecisionWeighted",
    "JointHead": "SplitHead",
    "Mixture": "MixtureOfExperts",
    "Numbers": "Scalar",
    "PictureChange": "ImageDifferencePCA",
    "PictureConv": "ImageConv",
    "PicturePCA": "ImagePCA",
    "PixelEncoder": "ImageCNN",
    "Pixels": "PixelLikelihood",
    "Plain": "ScalarCodec",
    "Product": "ProductOfExperts",
    "Ridge": "RidgeDecoder",
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


def current_metric(name: str) -> str:
    """The name that a figure of a report has now.

    Example:
        >>> current_metric("text_to_image_made_R2"), current_metric("a_to_b_R@1")
        ('text_to_image_gen_R2', 'a_to_b_R@1')
    """
    for old in sorted(METRICS, key=len, reverse=True):
        if name == old or name.endswith(f"_{old}"):
            return name.removesuffix(old) + METRICS[old]
    return name


def current_note(key: str) -> str:
    """The key that a stored note has now."""
    return NOTES.get(key) or key


def current_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """`Space.info` as it was stored, by the keys that it has now."""
    return {INFO.get(key) or key: value for key, value in info.items()}


def current_array(name: str) -> str:
    """The name that a stored array has in its module.

    Example:
        >>> current_array("doubts.0.weight"), former_array("uncertainty_nets.0.weight")
        ('uncertainty_nets.0.weight', 'doubts.0.weight')
    """
    first, dot, rest = name.partition(".")
    return (ARRAYS.get(first) or first) + dot + rest


def former_array(name: str) -> str:
    """The name by which an array is stored."""
    first, dot, rest = name.partition(".")
    return next((old for old, new in ARRAYS.items() if new == first), first) + dot + rest


def former(name: str) -> str:
    """The name that a stored part had in 0.1, by which an index knows its space.

    Example:
        >>> former("ClosedFormHead"), former("MiniLM")
        ('SolvedHead', 'MiniLM')
    """
    return _FORMER.get(name, name)


def why_removed(name: str) -> str:
    """Why a name is gone, and what to use instead; nothing if it never was one.

    Example:
        >>> why_removed("OGMGE")[:23], why_removed("Table")
        ('; it was removed in 0.2', '')
    """
    return f"; it was {REMOVED[name]}" if name in REMOVED else ""


def former_names(module: str, **own: str) -> Callable[[str], Any]:
    """A module's `__getattr__` that gives its classes by their old names too; `own` are names that only it had.

    Example:
        >>> former_names("kuamo.core.old_names")("Writer")
        Traceback (most recent call last):
        AttributeError: module 'kuamo.core.old_names' has no attribute 'Writer'
    """

    def find(name: str) -> Any:
        here = sys.modules[module]
        new = own.get(name) or current(name)
        if new != name and hasattr(here, new):
            renamed(name, new, module)
            return getattr(here, new)
        said = translate(f"module {module!r} has no attribute {name!r}{why_removed(name)}")
        raise AttributeError(said, name=name, obj=None)  # else Python would add what it thinks was meant

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
                    warnings.warn(translate(f"{name}({old}=) is ignored since 0.2"), DeprecationWarning, stack_level(2))
                    given.pop(old)
                    continue
                if new in given:
                    said = f"{name}() got {old}= and {new}=, which are one argument; expected {new}= alone"
                    raise TypeError(translate(said))
                said = translate(f"{name}({old}=) is {name}({new}=) since 0.2")
                warnings.warn(said, DeprecationWarning, stack_level(2))
                given[new] = given.pop(old)
            return heard(*args, **given)

        if isinstance(function, type):
            function.__init__ = called  # type: ignore[misc]
            return function
        return called  # type: ignore[return-value]

    return decorate


def old_methods(**names: str) -> Callable[[C], C]:
    """A class has its methods by their old names too; old → new.

    Example:
        >>> @old_methods(optimise="optimize")
        ... class Index:
        ...     def optimize(self):
        ...         return "done"
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     Index().optimise()
        'done'
    """

    def forwarding(old: str, new: str) -> Callable[..., Any]:
        def called(self: Any, *args: Any, **given: Any) -> Any:
            said = translate(f"{type(self).__name__}.{old}() is .{new}() since 0.2")
            warnings.warn(said, DeprecationWarning, stack_level(2))
            return getattr(self, new)(*args, **given)

        called.__name__, called.__doc__ = old, f"The old name of `{new}`."
        return called

    def decorate(cls: C) -> C:
        for old, new in names.items():
            setattr(cls, old, forwarding(old, new))
        return cls

    return decorate


def stack_level(level: int) -> int:
    """`stacklevel` of a warning, in which the frames of `checks_arguments` do not count."""
    frame, place = sys._getframe(1), 1
    while level > 1 and frame.f_back is not None:
        frame, place = frame.f_back, place + 1
        level -= frame.f_globals.get("__name__") != "kuamo.core.arguments"
    return place


def renamed(name: str, new: str, where: str = "km") -> None:
    """Warn that something has another name."""
    warnings.warn(translate(f"{where}.{name} is {where}.{new} since 0.2"), DeprecationWarning, stacklevel=3)


def current_word(word: str) -> str:
    """An option of the command line, or a word of `--decode`, by the name that it has now; an old one with a warning.

    Example:
        >>> current_word("--chained"), current_word("flow")
        ('--chained', 'flow')
    """
    new = (OLD_OPTIONS | RECIPES).get(word, word)
    if new != word:
        warnings.warn(translate(f"{word} is {new} since 0.2"), DeprecationWarning, stacklevel=3)
    return new


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
        warnings.warn(translate(f"{old} is {MOVED[old]} since 0.2"), DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(MOVED[old])
