"""What an encoder is: value → features. Preprocessing belongs to it, since two encoders want different pixels.

    value ── prepare ──→ item ── collate ──→ batch ── encoder(batch) ──→ features (n, D)

A frozen encoder is any callable of numpy batches; a trainable one is a plain `torch.nn.Module`. `prepare` and `collate`
are optional: without them an item is the value as a float32 array, and a batch is the stack of items. Images and audio
are prepared on several threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from kuamo.core.contracts import Contract
from kuamo.core.errors import KuamoError, StoreError, TableError
from kuamo.core.modules import is_module

__all__ = ["Encoder", "Identity", "Reopens", "as_list", "collate", "encode_items", "verified"]


class Encoder(Contract):
    """A callable on a batch of prepared items: features (n, D) float32. All else is optional.

    Example:
        >>> Encoder.adapt(np.asarray).batch_size, Encoder.adapt(np.asarray).prepare([1, 2]).dtype
        (64, dtype('float32'))
    """

    RENAMED: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"truncates": "cuts", "max_length": "limit", "min_side": "enough", "language": "reads"}
    )
    fingerprint: Any = None
    """Configuration and weights in one string: equal fingerprints give equal features, which can be cached."""
    space: Any = None
    """The name of the space that features lie in, where encoders with other fingerprints share it."""
    temperature: Any = None
    """τ by which cosines in that space are to be multiplied in a softmax, where training found one."""
    cached: bool = True
    """Are features worth a place in the cache?"""
    blocks: Any = None
    """How many features each of its parts has (a tuple), if it has several."""
    batch_size: int = 64
    """Items in one call."""
    min_side: Any = None
    """Pixels of the shorter side beyond which no detail is seen: large JPEGs are decoded at a part of their size."""
    language: str | None = None
    """The only language that it reads, such as "en"."""
    max_length: Any = ""
    """How much of a text it reads, such as "256 tokens"."""
    truncates: Any = None
    """`truncates(text) -> bool`: is a text longer than that?"""
    collate: Any = None
    """`collate(items)` → batch; `None` stacks items of one shape."""
    inverse: Any = None
    """`inverse(features)` → values, where these follow from them."""
    gain: Any = None
    """(D,), the factor of each feature, of an encoder with an `inverse`."""

    part_dim: Any = None
    """D of each of a cell's parts, such as tokens, tiles or moments; `None` where a cell is one part."""

    def parts(self, batch: Any) -> tuple[Any, Any]:
        """The parts x (n, T, D) of a batch of cells, and which are there, mask (n, T) bool: one, its features."""
        x = self(batch)  # type: ignore[operator]
        return x[:, None], np.ones((len(x), 1), bool)

    def prepare(self, value: Any) -> Any:
        """One value → one item."""
        return np.asarray(value, dtype=np.float32)


def as_list(items: Sequence[Any]) -> list[Any]:
    """A batch that is the list of its items: lengths differ."""
    return list(items)


class Reopens:
    """What is opened when it is first used, by a `cached_property`, is not copied or pickled but opened again."""

    def __getstate__(self) -> dict[str, Any]:
        """All but what is opened."""
        lazy = (vars(base).items() for base in type(self).__mro__)
        opened = {name for items in lazy for name, one in items if isinstance(one, cached_property)}
        return {name: value for name, value in vars(self).items() if name not in opened}


class Identity(Encoder):
    """The encoder of vectors: features are the values themselves.

    Example:
        >>> Identity()(np.ones((2, 3), np.float32)).shape
        (2, 3)
    """

    fingerprint = "identity/1"
    cached = False  # nothing is saved by keeping a copy

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


def collate(encoder: Any, items: Sequence[Any], column: str) -> Any:
    """Items → one batch, by the encoder's `collate` or by stacking; tensors for a module."""
    own = Encoder.adapt(encoder).collate
    if own is not None:
        return own(items)
    shapes = {np.shape(item) for item in items}
    if len(shapes) > 1:
        raise TableError(
            f"column {column!r}: given items of unequal shape {sorted(shapes)[:3]}; expected one shape, "
            f"or an encoder with a `collate(items)` of its own"
        )
    batch = np.stack([np.asarray(item) for item in items])
    if not is_module(encoder):
        return batch
    import torch

    return torch.from_numpy(batch)


def encode_items(encoder: Any, items: Sequence[Any], column: str) -> np.ndarray:
    """Features (n, D) float32 of prepared items, without a gradient."""
    batch = collate(encoder, items, column)
    if is_module(encoder):
        import torch

        was_training = encoder.training
        encoder.eval()
        with torch.inference_mode():
            features = encoder(batch).float().cpu().numpy()
        encoder.train(was_training)
    else:
        features = np.asarray(encoder(batch), dtype=np.float32)
    if features.ndim != 2 or len(features) != len(items):
        raise KuamoError(f"column {column!r}: its encoder returned shape {features.shape}; expected ({len(items)}, D)")
    return features


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of at most `size` items."""
    held: list[Any] = []
    for item in items:
        held.append(item)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def verified(path: Path, sha256: str) -> Path:
    """The path, if the file's content is what was pinned."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if digest != sha256:
        raise StoreError(f"{path}: given sha256 {digest[:16]}…; expected {sha256[:16]}…")
    return path
