# make run        Callboard on the example organisation, at http://localhost:4000
# make test       every test that needs nothing but Go and git
# make test-all   also those that start real servers (.ci/run names the Debian packages), all with the race detector; fuzzing; the browser
# make check      lint, and that generated files are fresh
# make generate   gqlgen, the supergraph, the reference pages, the test reports of the example organisation
# make bench      the benchmarks, and the gateway measured beside its floor; BENCHFLAGS for longer rounds or other gateways
# make fuzz       every fuzz target, FUZZTIME each
# make web        the playground, from npm packages

GO         ?= go
FUZZTIME   ?= 5s
BENCHFLAGS ?= -rounds 3 -duration 1s
BIN        := bin/callboard

.PHONY: run build web web-if-npm test test-all check generate bench fuzz clean

run: web-if-npm build
	$(BIN) demo

build:
	$(GO) build -o $(BIN) ./cmd/callboard

# The full playground is built where npm is present; without it Callboard serves a small page of its own.
web-if-npm:
	@if command -v npm >/dev/null 2>&1; then $(MAKE) --no-print-directory web || echo "the playground could not be built; the small page is served instead"; fi

web: gateway/server/playground/dist/index.html

gateway/server/playground/dist/index.html: web/package-lock.json $(wildcard web/src/* web/*.html web/*.mjs web/*.ts web/*.js)
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

test:
	$(GO) test ./...

# Once, with everything: without the tag and the detector it would be the same tests again. A server that is not installed is a failure.
test-all:
	$(GO) test -race -tags servers ./...
	cd deploy/charttest && $(GO) vet ./... && $(GO) test -count=1 ./... # what it reads lies outside of its module, where go test does not see changes
	$(MAKE) --no-print-directory fuzz
	@if [ -f gateway/server/playground/dist/index.html ] && [ -f web/check.mjs ]; then cd web && npm run --silent check; fi

check:
	$(GO) vet ./...
	$(GO) vet -tags servers ./...
	$(GO) tool staticcheck -tags servers $$($(GO) list ./... | grep -v /graph$$)
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	cd deploy/charttest && $(GO) mod tidy -diff
	$(MAKE) --no-print-directory generate
	@git diff --exit-code --stat -- schema subgraphs docs examples || { echo "generated files are stale: run make generate and commit"; exit 1; }

generate:
	$(GO) run ./subgraphs/generate
	cd examples/oncall && $(GO) tool gqlgen generate
	$(GO) run ./examples/reports/make

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./bench $(BENCHFLAGS)

fuzz:
	.ci/fuzz $(FUZZTIME)

clean:
	rm -rf bin gateway/server/playground/dist web/node_modules
