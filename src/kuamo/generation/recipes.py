"""Recipes: what a column's decoder shall be, before anyone knows how large codes and y are.

km.fit(table, decoders={"image": km.Flow()})            learned with the rest
km.fit(table, init=space, decoders={"image": km.Flow()})       learned for a space that is there
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.core.errors import KuamoError, TableError
from kuamo.core.old_names import former_names, old_arguments
from kuamo.data.modalities import Audio
from kuamo.data.table import Table
from kuamo.generation.codecs.base import Codec
from kuamo.generation.codecs.image_difference import ImageDifferencePCA
from kuamo.generation.codecs.image_pixels import ImagePixels
from kuamo.generation.codecs.text import BPECodec, TextVocabulary
from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.generation.decoder_spec import DecoderSpec, DecodeSpec, GeneratorSpec, check_sizes, check_texts
from kuamo.training.config import Training

if TYPE_CHECKING:
    import numpy as np

    from kuamo.objectives import Objective

__all__ = [
    "GAN",
    "Bilinear",
    "Caption",
    "CycleGAN",
    "DecoderSpec",
    "Flow",
    "Gaussian",
    "NearestText",
    "Ridge",
    "TextRNN",
    "TextToSpeech",
]  # fmt: skip

__getattr__ = former_names(__name__)


@dataclass(frozen=True)
class Ridge(DecoderSpec):
    """The closed form: E[y | z], linear in z.

    Args:
        penalty: c in λ = c tr(Σzz)/d. rank: of the map, for reduced-rank regression; as it comes if not given.

    Raises:
        KuamoError: a negative penalty, or a rank below 1.

    Example:
        >>> Ridge().build(4, None, 10) is None
        True
    """

    decoder: ClassVar[str] = "kuamo.generation.decoders.ridge:RidgeDecoder"
    penalty: float = 0.1
    rank: int | None = None
    is_trained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.penalty >= 0 or (self.rank is not None and self.rank < 1):
            raise KuamoError(f"given {self}; expected a penalty of at least 0, and a rank of at least 1")

    def solve(self, decoding: DecoderProblem, name: str, rows: np.ndarray) -> tuple[Any, Any]:
        return decoding.space.port(name).codec, decoding.ridge(name, rows, self.penalty, self.rank)


@old_arguments(by="style", of="base")
@dataclass(frozen=True)
class Bilinear(DecoderSpec):
    """A content in a style, also where the two were never seen together; see `kuamo.generation.decoders.bilinear`.

    What is made needs a cell of `style` in its row, and one of `base` if that is given; the content is all else.

    Args:
        style: the column, or columns, of the style. base: a column of the same kind of which this one is a
            change: what does not change is then taken from there.
        penalty: λ; chosen by what is left out if not given.

    Raises:
        KuamoError: no style, a style that is `base` too, or a negative penalty.

    Example:
        >>> Bilinear(style="tone", base="base").styles
        ('tone',)
    """

    decoder: ClassVar[str] = "kuamo.generation.decoders.bilinear:BilinearDecoder"
    style: str | tuple[str, ...] = ()
    base: str | None = None
    penalty: float | None = None
    is_trained: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.styles or self.base in self.styles or (self.penalty is not None and not self.penalty > 0):
            raise KuamoError(f"given {self}; expected style=, a column that is not `base`, and a penalty above 0")

    @property
    def styles(self) -> tuple[str, ...]:
        """The columns of the style."""
        return (self.style,) if isinstance(self.style, str) else tuple(self.style)

    def codec(self, table: Table, name: str, seed: int) -> Any:
        """What suits the column; of a change, `ImageDifferencePCA`."""
        for other in (*self.styles, *(() if self.base is None else (self.base,))):
            table.column(other)
            if other == name:
                raise TableError(f"column {name!r}: given {self}; expected other columns than itself")
        if len(set(table.columns) - set(self.styles) - {name}) == 0:
            raise TableError(
                f"column {name!r}: given {self}, and a column of the content is missing; expected one more column"
            )
        if self.base is None:
            return super().codec(table, name, seed)
        return ImageDifferencePCA.of_columns(table, name, self.base, seed=seed)

    def solve(self, decoding: DecoderProblem, name: str, rows: np.ndarray) -> tuple[Any, Any]:
        return decoding.space.port(name).codec, decoding.bilinear(name, rows, self.styles, self.base, self.penalty)


@dataclass(frozen=True)
class NearestText(DecoderSpec):
    """A text that is known already: that whose code is nearest.

    Example:
        >>> import kuamo as km
        >>> table = km.Table({"a": ["a cat", "a dog"], "b": [[1.0, 0.0], [0.0, 1.0]]})
        >>> NearestText().codec(table, "a", 0).texts
        ['a cat', 'a dog']
    """

    decoder: ClassVar[str] = "kuamo.generation.decoders.retrieval:Retrieval"
    baseline: ClassVar[str] = "NearestText"
    is_trained: ClassVar[bool] = False

    def codec(self, table: Table, name: str, seed: int) -> Any:
        """The list of the column's distinct texts."""
        check_texts(table, name, self)
        return TextVocabulary(sorted(set(table.values(name))))

    def solve(self, decoding: DecoderProblem, name: str, rows: np.ndarray) -> tuple[Any, Any]:
        return decoding.retrieval(name, rows)


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class TextRNN(DecodeSpec):
    """Texts written token by token, of what the table's texts are made of: what nobody has said yet can be said.

    Args:
        width: of the network. dropout: in training. vocabulary: tokens at most. self_conditioning: as in `Flow`.

    Example:
        >>> TextRNN().may_fall_back
        False
    """

    decoder: ClassVar[str] = "kuamo.generation.decoders.text_rnn:TextRNNDecoder"
    width: int = 256
    dropout: float = 0.2
    vocabulary: int = 2000
    self_conditioning: float = 0.1
    baseline: ClassVar[str] = "NearestText"

    def __post_init__(self) -> None:
        check_sizes(self, self.width, self.vocabulary, (self.self_conditioning, self.dropout))

    def codec(self, table: Table, name: str, seed: int) -> Any:
        """Byte-level tokens, learned from the column."""
        check_texts(table, name, self)
        return BPECodec.of(table, name, vocabulary=self.vocabulary)

    def build(self, dim: int, codec: Any, out: int) -> Any:
        return self.decoder_class()(dim, out, vocabulary=codec.vocabulary, width=self.width, dropout=self.dropout)

    def solve(self, decoding: DecoderProblem, name: str, rows: np.ndarray) -> tuple[Any, Any]:
        return decoding.retrieval(name, rows)


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class Caption(TextRNN):
    """Texts written (`TextRNN`), or found (`NearestText`): whichever shares more words with held-out rows.

    `space.notes` says which it is.

    Example:
        >>> Caption().may_fall_back
        True
    """

    may_fall_back: ClassVar[bool] = True


