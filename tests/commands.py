"""The command line in this process."""

from __future__ import annotations

import sys

import pytest

from kuamo.cli.app import main


def kuamo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and error stream of one command, as its process would give them."""
    monkeypatch.setattr(sys, "argv", ["kuamo", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err
