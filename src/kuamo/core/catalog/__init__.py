"""Every sentence that a space, a report or a diagnosis says about itself, in English and in Chinese: data, no code.

key: (English, Chinese). Both have the same fields in the same form; a value may be a note itself, or a list of them.
"""

from kuamo.core.catalog.cells import CELLS
from kuamo.core.catalog.diagnostics import DIAGNOSES
from kuamo.core.catalog.fitting import FITS
from kuamo.core.catalog.tables import TABLES

__all__ = ["SENTENCES"]

SENTENCES: dict[str, tuple[str, str]] = FITS | CELLS | DIAGNOSES | TABLES
