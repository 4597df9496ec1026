"""Synthetic speakers: words spoken by eSpeak NG and Flite in voices drawn at random, for more than were recorded.

eSpeak NG builds sounds by rule and has many voices; Flite joins and models recordings of four people. Which of the two
are installed decides who speaks.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kuamo.core.errors import TableError

__all__ = ["Voice", "draw_voices", "programs", "synthesize"]

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029", "en-gb-x-gbcwmd")
VARIANTS = (*(f"m{i}" for i in range(1, 9)), *(f"f{i}" for i in range(1, 6)), "klatt", "klatt2", "klatt3", "klatt4")
PEOPLE = ("kal16", "awb", "rms", "slt")
PROGRAMS = ("espeak-ng", "flite")


class Voice(NamedTuple):
    """A program, a voice of it by name, its pitch (0 to 99), and its speed in words a minute."""

    program: str
    voice: str
    pitch: int
    speed: int

    @property
    def name(self) -> str:
        """All of it in one word."""
        return f"{self.program} {self.voice} {self.pitch} {self.speed}"

    def command(self, word: str, path: Path) -> list[str]:
        """What writes the word as a WAV file."""
        if self.program == "flite":
            settings = {"duration_stretch": round(170 / self.speed, 3), "int_f0_target_mean": 80 + 1.2 * self.pitch}
            options = [part for name, value in settings.items() for part in ("--setf", f"{name}={value}")]
            return ["flite", "-voice", self.voice, *options, "-t", word, "-o", str(path)]
        flags = {"-v": self.voice, "-p": str(self.pitch), "-s": str(self.speed), "-w": str(path)}
        return ["espeak-ng", *chain.from_iterable(flags.items()), "--", word]


def programs() -> tuple[str, ...]:
    """Those that are installed."""
    return tuple(name for name in PROGRAMS if shutil.which(name))


def draw_voices(count: int, seed: int = 0, among: Sequence[str] = PROGRAMS) -> list[Voice]:
    """Voices at random, of these programs in turn; the first few of many are the same as of few.

    Example:
        >>> draw_voices(3)[:2] == draw_voices(2)
        True
    """
    rng = np.random.default_rng(seed)
    return [random_voice(among[number % len(among)], rng) for number in range(count)]


def random_voice(program: str, rng: np.random.Generator) -> Voice:
    """One voice of a program."""
    accent, variant, person = (str(rng.choice(names)) for names in (ACCENTS, VARIANTS, PEOPLE))
    pitch, speed = int(rng.integers(10, 90)), int(rng.integers(100, 220))
    return Voice(program, person if program == "flite" else f"{accent}+{variant}", pitch, speed)


def synthesize(words: Sequence[str], voice: Voice) -> list[bytes]:
    """Each word as a WAV file, at the rate of the voice."""
    if shutil.which(voice.program) is None:
        raise TableError(f"synthetic voices need {voice.program}, which is not installed; expected it to be installed")

    def one(word: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "word.wav"
            done = subprocess.run(voice.command(word, path), capture_output=True, text=True)
            if done.returncode or not path.exists():
                raise TableError(f"given the voice {voice.name}; {voice.program} says {done.stderr.strip()[:200]!r}")
            return path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, words))
