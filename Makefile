# make demo | test | build | bench | check | clean | install | wheel | asan | tsan | neon | coverage     (a fresh Debian needs nothing but make and git)
PRESET ?= release
BUILD := build/$(PRESET)
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
export PYTHONPATH := $(BUILD)/python
export CCACHE_BASEDIR := $(CURDIR)
VENV := .venv/bin/python

.PHONY: all setup configure build demo test bench check format clean install wheel asan tsan neon coverage

all: build

setup:
	@bash tools/setup

configure: setup
	@test -f $(BUILD)/build.ninja || cmake --preset $(PRESET) -DPython_EXECUTABLE=$(CURDIR)/$(VENV) -DPython3_EXECUTABLE=$(CURDIR)/$(VENV) $(CMAKE_ARGS)

build: configure
	@cmake --build $(BUILD) -j $(JOBS)

# Train on the digits in Python, then let the C++ twin load the file and compare.
demo: build
	@$(VENV) examples/digits/train.py --out .
	@$(BUILD)/examples/digits_train --check digits.pt

test: build
	@ctest --test-dir $(BUILD) -R exprgen_golden --output-on-failure
	@$(VENV) tools/run_tests.py --build $(BUILD)

bench: build
	@$(VENV) benchmarks/run.py

check: setup
	@bash tools/check

format: setup
	@bash tools/check --fix

install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

# The tests under AddressSanitizer and UndefinedBehaviorSanitizer, or under ThreadSanitizer (a build of its own each).
asan: setup
	@$(MAKE) --no-print-directory configure PRESET=asan-ubsan
	@cmake --build build/asan-ubsan -j $(JOBS)
	@$(VENV) tools/run_tests.py --build build/asan-ubsan --sanitizer address

tsan: setup
	@$(MAKE) --no-print-directory configure PRESET=tsan
	@cmake --build build/tsan -j $(JOBS)
	@$(VENV) tools/run_tests.py --build build/tsan --sanitizer thread

# The library and the C++ tests for 64-bit ARM, cross-compiled and run by QEMU as a processor with NEON and nothing newer.
NEON_RUNNER ?= qemu-aarch64 -cpu cortex-a72
neon:
	@bash tools/setup --neon
	@$(MAKE) --no-print-directory configure PRESET=aarch64
	@cmake --build build/aarch64 -j $(JOBS)
	@ctest --test-dir build/aarch64 -R exprgen_golden --output-on-failure
	@$(VENV) tools/run_tests.py --build build/aarch64 --only cpp --runner "$(NEON_RUNNER)" --jobs $(JOBS) --exclude tests/qemu.exclude

# Which lines the tests run, by folder (docs/reliability.md).
coverage: setup
	@$(MAKE) --no-print-directory configure PRESET=coverage
	@cmake --build build/coverage -j $(JOBS)
	@$(VENV) tools/coverage.py --build build/coverage

wheel: setup
	@$(VENV) -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

clean:
	@rm -rf build dist digits.pt digits.png
