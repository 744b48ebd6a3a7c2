# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Everything built is under build/, except ./bootstrap.
# CC, CFLAGS and ARCH are the user's; CFLAGS comes last and wins.

HOST    := $(patsubst aarch64,arm64,$(shell uname -m))
ARCH    ?= $(HOST)
VERSION := 0.2.0
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(V),,@)# V=1 shows the commands
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
endif
# The time that a bill of materials and the man page give: that of the commit, or of no day where there is none.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),315532800)
export SOURCE_DATE_EPOCH := $(SOURCE_DATE_EPOCH)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough
BASE  = -std=c17 -D_POSIX_C_SOURCE=200809L -DDESYNC_GUARD_VERSION=\"$(VERSION)\" -Iinclude -Isrc \
        -MMD -MP $(WARN) $(WERROR)

roots    := build/generated/amazon_roots.c
musl     := $(wildcard src/base/musl_*.c)
page     := build/generated/page_files.c
sources  := $(filter-out $(musl),$(wildcard src/*/*.c)) $(roots) $(page)
main     := $(wildcard src/*.c)
third    := -lcurl -lssl -lcrypto -lcjson -lisal -lm

# What these targets do not need, everything else does; the libraries are Debian's sources.
ifeq ($(shell command -v apt-get 2>/dev/null),)
ifneq ($(filter-out help version container lint clean distclean uninstall,$(or $(MAKECMDGOALS),all)),)
$(error this needs apt-get, that is Debian 12; on a Mac or another Linux run `make container`)
endif
endif

.PHONY: all
all: bootstrap

# $(call remember,TEXT): a file that changes when TEXT does, so that other flags mean other objects.
remember = @mkdir -p $(@D) && { echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@; }

# --- the shipped binary: static, musl -----------------------------------------------------------
deps       := build/deps/$(ARCH)
ship       ?= build/ship/$(ARCH)
ship_cc     = $(deps)/cc
SHIP_FLAGS  = $(BASE) -isystem $(deps)/include -Os -ffunction-sections -fdata-sections \
              -fno-asynchronous-unwind-tables -fstack-protector-strong -fstack-clash-protection \
              -ffile-prefix-map=$(CURDIR)=. $(if $(filter arm64,$(ARCH)),-mbranch-protection=pac-ret)
# musl gives each thread the stack that the header asks for; its default of 128 KiB is too little for a
# TLS handshake within a sweep.
SHIP_LINK   = -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--build-id=none \
              -Wl,-z,stack-size=1048576
ship_objects := $(patsubst %.c,$(ship)/%.o,$(main) $(sources) $(musl))

$(deps)/stamp: FORCE | packages-build $(if $(filter $(HOST),$(ARCH)),,packages-cross-$(ARCH))
	@.ci/deps.sh $(ARCH)

$(ship)/flags: FORCE
	$(call remember,$(SHIP_FLAGS) $(CFLAGS))

$(ship)/%.o: %.c $(deps)/stamp $(ship)/flags
	@mkdir -p $(@D)
	@echo "cc $(ARCH) $<"
	$(Q)$(ship_cc) $(SHIP_FLAGS) $(CFLAGS) -c $< -o $@

$(ship)/src/base/musl_malloc.o: private SHIP_FLAGS += -O2 -fno-builtin-malloc
# Every byte of a log passes through these.
$(addprefix $(ship)/src/traffic/,access_log.o access_log_look.o clients.o key_set.o synthetic.o tally.o tally_hours.o tally_text.o \
    tally_sketch.o): private SHIP_FLAGS += -O2

$(ship)/bootstrap: $(ship_objects)
	@echo "ld $@"
	$(Q)$(ship_cc) $(SHIP_LINK) $(LDFLAGS) $^ -L$(deps)/lib $(third) -o $@.symbols
	$(Q)$(strip) -s -o $@ $@.symbols
$(ship)/bootstrap: strip = $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-linux-gnu-strip

bootstrap: $(ship)/bootstrap FORCE ## the static binary ./bootstrap (default; ARCH=arm64|x86_64)
	@cmp -s $< $@ || install -m 0755 $< $@

$(roots): .ci/roots.sh $(wildcard /usr/share/ca-certificates/mozilla/Amazon*) | packages-build
	@mkdir -p $(@D)
	@.ci/roots.sh >$@.new && mv $@.new $@

$(page): .ci/embed.pl src/report/page.css src/report/page.js | packages-build
	@mkdir -p $(@D)
	@$^ >$@.new && mv $@.new $@

# --- on this machine ----------------------------------------------------------------------------
# The man page and the shells' completions come from the table of `help`, by a program of the machine
# that builds. Only the functions that it needs are linked.
PREFIX ?= /usr/local
quote   = '$(subst ','\'',$1)'
# A file of the installation, for the shell: names may hold blanks, and PREFIX may be relative.
placed  = $(call quote,$(DESTDIR)$(if $(DESTDIR),$(if $(filter /%,$(PREFIX)),,/))$(PREFIX)/$1)
pages  := build/generated/pages
day     = $(if $(filter 315532800,$(SOURCE_DATE_EPOCH)),,$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%F))
installed := man=man/man1/desync-guard.1 bash=bash-completion/completions/desync-guard \
             zsh=zsh/site-functions/_desync-guard fish=fish/vendor_completions.d/desync-guard.fish

.PHONY: install uninstall
install: bootstrap $(pages) ## put it on the PATH as desync-guard, with man page and completions (PREFIX=, DESTDIR=)
	install -D -m 0755 $< $(call placed,bin/desync-guard)
	@$(foreach page,$(installed),mkdir -p $(call placed,share/$(dir $(lastword $(subst =, ,$(page))))) && \
	    $(pages) $(firstword $(subst =, ,$(page))) $(day) >$(call placed,share/$(lastword $(subst =, ,$(page)))) &&) :

uninstall: ## remove what `make install` put there (the same PREFIX=, DESTDIR=)
	rm -f $(call placed,bin/desync-guard) $(foreach page,$(installed),$(call placed,share/$(lastword $(subst =, ,$(page)))))

$(pages): .ci/pages.c src/cli/command_table.c src/cli/command_table.h src/policy/policy.c src/report/fleet.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(BASE)) -ffunction-sections -fdata-sections -Wl,--gc-sections \
	    $(filter %.c,$^) src/base/assert.c -o $@

# --- packages -----------------------------------------------------------------------------------
named    := desync-guard-$(VERSION)
packaged  = build/package/$(named)-$1.zip build/package/$(named)-linux-$1.tar.gz build/package/$(named)-$1.cdx.json

.PHONY: package sbom template version release container test-container reproducible build-DesyncGuardFunction
package: $(call packaged,$(ARCH)) ## the zip for Lambda, the command line tool, what is in them (ARCH=arm64|x86_64)
sbom: $(filter %.cdx.json,$(call packaged,$(ARCH))) ## what is linked in: a bill of materials, CycloneDX
version: ## say it
	@echo $(VERSION)
template: build/package/$(named).template.json ## template.yaml as plain CloudFormation, the code in a bucket

build/package/$(named)-%.zip: $(ship)/bootstrap .ci/archive.py | packages-package
	@mkdir -p $(@D)
	python3 .ci/archive.py $@ bootstrap=$<

# As `make install` lays it out, with the licenses of the libraries, which ask to come along.
tool_files = bin/desync-guard=$(ship)/bootstrap share/doc/desync-guard/LICENSE=LICENSE \
    $(foreach package,$(notdir $(wildcard $(deps)/licenses/*)),share/doc/desync-guard/licenses/$(package)=$(deps)/licenses/$(package)) \
    $(foreach page,$(installed),share/$(lastword $(subst =, ,$(page)))=$(pages)-$(firstword $(subst =, ,$(page))))
build/package/$(named)-linux-%.tar.gz: $(ship)/bootstrap $(pages) build/epoch LICENSE .ci/archive.py | packages-package
	@mkdir -p $(@D)
	@$(foreach page,man bash zsh fish,$(pages) $(page) $(day) >$(pages)-$(page) &&) :
	python3 .ci/archive.py $@ $(addprefix $(named)-linux-$*/,$(tool_files))

build/epoch: FORCE
	$(call remember,$(SOURCE_DATE_EPOCH))

%.cdx.json: $(ship)/bootstrap $(deps)/stamp build/epoch .ci/sbom.py .ci/cves.py .ci/cves $(wildcard .ci/patches/*/*) | packages-package
	@mkdir -p $(@D)
	python3 .ci/sbom.py $(ARCH) $(VERSION) $< $@

build/package/$(named).template.json: template.yaml .ci/render.py | venv
	@mkdir -p $(@D)
	build/python .ci/render.py $(VERSION) $@

# What a release consists of, the same bytes wherever and whenever this commit is built from the
# same sources of Debian. Flags of the user's would make other ones.
released := $(foreach architecture,x86_64 arm64,$(call packaged,$(architecture))) build/package/$(named).template.json
release: ## dist/: a release of this commit, for both architectures
	@.ci/commit >/dev/null
	@$(MAKE) CFLAGS= LDFLAGS= ARCH=x86_64 package template
	@$(MAKE) CFLAGS= LDFLAGS= ARCH=arm64 package
	@rm -rf dist && mkdir dist && cp $(released) dist/
	@python3 .ci/provenance.py "$$(.ci/commit)" x86_64,arm64 dist/* >build/provenance
	@mv build/provenance dist/$(named).intoto.json
	@cd dist && sha256sum * >../build/sums && mv ../build/sums SHA256SUMS && cat SHA256SUMS

# The tools that can build an image, in the order in which they are looked for.
CONTAINER ?= $(firstword $(foreach tool,docker podman finch,$(if $(shell command -v $(tool) 2>/dev/null),$(tool))))
container: ## make package in a container of Debian 12, on a Mac or another Linux (CONTAINER=docker|podman|finch)
	@test -n "$(CONTAINER)" || { echo "make container needs docker, podman or finch; none of them is installed" >&2; exit 1; }
	DOCKER_BUILDKIT=1 $(CONTAINER) build -f deploy/Dockerfile --build-arg ARCH=$(ARCH) \
	    --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) --output type=local,dest=build/package .

test-container: packages-container ## the steps of deploy/Dockerfile in a fresh Debian 12, without a container tool (as root; THEN="make demo": that, too)
	@python3 tests/container/fresh_root.py build/fresh ARCH=$(ARCH) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) -- $(THEN)
	@cd build/fresh/output && sha256sum *

reproducible: $(deps)/stamp ## build in two places and compare every byte (ARCH=arm64|x86_64)
	@.ci/reproducible $(ARCH)

# What `sam build` calls, in a copy of this folder. SAM does not say for which architecture, so the
# build looks where `sam deploy` does. ARCH from the environment must agree.
build-DesyncGuardFunction:
	@arch=$$(.ci/architecture deployed $(if $(filter file,$(origin ARCH)),,$(ARCH))) && \
	    $(MAKE) ARCH=$$arch sam-artifact

.PHONY: sam-artifact
sam-artifact: $(ship)/bootstrap
	@.ci/architecture check $< $(ARCH)
	install -D -m 0755 $< $(ARTIFACTS_DIR)/bootstrap

# --- the same sources against Debian's shared libraries, for comparison ---------------------------
dynamic := build/dynamic
DYNAMIC_FLAGS = $(BASE) -Os -fstack-protector-strong

$(dynamic)/flags: FORCE
	$(call remember,$(CC) $(DYNAMIC_FLAGS) $(CFLAGS))

$(dynamic)/%.o: %.c $(dynamic)/flags | packages-test
	@mkdir -p $(@D)
	@echo "cc dynamic $<"
	$(Q)$(CC) $(DYNAMIC_FLAGS) $(CFLAGS) -c $< -o $@

.PHONY: bootstrap-dynamic
bootstrap-dynamic: $(dynamic)/bootstrap ## build/dynamic/bootstrap: glibc, shared libraries
$(dynamic)/bootstrap: $(patsubst %.c,$(dynamic)/%.o,$(main) $(sources))
	@echo "ld $@"
	$(Q)$(CC) $(LDFLAGS) $^ $(third) -o $@

$(dynamic)/planted: $(dynamic)/tests/sanitized/planted.o
	$(Q)$(CC) $(LDFLAGS) $^ -o $@

# --- tests --------------------------------------------------------------------------------------
UNIT     ?= build/unit
FUZZ     ?= build/fuzz
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_FLAGS = $(BASE) -Itests -O1 -g -fno-omit-frame-pointer $(SANITIZE)
helpers    := $(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c tests/support/*.c))
unit_tests := $(patsubst tests/unit/%.c,$(UNIT)/%,$(wildcard tests/unit/test_*.c))
tool_objects := $(patsubst %.c,$(UNIT)/%.o,$(wildcard tests/*/*_tool.c))
tools      := $(patsubst %.o,build/test/tools/%,$(notdir $(tool_objects)))
unit_lib   := $(UNIT)/libdesync-guard.a
# The ISA-L that is shipped is to be tested, not Debian's build of it.
shipped_isal = $(if $(filter $(HOST),$(ARCH)),$(deps)/lib/libisal.a)
unit_third  = $(if $(shipped_isal),$(third:-lisal=$(shipped_isal)),$(third)) -lz
unit_objects := $(patsubst %.c,$(UNIT)/%.o,$(sources) $(helpers))

