# Everything a developer types. `make help` lists it.

# nodynamic keeps the image codecs from loading whatever library the machine has,
# so that the same input gives the same bytes everywhere.
TAGS := nodynamic
PACKAGES := ./...

.DEFAULT_GOAL := help
.PHONY: help build test race bench fuzz lint generate

help: ## Say what there is to make.
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Compile everything.
	go build -tags $(TAGS) $(PACKAGES)

test: lint ## Run every test, once plainly and once under the race detector.
	go test -tags $(TAGS) $(PACKAGES)
	go test -tags $(TAGS) -race $(PACKAGES)

race: ## Run every test under the race detector.
	go test -tags $(TAGS) -race $(PACKAGES)

bench: ## Run the benchmarks. Compare figures of one run only.
	go test -tags $(TAGS) -run '^$$' -bench . -benchmem $(PACKAGES)

fuzz: ## Fuzz the ring against a slice for a minute.
	go test -tags $(TAGS) -run '^$$' -fuzz FuzzRingIsASliceQueue -fuzztime 60s ./ring

lint: ## Check formatting and vet.
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	go vet -tags $(TAGS) $(PACKAGES)

PROTOS := $(wildcard plugins/*/*.proto examples/*/*.proto rpc/*.proto)
generate: ## Make the service stubs anew (needs protoc, Debian's protobuf-compiler).
	mkdir -p .tools/bin
	GOBIN=$(CURDIR)/.tools/bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
	GOBIN=$(CURDIR)/.tools/bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
	for proto in $(PROTOS); do \
	  PATH=$(CURDIR)/.tools/bin:$$PATH protoc -I $$(dirname $$proto) --go_out=. --go_opt=module=ddc \
	    --go-grpc_out=. --go-grpc_opt=module=ddc $$(basename $$proto) || exit 1; \
	done

include tools.mk
