# Everything a developer types. `make help` lists it.

# nodynamic keeps the image codecs from loading whatever library the machine has,
# so that the same input gives the same bytes everywhere.
TAGS := nodynamic
PACKAGES := ./...
BENCHTIME := 200ms
FUZZTIME := 60s

.DEFAULT_GOAL := help
.PHONY: help build run test race stress soak chaos bench fuzz lint generate clean faults rates prove

help: ## Say what there is to make.
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: tools ## Compile everything; the program is bin/ddc, bin/ddc-fault the one to break.
	go build -tags $(TAGS) $(PACKAGES)
	go build -tags $(TAGS) -o bin/ddc ./cmd/ddc
	go build -tags $(TAGS),ddcfault -o bin/ddc-fault ./cmd/ddc

run: build example ## Set up, build ddc and the example site into out/example, and say how to see it.
	bin/ddc build examples/site -o out/example
	@echo "To see it, and see each change as you save it: bin/ddc serve examples/site"

.PHONY: example
example: # The example site's picture and font, which are made, not kept.
	go run ./examples/site/generate

.PHONY: guide
guide: build ## Build the guide of docs/guide, in the docs theme, into out/guide/public.
	rm -rf out/guide
	bin/ddc init out/guide --theme docs
	rm -rf out/guide/content out/guide/.config
	cp -r docs/guide/. out/guide
	bin/ddc build out/guide --strict

# In test the race detector leaves out what shares nothing between goroutines, what
# works in other processes, and plugins, whose libraries take it minutes. make race
# has all.
SEQUENTIAL := ddc ddc/cmd/% ddc/examples/% ddc/plugins/% ddc/tools/% $(addprefix ddc/conformance/,bench matrix peer verdict) \
  $(addprefix ddc/internal/,doctable enclosure fault fixture icc kdl markup notation printable sandbox seccomp slug suggest) \
  $(addprefix ddc/site/,asset config content starter template)
# What waits longest comes first, and the rest beside it.
LONGEST := ddc/plugin/host
RACY = $(LONGEST) $(filter-out $(SEQUENTIAL) $(LONGEST),$(shell go list $(PACKAGES)))
# Tests wait for others as often as they compute: three packages at once keep two
# processors busy.
AT_ONCE := -p 3
# A program with the race detector sleeps a second before it ends, in case another
# thread is about to race. Tests start and end hundreds of plugins; what races
# does so before.
export GORACE ?= atexit_sleep_ms=0
test: tools example lint ## Run the tests; those of concurrent code also under the race detector.
	go test -tags $(TAGS) -timeout 30m $(AT_ONCE) $(PACKAGES)
	go test -tags $(TAGS) -timeout 30m $(AT_ONCE) -race -short $(RACY)
	$(FAULTY) -short
	@$(MAKE) --no-print-directory -j3 --output-sync=target $(BESIDE) BROWSE=-short EXAMPLE=

# Each of these waits for others, or has one thread, for half of its time: three at
# once keep two processors busy. They share nothing but tools, and none counts on the
# order in which threads happen to run, as catching faults does. What one prints comes
# when it has ended. What takes longest comes first.
BESIDE := test-browser rust test-explore test-diagnosis test-explore-faults test-model interop peers deploy
.PHONY: test-explore test-explore-faults test-diagnosis test-model
test-explore: # The explorer, as far as test goes.
	$(EXPLORE)
test-explore-faults: # The same with each fault.
	$(EXPLORE_FAULTS)
test-diagnosis: # One cell of each diagnosis.
	$(DIAGNOSE)
test-model: # The explorer's models of the kernel, and what is between two steps.
	go test -tags $(TAGS),explore,ddcfault -run Model ./internal/sys
	go test -tags $(TAGS),explore -run Between ./internal/inuse ./slot ./transport/inproc ./wake ./wake/futex

# In test there are 40 changes, on one strategy.
SERVE_CHANGES := 500
.PHONY: serve-changes
serve-changes: tools ## Serve a site through SERVE_CHANGES (500) changes, on all strategies, while plugins and servers are killed and the cache is damaged: some six minutes.
	DDC_SERVE_CHANGES=$(SERVE_CHANGES) go test -tags $(TAGS) -timeout 4h -count=1 -v -run TestServerEqualsACleanBuildWhateverChangesAndDies ./cmd/ddc

