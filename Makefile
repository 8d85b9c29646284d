# Everything happens in .venv; the only things needed beforehand are Python 3.11 or newer, a C compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
QUICKSTART := runs/quickstart

.PHONY: help setup quickstart test test-long lint docs clean

help:
	@echo "make setup       install egodepth and its tools into $(VENV)"
	@echo "make quickstart  render a synthetic drive, train on it, evaluate, show the table"
	@echo "make test        all tests but those that take minutes"
	@echo "make test-long   all tests, with coverage; before a release"
	@echo "make lint        formatting, lint, types, import layers"
	@echo "make docs        the pages and the API reference, as a site with search, into site/"
	@echo "make clean       remove what the above made, except $(VENV) and runs/"

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "egodepth needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@echo "Installing egodepth into $(VENV) (some minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@touch $@

# Many short streets teach more than a few long ones. Every step goes on where it was when it is started again.
quickstart: setup
	$(BIN)/egodepth data render --out $(QUICKSTART)/data --train 32 --val 4 --test 6 --frames 24
	$(BIN)/egodepth train quickstart --data $(QUICKSTART)/data --run $(QUICKSTART)/run
	$(BIN)/egodepth evaluate $(QUICKSTART)/run --benchmark synthetic --data $(QUICKSTART)/data --out $(QUICKSTART)/report

# One thread a worker: two workers of two threads each wait for one another on two cores.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: setup
	$(PYTEST)

test-long: setup
	$(PYTEST) -m "slow or not slow" --cov --cov-report=term:skip-covered

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The pages: site/index.html; with search: $(BIN)/python -m http.server --directory site"

clean:
	rm -rf site dist build .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.*
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
