# The commands of the project. Each works on a fresh Debian 12 machine with Swift 6.3: what is missing is installed.

.DEFAULT_GOAL := help
SWIFT_FLAGS ?=
DEMO_LISTEN ?= 127.0.0.1:8080
BENCH_PYTHON ?= python3
BINARIES = $$(swift build -c release --show-bin-path $(SWIFT_FLAGS))

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

deps: ## install the Debian packages that are missing
	@deploy/install-dependencies

build: deps ## build the service (release)
	swift build -c release --product umbel $(SWIFT_FLAGS)

demo: build ## build, serve the small models that ship here, upload adapters, print curl lines
	@DEMO_LISTEN=$(DEMO_LISTEN) demo/run

test: deps ## build and run every test
	swift build --build-tests --explicit-target-dependency-import-check error $(SWIFT_FLAGS)
	@clients=$${UMBEL_TEST_PYTHON:-$$(deploy/install-test-clients)}; \
	if [ -n "$$clients" ]; then export UMBEL_TEST_PYTHON="$$clients"; fi; \
	swift test --skip-build $(SWIFT_FLAGS)

test-kernels: ## do all kernel sets give the same bits? ARM's in an emulator, where there is one
	@deploy/test-kernel-sets

lint: ## check formatting and dependencies between targets
	swift format lint --strict --recursive Package.swift Sources Benchmarks
	swift format lint --strict --recursive --configuration Tests/.swift-format Tests

format: ## format everything
	swift format --in-place --recursive Package.swift Sources Benchmarks
	swift format --in-place --recursive --configuration Tests/.swift-format Tests

fuzz: deps ## the fuzzers, longer (UMBEL_FUZZ_ITERATIONS=1000000)
	UMBEL_FUZZ_ITERATIONS=$${UMBEL_FUZZ_ITERATIONS:-200000} swift test --filter Fuzz $(SWIFT_FLAGS)

soak: deps ## 10,000 swaps against the real service: everything verifies, no memory is lost
	swift build -c release --product umbel $(SWIFT_FLAGS)
	swift build --build-tests $(SWIFT_FLAGS)
	UMBEL_TEST_BINARY=$$(swift build -c release --show-bin-path)/umbel UMBEL_TEST_SWAPS=$${UMBEL_TEST_SWAPS:-10000} \
		swift test --skip-build --filter SwapTests $(SWIFT_FLAGS)

bench: bench-build ## each algorithm's merge against a copy and against its roofline
	$(BINARIES)/umbel-bench merge

bench-all: bench-build ## every benchmark, most of an hour (BENCH_PYTHON: one with Benchmarks/requirements.txt, for torch)
	$(BINARIES)/umbel-bench merge
	$(BINARIES)/umbel-bench merge --model qwen05b
	for type in f16 f32 f8_e4m3; do $(BINARIES)/umbel-bench merge --dtype $$type --rank 16; done
	$(BINARIES)/umbel-bench scale
	$(BENCH_PYTHON) Benchmarks/compare-torch.py --bin $(BINARIES)
	python3 Benchmarks/end-to-end.py --bin $(BINARIES)
	python3 Benchmarks/growth.py --bin $(BINARIES)
	BIN=$(BINARIES) Benchmarks/memory-proof
	BIN=$(BINARIES) Benchmarks/route-swap

bench-build: deps
	swift build -c release --product umbel $(SWIFT_FLAGS)
	swift build -c release --product umbel-bench $(SWIFT_FLAGS)

clean: ## remove what was built
	swift package clean

.PHONY: help deps build demo test test-kernels lint format fuzz soak bench bench-all bench-build clean