# In test these are three seconds and 100 changes.
IDLE := 60s
CHANGES := 10000
.PHONY: serve-long
serve-long: tools ## Look at a server that nobody uses for IDLE (60s), and whether anything grows with CHANGES (10000) changes: half an hour.
	DDC_IDLE=$(IDLE) go test -tags $(TAGS) -timeout 1h -count=1 -v -run TestServerThatNobodyUsesRests ./cmd/ddc
	DDC_CHANGES=$(CHANGES) go test -tags $(TAGS) -timeout 4h -count=1 -v -run TestNothingGrowsWithChanges ./site/serve

# As interop. BROWSE are flags of its tests: in test it is -short, and EXAMPLE is made already. EDITS is how many a page is patched through; without, 100, or 15.
BROWSE :=
EDITS :=
EXAMPLE := example
.PHONY: test-browser
test-browser: tools $(EXAMPLE) ## Look at pages in a real browser (Debian's chromium), which is a module of its own; pictures of them go to out/shots.
	@cd site/serve/browser && if ! command -v chromium >/dev/null; then echo "test-browser: left out, as there is no chromium"; \
	elif go mod download; then DDC_EDITS=$(EDITS) go test -tags $(TAGS) -timeout 30m $(BROWSE) .; else echo "test-browser: left out, as its modules cannot be had"; fi

# A module of its own, whose dependencies may not be to be had: then it is left out, and says so.
.PHONY: interop
interop: ## Run gRPC's own interoperability cases, which are a module of their own.
	@cd conformance/interop && if go mod download; then go test -tags $(TAGS) -timeout 5m ./...; else echo "interop: left out, as its modules cannot be had"; fi

.PHONY: deploy
deploy: ## Hold the files of deploy against those who read them: a module of its own, as interop is.
	@cd deploy/check && if go mod download; then go test -timeout 10m .; else echo "deploy: left out, as its modules cannot be had"; fi

# So are the benchmarks beside other transports: nobody else inherits those.
.PHONY: peers
peers: # Vet the benchmarks beside other transports.
	@cd conformance/bench/peers && if go mod download; then go vet -tags $(TAGS) ./...; else echo "peers: left out, as its modules cannot be had"; fi

# Cargo, its registry or a C compiler may not be there: then it is left out, and says so. RUST= makes all the calls.
RUST := -short
PEERS := $(CURDIR)/sdk/rust/target/debug/examples/peer,$(CURDIR)/sdk/rust/target/debug/peer-in-c,$(CURDIR)/sdk/rust/target/debug/peer-tonic
.PHONY: rust
rust: ## Test the crate for plugins in Rust and C, judge a plugin in each, and one of tonic's, on every strategy, and build a site with each.
	@if cd sdk/rust && cargo fetch --quiet --locked && cargo fetch --quiet --locked --manifest-path peer-tonic/Cargo.toml && cargo fetch --quiet --locked --manifest-path model/Cargo.toml && cargo fetch --quiet --locked --manifest-path ../../examples/minify-rust/Cargo.toml && command -v cc >/dev/null; then $(MAKE) --no-print-directory -C ../.. rust-here; \
	else echo "rust: left out, as cargo, its crates or cc cannot be had"; fi

.PHONY: rust-here
rust-here:
	cd sdk/rust && cargo test --quiet --locked --features grpc && cargo build --quiet --locked --lib --example peer
	cd sdk/rust/peer-tonic && cargo build --quiet --locked --target-dir ../target
	cd sdk/rust/model && cargo test --quiet --locked --target-dir ../target
	cd sdk/rust && cc -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -Wall -Wextra -Werror -I include -o target/debug/peer-in-c c/peer.c target/debug/libddc_plugin.a -lpthread -ldl -lm
	DDC_PEER=$(PEERS) go test -tags $(TAGS) -count=1 $(RUST) -run TestPeerOfAnotherLanguage ./conformance
	cd examples/plugin-rust && cargo build --quiet --locked
	test "$$(go run ./examples/plugin/host examples/plugin-rust/target/debug/shout futex hello)" = 'HELLO!'
	cd examples/minify-rust && cargo test --quiet --locked --target-dir ../../sdk/rust/target && cargo build --quiet --locked --target-dir ../../sdk/rust/target
	DDC_CARGO=1 DDC_MINIFY=$(CURDIR)/sdk/rust/target/debug/minify go test -tags $(TAGS) -count=1 -run 'TestMinifyInRust|TestPluginsInGoRustAndC|TestInspectNamesAPlugin' ./cmd/ddc

