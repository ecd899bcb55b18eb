# Every target sets up what it needs first; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
export DAGSTER_DISABLE_TELEMETRY := 1
# Waiting OpenMP threads spin by default, which makes a fit many times slower where others need the cores.
export OMP_WAIT_POLICY := PASSIVE

BIN := .venv/bin
# What must give the same on Apache Spark as on the embedded engine. `--engine apache_spark` leaves out those of them
# that use no engine. One JVM serves each worker's; WORKERS=0 has one for all.
SPARK_TESTS := $(addprefix pipelines_tests/,engines tables models training conformance)

.PHONY: help setup demo test test-spark check format dev bench lock clean clean-data

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Set up .venv from the lock file (every other target does this by itself)
	@PYTHON="$(PYTHON)" requirements/install.sh

demo: setup ## Run the main job on simulated sessions; SESSIONS=<file or folder> adds your own flight logs
	@$(BIN)/pipelines demo $(if $(SESSIONS),--sessions "$(SESSIONS)")

# Tests of whole sites wait for daemons more than they compute, hence one worker more than the usual two cores.
test: setup ## Every test on the embedded engine; ARGS="-k landing" narrows it, WORKERS=0 runs one after the other
	@$(BIN)/python -m pytest -n $(or $(WORKERS),3) --dist loadfile $(ARGS)

test-spark: setup ## Every table and model test on Apache Spark, and the whole flow compared with the embedded engine
	@$(BIN)/python -m pytest --engine apache_spark -n $(or $(WORKERS),2) --dist loadfile -o timeout=1500 \
	  $(SPARK_TESTS) $(ARGS)

check: setup ## Format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright

format: setup ## Format the code and repair what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

dev: setup ## Dagster's UI with its daemon on http://127.0.0.1:3000 (PORT=... to change)
	@$(BIN)/pipelines dev --port $(or $(PORT),3000)

bench: setup ## Measure speed; writes benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

lock: setup ## Resolve requirements/*.in anew into the lock files
	@cd requirements && for name in bootstrap development runtime; do \
	  if [ $$name = runtime ]; then with="-c development.lock"; else with=; fi; \
	  ../.uv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 $$with $$name.in -o $$name.lock || exit 1; done

clean: ## Remove .venv and caches; tables, models and runs stay
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -not -path './.uv/*' -prune -exec rm -rf {} +

clean-data: ## Remove the embedded environment: landing zone, tables, models, runs
	@rm -rf .pipelines