$(UNIT)/flags: FORCE
	$(call remember,$(CC) $(UNIT_FLAGS) $(CFLAGS))

$(UNIT)/%.o: %.c $(UNIT)/flags | packages-test
	@mkdir -p $(@D)
	@echo "cc $(UNIT) $<"
	$(Q)$(CC) $(UNIT_FLAGS) $(CFLAGS) -c $< -o $@

$(unit_lib): $(unit_objects)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(unit_objects)

ifeq ($(HOST),$(ARCH))
$(unit_lib) $(FUZZ)/libdesync-guard.a: $(deps)/stamp
endif

$(unit_tests): $(UNIT)/%: $(UNIT)/tests/unit/%.o $(unit_lib)
	@echo "ld $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $< $(unit_lib) -lcmocka $(unit_third) -lpthread -o $@

# Small programs by which the Python tests reach one module.
$(tools): build/test/tools/%: $(unit_lib)
	@mkdir -p $(@D)
	@echo "ld $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $(filter %/$*.o,$^) $(unit_lib) $(unit_third) -lpthread -o $@
$(foreach o,$(tool_objects),$(eval build/test/tools/$(basename $(notdir $o)): $o))

# The arm64 binary under qemu-user. Every Python test through which the binary runs; what an emulator
# spoils is skipped with its reason. The quick ones are part of `make check`.
open        := (# which make would count as one of its own
BINARY_TESTS = $(shell grep -lE '\bstart\$(open)|\b(bootstrap_command|aws_with_fleet)\b|sim.fault_matrix' \
                   tests/*/test_*.py)
ARM64_QUICK := tests/golden/test_golden.py $(addprefix tests/conformance/test_,runtime_api.py bad_input.py)
.PHONY: test-arm64 test-arm64-quick bootstrap-arm64
# Not while `bootstrap` makes the same files.
bootstrap-arm64: packages-check $(roots) $(page) $(if $(filter arm64,$(ARCH)),bootstrap)
	@$(MAKE) ARCH=arm64 build/ship/arm64/bootstrap
test-arm64: tested = $(filter-out %_fault_matrix.py,$(BINARY_TESTS))
test-arm64: bootstrap ## the Python tests with the arm64 binary, under qemu-user (20 minutes)
test-arm64-quick: tested = $(ARM64_QUICK)
test-arm64 test-arm64-quick: bootstrap-arm64 venv $(tools)
	@BOOTSTRAP=build/ship/arm64/bootstrap BOOTSTRAP_PREFIX=qemu-aarch64-static \
	    build/python tests/run $(tested)

# Attacked in place of the shipped binary: built like it, with the same objects for heap and RELRO.
build/test/$(ARCH)/hardening_probe: tests/integration/hardening_probe.c \
    $(addprefix $(ship)/src/base/,musl_malloc.o musl_relro.o) $(deps)/stamp
	@mkdir -p $(@D)
	$(Q)$(ship_cc) $(filter-out -MMD -MP,$(SHIP_FLAGS)) $(CFLAGS) $(SHIP_LINK) \
	    $(filter %.c %.o,$^) -o $@

# The binary with sanitizers in it, and the Python tests through which a binary runs with that one.
sanitized := build/sanitized
SANITIZED_FLAGS = $(BASE) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                  -fno-sanitize-recover=undefined
sanitized_objects := $(patsubst %.c,$(sanitized)/%.o,$(main) $(sources) tests/sanitized/leak_check.c)

$(sanitized)/flags: FORCE
	$(call remember,$(CC) $(SANITIZED_FLAGS) $(CURDIR) $(CFLAGS))

$(sanitized)/tests/sanitized/leak_check.o: private SANITIZED_FLAGS += -fno-sanitize=all \
    -DREPORTS=\"$(CURDIR)/$(sanitized)/reports/bootstrap\"
$(sanitized)/%.o: %.c $(sanitized)/flags | packages-test
	@mkdir -p $(@D)
	@echo "cc sanitized $<"
	$(Q)$(CC) $(SANITIZED_FLAGS) $(CFLAGS) -c $< -o $@

$(sanitized)/bootstrap: $(sanitized_objects) $(deps)/stamp
	@echo "ld $@"
	$(Q)$(CC) $(SANITIZED_FLAGS) $(LDFLAGS) $(sanitized_objects) $(unit_third) -lpthread -o $@

$(sanitized)/planted: $(addprefix $(sanitized)/tests/sanitized/,planted.o leak_check.o)
	$(Q)$(CC) $(SANITIZED_FLAGS) $(LDFLAGS) $^ -lpthread -o $@

.PHONY: test-sanitized
test-sanitized: venv $(tools) $(addprefix $(sanitized)/,bootstrap planted) ## the Python tests with a binary of ASan, UBSan and a leak check
	@build/python tests/sanitized/run.py $(sanitized) $(filter-out %/test_bounds.py %/test_action_faults.py,$(BINARY_TESTS))

fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
replayers  := $(fuzz_names:%=build/test/fuzz/%)

simulator := build/simulate/watch_simulator
.PHONY: unit unit-build test reliability picture invariants simulate valgrind browser venv demo demo-arm64 bench
unit-build: $(unit_tests)
unit: $(unit_tests) ## build and run the unit tests (ASan, UBSan; SANITIZE= CC= UNIT= to vary)
	@tests/run $(unit_tests)

# LONG=1: also the cases marked `long`, of matrices for the most part; a few of each run anyway.
test: $(unit_tests) $(tools) $(replayers) $(simulator) bootstrap venv ## unit, golden, conformance, integration (LONG=1: with the long matrices)
	@build/python tests/run --pytest $(if $(LONG),,--short) $(unit_tests)

browser: packages-browser ## a Chromium, for the tests of the HTML pages; skipped without one

valgrind: packages-valgrind venv bootstrap-dynamic $(tools) $(dynamic)/planted ## memcheck over unit tests and the dynamic binary
	@$(MAKE) UNIT=build/plain SANITIZE= unit-build
	@tests/valgrind/run.py build/valgrind $(dynamic)/bootstrap $(dynamic)/planted \
	    $(unit_tests:$(UNIT)/%=build/plain/%) $(BINARY_TESTS)

build/python: .ci/requirements.txt .ci/venv.sh | packages-test
	@.ci/venv.sh .ci/requirements.txt build/venv $@
venv: build/python

reliability: bootstrap venv ## try every fault at every AWS call, and write docs/reliability.md
	@build/python -m pytest -q tests/integration/test_fault_matrix.py -k fault_has_no_unexpected_outcome
	@build/python tests/sim/reliability.py

# The decision of the watch with what it needs, and a world in which it decides.
simulated := tests/simulate/watch_simulator.c src/policy/watch.c src/policy/watch_window.c \
             src/policy/statistics.c $(addprefix src/base/,arena.c assert.c buf.c str.c)
$(simulator): $(simulated) $(wildcard include/policy/*.h include/base/*.h) | packages-test
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(CC) $(filter-out -MMD -MP,$(BASE)) -O2 $(CFLAGS) $(simulated) -lm -o $@
simulate: $(simulator) venv ## how often the watch is wrong, and how fast: simulated, and written into docs/evidence.md
	@build/python tests/simulate/simulate.py

picture: $(tools) venv ## draw the picture of the report that README.md shows, with a Chromium
	@cd tests && ../build/python -m sim.picture

invariants: $(unit_tests) $(tools) $(simulator) bootstrap venv ## run the tests of safe acting, and write docs/control.md
	@build/python tests/sim/control.py

demo: bootstrap venv ## see it work on this machine, without an AWS account
	@build/python tests/sim/demo.py

demo-arm64: bootstrap-arm64 venv ## the same with the arm64 binary, under qemu-user
	@BOOTSTRAP=build/ship/arm64/bootstrap BOOTSTRAP_PREFIX=qemu-aarch64-static \
	    build/python tests/sim/demo.py

build/python-bench: .ci/requirements-bench.txt .ci/venv.sh | packages-test
	@.ci/venv.sh .ci/requirements-bench.txt build/venv-bench $@

# BENCH_ROUNDS in the environment: how often; BENCH="start tls": those modules of tests/bench only.
bench: packages-bench venv package bootstrap-dynamic $(addprefix build/bench/,floor sandbox endpoint)
bench: bootstrap build/bench/bootstrap-test-ca ## measure against named baselines
	@$(MAKE) build/python-bench || echo "bench: no Python baseline"
	@$(MAKE) build/bench/go-bootstrap || echo "bench: no Go baseline"
	@build/python tests/bench/bench.py $(BENCH)

build/bench/floor: tests/bench/floor.c $(deps)/stamp
	@mkdir -p $(@D)
	$(Q)$(ship_cc) $(filter-out -MMD -MP,$(SHIP_FLAGS)) $(SHIP_LINK) -s $< -o $@

build/bench/%: tests/bench/%.c | packages-test
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 $(CFLAGS) $< -lssl -lcrypto -lpthread -o $@

# Where there is a Go that is new enough; its modules come by its own proxy, go.sum tells which.
build/bench/go-bootstrap: $(wildcard tests/bench/go_function/*)
	@mkdir -p $(@D)
	$(Q)cd tests/bench/go_function && CGO_ENABLED=0 GOTOOLCHAIN=local go build -mod=readonly \
	    -trimpath -tags lambda.norpc -ldflags='-s -w' -o $(CURDIR)/$@ .

# The shipped objects, but with the bench's own CA among the roots: no other can vouch for localhost.
build/bench/roots.c: FORCE | venv $(roots)
	@build/python tests/bench/authority.py $(@D)

build/bench/bootstrap-test-ca: $(filter-out $(ship)/$(roots:.c=.o),$(ship_objects)) $(ship)/build/bench/roots.o
	$(Q)$(ship_cc) $(SHIP_LINK) $(LDFLAGS) -s $^ -L$(deps)/lib $(third) -o $@

# --- fuzzing --------------------------------------------------------------------------------------
# One libFuzzer program for each tests/fuzz/fuzz_*.c; the same targets without libFuzzer, under
# build/test/fuzz, replay seeds and former finds in the tests.
SECONDS    ?= 60
FUZZ_FLAGS  = $(BASE) -Itests -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
              -fsanitize=fuzzer-no-link,address,undefined
TARGETS    ?= $(fuzz_names)
fuzzers    := $(fuzz_names:%=$(FUZZ)/%)
fuzz_objects := $(patsubst %.c,$(FUZZ)/%.o,$(sources) $(helpers))
# ISA-L, too: all of it C, with coverage and ASan. Not UBSan: it reads words at odd addresses.
fuzz_isal  := $(addprefix $(FUZZ)/isal/,igzip_inflate.o hufftables_c.o crc_base.o isal.o)
ISAL_FLAGS  = -DISAL_PLAIN_C -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address
fuzz_mains := $(fuzz_names:%=$(FUZZ)/tests/fuzz/fuzz_%.o)

$(FUZZ)/flags: FORCE
	$(call remember,$(FUZZ_FLAGS) $(CFLAGS))

$(FUZZ)/%.o: %.c $(FUZZ)/flags | packages-test packages-check
	@mkdir -p $(@D)
	@echo "cc $(FUZZ) $<"
	$(Q)clang $(FUZZ_FLAGS) $(CFLAGS) -c $< -o $@

$(FUZZ)/isal/%.o: $(deps)/stamp $(FUZZ)/flags
	@mkdir -p $(@D)
	@echo "cc $(FUZZ) ISA-L $*"
	$(Q)clang $(ISAL_FLAGS) -I$(deps)/isal -c $(deps)/isal/$*.c -o $@

$(FUZZ)/libdesync-guard.a: $(fuzz_objects) $(fuzz_isal)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(fuzz_objects) $(fuzz_isal)

$(fuzzers): $(FUZZ)/%: $(FUZZ)/tests/fuzz/fuzz_%.o $(FUZZ)/libdesync-guard.a
	@echo "ld $@"
	$(Q)clang -fsanitize=fuzzer,address,undefined $(LDFLAGS) $^ -lcmocka $(filter-out -lisal $(shipped_isal),$(unit_third)) -lpthread -o $@

$(replayers): build/test/fuzz/%: $(UNIT)/tests/fuzz/fuzz_%.o $(UNIT)/tests/fuzz/replay.o $(unit_lib)
	@mkdir -p $(@D)
	@echo "ld $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $^ -lcmocka $(unit_third) -lpthread -o $@

.PHONY: fuzz fuzz-build
fuzz-build: $(fuzzers) $(replayers)
fuzz: $(TARGETS:%=$(FUZZ)/%) ## feed every parser garbage for SECONDS=60 each; TARGETS="json xml": those
	@python3 tests/fuzz/run.py $(FUZZ) $(SECONDS) $(TARGETS)

# --- quality ------------------------------------------------------------------------------------
c_files := $(wildcard src/*.c src/*/*.[ch] include/*/*.h tests/unit/*.[ch] tests/support/*.[ch] \
           tests/bench/*.c tests/fuzz/*.[ch] tests/sanitized/*.c tests/simulate/*.c .ci/*.c)

.PHONY: check lint format format-check tidy cppcheck strict outdated
lint: ## our own rules: layers, banned functions, sizes
	@tests/lint/lint.py

format: packages-check ## rewrite the sources in the house format
	clang-format-14 -i $(c_files)

format-check: packages-check
	@echo "clang-format --dry-run"
	@clang-format-14 --dry-run --Werror $(c_files)

# The summaries on stderr ("9 warnings generated", in system headers) are kept out of sight.
tidy: packages-check packages-test $(roots)
	@echo "clang-tidy src"
	@printf '%s\n' $(filter src/%.c,$(c_files)) | xargs -P $$(nproc) -n 1 sh -c \
	    'case $$1 in */error.c | */musl_*) model= ;; *) model="-include tests/lint/analyzer.h" ;; esac; \
	     clang-tidy-14 --quiet "$$1" -- $(filter-out -MMD -MP,$(BASE)) $$model 2>>build/tidy.log' tidy

