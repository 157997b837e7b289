# Two commands: `make demo` runs the main job on a bare machine, `make test` checks everything.
# Both do their own set-up, show progress, and go on where an interrupted run stopped.
SHELL := /bin/sh
PYTEST := .venv/bin/python -m pytest

.PHONY: help demo test setup format lint types unit e2e pictures clean

help: ## Show the targets.
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "%-9s %s\n", $$1, $$2}' Makefile

demo: setup ## Bring up the cluster, train and publish two models, deploy them, split traffic 70/30, measure it.
	@.venv/bin/crossfade demo

test: setup lint types unit e2e ## Run formatting, lint, types, unit, config-case and end-to-end tests.

setup: ## Make the virtual environment in .venv from uv.lock.
	@./setup.sh

format: setup ## Format the code.
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

lint: setup
	@echo "==> Formatting and lint"
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .

types: setup
	@echo "==> Types (usually 1 min)"
	@.venv/bin/pyright

unit: setup
	@.venv/bin/crossfade cluster tools
	@echo "==> Unit tests and config cases (usually 3 min)"
	@$(PYTEST) tests --ignore=tests/e2e

e2e: setup
	@echo "==> End-to-end tests on the embedded cluster (usually 20 min)"
	@.venv/bin/crossfade cluster tools
	@$(PYTEST) tests/e2e

pictures: setup ## Draw the pictures of docs/ anew, from the running dev stack.
	@.venv/bin/crossfade demo --picture docs/split.png
	@.venv/bin/crossfade graph --stack dev --out docs/dev-graph.png
	@mkdir -p docs/training
	@for v in 1 2; do for p in curves confusion; do cp .crossfade/reports/mnist/$$v/$$p.png docs/training/mnist-$$v-$$p.png; done; done

clean: ## Stop the embedded clusters and delete everything the project made.
	@[ ! -x .venv/bin/crossfade ] || .venv/bin/crossfade cluster down --delete
	@[ ! -x .venv/bin/crossfade ] || CROSSFADE_CLUSTER=e2e .venv/bin/crossfade cluster down --delete
	@rm -rf .crossfade .venv
