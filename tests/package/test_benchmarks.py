"""Benchmarks have a name, a claim and a place: `python -m benchmarks` lists them, and each is in a table of results."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = {path.stem: path for path in (ROOT / "benchmarks").glob("*/*.py")}
RESULTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "benchmarks").rglob("RESULTS.md"))


def test_the_runner_lists_every_script_and_refuses_others() -> None:
    listed = subprocess.run([sys.executable, "-m", "benchmarks"], cwd=ROOT, capture_output=True, text=True)
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert listed.returncode == 0
    assert sorted(names) == sorted(f"{path.parent.name}/{name}" for name, path in SCRIPTS.items())
    assert all(len(line.split(maxsplit=1)) == 2 for line in listed.stdout.splitlines()), "a script says what it claims"
    other = subprocess.run([sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, capture_output=True, text=True)
    assert other.returncode == 1
    assert "no benchmark is named 'nothing'" in other.stderr


def test_a_script_runs_by_its_name() -> None:
    command = [sys.executable, "-m", "benchmarks", "screen_columns", "--tables", "1", "--columns", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "2 columns, ρ = 0.9: called related in 1.000 of 1 tables" in done.stdout


def test_every_script_has_results_and_every_command_a_script() -> None:
    named = set(re.findall(r"python -m benchmarks (\w+)", RESULTS))
    assert named <= SCRIPTS.keys(), named - SCRIPTS.keys()
    missing = {name for name in SCRIPTS if not re.search(rf"\b{name}\b", RESULTS)}
    assert not missing, f"no results: {missing}"


def test_every_section_says_where_it_was_recorded() -> None:
    for path in (ROOT / "benchmarks").glob("*/RESULTS.md"):
        sections = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
        assert sections
        for section in sections:
            assert re.search(r"[Rr]ecorded in commit [0-9a-f]{7}", section), f"{path}: {section.splitlines()[0]}"
