# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test lint types layers unit bench matrix docs clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: setup
	$(BIN)/python stacks/examples/demo.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest tests/unit tests/contract

# Branch coverage of what runs in the tests' own processes; the total is printed, the floor is in pyproject.toml.
test: setup lint types layers
	$(BIN)/pytest -n 4 --cov --cov-report=

bench: setup
	$(BIN)/python benchmarks/run.py

matrix: setup
	$(BIN)/pytest -m matrix -n 3 -v -rP

docs: setup
	$(BIN)/python docs/reference/generate.py

clean:
	rm -rf $(VENV) .runctl runs
