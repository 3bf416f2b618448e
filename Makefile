# Lists what can be made; make run needs nothing but Go.

BIN        := bin/kumotrail
MAIN       := ./bootstrap/cmd/kumotrail
TOOL       := go tool -modfile=tools.mod
VERSION    := $(shell git describe --tags --dirty 2>/dev/null)
COMMIT     := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
LDFLAGS    := -X main.version=$(VERSION) -X main.commit=$(COMMIT)
# Without msgpack, which gin would link for nothing: 6 MB less.
BUILDFLAGS := -trimpath -tags nomsgpack

# How long make fuzz tries each target, and which.
FUZZTIME   ?= 30s
FUZZ       ?= ^Fuzz

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## start the service on its embedded default
	exec $(BIN) serve

.PHONY: build
build: ## build bin/kumotrail
	CGO_ENABLED=0 go build $(BUILDFLAGS) -ldflags "$(LDFLAGS)" -o $(BIN) $(MAIN)

.PHONY: dev
dev: ## start the service and restart it when a source file changes
	$(TOOL) air -c .air.toml

.PHONY: test
test: ## run every test; what they need is installed or named
	test/setup.sh
	go test -timeout 30m ./...

.PHONY: test-embedded
test-embedded: ## run the tests that need Go alone
	CGO_ENABLED=0 go test -tags embedded ./...

.PHONY: race
race: ## run the tests under the race detector, end to end tests aside
	@command -v "$$(go env CC)" >/dev/null || { echo "make race: the race detector needs a C compiler: apt-get install gcc" >&2; exit 1; }
	CGO_ENABLED=1 go test -race -timeout 60m $$(go list ./... | grep -vE '/test/(e2e|bench)(/|$$)')

.PHONY: lint
lint: ## check form, vet, linters and go.mod
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { printf 'make lint: not formatted, run make fmt:\n%s\n' "$$unformatted" >&2; exit 1; }
	go vet ./...
	$(TOOL) golangci-lint run ./...
	go mod tidy -diff

.PHONY: fmt
fmt: ## format the sources
	gofmt -w .

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME, those that match FUZZ
	@set -e; for package in $$(go list ./...); do \
		listed=$$(go test -list '$(FUZZ)' $$package); \
		for target in $$(echo "$$listed" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

.PHONY: bench
bench: build ## measure speed and memory, print a table
	go run $(BUILDFLAGS) ./test/bench

.PHONY: e2e
e2e: ## run the end to end tests: the binary as a process
	go test -count=1 ./test/e2e/...

.PHONY: clean
clean: ## remove what was built; data stays
	rm -rf bin