@dataclass(frozen=True)
class TextToSpeech(DecoderSpec):
    """A sound that is another column's text, read aloud by espeak-ng: a spoken description.

    Args:
        of: the column of texts, which has a recipe of its own (`Caption()` if not given), or has one in `start`.
        voice: of espeak-ng; by the text's language if not given.

    Example:
        >>> TextToSpeech("caption", voice="cmn").of
        'caption'
    """

    of: str = "text"
    voice: str | None = None

    def codec(self, table: Table, name: str, seed: int) -> Any:
        """Made from the texts' codec, when that is known."""
        check_texts(table, self.of, self)
        if not isinstance(table.column(name).modality, Audio):
            kind = type(table.column(name).modality).__name__
            raise TableError(f"column {name!r}: given TextToSpeech() for {kind}; expected a column of audio")
        return None


@old_arguments(own="self_conditioning", dropped="cond_dropout")
@dataclass(frozen=True)
class Flow(DecodeSpec):
    """A rectified flow: sharp, varied, guided; see `kuamo.generation.decoders.flow`.

    Args:
        width, layers: of the network. cond_dropout: how often the code is left out in training.
        steps, guidance: defaults of `translate`. Guidance makes pictures and sounds clearer and
            less varied than they are, so it is 2 for them if not given; numbers are drawn as they are distributed, 1.
        self_conditioning: how often a cell is made from its own code, rather than from the other columns'.

    Raises:
        KuamoError: numbers that make no sense.

    Example:
        >>> Flow(width=64).build(4, None, 10).out
        10
    """

    decoder: ClassVar[str] = "kuamo.generation.decoders.flow:FlowDecoder"
    width: int = 256
    layers: int = 3
    cond_dropout: float = 0.1
    steps: int = 12
    guidance: float | None = None
    self_conditioning: float = 0.1

    def __post_init__(self) -> None:
        from kuamo.generation.decoders.flow import check_draw

        check_draw(self.steps, 1.0 if self.guidance is None else self.guidance)
        check_sizes(self, self.width, self.layers, (self.cond_dropout, self.self_conditioning))

    def build(self, dim: int, codec: Any, out: int) -> Any:
        guidance = Codec.adapt(codec).guidance if self.guidance is None else self.guidance
        return self.decoder_class()(
            dim,
            out,
            width=self.width,
            layers=self.layers,
            dropped=self.cond_dropout,
            steps=self.steps,
            guidance=guidance,
        )


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class Gaussian(DecodeSpec):
    """A likelihood: the mean of y given z by a perceptron, so the average of all that would do; smooth, not varied.

    Args:
        width, layers: of the perceptron. self_conditioning: as in `Flow`.

    Example:
        >>> Gaussian().build(4, None, 10).family
        'gaussian'
    """

    decoder: ClassVar[str] = "kuamo.generation.decoders.likelihood:Likelihood"
    width: int = 384
    layers: int = 2
    self_conditioning: float = 0.1

    def __post_init__(self) -> None:
        check_sizes(self, self.width, self.layers, (self.self_conditioning,))

    def build(self, dim: int, codec: Any, out: int) -> Any:
        return self.decoder_class()(dim, out, hidden=self.width, layers=self.layers, learned_scale=True)


