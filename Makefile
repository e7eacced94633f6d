# make        builds .build/release/thresh
# make demo   sets up, trains for compression on the built-in data set and prints the table (without set-up and build
#             three minutes on two cores with AVX2)
# make test   sets up and runs every test with the best kernels of this processor, or those of THRESH_KERNELS (off, avx2
#             or avx512), then what depends on kernels with every other kind that it has, then the programs in Examples
# make bench  compares with PyTorch, interleaved (about a quarter of an hour on an idle machine)
# make bench-peers  compares with other ways to make a network smaller (data: THRESH_DATA; about half an hour)
# make docs   builds the documentation of the library with DocC
# make lint   checks the formatting of Swift, C++ and Python
# make format formats all three
SHELL := /bin/bash
# One set of flags for the program and the tests, so that nothing is built twice.
SWIFT_FLAGS := -c release -Xswiftc -enable-testing

SWIFT_FILES := Package.swift Sources Tests Examples Benchmarks/Worker Fuzz/Package.swift Fuzz/Sources
C_FILES = $(shell git ls-files '*.c' '*.cpp' '*.h')

.PHONY: all setup build demo test bench bench-peers docs lint format clean
all: build

setup:
	@Scripts/setup

# By product: a build of everything compiles the dependencies' own tools too, protoc among them.
build: setup
	swift build $(SWIFT_FLAGS) --product thresh

demo: build
	.build/release/thresh demo --output demo

test: build
	@Scripts/setup test
	swift build $(SWIFT_FLAGS) --product ThreshPackageTests
	Scripts/tell-failures swift test $(SWIFT_FLAGS) --skip-build
	Scripts/test-kernels $(SWIFT_FLAGS)
	Scripts/test-examples $(SWIFT_FLAGS)

bench: build
	swift build $(SWIFT_FLAGS) --product thresh-bench
	@Scripts/setup bench
	.venv/bin/python Benchmarks/bench.py

bench-peers: build
	@Scripts/setup bench
	.venv/bin/python Benchmarks/peers_bench.py

docs: build
	@Scripts/docs

lint:
	@Scripts/setup lint
	swift format lint --strict --recursive --parallel $(SWIFT_FILES)
	@.venv/bin/clang-format --dry-run --Werror $(C_FILES)
	.venv/bin/ruff format --check
	.venv/bin/ruff check

format:
	@Scripts/setup lint
	swift format format --in-place --recursive --parallel $(SWIFT_FILES)
	@.venv/bin/clang-format -i $(C_FILES)
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

clean:
	rm -rf .build
