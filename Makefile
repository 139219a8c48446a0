.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export YOLO_OFFLINE := true
export YOLO_AUTOINSTALL := false

.PHONY: help setup demo test lint render images push conformance bench bench-serve bench-argo soak bench-smoke lock clean

help: ## Show what there is to make.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.locked: requirements/dev.txt requirements/bootstrap.txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { echo "Python 3.11 to 3.14 is needed; found $$("$(PYTHON)" --version 2>&1). Set PYTHON=/path/to/python3.13"; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes --compile-bytecode requirements/dev.txt requirements/bootstrap.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.locked ## Prepare .venv, with `argosight` in it; PYTHON chooses the interpreter, VENV another folder.

demo: setup ## From a drawn data set to an answering detector, in minutes.
	$(BIN)/argosight demo

test: setup lint ## Lint, types, walls, freshness of generated files, and the everyday tests.
	$(BIN)/pytest -n 2

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/argosight render --check

render: setup ## Write argo/rendered/ and the generated docs from the code.
	$(BIN)/argosight render

images: ## Build the images; REGISTRY, TAG, TORCH_INDEX, ENGINE choose, `images/build --help` explains.
	images/build

push: ## Build the images and push them to REGISTRY.
	images/build --push

conformance: setup ## Run templates on the cluster of KUBECONFIG and here, and compare node by node. About 15 minutes.
	$(BIN)/pytest -m cluster --timeout 1800 tests/cluster/test_conformance.py tests/cluster/test_conformance_detector.py

bench: setup ## Ratios against baselines, each from one run: train, pipeline, engine, ingest, split. About 45 minutes.
	$(BIN)/python -m tests.bench.train
	$(BIN)/python -m tests.bench.pipeline
	$(BIN)/python -m tests.bench.pipeline --long
	$(BIN)/python -m tests.bench.engine
	$(BIN)/python -m tests.bench.ingest
	$(BIN)/python -m tests.bench.split

bench-serve: setup ## The server beside its peers: ratios from one run, on two pinned cores. About 30 minutes.
	$(BIN)/python -m tests.bench.serve

bench-argo: setup ## A run on the cluster of KUBECONFIG beside a DAG of its shape that does nothing. About 15 minutes.
	$(BIN)/python -m tests.bench.argo

soak: setup ## The server under every kind of client for 15 minutes, while versions change and its store is killed.
	$(BIN)/python -m tests.bench.soak

bench-smoke: setup
	$(BIN)/python -m tests.bench.train --smoke
	$(BIN)/python -m tests.bench.pipeline --smoke
	$(BIN)/python -m tests.bench.engine --smoke
	$(BIN)/python -m tests.bench.ingest --smoke
	$(BIN)/python -m tests.bench.split --smoke
	$(BIN)/python -m tests.bench.serve --smoke

lock: setup ## Resolve requirements/*.txt anew.
	UV=$(BIN)/uv requirements/lock

clean: ## Remove the environment and all runs.
	rm -rf .venv .venv-* .argosight