@old_arguments(own="self_conditioning", mismatched="mismatch_weight")
@dataclass(frozen=True)
class GAN(GeneratorSpec):
    """A generator against a discriminator: Generative Adversarial Nets, Goodfellow et al., 2014.

    Args:
        game: `"r3"`, the relativistic game with penalised gradients; `"minimax"`, the game as it was first written; or
            `"nonsaturating"`, the same where the generator minimises −log D.
        network: `"perceptron"` on the codec's numbers, which starts at ridge, or `"conv"`, of pictures: convolutions
            and a fully connected layer, on pixels.
        optimizer: of both players, `"sgd"` or `"adam"`; of minimax the first, of r3 the second, if not given.
        width, layers: of perceptrons. features: channels of the outermost convolutions.
        noise: numbers that the generator draws. lr: of both players; what suits game and optimizer if not given.
        penalty: γ of R1, and of R2 in r3. mismatch_weight: weight of real cells with the code of another row, of a near
            one. self_conditioning: as in `Flow`; .1 if not given, and 0 with convolutions, whose noise is to
            vary what a picture's own code would say. mode_seeking: λ, by which two pictures of one code are pushed
            apart, in the games other than r3; .03 with convolutions and 0 else, if not given.

    Raises:
        KuamoError: an unknown game, network or optimizer, or numbers that make no sense.

    Example:
        >>> GAN(noise=16).build(4, None, 10).noise
        16
    """

    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "game": ("r3", "minimax", "nonsaturating"),
            "network": ("perceptron", "conv"),
            "optimizer": ("sgd", "adam"),
        }
    )
    """What the arguments that are words may be."""
    game: str = "r3"
    network: str = "perceptron"
    optimizer: str | None = None
    width: int = 256
    layers: int = 2
    noise: int = 32
    lr: float | None = None
    penalty: float = 1.0
    mismatch_weight: float = 1.0
    self_conditioning: float | None = None
    features: int = 24
    mode_seeking: float | None = None

    def __post_init__(self) -> None:
        for name, known in self.WORDS.items():
            given = getattr(self, name)
            if given not in known and not (name == "optimizer" and given is None):
                raise KuamoError(f"given {name}={given!r}; expected one of {known}")
        check_sizes(self, self.width, self.layers, (self.own_share,))

    @property
    def own_share(self) -> float:
        """`self_conditioning`, or what suits the network."""
        usual = 0.0 if self.network == "conv" else 0.1
        return usual if self.self_conditioning is None else self.self_conditioning

    def codec(self, table: Table, name: str, seed: int) -> Any:
        """Of convolutions, pixels."""
        if self.network == "perceptron":
            return super().codec(table, name, seed)
        kind = type(table.column(name).modality).__name__
        if kind != "Image":
            raise TableError(f"column {name!r}: given network='conv' for {kind}; expected a column of images")
        return ImagePixels.of(table, name)

    def build(self, dim: int, codec: Any, out: int) -> Any:
        if self.network == "perceptron":
            return super().build(dim, codec, out)
        from kuamo.generation.decoders.conv_generator import ConvGenerator

        if not isinstance(codec, ImagePixels):
            raise KuamoError(
                f"given network='conv' and {type(codec).__name__}; expected the codec ImagePixels, or none"
            )
        sizes = {"channels": codec.channels, "noise": self.noise, "features": self.features}
        return ConvGenerator(dim, codec.height, codec.width, **sizes)

    def training(self, rows: int) -> Training | None:
        return Training(steps=2200, batch_size=32) if self.network == "conv" else None

    def objective(self, column: str) -> Objective:
        from kuamo.objectives import R3, Minimax

        shape: dict[str, Any] = {"self_conditioning": self.own_share, "width": self.width, "layers": self.layers}
        if self.game != "r3":
            optimizer = self.optimizer or "sgd"
            lr = self.lr or {"sgd": 0.05, "adam": 1e-3}[optimizer]
            shape |= {"penalty": self.penalty, "optimizer": optimizer, "instance_noise": 0.1}
            usual = 0.03 if self.network == "conv" else 0.0
            shape["mode_seeking"] = usual if self.mode_seeking is None else self.mode_seeking
            shape["saturating"] = self.game == "minimax"
            return Minimax(None, column, lr=lr, mismatched=self.mismatch_weight > 0, hard=True, **shape)
        shape |= {"penalty": self.penalty, "mismatch_weight": self.mismatch_weight}
        optimizer = self.optimizer or "adam"
        lr = self.lr or {"sgd": 0.05, "adam": 1e-3}[optimizer]
        return R3(None, column, lr=lr, hard=True, every=4, optimizer=optimizer, **shape)


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class CycleGAN(GeneratorSpec):
    """Features of one column from those of others, by an adversary with a cycle; unpaired rows are used too.

    y is the column's features, not pictures or sounds, since what is made is encoded again: `translate` gives features.
    It starts at ridge. See `kuamo.objectives.gan_least_squares` for the formula.

    Args:
        cycle, paired, adversary: weights of the way back to the code, of rows that have both (0: unpaired, and
            `space.notes` says so), and of the game.
        width, layers: of both networks. noise: numbers that the generator draws; none, so one answer, if not given.
        lr: of both players. self_conditioning: as in `Flow`.

    Raises:
        KuamoError: numbers that make no sense.

    References:
        Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, Zhu, Park, Isola and Efros,
        2017; Least Squares Generative Adversarial Networks, Mao et al., 2017.

    Example:
        >>> CycleGAN().codec(None, "image", 0) is None, CycleGAN(paired=0).objective("image").aligns
        (True, 'distributions')
    """

    word: ClassVar[str] = "cyclegan"
    cycle: float = 1.0
    paired: float = 10.0
    adversary: float = 1.0
    width: int = 256
    layers: int = 2
    noise: int = 0
    lr: float = 2e-4
    self_conditioning: float = 0.1

    def __post_init__(self) -> None:
        check_sizes(self, self.width, self.layers, (self.self_conditioning,))
        if not (self.lr > 0 and self.noise >= 0 and min(self.cycle, self.paired, self.adversary) >= 0):
            raise KuamoError(f"given {self}; expected lr > 0, and weights and noise of at least 0")

    def codec(self, table: Table, name: str, seed: int) -> Any:
        return None

    def objective(self, column: str) -> Objective:
        from kuamo.objectives import LSGAN

        names = ("cycle", "paired", "adversary", "lr", "self_conditioning", "width", "layers")
        return LSGAN(None, column, **{name: getattr(self, name) for name in names})
