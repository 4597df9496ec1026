"""Messages by language: the catalogues in `locale/`, read by gettext.

    notes    sentences that spaces, reports and diagnoses say about themselves, by keys that stored files name
    pages    labels of pages and tables, and what metrics mean

`python scripts/messages.py` compiles and checks them.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

__all__ = ["LANGUAGES", "message"]

LANGUAGES = ("en", "zh")
_LOCALE = Path(__file__).parent / "locale"


class _NoMessage(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        raise KeyError(message)


@cache
def _catalogue(domain: str, lang: str) -> gettext.NullTranslations:
    found = gettext.translation(domain, _LOCALE, [lang])
    found.add_fallback(_NoMessage())
    return found


def message(domain: str, lang: str, key: str) -> str:
    """A message of a catalogue, its fields not yet filled.

    Raises:
        KeyError: the catalogue has no such message.

    Example:
        >>> message("notes", "en", "more"), message("notes", "zh", "more")
        ('and {count:,} more', '另有 {count:,} 个')
    """
    return _catalogue(domain, lang).gettext(key or " ")  # "" is the catalogue's header
