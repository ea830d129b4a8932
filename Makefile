# What one does here, by name. `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help demo test check conformance fuzz soak bench bench-check rig

# rustup puts cargo here, and a shell opened before that does not know it yet; a distribution's own may be too old.
export PATH := $(HOME)/.cargo/bin:$(PATH)

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name words; do \
		printf '  %-12s %s\n' "$$name" "$$words"; done

demo: ## build the gateway and run it before an echo backend, with two users and lines to try
	@scripts/prepare build
	cargo run --locked -- demo

test: ## everything that must hold: format, lints, tests, docs, licences, example files
	@scripts/prepare test
	@.ci/checks

check: test ## the same as test

fuzz: ## give every fuzz target to libFuzzer for an hour each; SECONDS=60 for less
	@scripts/prepare build
	scripts/fuzz $(or $(SECONDS),3600)

soak: ## 10,000 connections for ten minutes while all changes that can, and idle memory; SECONDS=60 for less
	@scripts/prepare build
	cargo build --release --locked
	rigs/soak target/release/authgate $(or $(SECONDS),600)
	rigs/idle target/release/authgate
	rigs/large target/release/authgate

conformance: ## other people's suites against the gateway (SUITES='http2 slow' for some): docs/CONFORMANCE.md
	@scripts/prepare build
	cargo build --locked
	scripts/conformance/all target/debug/authgate $(SUITES)

bench: ## measure tokens, paths, fields, routes and the whole way of a request
	@scripts/prepare build
	cargo bench --locked

bench-check: ## fail when a proxied request costs more than 5 % over the kept count of instructions
	@scripts/prepare build
	cargo build --release --locked
	rigs/instructions --check

rig: ## measure ours beside nginx, HAProxy, Envoy and Caddy, and put the figures into the README
	@scripts/prepare build
	cargo build --release --locked
	rigs/run --readme
