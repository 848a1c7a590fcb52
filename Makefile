# `make demo` and `make test` set everything up by themselves; a second run sets nothing up again.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := build/demo
PAGES  := README.md docs/sql.md models/README.md libindex/queries/filters.py

.PHONY: help demo test test-fast lint docs bench soak wheel-check clean

help:
	@echo "make demo         scan the demo sounds, query them, find what sounds alike"
	@echo "make test         run the tests"
	@echo "make test-fast    run the tests that are done within a minute"
	@echo "make lint         ruff, mypy, import-linter, documentation against --help"
	@echo "make docs         write the output of --help into the README again"
	@echo "make bench        measure speed and memory (LIBRARY=~/Samples for your own sounds)"
	@echo "make soak         let a busy user work in a watched folder for ten minutes, and compare"
	@echo "make wheel-check  build the wheel and use it in an empty environment"
	@echo "make clean        remove the virtual environment and everything built"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "libindex needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/libindex scan demo_sounds --db $(DEMO)/library.db
	@echo
	$(BIN)/libindex query --class kick --class snare --min-prob 0.5 --format table --db $(DEMO)/library.db
	@echo
	$(BIN)/libindex similar kick01.ogg -n 5 --format table --db $(DEMO)/library.db

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto $(ARGS)

test-fast: $(READY)
	$(BIN)/python -m pytest --numprocesses auto -m "not slow" $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cog --check $(PAGES)

docs: $(READY)
	$(BIN)/cog -r $(PAGES)

bench: $(READY)
	$(BIN)/python -m benchmarks $(if $(LIBRARY),--library "$(LIBRARY)") $(ARGS)

soak: $(READY)
	$(BIN)/python -m benchmarks.soak $(if $(LIBRARY),--library "$(LIBRARY)") $(ARGS)

wheel-check: $(READY)
	tools/check_wheel.sh $(BIN)/python

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
