# Every target is a thin call of the `cvm` command, so a Windows user without make has the same:
#   py -m venv .venv && .venv\Scripts\pip install -r locks\core.txt
#   .venv\Scripts\pip install --no-deps -e . && .venv\Scripts\cvm demo
PYTHON ?= python3
BIN := .venv/bin
UV := .venv/setup/bin/uv
# A dot every two seconds, so that a long step is seen to go on.
WITH_DOTS := sh -c 'while :; do printf .; sleep 2; done & dots=$$!; trap "kill $$dots; echo" EXIT; "$$@"' --
INSTALL := $(WITH_DOTS) $(UV) pip install --quiet --python $(BIN)/python --compile-bytecode

.PHONY: demo test lab check bench lock help
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/.core ## make the sample operator, run the notebooks, publish, serve the dashboards
	@$(BIN)/cvm demo

test: .venv/.all ## run the whole test suite, notebooks included
	@$(BIN)/cvm test

lab: .venv/.core ## open JupyterLab on the notebooks
	@$(BIN)/cvm lab

check: .venv/.all ## format, lint, types
	@$(BIN)/cvm check

bench: .venv/.bench ## time each row beside its peer
	@$(BIN)/cvm bench

lock: $(UV) ## resolve pyproject.toml again into locks/
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--upgrade --extra spark --extra docs --extra test pyproject.toml --output-file locks/all.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --constraints locks/all.txt pyproject.toml --output-file locks/core.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --constraints locks/all.txt --all-extras pyproject.toml --output-file locks/bench.txt

$(UV):
	@echo "setting up: a Python environment in .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 …"; exit 2; }
	@$(PYTHON) -m venv .venv
	@$(PYTHON) -m venv .venv/setup
	@$(WITH_DOTS) .venv/setup/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.core: $(UV) locks/core.txt pyproject.toml
	@echo "setting up: installing from locks/core.txt (about a minute the first time)"
	@$(INSTALL) --require-hashes -r locks/core.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@

.venv/.all: $(UV) locks/all.txt pyproject.toml
	@echo "setting up: installing from locks/all.txt (about a minute the first time)"
	@$(INSTALL) --require-hashes -r locks/all.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@ .venv/.core

.venv/.bench: .venv/.all locks/bench.txt
	@echo "setting up: the peers of the bench, from locks/bench.txt"
	@$(INSTALL) --require-hashes -r locks/bench.txt
	@touch $@
