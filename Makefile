# `make demo` and `make test` need nothing but python3 (3.11+, with venv) and, for the lab, root on Linux.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash

.PHONY: help setup demo demo-seed test faults check lab-up lab-down lab-purge bench bench-nodes bench-workloads bench-upstream networks versions docs lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: .venv/ready ## Make the Python environment in .venv, from the lock file

demo: .venv/ready ## Bring a real cluster up on this machine, judge it, show where the report is
	@$(BIN)/python -m lab up
	@$(BIN)/python -m lab outside -- $(BIN)/pytest --kubeconfig "$$($(BIN)/python -m lab kubeconfig)"
	@echo "The cluster is still up for a look: see docs/lab.md. \`make lab-down\` takes it down."

demo-seed: .venv/ready ## The same on the original target cluster: Kubernetes 1.19, IPVS, as AKS Engine deployed it
	@$(BIN)/python -m lab up --variant seed
	@$(BIN)/python -m lab outside -- $(BIN)/pytest --kubeconfig "$$($(BIN)/python -m lab kubeconfig)" \
		--profile aks-engine --strict-support
	@echo "The cluster is still up for a look: see docs/seed.md. \`make lab-down\` takes it down."

test: .venv/ready ## Pass the project's own tests; with root on Linux, on real clusters as well
	@$(BIN)/pytest selftest --durations=40 --durations-min=20

faults: .venv/ready ## Judge every fault and every variant alone, against what each must break
	@FAULTS_ALONE=1 $(BIN)/pytest selftest/lab/test_suite.py

check: .venv/ready ## Lint, types, layers, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

lab-up: .venv/ready ## Bring the lab up (VARIANT=default)
	@$(BIN)/python -m lab up --variant $(or $(VARIANT),default)

lab-down: .venv/ready ## Take the lab down; nothing stays behind
	@$(BIN)/python -m lab down

lab-purge: .venv/ready ## Take the lab down and remove its builds, packages and images too
	@$(BIN)/python -m lab purge

bench: .venv/ready ## Print how long the suite takes beside the cluster's own floor
	@$(BIN)/python -m bench.ratio

bench-nodes: .venv/ready ## Print how long reading 5,000 nodes takes, and in how much memory
	@$(BIN)/python -m bench.nodes

bench-workloads: .venv/ready ## Print how long reading 30,000 pods and their Services takes, and in how much memory
	@$(BIN)/python -m bench.workloads

bench-upstream: .venv/ready ## Compare with Kubernetes' own specs, write docs/compared.md (CASES, SPECS, PROCS, BOUND)
	@$(BIN)/python -m bench.upstream $(if $(CASES),--cases '$(CASES)') $(if $(SPECS),--specs '$(SPECS)') \
		$(if $(PROCS),--procs $(PROCS)) $(if $(BOUND),--bound $(BOUND))

networks: .venv/ready ## Judge every network that the lab deploys, write docs/networks.md (VARIANTS: only these now)
	@$(BIN)/python -m bench.networks $(VARIANTS)

versions: .venv/ready ## Judge every release that the lab deploys, write docs/versions.md (VARIANTS: only these now)
	@$(BIN)/python -m bench.versions $(VARIANTS)

docs: .venv/ready ## Make the generated documents again
	@$(BIN)/python docs/generate.py

LOCK := --generate-hashes --no-header --no-emit-index-url --no-annotate
lock: .venv/ready ## Choose dependency versions anew, within the bounds of pyproject.toml
	uv pip compile pyproject.toml --group dev $(LOCK) --upgrade --output-file requirements.lock
	uv pip compile pyproject.toml --constraint requirements.lock $(LOCK) --output-file requirements-run.lock

clean: ## Remove the environment and the reports; the lab's folder is `make lab-purge`'s
	rm -rf .venv reports/20* reports/latest