.PHONY: rust-faults
rust-faults: build rust ## Have the plugins in Rust, C and of tonic's endure a host with each fault: some five minutes.
	for program in $$(echo $(PEERS) | tr , ' '); do bin/ddc-fault plugin check-faults $$program || exit 1; done

# -short has each fault on one strategy. The tests that need no fault are in test.
FAULTY := go test -tags $(TAGS),ddcfault -timeout 30m -run 'Fault|EventLoop' ./internal/fault ./conformance
faults: ## Run each fault on each strategy where it can bite, and write docs/FAULTS.md.
	$(FAULTY)
	go test -tags $(TAGS) -count=1 -run TestPageOfFaults ./conformance/broken -write

rates: ## Measure how often stress finds a fault, some minutes.
	DDC_RATES=$(CURDIR)/conformance/broken/rates.json go test -tags $(TAGS),ddcfault -timeout 30m -count=1 -run TestRatesOfNarrowWindows ./conformance
	go test -tags $(TAGS) -count=1 -run TestPageOfFaults ./conformance/broken -write

# The short form, one cell of each diagnosis, is in test.
DIAGNOSE := go test -tags $(TAGS),ddcfault -timeout 20m -count=1 -run 'RightDiagnosis|BuildThatHangs|IsInterrupted|CommandsOfTheDiagnosis' ./cmd/ddc
diagnosis: example ## Look at each fault from outside, and write docs/DIAGNOSIS.md.
	DDC_DIAGNOSIS=$(CURDIR)/docs/DIAGNOSIS.md $(DIAGNOSE)

prove: faults diagnosis explore ## All three: some fifteen minutes. make verdict then writes down what they say.

# In test these go less far, some seconds each. The second breaks the code first.
EXPLORE := go test -tags $(TAGS),explore -timeout 60m ./conformance/explore
EXPLORE_FAULTS := go test -tags $(TAGS),explore,ddcfault -timeout 60m -run 'Fault|EventLoop' ./conformance/explore
EXPLORED := $(CURDIR)/out/explore.json
.PHONY: explore
explore: ## Run every schedule of the scenarios on the transport's own code, some minutes; writes out/explore.json.
	mkdir -p out
	$(EXPLORE) -v -explore.all -explore.json $(EXPLORED)
	$(EXPLORE_FAULTS) -v -explore.all -explore.json $(EXPLORED)

# In test it has half a minute (TestSimulate). SCHEDULES and SIMULATE_TIME end it, whichever comes first. A process
# runs one schedule at a time, so two of them run half each.
SCHEDULES := 1000000
SIMULATE_TIME := 1h
.PHONY: simulate
simulate: ## Run a million random schedules of many callers and peers (SCHEDULES), or an hour of them (SIMULATE_TIME).
	@simulate="$(EXPLORE) -v -count=1 -timeout 3h -run TestSimulate$$ -explore.schedules $(SCHEDULES) -explore.time $(SIMULATE_TIME) -explore.parts 2"; \
	$$simulate -explore.part 0 & first=$$!; trap 'kill $$first 2>/dev/null' EXIT; \
	$$simulate -explore.part 1; second=$$?; wait $$first && exit $$second

# MUTATE takes flags: make mutate MUTATE='-layers ring -sample 20'. Broken off, it goes on where it was.
MUTATE :=
.PHONY: mutate
mutate: ## Make small defects in the transport, see which the tests let through, and write docs/MUTATIONS.md: hours.
	go build -o bin/mutate ./tools/mutate
	nice bin/mutate -parallel 2 $(MUTATE)

.PHONY: verdict
verdict: build ## Run the matrix of faults and the benchmark, some minutes; write docs/VERDICT.md and out/verdict.html.
	mkdir -p out
	bin/ddc wake bench --json > out/bench.json
	bin/ddc wake matrix --json > out/matrix.json || test $$? -eq 1 # 1: a cell differs, which the page says
	@$(MAKE) --no-print-directory verdict-page

