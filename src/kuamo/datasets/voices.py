"""Synthetic speakers: words spoken by eSpeak NG in voices drawn at random, for more voices than were recorded."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kuamo.errors import TableError

__all__ = ["Voice", "draw_voices", "speak"]

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029", "en-gb-x-gbcwmd")
VARIANTS = (*(f"m{i}" for i in range(1, 9)), *(f"f{i}" for i in range(1, 6)), "klatt", "klatt2", "klatt3", "klatt4")


class Voice(NamedTuple):
    """An accent and a variant of eSpeak NG, its pitch (0 to 99), and its speed in words a minute."""

    accent: str
    variant: str
    pitch: int
    speed: int

    @property
    def name(self) -> str:
        """All of it in one word."""
        return f"espeak {self.accent}+{self.variant} {self.pitch} {self.speed}"


def draw_voices(count: int, seed: int = 0) -> list[Voice]:
    """Voices at random; the first few of many are the same as of few.

    Example:
        >>> draw_voices(3)[:2] == draw_voices(2)
        True
    """
    rng = np.random.default_rng(seed)
    return [
        Voice(
            str(rng.choice(ACCENTS)), str(rng.choice(VARIANTS)), int(rng.integers(10, 90)), int(rng.integers(100, 220))
        )
        for _ in range(count)
    ]


def speak(words: Sequence[str], voice: Voice) -> list[bytes]:
    """Each word as a WAV file (22,050 Hz).

    Raises:
        TableError: eSpeak NG is not installed, or does not know the voice.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise TableError("given synthetic voices, and no program espeak-ng; expected eSpeak NG to be installed")
    options = ["-v", f"{voice.accent}+{voice.variant}", "-p", str(voice.pitch), "-s", str(voice.speed)]

    def one(word: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "word.wav"
            done = subprocess.run([program, *options, "-w", str(path), "--", word], capture_output=True, text=True)
            if done.returncode or not path.exists():
                raise TableError(f"given the voice {voice.name}; espeak-ng says {done.stderr.strip()[:200]!r}")
            return path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, words))
