# The front door for developers. `make demo` and `make test` each work from a fresh clone
# with Python 3.11 or newer and make; what they need is installed into .venv first.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
SHELL := /bin/sh
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION := false

.DEFAULT_GOAL := help
.PHONY: help demo test check format lock clean

help:  ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: .venv/runtime  ## Simulate a business, train, score and write the report, without a network
	$(BIN)/churnml demo

test: .venv/development  ## Run the tests, the doctests and the notebooks
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: .venv/development  ## Everything the continuous integration runs: style, types, import order, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(MAKE) --no-print-directory test

format: .venv/development  ## Format the code and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock:  ## Bring requirements.txt and requirements-dev.txt up to date with pyproject.toml (needs uv; UPGRADE=--upgrade)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
		--all-extras $(UPGRADE) --output-file requirements-dev.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
		--extra build --extra fairness --extra postgres --constraints requirements-dev.txt --output-file requirements.txt pyproject.toml

clean:  ## Remove .venv, the caches and what the demo made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis demo dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "churnml needs Python 3.11 or newer; none was found as python3, python3.13," \
		"python3.12 or python3.11. Name yours: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "churnml needs Python 3.11 or newer; $(PYTHON) is older" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.txt pyproject.toml
	@echo "Installing churnml into .venv (a few minutes the first time)"
	$(PIP) --require-hashes --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/development: .venv/bin/python requirements-dev.txt pyproject.toml
	@echo "Installing churnml and what its tests need into .venv (a few minutes the first time)"
	$(PIP) --require-hashes --requirement requirements-dev.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ .venv/runtime
