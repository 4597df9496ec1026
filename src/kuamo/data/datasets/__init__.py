"""Data that comes with kuamo, and readers of what lies in a folder: each function returns a Table."""

from kuamo.data.datasets.digits import digits
from kuamo.data.datasets.emoji import emoji
from kuamo.data.datasets.emoji_tones import emoji_tones
from kuamo.data.datasets.esc10 import esc10
from kuamo.data.datasets.shapes import shapes
from kuamo.data.datasets.toy import toy
from kuamo.data.datasets.wikipedia import wikipedia

__all__ = ["digits", "emoji", "emoji_tones", "esc10", "shapes", "toy", "wikipedia"]
