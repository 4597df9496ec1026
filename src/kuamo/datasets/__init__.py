"""Data that comes with kuamo: each function returns a Table."""

from kuamo.datasets.emoji import emoji
from kuamo.datasets.shapes import shapes
from kuamo.datasets.toy import toy

__all__ = ["emoji", "shapes", "toy"]
