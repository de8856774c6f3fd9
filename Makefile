# `make test` passes on a bare Debian 12 with make and root: `setup` installs what is missing.

VENV := .venv/bin
SOURCES := src sidecar_image tests tools build.py
LOCK := $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock"

.PHONY: setup test lint format build bench mutations detection examples demo lock rules clean

setup:
	tests/setup/install

test: lint
	tests/run

lint: setup
	$(VENV)/ruff check $(SOURCES)
	$(VENV)/ruff format --check $(SOURCES)
	$(VENV)/mypy $(SOURCES)
	$(VENV)/lint-imports

format: setup
	$(VENV)/ruff check --fix $(SOURCES)
	$(VENV)/ruff format $(SOURCES)

build:
	python3 build.py

bench: setup build
	cd tests && ../$(VENV)/python -m bench

mutations: setup
	cd tests && ../$(VENV)/python -m attacks.mutations

# What detection is measured with; it lies in the repository and is made anew when the rules' package changes.
examples: setup
	rm -rf .build/examples
	$(VENV)/pip download --quiet --no-deps --no-build-isolation --no-binary :all: --require-hashes \
		-r requirements/rules.lock -d .build/examples
	$(VENV)/pip install --quiet --no-deps --only-binary :all: --require-hashes \
		-r requirements/rules.lock --target .build/examples/engine
	PYTHONPATH=tests $(VENV)/python -m corpus.refresh

# Writes docs/security/detection.md, in some minutes, with half a gigabyte of other people's code.
detection: setup
	if [ ! -e .build/clean/whole ]; then \
		rm -rf .build/clean && mkdir -p .build/clean/npm && cp requirements/clean/*.json .build/clean/npm \
		&& $(VENV)/pip install --quiet --no-deps --no-compile --only-binary :all: --require-hashes \
			-r requirements/clean.lock --target .build/clean/python \
		&& npm ci --prefix .build/clean/npm --ignore-scripts --omit=optional --silent \
		&& touch .build/clean/whole; fi
	PYTHONPATH=tests $(VENV)/python -m corpus

demo: build
	dist/bottle.pyz demo

lock: setup
	$(LOCK) --upgrade pyproject.toml -o requirements/host.lock
	$(LOCK) --upgrade requirements/build.in -o requirements/build.lock
	$(LOCK) --upgrade --no-deps requirements/rules.in -o requirements/rules.lock
	$(LOCK) --upgrade --no-deps requirements/clean.in -o requirements/clean.lock
	npm install --prefix requirements/clean --package-lock-only --ignore-scripts --omit=optional --silent
	$(LOCK) --upgrade requirements/native.in -o sidecar_image/native.lock
	$(LOCK) --upgrade --override requirements/sidecar-overrides.txt requirements/sidecar.in \
		-o sidecar_image/requirements.lock
	$(LOCK) --upgrade --override requirements/sidecar-overrides.txt --override requirements/test-overrides.txt \
		pyproject.toml requirements/test.in -o requirements/test.lock

rules: setup
	$(VENV)/python -m tools.rules

clean:
	if [ -e .build/tests/engine.json ]; then cd tests && ../$(VENV)/python -m support.engine stop; fi
	rm -rf .build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
