"""What every benchmark prints: the machine, how busy it is, and versions."""

import os
import sys
from pathlib import Path

import numpy as np


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown CPU")
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return f"{name}, {os.cpu_count()} cores, load {load}, Python {sys.version.split()[0]}, NumPy {np.__version__}"