.PHONY: verdict-page
verdict-page: # Write that page again from what was run, with out/explore.json where make explore was run since.
	bin/ddc wake verdict --system docs/systems/brief.kdl --matrix out/matrix.json --bench out/bench.json -o docs/VERDICT.md --html out/verdict.html

# What depends on time or on the order of threads, beside 30 busy processes: see tools/stress.sh.
BUSY := 30
STRESS := 3
STRESS_TIME := 90m
stress: build example ## Run waits, processes and time, in -short form, beside BUSY (30) busy processes, STRESS (3) times; the rest once: STRESS_TIME (90m) at most, an hour where nothing else runs.
	TAGS=$(TAGS) BUSY=$(BUSY) ROUNDS=$(STRESS) timeout -k 30s $(STRESS_TIME) tools/stress.sh

# SITES is a folder with sample-site, no-scss-site, code-execution-site, dodeca-docs; what is not in it is left out.
SITES :=
.PHONY: sites
sites: tools ## Run the tests that read whole sites also on those of a folder: make sites SITES=folder.
	@test -n "$(SITES)" || { echo 'make sites: which folder has them? make sites SITES=folder' >&2; exit 2; }
	DDC_SITES="$(abspath $(SITES))" go test -tags $(TAGS) -timeout 30m ./cmd/ddc ./site/... ./plugins/...

race: tools example ## Run every test under the race detector, the long ones too.
	go test -tags $(TAGS) -timeout 30m -race $(PACKAGES)

SOAK := 200
soak: tools ## Build the sample site SOAK (200) times in a row on each strategy.
	DDC_SOAK=$(SOAK) go test -tags $(TAGS) -timeout 3h -v -run TestBuildsInARow ./cmd/ddc

chaos: tools example ## Kill plugins and hosts, leak, and fill memory: an hour or so. Figures: docs/RELIABILITY.md.
	DDC_CHAOS_CALLS=100000 go test -tags $(TAGS) -timeout 1h -v -run TestNothingGrowsWithCalls ./plugin/host
	DDC_CHAOS_KILLS=500 go test -tags $(TAGS) -timeout 2h -v -run TestBuildSurvives ./cmd/ddc
	DDC_CHAOS_DEATHS=200 go test -tags $(TAGS) -timeout 2h -v -run 'TestHostDeath|TestInterrupt' ./cmd/ddc
	DDC_CHAOS_PHOTOS=40 go test -tags $(TAGS) -timeout 4h -v -run TestBuildKeepsWithinItsMemory ./cmd/ddc

# In test half of them are built, as an ordinary user with 512 MiB.
.PHONY: bombs
bombs: tools ## Build hostile sites, as root and as an ordinary user, with 512 MiB and by default: some minutes.
	DDC_BOMBS=1 go test -tags $(TAGS) -timeout 2h -count=1 -v -run TestBombs ./cmd/ddc

# -cpu 1,2: the host's processors. A plugin always has one.
bench: ## Run the benchmarks, some eight minutes. Compare figures of one run only.
	go test -tags $(TAGS) -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(filter-out %/conformance/bench,$(shell go list $(PACKAGES)))
	cd conformance/bench/peers && go test -tags $(TAGS) -run '^$$' -bench . -skip 'Load|Ladder' -benchtime $(BENCHTIME) -timeout 30m -cpu 1,2 .
	@$(MAKE) --no-print-directory load
	go test -tags $(TAGS) -run '^$$' -bench . -benchtime 1x -v ./conformance/bench

# By turns too. Hugo (Debian's) is measured beside it if it is installed.
SITE_PAGES := 100,1000
.PHONY: bench-site
bench-site: build ## Build sites of SITE_PAGES (100,1000) pages by turns, cold, unchanged and with one page edited, beside Hugo.
	DDC_TOOLS=$(CURDIR)/.tools/bin go run ./tools/benchsite -pages $(SITE_PAGES) bin/ddc

.PHONY: bench-serve
bench-serve: build ## Serve sites of SITE_PAGES (100,1000) pages, and measure the way from a save to the patch that an open page gets.
	DDC_TOOLS=$(CURDIR)/.tools/bin go run ./tools/benchsite -serve -pages $(SITE_PAGES) -turns 15 bin/ddc