cppcheck: packages-check
	@echo "cppcheck src"
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppressions-list=.ci/cppcheck \
	    --enable=warning,performance,portability -j$$(nproc) -Iinclude -Isrc src

# Warnings are errors with every compiler, for what is shipped and for what is tested. Side by side:
# what configures a library keeps one processor busy, what downloads keeps none.
strict: export WERROR := -Werror
strict: packages-check
	@$(MAKE) bootstrap bootstrap-arm64 unit-build venv
	@$(MAKE) UNIT=build/strict-clang CC=clang unit

check: export WERROR := -Werror
check: ## all of the above checks and the tests; what CI runs
	@$(MAKE) lint format-check
	@$(MAKE) tidy cppcheck
	@$(MAKE) strict
	@$(MAKE) test-arm64-quick
	@$(MAKE) test-sanitized
	@$(MAKE) build/actionlint || echo "check: no Go, so actionlint does not look at the workflows"
	@$(MAKE) browser || echo "check: no Chromium, so nobody looks at the HTML pages"
	@$(MAKE) test LONG=1

# Where there is a Go that is new enough; go.sum tells which bytes of actionlint are taken.
build/actionlint: $(wildcard tests/workflows/go.*)
	@mkdir -p $(@D)
	$(Q)cd tests/workflows && CGO_ENABLED=0 GOTOOLCHAIN=local go build -mod=readonly \
	    -trimpath -ldflags='-s -w' -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint

outdated: | packages-package ## which security fixes of Debian do the libraries inside the static binary lack?
	@.ci/deps.sh $(ARCH) outdated

.PHONY: clean distclean help FORCE
clean: ## forget what was built, but for the libraries and the Python environment
	rm -rf bootstrap $(filter-out build/deps build/venv build/venv-bench build/python%,$(wildcard build/*))

distclean: ## forget everything
	rm -rf bootstrap build dist

help: ## this list
	@sed -n 's/^\([a-z][a-zA-Z0-9-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | expand -t 20

packages-%: FORCE
	@.ci/install-packages $*
FORCE:

-include $(ship_objects:.o=.d) $(unit_objects:.o=.d) $(tool_objects:.o=.d) $(unit_tests:$(UNIT)/%=$(UNIT)/tests/unit/%.d) \
         $(patsubst %.c,$(dynamic)/%.d,$(main) $(sources)) $(sanitized_objects:.o=.d) $(fuzz_objects:.o=.d) $(fuzz_mains:.o=.d) \
         $(fuzz_names:%=$(UNIT)/tests/fuzz/fuzz_%.d)
