"""What an encoder is: value → features. Preprocessing belongs to it, since two encoders want different pixels.

    value ── prepare ──→ item ── collate ──→ batch ── encoder(batch) ──→ features (n, D)

A frozen encoder is any callable of numpy batches; a trainable one is a plain `torch.nn.Module`. `prepare` and `collate`
are optional: without them an item is the value as a float32 array, and a batch is the stack of items. Pictures and
sounds are prepared on several threads. An encoder that reads only a beginning says so, by `cuts(value) -> bool` and
`limit = "256 tokens"`; one of pictures that makes them small may say how large is large `enough`, in pixels of the
shorter side, and large JPEGs are then decoded at a part of their size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kuamo.core.errors import KuamoError, StoreError, TableError
from kuamo.core.modules import is_module

__all__ = ["Encoder", "Identity", "Reopens", "collate", "encode_items", "prepare", "verified"]


class Encoder(Protocol):
    """A frozen encoder: named, so that its features can be cached, and callable on a batch of prepared items."""

    @property
    def fingerprint(self) -> str:
        """Configuration and weights in one string: equal fingerprints give equal features."""

    def __call__(self, batch: Any) -> np.ndarray:
        """Features (n, D) float32."""


class Reopens:
    """What is opened when it is first used, by a `cached_property`, is not copied or pickled but opened again."""

    def __getstate__(self) -> dict[str, Any]:
        """All but what is opened."""
        lazy = (vars(base).items() for base in type(self).__mro__)
        opened = {name for items in lazy for name, one in items if isinstance(one, cached_property)}
        return {name: value for name, value in vars(self).items() if name not in opened}


class Identity:
    """The encoder of vectors: features are the values themselves.

    Example:
        >>> Identity()(np.ones((2, 3), np.float32)).shape
        (2, 3)
    """

    fingerprint = "identity/1"
    cached = False  # nothing is saved by keeping a copy

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """The batch as float32."""
        return np.asarray(batch, dtype=np.float32)


def prepare(encoder: Any) -> Callable[[Any], Any]:
    """The encoder's `prepare`, or float32 arrays."""
    return getattr(encoder, "prepare", None) or (lambda value: np.asarray(value, dtype=np.float32))


def collate(encoder: Any, items: Sequence[Any], column: str) -> Any:
    """Items → one batch, by the encoder's `collate` or by stacking; tensors for a module.

    Raises:
        TableError: items of unequal shape and no `collate`.
    """
    own = getattr(encoder, "collate", None)
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
    """Features (n, D) float32 of prepared items, without a gradient.

    Raises:
        KuamoError: the encoder returned something else than one vector for each item.
    """
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
    """The path, if the file's content is what was pinned.

    Raises:
        StoreError: the weights differ from those that kuamo was tested with.
    """
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if digest != sha256:
        raise StoreError(f"{path}: given sha256 {digest[:16]}…; expected {sha256[:16]}…")
    return path
