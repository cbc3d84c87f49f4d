# The two commands of the README are `make run` and `make test`; each sets up all it needs.
# The environment is .venv, filled from the locked files: uv makes it where it is there, else venv and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# That pip itself could be newer is of no use to whoever waits for the set-up.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Nothing of the caller's Dagster may leak into the sample's run.
SAMPLE := MCF_SOURCE=sample

# Neighbours share what is costly to build, so each worker begins with a stretch of its own.
WORKERS := -n auto --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run dev test test-slow lint notices cluster docs front bench bench-growth ci lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

# uv leaves compiling to the first import, which never lasts where bytecode is not written: compile once, here.
# A lock file that changes, or the package's own definition, makes the environment anew.
$(VENV)/.run: requirements.lock pyproject.toml
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
endif
	@touch $@

# Of the tests (dev), the site (docs) and the extras: what their lock file holds beside the pipeline's own.
$(VENV)/.%: $(VENV)/.run requirements-%.lock
ifdef UV
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-$*.lock
else
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-$*.lock
endif
	@touch $@

run: $(VENV)/.run  ## build the warehouse from the embedded sample (data/sample/)
	$(SAMPLE) $(BIN)/mcf-pipeline run

dev: $(VENV)/.run  ## open the Dagster UI on the sample (http://127.0.0.1:3000)
	$(SAMPLE) $(BIN)/dagster dev --host 127.0.0.1

test: $(VENV)/.dev  ## run the tests; with SLOW=1 the slow ones too
	$(BIN)/python -m pytest $(WORKERS) $(if $(SLOW),,-m "not slow")

test-slow: $(VENV)/.dev  ## run the slow ones alone: daemon, killed runs, readers, old DuckDB versions
	$(BIN)/python -m pytest $(WORKERS) -m slow

lint: $(VENV)/.dev  ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

notices: $(VENV)/.notices  ## install what sends notices (MCF_NOTIFY)

cluster: $(VENV)/.cluster  ## install what several machines (docs/cluster.md) and an object store need

docs: $(VENV)/.docs  ## build the documentation site (build/site/index.html)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

front:  ## build the dashboard's program from its sources (needs Node 18 or newer)
	cd mcf_pipeline/site/front && npm ci --silent && npm run --silent build

bench: $(VENV)/.dev  ## measure each command against a plain script, dbt, dlt and plain Dagster; write docs/performance.md
	$(BIN)/python bench/run.py --others --rounds 5 --write docs/performance.md

bench-growth: $(VENV)/.dev  ## measure 100 times the lines, 400 quarters and 200 releases; write docs/performance.md
	-$(BIN)/python bench/growth.py --afresh --write docs/performance.md
	-$(BIN)/python bench/history.py --afresh --write docs/performance.md

ci:  ## everything that CI does
	.ci/run

lock: $(VENV)/.run  ## resolve the dependencies again into the lock files (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-header --group build --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-header --group dev --extra notices --extra cluster --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-header --group docs --constraint requirements-dev.lock --output-file requirements-docs.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-header --extra notices --constraint requirements-dev.lock --output-file requirements-notices.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-header --extra cluster --constraint requirements-dev.lock --output-file requirements-cluster.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-header --extra cluster --extra kubernetes --constraint requirements-cluster.lock --output-file requirements-kubernetes.lock pyproject.toml

clean:  ## remove the environment, the sample's data and all caches
	rm -rf $(VENV) data/sample build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
