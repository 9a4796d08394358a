# The front door. A thin wrapper round meson: every rule is one step that a person would type.

BUILD ?= build
SANITIZE ?=
CC ?= gcc
# Debian's own interpreter and meson, whatever else a PATH puts in front of them.
PYTHON := /usr/bin/python3
MESON := /usr/bin/meson
export LC_ALL := C.UTF-8

ifeq ($(SANITIZE),1)
  override BUILD := build-sanitize
  MESON_OPTIONS += -Db_sanitize=address,undefined -Db_lundef=false
endif
ifeq ($(SANITIZE),thread)
  override BUILD := build-thread
  MESON_OPTIONS += -Db_sanitize=thread -Db_lundef=false
endif
ifeq ($(origin CC),default)
  CC := gcc
endif
STEP := $(MAKE) --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup build check demo bench fuzz soak clean

help: ## list these rules
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo
	@echo "  SANITIZE=1    with build, check: AddressSanitizer and UBSan, in build-sanitize"
	@echo "  CC=clang      with BUILD=build-clang: another compiler"

setup: ## install what is missing, from Debian's packages (needs root)
	@packaging/setup.sh build demo check

build: ## build/respire and build/librespire.so
	@packaging/setup.sh build
	@[ -f $(BUILD)/build.ninja ] || echo "build: configuring and compiling in $(BUILD)"
	@[ -f $(BUILD)/build.ninja ] || CC=$(CC) $(MESON) setup $(BUILD) $(MESON_OPTIONS) > $(BUILD).log 2>&1 \
	    || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@ninja -C $(BUILD) --quiet
	@ln -sf runtime/librespire.so $(BUILD)/librespire.so
	@ln -sf runtime/librespire.so $(BUILD)/respire.so
	@ln -sf analyzer/respire $(BUILD)/respire

demo: ## the same burst of requests on nginx, stock and under respire, side by side
	@packaging/setup.sh build demo
	@$(STEP) build
	@$(PYTHON) demo/demo.py --build $(BUILD)

check: ## build and run every test, under both compilers and all sanitizers
	@packaging/setup.sh build demo check
	@$(STEP) build
ifeq ($(SANITIZE),)
	@$(STEP) build BUILD=build-clang CC=clang
	@$(STEP) build SANITIZE=1
	@$(STEP) build SANITIZE=thread
	@tests/run --build $(BUILD) --also build-clang --also build-sanitize --also build-thread=runtime --fuzz 15
else
	@tests/run --build $(BUILD)
endif

bench: ## measure against named peers (PART=speed: only that part)
	@packaging/setup.sh build demo check bench
	@$(STEP) build
	@$(PYTHON) bench/bench.py --build $(BUILD) $(PART)

fuzz: ## feed damaged bytes to every parser of foreign memory (SECONDS=60 each)
	@packaging/setup.sh build demo check
	@$(STEP) build
	@tests/fuzz/run --build $(BUILD) $(or $(SECONDS),60)

soak: ## judge the floor of nginx in bursts and rests for half an hour (SECONDS=1800, PICTURE=docs/soak.svg, COLLECT=1)
	@packaging/setup.sh build demo
	@$(STEP) build
	@$(PYTHON) tests/soak/soak.py --build $(BUILD) --seconds $(or $(SECONDS),1800) \
	    $(if $(PICTURE),--picture $(PICTURE)) $(if $(COLLECT),--collect)

clean: ## remove what the build made
	@rm -rf build build-*
