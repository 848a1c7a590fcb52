# Each target installs what it needs by itself; a second run installs nothing again.

PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
DEMO    := build/demo
SITE    := build/site
LOWEST  := build/lowest
STATIC  := libindex/serve/static
COGGED  := docs/*.md models/README.md libindex/queries/filters.py
# Plain libindex, libindex with the development tools, and with what builds the site.
PLAIN   := $(VENV)/.ready-demo
DEV     := $(VENV)/.ready-dev
SPHINX  := $(VENV)/.ready-docs

.PHONY: help demo test test-fast lint web web-check docs docs-site bench soak wheel-check test-lowest clean

help:
	@echo "make demo         scan the demo sounds, query them, find similar ones, build a kit"
	@echo "make test         run the tests"
	@echo "make test-fast    run the tests without the slow ones"
	@echo "make lint         ruff, mypy, import-linter, generated documentation"
	@echo "make web          build the page into $(STATIC) (needs Node)"
	@echo "make web-check    check the page's code, run its unit tests, compare what is built"
	@echo "make docs         update the generated parts of the documentation"
	@echo "make docs-site    build the documentation as a site in $(SITE)"
	@echo "make bench        measure speed and memory (LIBRARY=~/Samples for your own sounds)"
	@echo "make soak         change a watched folder for ten minutes and check the library"
	@echo "make wheel-check  build the wheel and use it in an empty environment"
	@echo "make test-lowest  run the quick tests with the oldest dependencies allowed"
	@echo "make clean        remove the virtual environment and everything built"

$(PLAIN) $(DEV) $(SPHINX): $(VENV)/.ready-%: pyproject.toml constraints.txt
	@$(PYTHON) tools/set_up.py $(VENV) $*
	@touch $@ $(PLAIN)  # each of them includes the plain installation

demo: $(PLAIN)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/libindex scan demo_sounds --db $(DEMO)/library.db
	@echo
	$(BIN)/libindex query kick snare --format table --db $(DEMO)/library.db
	@echo
	$(BIN)/libindex similar kick01.ogg -n 5 --format table --db $(DEMO)/library.db
	@echo
	$(BIN)/libindex kit build Demo --layout 24 --out $(DEMO) --db $(DEMO)/library.db
	@echo
	@tools/offer_page.sh $(BIN)/libindex serve --db $(DEMO)/library.db

test: $(DEV)
	$(BIN)/python -m pytest --numprocesses auto $(ARGS)

test-fast: $(DEV)
	$(BIN)/python -m pytest --numprocesses auto -m "not slow" $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cog --check $(COGGED)

# What is built is committed, so that users need no Node.
web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --silent
	@touch $@

web: web/node_modules/.package-lock.json
	@cd web && npm run --silent build

web-check: web/node_modules/.package-lock.json
	@cd web && npm run --silent lint && npm run --silent test
	@cd web && npm run --silent build
	@git diff --exit-code --stat -- $(STATIC) || \
	  { echo "$(STATIC) is not what web/ builds; run: make web"; exit 1; }

docs: $(DEV)
	$(BIN)/cog -r $(COGGED)

docs-site: $(SPHINX)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env -q -b html docs $(SITE)
	@echo "The site is in $(SITE)/index.html"

bench: $(DEV)
	$(BIN)/python -m benchmarks $(if $(LIBRARY),--library "$(LIBRARY)") $(ARGS)

soak: $(DEV)
	$(BIN)/python -m benchmarks.soak $(if $(LIBRARY),--library "$(LIBRARY)") $(ARGS)

wheel-check: $(DEV)
	tools/check_wheel.sh $(BIN)/python

test-lowest:
	tools/test_lowest.sh "$(PYTHON)" $(LOWEST) $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
