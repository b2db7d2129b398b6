# Self-documenting: `make` lists the targets and what follows their ##.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo_out
STUDY ?= digits
PEERS := jax pythae

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast zoo-check tables study bench bench-quick lint format lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed  ## Make .venv with the exact versions of requirements.lock

$(VENV)/installed: requirements.lock setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: install  ## Show on 300 digits when the method helps: table, pictures, a SavedModel (up to 5 minutes; OUT=folder)
	$(BIN)/python -m trainers.demo --out $(OUT)

test: install  ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: install  ## Run the tests that are not marked slow
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

zoo-check: install  ## Evaluate every published model and compare with its card (one to two hours; MANUAL_DIR=folder)
	$(BIN)/python -m trainers.zoo_check $(MANUAL_DIR:%=--manual-dir %)

tables: install  ## Write RESULTS.md, its pages and figures again from the records under results/
	$(BIN)/python -m studies.tables

study: install  ## Run the missing parts of a study (STUDY=caltech MANUAL_DIR=folder)
	$(BIN)/python -m studies.reproduce --study $(STUDY) $(MANUAL_DIR:%=--manual-dir %)

bench: install $(PEERS:%=benchmarks/peers/%/installed)  ## Time everything, and the peers (about 30 minutes; MANUAL_DIR=folder)
	$(BIN)/python -m benchmarks.compare --peers
	$(BIN)/python -m benchmarks.cold_start --peers
	$(BIN)/python -m benchmarks.iw_svi_quality $(MANUAL_DIR:%=--manual-dir %)
	$(BIN)/python -m benchmarks.ais_quality $(MANUAL_DIR:%=--manual-dir %)
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.signal_to_noise

bench-quick: install  ## Time fit and evaluation against the machine (under 3 minutes)
	$(BIN)/python -m benchmarks.compare --repeats 2

benchmarks/peers/%/installed: benchmarks/peers/%/requirements.txt
	$(PYTHON) -m venv $(@D)/venv
	$(@D)/venv/bin/pip install --quiet -r $<
	touch $@

lint: install  ## Check style and formatting with ruff, and which package imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: install  ## Format with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install  ## Write requirements.lock again from the ranges in setup.py
	$(BIN)/pip-compile --quiet --extra dev --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-find-links --output-file requirements.lock setup.py

clean:  ## Remove the environment and caches
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
