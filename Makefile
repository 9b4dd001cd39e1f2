# Ordersite's commands. `make` alone lists them; README.md has the plain lines for machines without make.
PYTHON ?= python3
VAR_DIR ?= var
export VAR_DIR

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input
# The demo writes orders and a board, so whatever a shell points at, it keeps to the embedded databases and the local board.
ONLY_HERE := env -u DATABASE_URL -u DATABASE_URL_FILE -u ORDERS_DATABASE_URL -u ORDERS_DATABASE_URL_FILE \
	-u MONDAY_API_URL -u MONDAY_API_TOKEN -u MONDAY_API_TOKEN_FILE -u PRODUCTION -u SANDBOX_STORE
MANAGE := $(BIN)/python manage.py

.DEFAULT_GOAL := help
.PHONY: help demo test tsql check core audit bench torture lock serve screenshots pictures roles editor clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 14

demo: .venv/installed ## install, load 5,000 demo orders, sync ten of them to the local board, write a page about it
	@$(ONLY_HERE) $(MANAGE) migrate --verbosity 0
	@$(ONLY_HERE) $(MANAGE) load_demo_orders --rows 5000
	@$(ONLY_HERE) $(MANAGE) sync_orders --mode TEST --limit 10
	@$(ONLY_HERE) $(MANAGE) demo_page --out $(VAR_DIR)/demo.html > $(VAR_DIR)/demo_page.log
	@echo $(VAR_DIR)/demo.html

test: .venv/installed-dev ## run the tests on the embedded databases
	@$(BIN)/python -m pytest -n 4 --dist loadgroup -m "not long"

tsql: .venv/installed-dev ## run the database tests with every query compiled for SQL Server and linted
	@$(BIN)/python -m pytest -n 4 --dist loadgroup -m "not long" --tsql tests/db tests/tsql

core: .venv/installed-dev ## run the tests of the pure cores, which need no Django
	@$(BIN)/python -m pytest tests/core

# The example of production settings is read as it stands; what names a folder or a secret of a server is replaced.
check: .venv/installed-dev ## format, lint, types, layers, migrations, and the example of production settings
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml ordersite staging mapping monday manage.py
	$(BIN)/mypy --no-error-summary ordersite staging mapping monday manage.py
	$(BIN)/lint-imports --no-logo > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	$(ONLY_HERE) $(MANAGE) makemigrations --check --dry-run --verbosity 0
	@set -a && . ./ordersite/production.env.example && set +a && unset LOG_FILE && export VAR_DIR=.venv/check && \
		export SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')" && \
		echo '$(MANAGE) check --deploy  (ordersite/production.env.example)' && \
		$(MANAGE) check --deploy --fail-level WARNING

# A project of its own is made of the pinned versions, as the tool reads no list of them.
audit: .venv/installed-dev ## look up whether an advisory is known for a pinned package (needs the network)
	@rm -rf .venv/audit && mkdir -p .venv/audit
	@{ printf '[project]\nname = "pinned"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = [\n'; \
		sed -n 's/^\([A-Za-z0-9._-]*\(\[[a-z]*\]\)\{0,1\}==[^ ;\\]*\).*/  "\1",/p' requirements.lock; printf ']\n'; } > .venv/audit/pyproject.toml
	@$(BIN)/uv lock --quiet --project .venv/audit
	@$(BIN)/uv audit --project .venv/audit --frozen --preview-features audit-command; said=$$?; \
		[ $$said -lt 2 ] || echo 'The advisories could not be asked, so nothing is known. Remedy: run it where their service can be reached.' >&2; \
		exit $$said

bench: .venv/installed-dev ## measure reading, detection, rendering, the local board and pushes (minutes); figures also in $(VAR_DIR)/bench
	@missed=0; for file in tests/bench/bench_*.py; do name="$$(basename "$$file" .py)"; \
		$(BIN)/python -m "tests.bench.$$name" $$([ $$name != bench_detect ] || echo "--million --out $(VAR_DIR)/bench/detect.json") \
		|| missed=1; done; exit $$missed

torture: .venv/installed-dev ## kill the line at random instants and at every moment, and look whether anything is lost (an hour)
	@$(BIN)/python -m pytest -m long
	@$(BIN)/python -m tests.faults.torture seeded --kills 1000
	@$(BIN)/python -m tests.faults.torture seeded --kills 200 --workers 2 --twice
	@$(BIN)/python -m tests.faults.torture seeded --kills 200 --workers 2 --twice --postgres
	@$(BIN)/python -m tests.faults.clusters
	@$(BIN)/python -m tests.faults.torture enumerated

lock: .venv/installed-dev ## write requirements.lock anew: what requirements.txt pins, with hashes
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --quiet requirements.txt -o requirements.lock

serve: .venv/installed ## the web pages and the worker, on this machine only
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) serve

screenshots: .venv/installed-dev ## a picture of every page in light, dark and narrow; needs Chromium
	@$(BIN)/python -m tests.browser.screenshots --out $(VAR_DIR)/screenshots

pictures: .venv/installed-dev ## the README's pictures of the pages, made anew in docs/images; needs Chromium
	@$(BIN)/python -m tests.browser.pictures --out docs/images

roles: .venv/installed-dev ## every role against every action by its address, tried out and printed
	@$(BIN)/python -m pytest -n 0 -s -p no:cacheprovider --show-capture=no tests/db/test_roles.py -k by_address

editor: ## make the mapping editor's one file of CodeMirror anew, of what editor/package-lock.json pins (needs Node.js)
	@cd editor && npm ci --no-audit --no-fund --silent && node build.mjs

clean: ## remove what was installed and what tools left behind; the data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Ordersite needs Python 3.11 or later, and $(PYTHON) is none. Remedy: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
		echo 'No virtual environment could be made. Remedy: install the venv module (Debian: apt install python3-venv).' >&2; exit 1; }
	@echo 'Installing what requirements.txt pins into .venv ...'
	@$(PIP) -r requirements.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo 'Installing the development tools ...'
	@$(PIP) -r requirements-dev.txt
	@touch $@
