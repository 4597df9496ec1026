"""A run folder: the state of a training, taken up only by the fit that it is a state of.

out/state/state.json          which fit (`of`: part → hash), step, optimisers, sha256 of the arrays
out/state/state.safetensors   weights
out/best-<n>.safetensors      the best weights of a decoder so far
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from kuamo.core.errors import StoreError
from kuamo.core.files import atomic_path, save_arrays
from kuamo.core.folders import read_json, recover, write_folder, write_json
from kuamo.core.ownership import check_place, check_seal, marker, sealed
from kuamo.core.translation import translate

__all__ = ["RunFolder"]

FORMAT = 2  # 1: without a word of whose state it is
MOVED = "weights before training"


@dataclass(frozen=True)
class RunFolder:
    """Where a fit keeps its state.

    Args:
        folder: `fit(run_dir=)`. of: what the fit depends on, in words → hash; `None` where that is unknown.
        why: what is unknown.
    """

    folder: Path
    of: Mapping[str, str | None] = field(default_factory=dict)
    why: str = ""

    def check(self) -> None:
        """Refuse a folder whose `state` is not ours.

        Raises:
            StoreError: it is not.
        """
        check_place(self.folder / "state", "run")

    def save(self, arrays: Mapping[str, np.ndarray], plain: Mapping[str, Any]) -> None:
        """Write a whole state beside the last one, and rename."""

        def fill(folder: Path) -> None:
            save_arrays(arrays, folder / "state.safetensors")
            sha256 = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
            said = {**marker("run", FORMAT), **plain, "of": dict(self.of), "sha256": sha256}
            write_json(folder / "state.json", sealed(said))

        write_folder(self.folder / "state", "run", fill)

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The arrays and plain data of a state, or `None` where there is none."""
        folder = self.folder / "state"
        recover(folder)
        if not folder.exists():
            return None
        self.check()
        plain = read_json(folder / "state.json")
        if "kuamo" not in plain:
            raise StoreError(self._of_0_1(self.folder))
        check_seal(plain, FORMAT, folder / "state.json")
        try:
            if not (folder / "state.safetensors").is_file():
                raise StoreError(self._damaged("its arrays are not there"))
            content = (folder / "state.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != plain.get("sha256", ""):
                raise StoreError(self._damaged("its arrays are not those that were saved"))
            self._same(plain.get("of"))
            return load(content), plain
        except (OSError, SafetensorError) as error:
            raise StoreError(self._damaged(str(error))) from None

    def _same(self, found: Any) -> None:
        """Is a state of this fit?"""
        if not isinstance(found, dict) or None in self.of.values():
            raise StoreError(
                f"{self.folder}: holds a run, and it is unknown whether of this fit "
                f"({self.why or 'it does not say'}); expected another folder"
            )
        others = [name for name in {**self.of, **found} if self.of.get(name) != found.get(name)]
        if [name for name in others if name != MOVED]:
            raise StoreError(
                f"{self.folder}: holds a run with other {', '.join(others)}; expected the same, or another folder"
            )
        if others:
            said = f"{self.folder}: the run had other {MOVED}; it goes on from its own, and those given have no effect"
            warnings.warn(translate(said), stacklevel=2)

    def _damaged(self, why: str) -> str:
        return f"{self.folder / 'state'}: cannot be read ({why}); expected the state of a run: remove it to start anew"

    def _of_0_1(self, path: Path) -> str:
        return f"{path}: holds a run of kuamo 0.1, which does not say of which fit; expected another folder"

    # ── the best so far ──────────────────────────────────────────────────────────────────────────────────────────

    def save_best(self, number: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write a decoder's best weights."""
        with atomic_path(self._best(number)) as part:
            save_arrays({**arrays, "of": np.frombuffer(self._key, np.uint8)}, part)

    def load_best(self, number: int) -> dict[str, np.ndarray]:
        """A decoder's best weights, or nothing."""
        path = self._best(number)
        if not path.exists():
            return {}
        try:
            if not path.is_file():
                raise OSError("not a plain file")
            arrays = load(path.read_bytes())
        except (OSError, SafetensorError) as error:
            raise StoreError(f"{path}: cannot be read ({error}); remove it, and 'state', to start anew") from None
        if "of" not in arrays:
            raise StoreError(self._of_0_1(path))
        if None in self.of.values() or arrays.pop("of", np.zeros(0, np.uint8)).tobytes() != self._key:
            raise StoreError(f"{path}: holds a run of another fit; expected the same, or another folder")
        return arrays

    def _best(self, number: int) -> Path:
        return self.folder / f"best-{number}.safetensors"

    @cached_property
    def _key(self) -> bytes:
        fixed = {name: one for name, one in self.of.items() if name != MOVED}
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).digest()
