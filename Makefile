# The whole study in two commands: `make repro` and `make test`. Each sets up what it needs.
# Paths are relative, so that a folder with spaces in its name works.

PYTHON ?= python3
PY := .venv/bin/python
# Commands of the study find this environment first, and nothing of the user's own packages.
RUN := PATH="$$PWD/.venv/bin:$$PATH" PYTHONNOUSERSITE=1 DVC_NO_ANALYTICS=1

.DEFAULT_GOAL := help
.PHONY: help setup repro test lab check lint bench validate lock docs clean

help: ## say what each command does
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: .venv/.installed ## create .venv from the lock (the others do it when needed)

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "loyaltylab needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d. Name another one: make PYTHON=python3.12 ..." % v)'
	@echo "Setting up .venv (once; some minutes)"
	@$(PYTHON) -m venv --clear .venv || { echo "Python could not make an environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .
	@touch .venv/.installed

repro: .venv/.installed ## run the whole study, then print the findings
	@$(RUN) $(PY) -m loyaltylab check --no-data
	@$(RUN) $(PY) -m dvc repro
	@$(RUN) $(PY) -m loyaltylab findings

test: .venv/.installed ## run every test, the pipeline on a small provider included
	@$(RUN) $(PY) -m pytest --numprocesses auto --dist worksteal

lab: .venv/.installed ## open JupyterLab on the notebooks; what it saves carries no outputs
	@$(RUN) JUPYTER_CONFIG_PATH="$$PWD/jupyter" JUPYTERLAB_SETTINGS_DIR="$$PWD/.venv/lab-settings" $(PY) -m jupyterlab notebooks

lint: .venv/.installed ## check style and types
	@$(RUN) $(PY) -m ruff format --check src tests notebooks
	@$(RUN) $(PY) -m ruff check src tests notebooks
	@$(RUN) $(PY) -m mypy

bench: .venv/.installed ## measure speed beside R and lifelines (LARGE=1: up to a million rows)
	@for name in cox curves timeline tickets provider steps stock_and_flow voucher_expiry; do $(RUN) $(PY) benchmarks/$$name.py $(if $(LARGE),--large) || exit 1; done

validate: .venv/.installed ## try the confirmatory methods on known truths, on all cores (resumable)
	@OMP_NUM_THREADS=1 $(RUN) $(PY) -m loyaltylab validate --processes "$$($(PY) -c 'import os; print(os.cpu_count())')"

docs: .venv/.installed ## write data/README.md from the schemas, and README's figure from the last run
	@$(RUN) $(PY) -m loyaltylab dictionary
	@cp reports/figures/retention/retention_curve.svg docs/figures/

lock: .venv/.installed ## pin the newest packages that pyproject.toml allows
	@$(RUN) $(PY) -m uv pip compile --quiet --universal --generate-hashes --no-annotate --upgrade --python-version 3.11 --group dev --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## remove the environment and everything the study made, but not its cache
	rm -rf .venv reports/*.html reports/figures data/tables data/timeline data/quarantine data/.*.new data/.*.old scratch
