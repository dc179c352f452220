# `make help` lists the targets. They write to .venv and .kubeserve; built tools are kept in ~/.cache/kubeserve.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run demo check test test-browser test-gateway test-cluster screenshots images docs docs-data tutorial manifests lock clean
.PHONY: audit sbom bench bench-serving bench-startup bench-webhook bench-watcher bench-limits chaos

PYTHON ?= python3
STORE ?= minio
BASE ?= python:3.11-slim
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.synced
TOOLS := minio helm etcd kube-apiserver kube-controller-manager promtool
TOOLS_LOG := .kubeserve/tools.log

# Empty: off. Containers often set it, and every start would then compile scikit-learn again, for about 5 s.
export PYTHONDONTWRITEBYTECODE :=

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Create .venv from requirements.lock (instant if nothing changed)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "KubeServe needs Python 3.11 or newer, and '$(PYTHON)' is not: try make PYTHON=python3.11 $(or $(MAKECMDGOALS),setup)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# The uv of the lock file creates the environment, because an older one may read the lock differently.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@uv=$$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements.lock); \
	  test "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$${uv#uv==}" || $(BIN)/python -m pip install --quiet "$$uv"
	@# Compiled now, because models of the local runtime may not write into this folder where they run in bubblewrap.
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

# exec: Ctrl-C then stops one process, and make waits for it.
run: $(STAMP)  ## Serve models on this machine until Ctrl-C (STORE=minio or folder)
	@exec $(BIN)/python -m dev.run run --store $(STORE)

demo: $(STAMP)  ## Upload a model, call it, update it, and end (STORE=minio or folder)
	@exec $(BIN)/python -m dev.run demo --store $(STORE)

check: $(STAMP)  ## Lint, format, types, imports, generated sections of the documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dev.docs --check

docs: $(STAMP)  ## Write the README's tables and the protocols of docs/architecture.md from the code
	$(BIN)/python -m dev.docs

docs-data: $(STAMP)  ## Compare files of seven versions of scikit-learn, read as data → docs/data-loading.md (first: 5 min)
	$(BIN)/python -m tests.corpus.table

tutorial: $(STAMP)  ## Run the commands of docs/tutorial.md in a real terminal (tmux), and write what they print into it
	$(BIN)/python -m tests.transcript docs/tutorial.md

manifests: $(STAMP)  ## Write manifests/install.yaml from the watcher's chart, and the chart's dashboards
	$(BIN)/python -m dev.manifests
	$(BIN)/python -m dev.dashboards

bench: bench-serving bench-webhook  ## Run both benchmarks (QUICK=1: for seconds; the figures mean nothing)

bench-serving: $(STAMP)  ## Compare the server with its peers → docs/performance.md; needs wrk and a quiet machine for 20 min
	@exec $(BIN)/python -m tests.bench.serving $(if $(QUICK),--quick)

bench-limits: $(STAMP)  ## Send bodies that are made to cost much, and measure what they cost → docs/limits.md
	$(BIN)/python -m tests.bench.limits

bench-webhook: $(STAMP)  ## Measure upload → applied by the webhook, and a bare apply
	$(BIN)/python -m tests.bench.webhook_latency

bench-watcher: $(STAMP)  ## Measure a watcher of 1,000 and 5,000 models → docs/performance.md (30 min; QUICK=1: for seconds)
	@exec $(BIN)/python -m tests.bench.watcher_scale $(if $(QUICK),--quick)

# At most 4 processes, because each one imports scikit-learn. A single core gets one.
# Each process of the integration tests has a MinIO and an API server of its own, and a file's tests share what they started.
PARALLEL := -n auto --maxprocesses 4

# The first build of the tools takes minutes. It runs in the background, because the unit tests need none of them.
test: $(STAMP)  ## Run the unit tests, then the integration tests against a real MinIO and API server
	@mkdir -p $(dir $(TOOLS_LOG))
	@echo "Building $(TOOLS) in the background, if necessary; see $(TOOLS_LOG)."
	@$(BIN)/python -m dev.tools $(TOOLS) >$(TOOLS_LOG) 2>&1 & tools=$$!; \
	  trap 'kill $$tools 2>/dev/null || true' EXIT; \
	  $(BIN)/python -m pytest -q $(PARALLEL) --dist worksteal tests/unit; \
	  echo "Waiting for the tools, if they are still being built …"; \
	  wait $$tools && failed= || failed=1; \
	  trap - EXIT; \
	  test -z "$$failed" || { echo "The tools for the integration tests could not be built:" >&2; cat $(TOOLS_LOG) >&2; exit 1; }; \
	  $(BIN)/python -m pytest -q $(PARALLEL) --dist loadfile tests/integration tests/chaos || { \
	    echo "The tests that failed next to others run once more, alone. One that fails again is a fault." >&2; \
	    $(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none tests/integration tests/chaos; }

chaos: $(STAMP)  ## Run the fault table in its long form (ROWS=04: one row) → docs/reliability.md
	@exec $(BIN)/python -m tests.chaos $(if $(ROWS),-k row$(ROWS))

test-browser: $(STAMP)  ## Test the pages in a real Chromium (installs Debian's as root; otherwise it must be there)
	$(BIN)/python -m pytest -q tests/browser

screenshots: $(STAMP)  ## Write the README's pictures of the pages → docs/images
	$(BIN)/python -m tests.browser.screenshots

test-gateway: $(STAMP)  ## Test addresses and a canary with a real gateway (as root, with Traefik 3 on PATH)
	$(BIN)/python -m pytest -q tests/gateway

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml

# Without BASE=… on the command line, the images are based on a Debian that is built here, without a registry.
test-cluster: $(STAMP)  ## Test the whole story on a real one-node cluster (as root, on Debian or with its packages)
	@exec $(BIN)/python -m tests.cluster $(if $(filter command environment,$(origin BASE)),--base $(BASE))

bench-startup: $(STAMP)  ## Measure upload → first prediction on the cluster, and a bare kubectl apply
	@exec $(BIN)/python -m tests.cluster --bench

images: $(STAMP)  ## Build the images of the server and the watcher with podman, buildah or docker (BASE=python:3.11-slim)
	@$(BIN)/python -m dev.images --base $(BASE)

lock: $(STAMP)  ## Compile the lock files from pyproject.toml: one for everything, and one for each image
	$(COMPILE) --all-extras --group dev -o requirements.lock
	$(COMPILE) --extra server --constraint requirements.lock -o requirements-server.lock
	$(COMPILE) --extra watcher --constraint requirements.lock -o requirements-watcher.lock

# Pinned, but not part of the environment: nothing else needs them. --strict, because a package that the service does not know is otherwise skipped,
# and the result is still "No known vulnerabilities found".
AUDIT := $(BIN)/uvx --from pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes
SBOM := $(BIN)/uvx --from cyclonedx-bom==7.5.0 cyclonedx-py requirements --output-reproducible

audit: $(STAMP)  ## Look for known vulnerabilities of the packages in both images (asks PyPI's service; not part of CI)
	@for part in server watcher; do \
	  $(AUDIT) -r requirements-$$part.lock || { echo "make audit: $$part: vulnerable, or not audited (no network, or a mirror without the service): see above." >&2; exit 1; }; done

sbom: $(STAMP)  ## Write the bill of materials of each image's packages (CycloneDX) → .kubeserve/sbom
	@mkdir -p .kubeserve/sbom
	@for part in server watcher; do \
	  $(SBOM) requirements-$$part.lock -o .kubeserve/sbom/$$part.cdx.json && echo ".kubeserve/sbom/$$part.cdx.json"; done

clean:  ## Remove .venv, caches and the data of make run
	rm -rf $(VENV) .kubeserve .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
