# Two commands do everything on a Linux machine with Python 3.11+ and make: `make serve` and `make test`.
# Nothing needs root, nothing is written outside this folder. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON_FILES := src tests bench tools deploy
# Many short programs run from here: whoever forbids bytecode has each of them compile everything again.
unexport PYTHONDONTWRITEBYTECODE
ARGS ?=
LANES ?=

.PHONY: help
help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

.PHONY: runtime
runtime:
	@tools/venv runtime

.PHONY: dev
dev:
	@tools/venv dev

.PHONY: serve
serve: runtime ## Run an index here: data in ./var, http://127.0.0.1:8000 (settings: HOLDFAST_*, ARGS="...")
	@export HOLDFAST_DATA="$${HOLDFAST_DATA:-./var}"; exec .venv/bin/holdfast serve $(ARGS)

.PHONY: test
test: dev ## Run every test lane, a worker for each core (LANES="unit read" chooses; a missing outside tool is told, its lane skipped)
	@.venv/bin/python -m pytest -n auto $(if $(LANES),$(addprefix tests/,$(LANES)),tests) $(ARGS)

.PHONY: lint
lint: dev ## Formatting, lint, types and import arrows, without the tests
	@status=0; \
	.venv/bin/ruff format --check $(wildcard $(PYTHON_FILES)) || status=1; \
	.venv/bin/ruff check $(wildcard $(PYTHON_FILES)) || status=1; \
	.venv/bin/mypy || status=1; \
	.venv/bin/lint-imports --no-cache --no-logo || status=1; \
	exit $$status

.PHONY: check
check: lint test ## Everything CI judges: lint, then all tests

.PHONY: fmt
fmt: dev ## Format and apply the safe fixes
	@.venv/bin/ruff format $(wildcard $(PYTHON_FILES))
	@.venv/bin/ruff check --fix $(wildcard $(PYTHON_FILES))

.PHONY: bench
bench: dev ## Measure beside nginx and Varnish (writes bench/RESULTS.md; ARGS chooses)
	@.venv/bin/python -m bench $(ARGS)

.PHONY: fuzz
fuzz: dev ## Look for uploads that break a rule nobody wrote down (ARGS="archive --seconds 60")
	@.venv/bin/python -m tests.fuzz $(ARGS)

.PHONY: drills
drills: dev ## Break it on purpose while real clients install (ARGS="NAME" runs one)
	@.venv/bin/python -m tests.clients.toolbox twine
	@.venv/bin/holdfast drill run $(ARGS)

.PHONY: lock
lock: ## Refresh requirements/*.lock (needs the network; see requirements/README.md)
	@tools/lock

.PHONY: audit
audit: ## Ask for known vulnerabilities of what is locked (needs the network; see requirements/README.md)
	@tools/audit $(ARGS)

.PHONY: clean
clean: ## Remove what set-up made: .venv and .tools (never var, which is data)
	@rm -rf .venv .tools build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