# By turns, so that what else the machine does hits all of them. LOAD=3x is three turns
# of each contender, of a second, or a quarter where there is one caller.
LOAD := 3x
.PHONY: load
load: ## Hold calls beside gRPC, ttrpc and a bare futex, under 1 to 80 callers and 16 plugins, and take a call apart: some three minutes.
	cd conformance/bench/peers && go test -tags $(TAGS) -run '^$$' -v -bench 'Load|Ladder' -benchtime $(LOAD) -cpu 2 .

# Fuzz targets are found, so that a new one is not forgotten.
fuzz: ## Fuzz each target for FUZZTIME (60s; 1000x is a thousand inputs).
	@for file in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	    echo "$$target in $$(dirname $$file)"; \
	    go test -tags $(TAGS) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s ./$$(dirname $$file) || exit 1; \
	  done; \
	done

# In test, which every change must pass: inputs are counted, so that a busy machine has time for them.
.PHONY: fuzz-short
fuzz-short: # Fuzz each target with a hundred inputs; test has the inputs that are kept.
	@$(MAKE) --no-print-directory fuzz FUZZTIME=100x

# A minute for each strategy, shared and isolated; "make test" has two seconds of it.
.PHONY: scribble
scribble: # Let a plugin write all over the hub for a minute on each strategy.
	DDC_SCRIBBLE=1m go test -tags $(TAGS) -timeout 30m -v -run 'Scribbler' ./plugin/host

STATICCHECK := .tools/bin/staticcheck
$(STATICCHECK): Makefile
	GOBIN=$(CURDIR)/.tools/bin go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	@touch $@

# Packages with a file that only the builds to be broken, or explored, have.
TAGGED = $(addprefix ./,$(sort $(dir $(shell git grep -lE '^//go:build .*(explore|ddcfault)' -- '*.go'))))

# It has more dependencies than all else here, so lint only uses it where it is.
GOLANGCI := .tools/bin/golangci-lint
.PHONY: golangci-lint
golangci-lint: ## Install golangci-lint, minutes, which lint then runs as .golangci.yml says.
	GOBIN=$(CURDIR)/.tools/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

lint: $(STATICCHECK) ## Check formatting, vet with every tag, staticcheck, and golangci-lint where it is installed.
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	go vet -tags $(TAGS) $(PACKAGES)
	for tags in ddcfault explore explore,ddcfault; do go vet -tags $(TAGS),$$tags $(TAGGED) || exit 1; done
	$(STATICCHECK) -tags $(TAGS) $(PACKAGES)
	@if [ -x $(GOLANGCI) ]; then echo $(GOLANGCI) run; $(GOLANGCI) run; fi

PROTOS := $(wildcard internal/*/*.proto conformance/*/*.proto plugins/*/*.proto plugin/*/*.proto examples/*/*.proto rpc/*.proto proto/*.proto)
.PHONY: rename-check
rename-check: # Rename a copy of the last commit, compile it all and test what reads paths: some minutes.
	DDC_RENAME=1 go test -tags $(TAGS) -timeout 30m -v -run RenamedCopy ./tools/rename

MODULE_NOW = $(shell go list -m)
generate: ## Make the tables of docs/PROTOCOL.md and the service stubs anew (needs protoc, Debian's protobuf-compiler).
	mkdir -p .tools/bin
	GOBIN=$(CURDIR)/.tools/bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
	GOBIN=$(CURDIR)/.tools/bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
	go test -tags $(TAGS) -count=1 -run "ProtocolPage|RustHas|UnderItsVersion" ./transport/hub -write
	for proto in $(PROTOS); do \
	  PATH=$(CURDIR)/.tools/bin:$$PATH protoc -I $$(dirname $$proto) -I plugins/html --go_out=. --go_opt=module=$(MODULE_NOW) \
	    --go-grpc_out=. --go-grpc_opt=module=$(MODULE_NOW) $$(basename $$proto) || exit 1; \
	done

.PHONY: rename
rename: ## Give the module another path everywhere: make rename MODULE=example.org/x/ddc.
	go run ./tools/rename "$(MODULE)"
	gofmt -w $$(git ls-files '*.go')

clean: ## Remove what make has made, but for the tools.
	rm -rf bin out

include tools.mk
