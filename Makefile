# Two commands for people: `make report` and `make test`. CI calls exactly these targets.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
WANTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(WANTED)' 2>/dev/null && echo $$p && break; done)

.PHONY: report test lint format benchmark constraints clean

report: $(VENV)/.report-ready
	$(BIN)/rfm-ml run params/cdnow.yml

test: $(VENV)/.test-ready
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.test-ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify notebooks/*.ipynb notebooks/explore/*.ipynb

format: $(VENV)/.test-ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/nbstripout notebooks/*.ipynb notebooks/explore/*.ipynb

benchmark: $(VENV)/.test-ready
	$(BIN)/python benchmarks/customer_table.py

# The exact set everything was tested with: names and versions only.
constraints: $(VENV)/.test-ready
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools > constraints.txt

clean:
	rm -rf $(VENV) .rfm_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 must be installed. Found: $$(python3 --version 2>&1)."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module must be installed (on Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.report-ready: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing (about a minute the first time) ..."
	$(PIP) --editable '.[data]'
	@touch $@

$(VENV)/.test-ready: $(VENV)/.report-ready
	$(PIP) --editable '.[data,dev]'
	@touch $@
