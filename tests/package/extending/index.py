"""An index that is kept as one folder that ends in .half, and compares codes of half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kuamo.index.in_memory import MemoryIndex

__all__ = ["HalfIndex"]


class HalfIndex(MemoryIndex):
    """Scores are those of codes in float16."""

    @classmethod
    def accepts(cls, path: Path | str | None) -> bool:
        """Folders that end in .half."""
        return isinstance(path, Path) and path.suffix == ".half"

    @classmethod
    def holds(cls, path: Path | str) -> bool:
        """One of these with an index in it."""
        return cls.accepts(path) and super().holds(path)

    @classmethod
    def build(cls, space: Any, table: Any, path: Any = None, **options: Any) -> HalfIndex:
        """Encode the rows, and keep them."""
        made = super().build(space, table, **options)
        made.save(path)
        return made

    def _nearest(self, number: int, queries: np.ndarray, k: int, inside: Any) -> Any:
        return super()._nearest(number, queries.astype(np.float16).astype(np.float32), k, inside)
