# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv and Pulumi's engine by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV ?= uv
WORKERS ?= 3

# Bytecode is kept: tests and benchmarks start runctl thousands of times.
unexport PYTHONDONTWRITEBYTECODE

MATRIX := matrix-crash matrix-faults matrix-interruptions matrix-protection matrix-teams matrix-sessions matrix-trainers matrix-rest coverage

.PHONY: setup engine demo demo-interrupt test lint types layers collection unit bench smoke matrix $(MATRIX) docs lock sbom clean

setup: $(VENV)/.ready engine

# All packages have the hashes of requirements.lock. The engine is installed beside pip's work, once a person, not
# once a clone.
$(VENV)/.ready: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -I runctl_auto/engine/install/standalone.py & engine=$$!; \
	trap 'kill $$engine 2>/dev/null; wait $$engine; exit 130' INT TERM; \
	{ $(PIP) --require-hashes -r requirements.lock && $(PIP) --no-deps --no-build-isolation -e .; } \
	  || { kill $$engine 2>/dev/null; wait $$engine; exit 1; }; \
	wait $$engine
	touch $@

engine: $(VENV)/.ready
	@$(BIN)/runctl --sandbox setup

demo: setup
	$(BIN)/python stacks/examples/demo.py

# Digits loses its machine twice, once with nobody watching, and comes to the same result.
demo-interrupt: setup
	$(BIN)/python stacks/examples/demo_interrupt.py

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

layers: $(VENV)/.ready
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest tests/unit tests/contract

test: setup
	@$(MAKE) --no-print-directory -j2 lint types layers collection
	$(BIN)/pytest -n $(WORKERS)

# Compiles the tests once, beside the checks, and not once a worker.
collection: $(VENV)/.ready
	@$(BIN)/pytest --collect-only -qq > $(VENV)/collected.txt || { cat $(VENV)/collected.txt; exit 1; }

# Branch coverage of what runs in the tests' own processes; the floor is in pyproject.toml. It takes twice the time.
coverage: setup
	$(BIN)/pytest -n $(WORKERS) --cov --cov-report=

bench: setup
	$(BIN)/python -m benchmarks.run

# One small job on your own AWS account: a few cents. Options: make smoke SMOKE="--region eu-central-1 --profile me".
smoke: setup
	$(BIN)/python tests/aws/smoke.py $(SMOKE)

# The full counts of what `make test` samples, in parts that can be run one by one.
matrix: $(MATRIX)

RUN_MATRIX = $(BIN)/pytest -m matrix -n $(WORKERS) -v -rP

matrix-crash: setup
	$(RUN_MATRIX) tests/e2e/test_crash_matrix.py

matrix-faults: setup
	$(RUN_MATRIX) tests/e2e/test_fault_matrix.py tests/e2e/test_limits_without_agent.py tests/e2e/test_end_schedule.py

matrix-interruptions: setup
	$(RUN_MATRIX) tests/e2e/test_interruptions.py tests/e2e/test_locks.py

matrix-protection: setup
	$(RUN_MATRIX) tests/e2e/test_protection.py tests/e2e/test_policies.py

# All command lines of `exec`; Amazon's Session Manager plugin, built once from the Go proxy, opens a shell and a port
# in the sandbox; 100 MB both ways with a pause of a minute.
matrix-sessions: setup
	$(BIN)/pytest -m matrix -v -rP tests/e2e/test_reach.py tests/e2e/test_session_plugin.py tests/e2e/test_stop_crashes.py

# Two people on one backend, which also lies on a server built with Go; and a campaign on a Dask cluster, whose
# packages (about 20 MB) are installed once, into $$DASK_FOLDER or .dask/.
matrix-teams: setup
	$(BIN)/pytest -m matrix -v -rP tests/e2e/test_teams.py tests/e2e/test_dask.py

# Installs torch, transformers and others once, about 6 GB, into $$TRAINERS_FOLDER or .trainers/.
matrix-trainers: setup
	$(BIN)/pytest -m matrix -v -rP tests/e2e/trainers

matrix-rest: setup
	$(RUN_MATRIX) tests --ignore=tests/e2e/trainers $(foreach part,crash_matrix fault_matrix limits_without_agent end_schedule interruptions locks protection policies teams dask reach session_plugin stop_crashes,--ignore=tests/e2e/test_$(part).py)

docs: setup
	$(BIN)/python docs/reference/generate.py

# After a change of requirements in pyproject.toml; UPGRADE=--upgrade takes newer versions. Needs uv.
lock:
	$(BIN)/python .ci/lock.py $(UV) $(UPGRADE)

# A bill of materials (CycloneDX): the locked Python packages, and the Go modules of the engine.
sbom:
	$(PYTHON) .ci/sbom.py sbom.cdx.json

clean:
	rm -rf $(VENV) .runctl runs
