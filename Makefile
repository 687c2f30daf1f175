# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

CARGO := cargo
CARGO_FLAGS := --locked --no-default-features

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: test
test: test-rust ## set up what is needed, then run all tests and lints

.PHONY: test-rust
test-rust:
	$(CARGO) test $(CARGO_FLAGS)
