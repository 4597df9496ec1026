"""Parts of users need no base class, and may have the names of 0.1; what they lack has a default."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

import kuamo as km
from kuamo.core.contracts import Configured, Contract, Stored
from kuamo.data.modalities import Modality
from kuamo.embedding.decoder import Decoder
from kuamo.encoders import Encoder
from kuamo.encoders.feature_cache import truncation_note
from kuamo.generation.codecs.base import Codec

CONTRACTS = (Encoder, Decoder, Codec, Modality)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_what_a_part_lacks_has_a_default_and_what_it_has_counts(contract: type[Contract]) -> None:
    class Mine:
        def __call__(self) -> None: ...

    names = [name for kind in contract.__mro__[:-2] for name in vars(kind) if name[0] != "_" and name != "RENAMED"]
    assert names
    for name in names:
        mine = Mine()
        bare = getattr(contract.adapt(mine), name)
        assert callable(bare) or bare is getattr(contract, name)
        setattr(mine, name, value := object())
        assert getattr(contract.adapt(mine), name) is value
    with pytest.raises(AttributeError):
        contract.adapt(Mine()).misspelled  # noqa: B018


@pytest.mark.parametrize(
    ("contract", "new", "old"),
    [(one, *names) for one in (*CONTRACTS, km.DecoderSpec) for names in one.RENAMED.items()],
)
def test_an_old_name_counts_and_says_the_new_one(contract: type[Contract], new: str, old: str) -> None:
    part = type("Part", (), {old: (value := object())})()
    with pytest.warns(DeprecationWarning, match=f"Part.{old} is called {new} since 0.2"):
        assert getattr(contract.adapt(part), new) is value
    with pytest.warns(DeprecationWarning, match=f"Child.{old} is called {new} since 0.2"):
        child = type("Child", (contract,), {old: value})
    assert vars(child)[new] is value


def test_an_encoder_of_0_1_still_says_what_it_truncates() -> None:
    class First:
        limit = "3 letters"

        def cuts(self, value: str) -> bool:
            return len(value) > 3

    with pytest.warns(DeprecationWarning, match="First.cuts is called truncates"):
        note = truncation_note(km.Table({"text": ["a cat", "cat"]}), "text", First())
    assert note == "text: 1 of 2 values are longer than the limit of First (3 letters) and are truncated"


def test_a_spec_of_0_1_is_trained_as_it_says() -> None:
    with pytest.warns(DeprecationWarning, match="Mine.trains is called is_trained"):

        @dataclass(frozen=True)
        class Mine(km.DecoderSpec):
            trains: ClassVar[bool] = False

    assert not Mine().is_trained and Mine.adapt(Mine()) is not None


def test_methods_of_tables_have_their_old_names_too() -> None:
    table = km.Table({"text": ["a", " "]}, on_error="skip")
    with pytest.warns(DeprecationWarning, match="try_values"):
        found = dict(table.attempts("text"))
    with pytest.warns(DeprecationWarning, match="drop_cells"):
        table.leave_out("text", {1: found[1]})
    assert len(table.skipped()) == 1


def test_a_part_is_stored_by_what_its_constructor_takes() -> None:
    class Base(Configured):
        def __init__(self, size: int, *, depth: int = 1) -> None:
            self.size, self.depth = size, depth

    class Child(Base):
        FIXED = frozenset({"size"})

        def __init__(self, width: int, **options: Any) -> None:
            super().__init__(2 * width, **options)
            self.width = width

    class Shift(Stored):
        RENAMED: ClassVar[dict[str, str]] = {"name": "called"}

        def __init__(self, by: np.ndarray, name: str) -> None:
            self.by, self.name = by, name

    assert Base(3).config() == {"size": 3, "depth": 1} and Child(3, depth=2).config() == {"width": 3, "depth": 2}
    again = Shift.from_arrays({"called": "x"}, Shift(np.ones(1), "y").arrays())
    assert (again.name, again.by.tolist()) == ("x", [1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Shift(np.ones(1), "y").config() == {"name": "y"}
