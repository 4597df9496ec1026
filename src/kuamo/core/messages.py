"""What kuamo says, in English and Chinese: notes of spaces and reports, labels of pages, meanings of metrics.

    Note("trained_here", column="photo", encoder="ImageCNN")

A note is its English text, a `str` like any other. It also knows its key in the catalogue `notes` and its values, so
it is stored as plain data and a page shows it in the reader's language. A note that somebody else wrote is a plain
string and stays what it is.
"""

from __future__ import annotations

from typing import Any

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import current_note
from kuamo.core.translation import LANGUAGES, Note, language, localized, message, singular

__all__ = [
    "Note",
    "has_label",
    "kind_name",
    "label",
    "localize",
    "metric_meaning",
    "metric_name",
    "note_from_dict",
    "note_to_dict",
]


def localize(lang: str, note: str) -> str:
    """A note in `"en"` or `"zh"`; a plain string as it is.

    Raises:
        KuamoError: an unknown language.

    Example:
        >>> localize("zh", Note("more", count=1200)), localize("zh", "by hand")
        ('另有 1,200 个', 'by hand')
    """
    _check_language(lang)
    return localized(note, lang)


def note_to_dict(note: Any) -> Any:
    """A note as plain data, to be stored: `{"note": key, …values}`, or the string that it is.

    Example:
        >>> note_to_dict(Note("more", count=3)), note_to_dict("by hand")
        ({'note': 'more', 'count': 3}, 'by hand')
    """
    if isinstance(note, Note):
        return {"note": note.key} | {name: note_to_dict(value) for name, value in note.values.items()}
    return [note_to_dict(one) for one in note] if isinstance(note, list) else note


def note_from_dict(plain: Any) -> Any:
    """The note that was stored; whoever made the file chose its values, so they are checked by the sentence's fields.

    Raises:
        KeyError: no such sentence, or a value that it needs is not there.
        ValueError: a value of a wrong kind.

    Example:
        >>> note_from_dict({"note": "more", "count": 3})
        'and 3 more'
    """
    if isinstance(plain, dict):
        return Note(
            current_note(plain["note"]),
            **{name: note_from_dict(value) for name, value in plain.items() if name != "note"},
        )
    return [note_from_dict(one) for one in plain] if isinstance(plain, list) else plain


def label(lang: str, key: str, **values: Any) -> str:
    """A label of the catalogue `pages`, with its values put in.

    Raises:
        KuamoError: an unknown language.

    Example:
        >>> label("zh", "hits"), label("en", "row", row=3)
        ('命中', 'id 3')
    """
    _check_language(lang)
    found = message("pages", lang, key).format(**values)
    return singular(found) if lang == "en" else found


def kind_name(kind: str, lang: str | None = None) -> str:
    """A modality's name as people read it, from that of its class; one of your own as it is.

    Example:
        >>> kind_name("Text", "zh"), kind_name("Imu", "zh")
        ('文本', 'Imu')
    """
    key = f"dx_kind_{kind}"
    return label(lang or language(), key) if has_label(key) else kind


def metric_name(metric: str) -> str:
    """A metric's name above a column of figures: the one by which it is asked for, in Chinese what it means."""
    if language() == "zh":
        for key in (metric, f"name_{metric}"):
            if has_label(key):
                return label("zh", key)
    return metric.removeprefix("gen_").removeprefix("pred_")


def has_label(key: str) -> bool:
    """Is there a label of this key?"""
    try:
        return bool(message("pages", "en", key))
    except KeyError:
        return False


def metric_meaning(lang: str, metric: str) -> str | None:
    """What a metric means, in plain words; `None` for one that is not ours.

    Example:
        >>> metric_meaning("en", "R@5")[:56]
        'Recall at k: the share of queries with a relevant item a'
    """
    name, _, k = metric.partition("@")
    key = f"means_{name if k.isdigit() else metric}"
    return label(lang, key, k=k) if has_label(key) else None


def _check_language(lang: str) -> None:
    if lang not in LANGUAGES:
        raise KuamoError(f"given lang={lang!r}; expected one of {list(LANGUAGES)}")
