"""Data that comes with kuamo, and readers of what lies in a folder: each function returns a Table."""

from kuamo.datasets.digits import digits
from kuamo.datasets.emoji import emoji
from kuamo.datasets.emoji_tones import emoji_tones
from kuamo.datasets.esc10 import esc10
from kuamo.datasets.shapes import shapes
from kuamo.datasets.toy import toy
from kuamo.datasets.wikipedia import wikipedia

__all__ = ["digits", "emoji", "emoji_tones", "esc10", "shapes", "toy", "wikipedia"]
