"""Vectors and lists that went through text: as JSON, Python, NumPy, PyTorch, R, PostgreSQL or plain numbers write them.

[0.1, 0.2]   [0.1 0.2]   (0.1, 0.2)   array([0.1, 0.2])   tensor([0.1, 0.2])   c(0.1, 0.2)   {0.1,0.2}   0.1;0.2;0.3
['a cat', "it's a pet"]   ['a cat' 'a pet']   c("a cat", "a pet")
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import numpy as np

__all__ = ["CUT", "is_json", "numbers_alone", "spelled"]

CUT = "…"  # what stands for a list whose middle was left out when it was written
_GAPS = {"nan", "NaN", "NA", "None", "null", "NULL"}
_WORDS = dict.fromkeys(_GAPS, float("nan")) | {"True": 1.0, "False": 0.0, "inf": float("inf"), "…": 0.0}
_WRAPPED = re.compile(r"(?:(?:np|numpy|torch)\.)?(?:array|tensor|Tensor|c|list|tuple)\s*\((.*)\)", re.DOTALL)
_SCALAR = re.compile(r"(?:np|numpy)\.\w+\(([^()]*)\)")  # np.float64(0.1), np.str_('a')
_KIND = re.compile(r"[,\s]*(?:(?:dtype|device|shape|requires_grad|grad_fn)\s*=[^\[\]]*,?\s*)+$")
_STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_ITEM = re.compile(rf"\s*({_STRING}|None|nan|NaN|NA|null)\s*(,|(?=['\".…])|$)", re.DOTALL)
_PAIRS = {"[": "]", "(": ")", "{": "}"}


def spelled(cell: Any) -> Any:
    """What a text spells: a vector (an array of numbers), a list (of texts, or of vectors), `CUT`; or `None`.

    Example:
        >>> spelled("[0.1 0.2\\n 0.3]").tolist(), spelled("c('a cat', NA)"), spelled("[0.1 ... 0.9]"), spelled("[sic]")
        ([0.1, 0.2, 0.3], ['a cat', None], '…', None)
    """
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    if text[:1] == "[" and text[-1] != "]" and numbers_alone(text[1:]) is not None:
        return CUT  # a spreadsheet keeps 32,767 characters of a cell
    if not text or text[-1] not in ")]}" or text[0] not in "[({actnTl":
        return None
    found = _json(text)
    if found is not None:
        return found
    inner = _inside(text)
    if inner is None:
        return None
    numbers = numbers_alone(inner)
    if isinstance(numbers, np.ndarray) and len(numbers) == 1 and text[0] != "[" and "," not in text:
        return None  # "(2020)"
    return numbers if numbers is not None else _vectors(inner) or _texts(inner)


def numbers_alone(text: str) -> Any:
    """An array of the numbers that a text consists of, `CUT` if an ellipsis is among them, or `None`.

    Example:
        >>> numbers_alone("0.1;0.2; nan").tolist(), numbers_alone("3 cats")
        ([0.1, 0.2, nan], None)
    """
    parts = text.replace(",", " ").replace(";", " ").split()
    if not parts or not all(part[0] in "+-.0123456789" or part in _WORDS for part in parts):
        return None
    cut = [part for part in parts if part in ("...", "…")]
    try:
        numbers = [_WORDS[part] if part in _WORDS else float(part) for part in parts if part not in ("...", "…")]
    except ValueError:
        return None
    return CUT if cut and numbers else np.array(numbers) if numbers else None


def is_json(text: str) -> bool:
    """Is it a list as JSON, as tables are said to hold them?"""
    return _json(text) is not None


def _json(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _inside(text: str) -> str | None:
    """What stands within the brackets, without the names of types around and in them."""
    wrapped = _WRAPPED.fullmatch(text)
    named = wrapped is not None
    text = _KIND.sub("", wrapped[1]).strip() if wrapped else text
    if text[:1] in _PAIRS and text[-1:] == _PAIRS[text[0]]:
        text, named = text[1:-1], True
    return _SCALAR.sub(r"\1", text).strip() if named else None


def _vectors(text: str) -> list[Any] | None:
    """Several vectors of one cell, as NumPy writes a matrix."""
    rows = re.findall(r"\[([^\[\]]*)\]", text)
    found = [numbers_alone(row) for row in rows]
    return (
        found
        if found and not re.sub(r"\[[^\[\]]*\]", "", text).strip(" ,\n") and None not in map(_kind, found)
        else None
    )


def _kind(found: Any) -> Any:
    return type(found) if isinstance(found, np.ndarray) else None


def _texts(text: str) -> list[str | None] | str | None:
    """The quoted texts that a list consists of."""
    found: list[str | None] = []
    place = 0
    while place < len(text):
        item = _ITEM.match(text, place)
        if item is None:
            return CUT if found and text[place:].lstrip().startswith(("...", "…")) else None
        found.append(_unquoted(item[1]))
        place = item.end()
    return found or None


def _unquoted(item: str) -> str | None:
    if item in _GAPS:
        return None
    try:
        return str(ast.literal_eval(item))
    except (ValueError, SyntaxError):
        return item[1:-1]
