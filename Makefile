# Every target makes .venv on first use; after that, none but `lock` needs the network.
#   PYTHON=...   interpreter to make .venv with (3.11 or newer); found when unset
#   LOCK=...     what .venv holds: requirements/dev.lock, or requirements/runners.lock for the GPU machine's part
#   JOBS=...     test processes
#   BASE=...     revision that `make check` compares with; the merge base with the default branch when unset
LOCK ?= requirements/dev.lock
JOBS ?= auto

ready := .venv/.ready-$(notdir $(LOCK))
# What stands in for GitHub in the tests.
npm := tests/github_side/node_modules/.ready
# What only runs smokegate takes the .venv that is there, and makes the small one where there is none.
any := $(firstword $(wildcard .venv/.ready-*.lock) .venv/.ready-core.lock)
python := .venv/bin/python
# Those that others copy.
workflows := $(wildcard examples/*.yml) runners/deploy/actions-matrix.yml

.PHONY: help demo test lint bench check lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-6s %s\n", $$1, $$2}' Makefile

demo: $(any) ## show the whole way of a model, on a throw-away repository
	$(python) -m smokegate.demo

test: $(ready) $(npm) ## run the tests
	$(python) -m pytest -n $(JOBS) $(ARGS)

lint: $(ready) ## ruff, mypy --strict, workflows, shell syntax
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy bot runners tests model $(wildcard bench/*.py)
	.venv/bin/zizmor --offline --pedantic --strict-collection --no-progress --quiet .github action.yml
	.venv/bin/zizmor --offline --strict-collection --no-progress --quiet $(workflows)
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml $(workflows)
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml .github/actions/smokegate/action.yml
	bash -n .ci/run
	sh -n .ci/setup
	sh -n .ci/npm
	sh -n .ci/action

bench: $(ready) ## measure; writes bench/RESULTS.md
	$(python) bench/run.py $(ARGS)

check: $(any) ## judge this repository's own registry
	.venv/bin/smokegate check --repo . $(if $(BASE),--base "$(BASE)") $(ARGS)

.venv/.ready-%.lock: requirements/%.lock pyproject.toml .ci/setup
	.ci/setup "requirements/$*.lock" "$(PYTHON)"
	@touch "$@"

$(npm): tests/github_side/package-lock.json .ci/npm | $(ready)
	.ci/npm

# The widest lock is made first and bounds the others, so that no two locks disagree on a version.
UV ?= uv
compile = $(UV) pip compile pyproject.toml --group pyproject.toml:build --universal --generate-hashes --quiet \
	--no-config --no-emit-index-url --no-emit-find-links --no-header --annotation-style line
lock: ## bring requirements/*.lock up to date with pyproject.toml (ARGS=--upgrade for newer versions)
	@$(UV) --version >/dev/null || { echo "make lock needs uv; fix: python3 -m pip install uv" >&2; exit 2; }
	$(compile) $(ARGS) --all-extras -o requirements/runners.lock
	$(compile) -c requirements/runners.lock --extra dev -o requirements/dev.lock
	$(compile) -c requirements/runners.lock --extra action -o requirements/action.lock
	$(compile) -c requirements/runners.lock -o requirements/core.lock

clean: ## remove what these targets made
	rm -rf .venv tests/github_side/node_modules .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find $(wildcard bot runners tests model bench) -name __pycache__ -type d -prune -exec rm -rf {} +
