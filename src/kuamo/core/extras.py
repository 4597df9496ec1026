"""Extras: how to get the packages that kuamo can do without, in words that work wherever it came from."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires

__all__ = ["packages_of", "way_to"]


def packages_of(extra: str) -> list[str]:
    """The packages of an extra, as kuamo's own metadata name them.

    Example:
        >>> [name.split(">")[0] for name in packages_of("index")]
        ['pylance']
    """
    try:
        needed = requires("kuamo") or []
    except PackageNotFoundError:
        return []
    found = (one.partition(";") for one in needed)
    return [name.strip() for name, _, mark in found if f"extra == '{extra}'" in mark.replace('"', "'")]


def way_to(extra: str) -> str:
    """What to type for an extra: from a clone, from a wheel, or its packages by name.

    kuamo is on no registry, so its name alone finds nothing there.

    Example:
        >>> way_to("index").startswith("`pip install '.[index]'` in a clone of kuamo, or anywhere `pip install '")
        True
    """
    names = " ".join(f"'{name}'" for name in packages_of(extra))
    elsewhere = f"`pip install {names}`" if names else f"`pip install 'kuamo-….whl[{extra}]'`"
    return f"`pip install '.[{extra}]'` in a clone of kuamo, or anywhere {elsewhere}"
