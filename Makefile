# make demo         watch LangChain and LlamaIndex share one conversation   (STORE=redis://… runs it on a server)
# make test         run all tests, on servers that the tests start themselves
# make test-quick   run those that start no server and no process, in half a minute
# make test-min     run them on the oldest Python here and the oldest packages that pyproject.toml allows
# make test-matrix  run them on every Python here, with the newest packages   (MATRIX="python3.10 …" names others)
# make test-bench   run the tests that need other packages, and see that the benchmarks run
# make bench        compare sizes, times and commands with those of other packages; .bench/ gets the table and a plot
# make scale        measure what works on all sessions of a store that holds 200,000, for about an hour
# make fuzz         look for bytes that reading does not expect   (FUZZ_SECONDS=600 looks longer)
# make explore      run the tests with random values on values that no run had before   (SEED=1 repeats some)
# make dist         build the wheel and the source distribution, and try the wheel with each extra
# make docs         build the site of the documentation into build/site, and check its links
# make picture      draw the session that the README shows, in Chromium
# make lint         check style, types and wording, and the types of the documentation's code
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MIN := .venv-min
MATRIX ?= python3.10 python3.11 python3.12 python3.13
FUZZ_SECONDS ?= 60

# Tests start hundreds of processes, each of which would compile the package again.
export PYTHONDONTWRITEBYTECODE :=

# A worker that has nothing left to do takes tests from another, as some take a thousand times as long as others.
IN_PARALLEL := --numprocesses=auto --dist=worksteal

# Tests also wait: for servers, processes and times to live. Three workers keep two cores busy.
WITH_WAITING = --numprocesses=$(shell $(PYTHON) -c "import os; print(os.cpu_count() * 3 // 2)") --dist=worksteal

# The Pythons of MATRIX that run; a version manager puts names on the PATH that do not.
FOUND = $(shell for python in $(MATRIX); do if $$python -c "" 2>/dev/null; then echo $$python; fi; done)

.PHONY: demo test test-quick test-min test-matrix test-bench bench scale fuzz explore dist docs picture lint clean

# By the environment, as a URL may hold a password and characters that mean something to a shell.
demo: export SESSIONKIT_URL = $(STORE)
demo: $(VENV)/.demo
	@$(BIN)/python -m sessionkit_integrations demo

test: $(VENV)/.test
	$(BIN)/python -m pytest $(WITH_WAITING)

# By the marks of tests. Faults, files, random values and long computations take their time.
test-quick: $(VENV)/.test
	$(BIN)/python -m pytest $(IN_PARALLEL) --ignore=tests/faults -m "not (server or disk or process or hypothesis or slow)"

# First without what needs a later typing-extensions than we do: frameworks, drivers and pytest's plugins.
test-min: $(MIN)/.test
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTHONPATH=$(MIN)/alone $(MIN)/bin/python -m pytest --quiet \
		--config-file=/dev/null --rootdir=. --import-mode=importlib --noconftest tests/test_window.py tests/test_records.py
	$(MIN)/bin/python -m pytest $(WITH_WAITING)

# A folder for each, and make test in it.
test-matrix:
	@failed=; for python in $(FOUND); do \
		$(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$${python#python} || failed="$$failed $$python"; \
	done; \
	for python in $(filter-out $(FOUND),$(MATRIX)); do echo "$$python is not here, so nothing was run on it."; done; \
	if [ -n "$$failed" ]; then echo "Tests failed on$$failed."; exit 1; fi
	@test -n "$(FOUND)"

test-bench: $(VENV)/.bench
	$(BIN)/python -m pytest $(IN_PARALLEL) tests/benchmarks

bench: test-bench
	@$(BIN)/python -m tests.benchmarks.sizes
	@echo
	@$(BIN)/python -m tests.benchmarks.decoding
	@echo
	@$(BIN)/python -m tests.benchmarks.features
	@echo
	@$(BIN)/python -m tests.benchmarks

scale: $(VENV)/.bench
	@$(BIN)/python -m tests.benchmarks.scale

fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz -max_total_time=$(FUZZ_SECONDS)

explore: $(VENV)/.test
	$(BIN)/python -m pytest $(IN_PARALLEL) --hypothesis-profile=explore $(if $(SEED),--hypothesis-seed=$(SEED)) -m hypothesis

dist: $(VENV)/.dist
	$(BIN)/python -m tests.distribution

# The variable silences an advertisement of the theme.
docs: $(VENV)/.docs
	$(BIN)/python -m tests.site build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

picture: $(VENV)/.test
	$(BIN)/python -m tests.picture

lint: $(VENV)/.test $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m tests.wording
	$(BIN)/python -m tests.snippets build/snippets
	MYPYPATH=build/snippets $(BIN)/mypy --strict --allow-untyped-calls build/snippets
	$(BIN)/pyright --pythonpath $(BIN)/python build/snippets

clean:
	rm -rf $(VENV) .venv-* .fuzz .bench build

# --group needs a recent pip, which a new virtual environment need not have.
$(VENV)/.pip: pyproject.toml
	@echo "Setting up $(VENV); this takes a minute or two."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@touch $@

# Again after a change of the version, which is there.
$(VENV)/.demo: $(VENV)/.pip sessionkit_integrations/__init__.py
	@$(BIN)/python -m pip install --quiet --editable ".[all]"
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@

$(VENV)/.fuzz: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --group fuzz
	@touch $@

$(VENV)/.dist: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --group dist
	@touch $@

# Without the package and the frameworks: the reference is read from the sources.
$(VENV)/.docs: $(VENV)/.pip
	@$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --group lint
	@touch $@

# The floors of pyproject.toml as constraints. The one of typing-extensions holds for the package alone: what the
# frameworks depend on asks for a later one, so it is tried apart from them.
$(MIN)/.test: pyproject.toml
	@echo "Setting up $(MIN); this takes a minute or two."
	@$(firstword $(FOUND) $(PYTHON)) -m venv --clear $(MIN)
	@$(MIN)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@grep -oE '"[a-z0-9.-]+(\[[a-z]+\])?>=[0-9.]+' pyproject.toml | sed -E 's/"//; s/\[.*\]//; s/>=/==/' | sort -u > $(MIN)/floors.txt
	@grep -v typing-extensions $(MIN)/floors.txt > $(MIN)/constraints.txt
	@$(MIN)/bin/python -m pip install --quiet --target $(MIN)/alone --constraint $(MIN)/floors.txt typing-extensions
	@$(MIN)/bin/python -m pip install --quiet --constraint $(MIN)/constraints.txt --editable ".[all]" --group test
	@touch $@
