"""Shapes: coloured shapes with captions, whose right answers are known."""

from __future__ import annotations

from itertools import product

import numpy as np

from kuamo.core.errors import TableError
from kuamo.data.modalities import Image, Text
from kuamo.data.table import Table

__all__ = ["COLOURS", "PLACES", "SHAPES", "SIZES", "shapes"]

SIZES = {"small": 0.17, "large": 0.27}
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 170, 70),
    "blue": (50, 80, 220),
    "yellow": (235, 205, 40),
    "purple": (150, 60, 190),
    "white": (240, 240, 240),
}
SHAPES = ("circle", "square", "triangle", "cross")
PLACES = {"top left": (0.3, 0.3), "top right": (0.7, 0.3), "bottom left": (0.3, 0.7), "bottom right": (0.7, 0.7)}


def shapes(rows: int = 2000, *, size: int = 32, held_out: float = 0.0, seed: int = 0) -> Table:
    """Pictures (size × size) of one shape each, and a caption that names its four attributes.

    Columns `text` ("a small red circle, top left") and `image`; 2 × 6 × 4 × 4 = 192 captions. Place, size, colour and a
    dark background vary a little from picture to picture. `label` and `group` are the caption; meta: the attributes,
    and `split`, which is "held-out" for that share of the combinations, drawn with the seed.

    Raises:
        TableError: `held_out` outside [0, 1).

    Example:
        >>> table = shapes(rows=4, seed=1)
        >>> table
        Table: 4 rows; text: Text 4/4, image: Image 4/4
        >>> table[0]["image"].shape
        (32, 32, 3)
    """
    if not 0 <= held_out < 1:
        raise TableError(f"given held_out={held_out}; expected a share in [0, 1)")
    rng = np.random.default_rng(seed)
    combinations = list(product(SIZES, COLOURS, SHAPES, PLACES))
    unseen = set(np.random.default_rng([seed, 1]).permutation(len(combinations))[: round(held_out * len(combinations))])
    chosen = rng.integers(0, len(combinations), rows)
    attributes = [combinations[i] for i in chosen]
    texts = [f"a {how} {colour} {shape}, {place}" for how, colour, shape, place in attributes]
    names = ("size", "colour", "shape", "place")
    return Table(
        {"text": texts, "image": [_draw(a, size, rng) for a in attributes]},
        modalities={"text": Text(), "image": Image()},
        group=texts,
        label=texts,
        meta={name: [a[i] for a in attributes] for i, name in enumerate(names)}
        | {"split": ["held-out" if i in unseen else "seen" for i in chosen]},
        source="shapes",
    )


def _draw(attributes: tuple[str, str, str, str], size: int, rng: np.random.Generator) -> np.ndarray:
    """One picture, drawn at four times its size and reduced, so that edges are smooth."""
    from PIL import Image as pil
    from PIL import ImageDraw

    how, colour, shape, place = attributes
    big = 4 * size
    ground = tuple(int(v) for v in rng.integers(0, 40, 3))
    picture = pil.new("RGB", (big, big), ground)
    x, y = (np.array(PLACES[place]) + rng.uniform(-0.04, 0.04, 2)) * big
    r = SIZES[how] * rng.uniform(0.92, 1.08) * big
    fill = tuple(int(v) for v in np.clip(np.array(COLOURS[colour]) + rng.integers(-15, 16, 3), 0, 255))
    draw = ImageDraw.Draw(picture)
    if shape == "circle":
        draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == "square":
        draw.rectangle((x - 0.9 * r, y - 0.9 * r, x + 0.9 * r, y + 0.9 * r), fill=fill)
    elif shape == "triangle":
        draw.polygon([(x, y - 1.1 * r), (x - 1.05 * r, y + 0.8 * r), (x + 1.05 * r, y + 0.8 * r)], fill=fill)
    else:
        draw.rectangle((x - r, y - 0.33 * r, x + r, y + 0.33 * r), fill=fill)
        draw.rectangle((x - 0.33 * r, y - r, x + 0.33 * r, y + r), fill=fill)
    return np.asarray(picture.resize((size, size), pil.Resampling.BOX))
