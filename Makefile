# Everything lives in .venv/ of this checkout; each target makes what it needs and is quick when nothing is to do.
PYTHON ?= python3
BIN := .venv/bin
# Tests run on both cores of the smallest machine they are meant for; a file stays on one worker.
WORKERS ?= 2

.PHONY: install apiserver demo test check lint fast bench soak fuzz lock clean
.DEFAULT_GOAL := install

install: .venv/installed

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "isoline needs Python 3.11 or newer; this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Three example backends, the three processes and a real Envoy; Ctrl-C ends them all.
demo: install
	@exec $(BIN)/isoline demo

# etcd and kube-apiserver for the tests: those in KUBEBUILDER_ASSETS, else built with Go (ten minutes, once) into the
# user's cache. With neither, the tests that need them are skipped.
apiserver: install
	@$(BIN)/python -m tests.kube.apiserver.build

# All tests: stories, laws, costs, oracle, faults, the demo itself. About ten minutes on two cores. Twenty failures
# tell what is broken; the rest of them might wait for it an hour, each until its deadline.
test: install apiserver
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --maxfail 20

# What a developer runs before each commit: two minutes on two cores.
check: lint fast

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/yamllint --strict compose.yaml deploy

fast: install
	HYPOTHESIS_PROFILE=fast $(BIN)/python -m pytest -q -n $(WORKERS) -m "not envoy and not process and not cluster"

bench: install
	$(BIN)/python -m bench

# Ten times the examples of each law.
soak: install
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -n $(WORKERS) --timeout 3600 -m law

# A million hostile objects, and what comes of them before a real Envoy; half an hour.
fuzz: install
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n 0 --timeout 14400 tests/translator/test_fuzz.py

lock: install
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  --extra local --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv
