# LeaderSend. `make help` lists what there is.
SHELL := /bin/sh
PY ?= python3
# Test processes at a time: tests wait more than they work, so one more than two processors.
JOBS ?= 3
PYTEST_ARGS ?=

# Every program compiles the application once, also where the shell says otherwise: tests start
# hundreds.
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
FAULTS_TABLE = $${LEADERSEND_HOME:-var}/faults.json
LOCK_FLAGS := --quiet --generate-hashes --universal --no-header --python-version 3.11

.PHONY: run test explore demo bench check faults lock clean help
.DEFAULT_GOAL := help

run: .venv/runtime ## start LeaderSend: web, workers, database, queue and mail catcher
	@exec $(BIN)/leadersend up

test: .venv/dev ## install what the tests need, then run them all on SQLite and on PostgreSQL
	@tools/test_programs.sh
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "not browser and not faults" $(PYTEST_ARGS)
# In processes of their own: the browser's event loop runs until their last test.
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "browser and not faults" $(PYTEST_ARGS)
# Left out are those that start databases of their own or need none, and the walks over all pages
# and tables, which take long: a second time they would show little.
	@if tools/test_programs.sh has-postgresql; then set -x; \
	  LEADERSEND_TEST_DATABASE=postgresql $(BIN)/pytest -n $(JOBS) --dist loadfile -m "not browser and not faults" \
	  --ignore tests/ops --ignore tests/mailer --ignore tests/flows/test_demo.py \
	  --ignore tests/architecture --ignore tests/attacks $(PYTEST_ARGS); \
	else echo "NOT RUN: the tests on PostgreSQL, which could not be installed"; fi

explore: .venv/dev ## property tests on examples that nobody tried before, as often as you like
	LEADERSEND_PROPERTIES=explore $(BIN)/pytest -n $(JOBS) -m "not browser and not faults" \
	  $$(grep -rl "^from hypothesis" tests --include "test_*.py") $(PYTEST_ARGS)

demo: .venv/runtime ## the main job on real input, from a file of contacts to a receipt that adds up
	@$(BIN)/python tools/demo.py

bench: .venv/dev ## the benchmarks, each beside its reference in the same run
	@$(BIN)/python tools/bench.py

check: .venv/dev ## formatter, linter, types, import rules, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/python tools/check_templates.py

faults: .venv/dev ## kill, cut, fill and refuse for real: at most 15 minutes, and a table at the end
	@tools/test_programs.sh
# Most of it waits, so some run at a time; what measures rates runs alone behind them.
	@rm -f $(FAULTS_TABLE)
	FAULTS_TABLE=$(FAULTS_TABLE) timeout --signal INT 900 sh -c '\
	  $(BIN)/pytest tests/faults -n 2 -m "not alone" $(PYTEST_ARGS); all=$$?; \
	  $(BIN)/pytest tests/faults -m alone $(PYTEST_ARGS) && exit $$all'

lock: .venv/setup ## resolve requirements/*.in anew, with hashes
	$(BIN)/uv pip compile $(LOCK_FLAGS) --upgrade requirements/setup.in -o requirements/setup.txt
	$(BIN)/uv pip compile $(LOCK_FLAGS) --upgrade requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/uv pip compile $(LOCK_FLAGS) --upgrade requirements/dev.in -o requirements/dev.txt \
	  --constraint requirements/runtime.txt

clean: ## remove the virtual environment and all caches; your data in var/ stays
	rm -rf .venv *.egg-info build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | \
	  while IFS="$$(printf '\t')" read -r name words; do printf '  make %-6s %s\n' "$$name" "$$words"; done

# The environment. uv installs a hashed lock in seconds; where it cannot, pip does the same.
.venv/setup: requirements/setup.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "LeaderSend needs Python 3.11 or newer: PY=python3.12 make run"; exit 1; }
	@test -x $(BIN)/python || $(PY) -m venv .venv || \
	  { rm -rf .venv; echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes -r $<
	@touch $@

.venv/runtime: requirements/runtime.txt setup.cfg pyproject.toml .venv/setup
	@$(call install,requirements/runtime.txt)
	@touch $@

.venv/dev: requirements/dev.txt setup.cfg pyproject.toml .venv/setup
	@$(call install,requirements/dev.txt)
	@touch $@ .venv/runtime

define install
echo "Installing $(1)"; \
{ VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r $(1) \
  || $(BIN)/python -m pip --quiet install --require-hashes -r $(1); } && \
{ VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable . \
  || $(BIN)/python -m pip --quiet install --no-deps --no-build-isolation --editable .; }
endef
