# make demo   watch LangChain and LlamaIndex share one conversation   (STORE=redis://… runs it on a server)
# make test   run all tests, on servers that the tests start themselves
# make lint   check style and types
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint clean

# By the environment, as a URL may hold a password and characters that mean something to a shell.
demo: export SESSIONKIT_URL = $(STORE)
demo: $(VENV)/.demo
	@$(BIN)/python -m sessionkit_integrations demo

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses=auto

lint: $(VENV)/.test $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

clean:
	rm -rf $(VENV)

# --group needs a recent pip, which a new virtual environment need not have.
$(VENV)/.pip: pyproject.toml
	@echo "Setting up $(VENV); this takes a minute or two."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.demo: $(VENV)/.pip
	@$(BIN)/python -m pip install --quiet --editable ".[all]"
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --group lint
	@touch $@
