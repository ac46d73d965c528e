# Two commands do all set-up on a fresh machine with Python 3.11 or later, make and git:
#   make demo   builds a corpus from the embedded synthetic releases
#   make test   runs lint, types and tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow lint types clean

$(VENV)/.ready: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "chexinstruct needs Python 3.11 or later; set PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "this Python cannot make environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

demo: $(VENV)/.ready
	$(BIN)/chexinstruct demo --out .demo

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

test: lint types
	$(BIN)/pytest -n 2 --timeout 300

test-slow: $(VENV)/.ready
	$(BIN)/pytest -n 2 -m slow

clean:
	rm -rf $(VENV) .demo build dist *.egg-info
