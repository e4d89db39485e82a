# SPDX-License-Identifier: MIT
# pgveil: everything is built out of tree under build/$(BUILD). `make help` lists the targets.

BUILD ?= release
CC = gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr/local
B := build/$(BUILD)

.DEFAULT_GOAL := all
MAKEFLAGS += -r
.DELETE_ON_ERROR:
.SECONDARY:
ifneq ($(V),1)
.SILENT:
endif

# A field that an initialiser leaves out is zero, which is the strictest.
warn := -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wmissing-prototypes -Wswitch-enum -Wvla -Wformat-signedness -Wundef -Werror
opt_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
opt_debug := -O0 -g3
opt_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
opt_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
ifeq ($(BUILD),fuzz)
CC = $(CLANG)
# Not clang's: it has no -Wformat-signedness, and counts protobuf-c's size enumerators as cases of a switch.
warn := $(filter-out -Wformat-signedness -Wswitch-enum,$(warn)) -Wno-switch
endif
sanitize := $(filter -fsanitize=address% -fsanitize=fuzzer-no-link%,$(opt_$(BUILD)))
CPPFLAGS = -D_GNU_SOURCE -Iuserspace -I. -I$(B)
CFLAGS = -std=gnu11 -pthread -fPIE $(warn) $(opt_$(BUILD)) $(EXTRA_CFLAGS)
LDFLAGS = -pthread -pie -Wl,--as-needed $(sanitize:fuzzer-no-link%=%)
conv := -Wconversion

# Layers in link order: a layer may use only those after it (scripts/check-layers.sh holds the exact table).
layers := main ctl net kern session policy record mask sql value pgwire kube web base
src = $(sort $(wildcard userspace/$(1)/*.c))
objs = $(patsubst userspace/%.c,$(B)/%.o,$(call src,$(1)))
lib = $(B)/lib$(1).a
$(foreach l,$(layers) cli admission,$(eval $(call lib,$(l)): $(call objs,$(l))))
below_base := base
below_kube := kube base
below_web := web base
below_pgwire := pgwire base
below_value := value base
below_sql := sql base
below_mask := mask value base
below_record := record base
below_policy := policy mask sql value kube base
below_session := session policy record mask sql value pgwire kube base
below_kern := kern base
below_net := net kern session policy record mask sql value pgwire kube base
below_main := main ctl net kern session policy record mask sql value pgwire kube web base
below_ctl := ctl net kern session policy record mask sql value pgwire kube web base
below_cli := cli record policy mask sql value pgwire kube web base
below_admission := admission net kern session policy record mask sql value pgwire kube web base
libs_of = $(foreach l,$(below_$(1)),$(call lib,$(l)))
ldlibs := -lpg_query -lprotobuf-c -lssl -lcrypto -lzstd -lsqlite3 -lyaml -lpcre2-8 -ljansson -levent -levent_pthreads -lcurl -lbpf -lelf -lz

.PHONY: kernel-matrix splice-random splice-gib help all clients demo check test pg-suite pg-versions leak-random asan fuzz policy-test lint format check-format check-layers check-man install uninstall clean bpf unit unit-bins bench bench-bins bench-quick chaos
help: ## this list
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

all: $(B)/pgveild $(B)/pgveil $(B)/pgveil-admission bpf ## the daemon, the command line and the BPF objects
demo: ## install what is missing, build, and show one query as the DBA and as the agent see it (root)
	scripts/deps.sh
	$(MAKE) --no-print-directory all
	scripts/demo.sh
check: ## the fast part, without root: layers, format, unit, golden, replay, a few seconds of fuzzing
	$(MAKE) --no-print-directory -j2 check-layers check-man check-crd check-format unit policy-test BUILD=asan
	$(MAKE) --no-print-directory fuzz SECONDS_EACH=3
test: ## install what is missing, build, run everything (root)
	scripts/deps.sh
	scripts/run-tests.sh
.PHONY: check-crd
check-crd: ## whether the CRD of policies and the PrometheusRule are made of what is here
	$(PYTHON) -B scripts/crd.py --check
	$(PYTHON) -B scripts/prometheus-rule.py --check
.PHONY: test-html
test-html: all ## an exported session in headless Chromium, which is not installed for it: 400 MB (root; SHOTS=DIR: and pictures of it)
	$(PYTHON) -B -m pytest -q -rs -p no:cacheprovider tests/integration/test_sessions_html.py
pg-suite: ## PostgreSQL's own tests, directly and through the engine: the same results (root, minutes)
	scripts/pg-suite.sh $(SUITE)
leak-random: all ## random statements to databases that differ in what is masked: the answers may not (root; COUNT=200000)
	$(PYTHON) -B tests/leak/random_run.py --strict --count $(or $(COUNT),200000)
splice-random: all ## clean and masked results in random order, their rows through a pipe and handed on by the kernel: the bytes of a direct connection (root; COUNT=10000, SEED=1)
	$(PYTHON) -B tests/integration/interleave.py --count $(or $(COUNT),10000) --seed $(or $(SEED),1) --splice auto
	$(PYTHON) -B tests/integration/interleave.py --count $(or $(COUNT),10000) --seed $(or $(SEED),1) --splice force
splice-gib: all ## a clean row of 1 GiB with --splice off, auto and force, every byte compared (root, minutes, 4 GiB of memory)
	$(PYTHON) -B tests/integration/gib.py $(GIB_ARGS)
pg-versions: all ## the tests that depend on the server's version, on PostgreSQL 12 to 18 (root, minutes)
	scripts/pg-versions.sh test
kernel-matrix: ## programs, engine and PostgreSQL on other kernels, under qemu (root, minutes; K='6.1 newest', K='--record 6.1')
	scripts/deps.sh --kernels
	$(MAKE) --no-print-directory BUILD=release all
	scripts/kernel-matrix.sh $(K)
asan: ## everything built with AddressSanitizer and UBSan
	$(MAKE) --no-print-directory all unit-bins BUILD=asan

$(B)/.flags: FORCE
	mkdir -p $(B)
	echo '$(CC) $(CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(CPPFLAGS)' > $@
FORCE:

$(B)/base/%.o $(B)/pgwire/%.o: CFLAGS += $(conv)
$(call objs,kern): | $(B)/pgveil.skel.h $(B)/pgveil_splice.skel.h
$(B)/%.o: userspace/%.c $(B)/.flags
	mkdir -p $(@D)
	echo '  CC   $<'
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/lib%.a:
	mkdir -p $(@D)
	rm -f $@
	ar rcsD $@ $^
$(B)/pgveild: $(B)/main.o $(foreach l,$(layers),$(call lib,$(l)))
	echo '  LD   $@'
	$(CC) $(LDFLAGS) -o $@ $^ $(ldlibs)
$(B)/pgveil: $(B)/cli.o $(call libs_of,cli)
	echo '  LD   $@'
	$(CC) $(LDFLAGS) -o $@ $^ $(ldlibs)

# Of net it takes the one door to TLS and nothing else.
$(B)/pgveil-admission: $(B)/admission.o $(B)/libadmission.a $(B)/libnet.a $(B)/libweb.a $(B)/libbase.a
	echo '  LD   $@'
	$(CC) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -ljansson -levent

# BPF: one object a hook, linked into one, one skeleton.
# That of splice.bpf.c is by itself: it is not pinned, and where it does not load the others do.
bpf_src := $(filter-out bpf/splice.bpf.c,$(wildcard bpf/*.bpf.c))
bpf_objs := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(bpf_src))
bpf: $(B)/pgveil.bpf.o $(B)/bpf/splice.bpf.o
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	mkdir -p $(@D)
	echo '  BPF  $<'
	$(CLANG) -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -g -O2 -Wall -Wextra -Werror -I. -MMD -MP -c -o $@ $<
	llvm-strip -g $@
$(B)/pgveil.bpf.o: $(bpf_objs)
	$(BPFTOOL) gen object $@ $^
$(B)/pgveil.skel.h: $(B)/pgveil.bpf.o
	$(BPFTOOL) gen skeleton $< name pgveil_bpf > $@
$(B)/pgveil_splice.skel.h: $(B)/bpf/splice.bpf.o
	$(BPFTOOL) gen skeleton $< name pgveil_splice_bpf > $@
vmlinux.h: ## the trimmed type catalogue, from the running kernel's BTF (anew: make -B vmlinux.h)
	scripts/vmlinux.sh > $@.tmp && mv $@.tmp $@

# Unit tests: tests/unit/LAYER_MODULE.c links only the layers at and below its own.
unit_src := $(sort $(wildcard tests/unit/*_*.c))
unit_bin := $(patsubst tests/unit/%.c,$(B)/unit/%,$(unit_src))
unit-bins: $(unit_bin)
$(foreach u,$(unit_bin),$(eval $(u): $(call libs_of,$(firstword $(subst _, ,$(notdir $(u)))))))
$(B)/unit/%: tests/unit/%.c tests/unit/test.h $(B)/.flags
	mkdir -p $(@D)
	echo '  TEST $<'
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(if $(filter kern_%,$*),-I$(B)) -MMD -MP $(LDFLAGS) -o $@ $< $(filter %.a,$^) -lcmocka $(ldlibs)
unit: $(unit_bin) $(B)/bench/session_cost ## unit, golden and replay tests (BUILD=asan for the sanitizers)
	scripts/run-unit.sh $(unit_bin)
	$(B)/bench/session_cost select-prepared 2 > /dev/null

.PHONY: test-s3
test-s3: ## recordings shipped to a real S3 server (s3rver, by npm, outside of the tree), and to the stand-in for longer (SHIP_ROUNDS=60)
	$(MAKE) --no-print-directory BUILD=release all
	S3_REAL="$$(scripts/s3-server.sh)" SHIP_ROUNDS=$(or $(SHIP_ROUNDS),60) $(PYTHON) -B -m pytest -q -rs -p no:cacheprovider tests/s3
SEQUENCES ?= 100000
.PHONY: test-kube
test-kube: all ## a real kube-apiserver with etcd (built once, 5 minutes of two cores): the API cases beside the stand-in, enrolment, our manifests (root; KUBE_RANDOM=sequences)
	scripts/deps.sh --kube
	KUBE_REAL=1 KUBE_RANDOM=$(or $(KUBE_RANDOM),20) $(PYTHON) -B -m pytest -q -rs -p no:cacheprovider tests/kube/test_cases.py tests/kube/test_admission_real.py tests/kube/test_apply.py tests/integration/test_kubernetes.py \
		tests/integration/test_kube_approvals.py tests/integration/test_kube_nodes.py tests/integration/test_kube_budgets.py
.PHONY: kube-vm
kube-vm: ## a node as clusters have them, in a machine of its own (systemd, cgroup v2, containerd, kubelet), with our manifests (root; 15 minutes, the first time 40)
	scripts/deps.sh --kube --image --kernels
	KUBE_VM=1 $(PYTHON) -B -m pytest -q -rs -s -p no:cacheprovider tests/kube/vm
.PHONY: kube-model
kube-model: ## what is known of pods against a random API server, and windows that nodes share, in SEQUENCES runs (two minutes)
	$(MAKE) --no-print-directory BUILD=release build/release/unit/kube_model build/release/unit/policy_pool
	build/release/unit/kube_model $(SEQUENCES)
	build/release/unit/policy_pool $(or $(SEQUENCES),100000)

# Fuzzing: tests/fuzz/LAYER_INPUT.c; corpus and regressions in tests/fuzz/corpus/LAYER_INPUT.
SECONDS_EACH ?= 60
T ?= $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*_*.c)))
fuzz: ## libFuzzer on every untrusted input (T=target, SECONDS_EACH=60)
	$(MAKE) --no-print-directory -j2 BUILD=fuzz $(T:%=build/fuzz/fuzz/%)
	printf '%s\n' $(T) | xargs -P 2 -I{} scripts/run-fuzz.sh build/fuzz/fuzz/{} $(SECONDS_EACH)
$(foreach u,$(T),$(eval $(B)/fuzz/$(u): $(call libs_of,$(firstword $(subst _, ,$(u))))))
$(B)/fuzz/%: tests/fuzz/%.c $(B)/.flags
	mkdir -p $(@D)
	echo '  FUZZ $<'
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP -pthread -pie -fsanitize=fuzzer,address,undefined -o $@ $< $(filter %.a,$^) $(ldlibs)

# Benchmarks: always the release build.
bench_bin := $(patsubst %,build/release/bench/%,client session_cost bystander)
BENCH_TIME ?= 2
bench: ## what pgveil costs, beside PgBouncer and HAProxy; then bench-record, bench-splice and bench-kernel (root; BENCH_TIME=seconds of a run, BENCH_ARGS: bench.py --help)
	scripts/deps.sh --bench
	$(MAKE) --no-print-directory bench-bins
	$(PYTHON) -B tests/bench/bench.py --seconds $(BENCH_TIME) --json build/bench.json $(BENCH_ARGS)
	$(PYTHON) -B tests/bench/record.py --seconds $(BENCH_TIME) --json build/bench-record.json $(RECORD_ARGS)
	$(PYTHON) -B tests/bench/splice.py $(SPLICE_ARGS)
	$(PYTHON) -B tests/bench/kernel.py $(KERNEL_ARGS)

.PHONY: bypass-matrix
bypass-matrix: all ## every known way past the engine: row, expected, observed, what helps (root; ROW=a pattern)
	$(PYTHON) -B tests/integration/bypass.py '$(ROW)'
.PHONY: bypass-daemons
DAEMONS := build/daemons
bypass-daemons: all ## the ways out of the cgroup by a real sshd and cron, from packages that are unpacked and not installed (root)
	mkdir -p $(DAEMONS)
	[ -e $(DAEMONS)/usr/sbin/cron ] || (cd $(DAEMONS) && apt-get download -qq openssh-server openssh-client cron libwrap0 && \
		for p in *.deb; do dpkg-deb -x $$p .; done)
	DAEMONS=$(DAEMONS) $(PYTHON) -B tests/integration/bypass.py leaving
.PHONY: leak
leak: all ## the hostile corpus alone (root; L=category, LAB_PG_BIN=another server's bin)
	$(PYTHON) -B -m pytest -q -s -p no:cacheprovider tests/leak $(if $(L),-k '$(L)')
.PHONY: honest
honest: all ## the honest corpus alone, and why statements are refused (root; H=a pattern, LAB_PG_BIN=another server's bin)
	$(PYTHON) -B tests/honest/honest.py '$(H)'
.PHONY: memory
memory: ## what the daemon's memory does: a slow reader on 10 GB, a value of 1 GB, 9,900 idle sessions (root)
	scripts/deps.sh
	$(MAKE) --no-print-directory BUILD=release all
	$(PYTHON) -B tests/bench/memory.py $(MEMORY_ARGS)
chaos: ## what clients see when a part fails under the load of 200 connections: kill -9, SIGSTOP, out of memory, full table, upgrade (root)
	$(MAKE) --no-print-directory BUILD=release all
	$(PYTHON) -B tests/integration/chaos.py $(CHAOS_ARGS)
.PHONY: approval-story
approval-story: ## approvals as a new user tries them, on two terminals and with an MCP client that gives up after a minute: what both saw (root; CASES=a pattern)
	$(MAKE) --no-print-directory BUILD=release all
	tests/clients/build.sh build/clients
	BUILD=release $(PYTHON) -B tests/integration/approval_story.py $(if $(CASES),--cases '$(CASES)')
.PHONY: pod-race
pod-race: ## pods that dial the database in their first millisecond, half of them labelled, and what they were shown (root; PODS=1000, RACE_ARGS='--containers 50 --at-once 25')
	scripts/deps.sh
	$(MAKE) --no-print-directory BUILD=release all
	BUILD=release $(PYTHON) -B tests/integration/pod_race.py --pods $(or $(PODS),1000) $(RACE_ARGS)
.PHONY: record-chaos
record-chaos: ## the daemon killed at 200 random moments under load: every byte that a client got is on record, which verifies (root; RECORD_CHAOS_ARGS='--count 20')
	$(MAKE) --no-print-directory BUILD=release all
	$(PYTHON) -B tests/integration/record_chaos.py $(RECORD_CHAOS_ARGS)
.PHONY: bench-record
bench-record: ## what recording costs, by its level, interleaved, and beside none (root; RECORD_ARGS: tests/bench/record.py --help)
	$(MAKE) --no-print-directory bench-bins
	$(PYTHON) -B tests/bench/record.py --json build/bench-record.json $(RECORD_ARGS)
.PHONY: bench-splice
bench-splice: ## what --splice off, auto and force cost, by the size of a row (root; SPLICE_ARGS: tests/bench/splice.py --help)
	$(MAKE) --no-print-directory bench-bins
	$(PYTHON) -B tests/bench/splice.py $(SPLICE_ARGS)
.PHONY: bench-kernel
bench-kernel: ## what connect() and data cost a process that is not enrolled, before and after (root; KERNEL_ARGS: tests/bench/kernel.py --help)
	$(MAKE) --no-print-directory bench-bins
	$(PYTHON) -B tests/bench/kernel.py $(KERNEL_ARGS)
bench-bins:
	$(MAKE) --no-print-directory BUILD=release all $(bench_bin)
bench-quick: ## the same with little data: that it works, no figures to believe
	$(MAKE) --no-print-directory bench BENCH_TIME=1 BENCH_ARGS='--rounds 1 --rows 20000 --scale 1 --large 4000000 --idle 50' RECORD_ARGS='--rounds 2 --rows 20000 --scale 1 --no-callgrind' SPLICE_ARGS='--rounds 2 --only 100,1048576' KERNEL_ARGS='--rounds 2 --count 200'
$(B)/bench/client: tests/bench/client.c $(B)/.flags
	mkdir -p $(@D)
	echo '  BENCH $<'
	$(CC) -D_GNU_SOURCE -I/usr/include/postgresql $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< -lpq
$(B)/bench/bystander: tests/bench/bystander.c $(B)/.flags
	mkdir -p $(@D)
	echo '  BENCH $<'
	$(CC) -D_GNU_SOURCE $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $<
$(B)/bench/session_cost: tests/bench/session_cost.c $(call libs_of,session) $(B)/.flags
	mkdir -p $(@D)
	echo '  BENCH $<'
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(filter %.a,$^) $(ldlibs)

clients: all ## the matrix of clients and ways of asking, in build/clients/matrix.md (root)
	mkdir -p build/clients
	CLIENTS_MATRIX=build/clients/matrix.md $(PYTHON) -B -m pytest -q -p no:cacheprovider tests/integration/test_clients.py
	cat build/clients/matrix.md
policy-test: $(B)/pgveil ## the starter policies against policy/expect
	$(B)/pgveil policy test
c_files = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h' | grep -v '^vmlinux.h$$')
check-layers: ## the include table of CONTRIBUTING.md, and that paths named in READMEs exist
	scripts/check-layers.sh
check-man: ## every event and option is in the man page
	scripts/check-man.sh
check-format:
	clang-format --dry-run -Werror $(c_files)
format: ## clang-format in place
	clang-format -i $(c_files)
lint: ## clang-tidy over userspace
	clang-tidy --quiet $(filter userspace/%.c,$(c_files)) -- $(CPPFLAGS) -std=gnu11
.PHONY: image test-image
image: ## the image of deploy/kubernetes, by podman (scripts/image.sh; IMAGE_ARGS: its options)
	scripts/deps.sh --image
	scripts/image.sh $(IMAGE_ARGS)
test-image: ## the image, and the DaemonSet's container from it with exactly its mounts and capabilities (root; minutes)
	$(MAKE) --no-print-directory image
	$(MAKE) --no-print-directory BUILD=release all
	IMAGE=localhost/pgveil:dev BUILD=release $(PYTHON) -B -m pytest -q -rs -p no:cacheprovider tests/kube/test_daemonset.py

# What goes where below PREFIX; uninstall takes the same away. Nothing is put into /etc.
UNITDIR ?= $(PREFIX)/lib/systemd/system
man := $(wildcard deploy/man/*.[158])
doc := policy/claude-support.yaml policy/analytics-readonly.yaml policy/schema.json
installed = sbin/pgveild bin/pgveil share/bash-completion/completions/pgveil share/bash-completion/completions/pgveild \
	$(foreach m,$(man),share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) $(doc:policy/%=share/doc/pgveil/%) share/doc/pgveil/policy.md
install: all ## pgveild, pgveil, man pages, unit, completion and examples below PREFIX (DESTDIR before it)
	install -D -m 755 $(B)/pgveild $(DESTDIR)$(PREFIX)/sbin/pgveild
	install -D -m 755 $(B)/pgveil $(DESTDIR)$(PREFIX)/bin/pgveil
	for m in $(man); do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	for d in $(doc); do install -D -m 644 $$d $(DESTDIR)$(PREFIX)/share/doc/pgveil/$${d##*/}; done
	install -D -m 644 policy/README.md $(DESTDIR)$(PREFIX)/share/doc/pgveil/policy.md
	install -D -m 644 deploy/completion/pgveil.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/pgveil
	ln -sf pgveil $(DESTDIR)$(PREFIX)/share/bash-completion/completions/pgveild
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/local/sbin|$(PREFIX)/sbin|' deploy/systemd/pgveild.service > $(DESTDIR)$(UNITDIR)/pgveild.service
uninstall: ## what install put there (first: systemctl disable --now pgveild; pgveil uninstall)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(installed)) $(DESTDIR)$(UNITDIR)/pgveild.service
	rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/share/doc/pgveil
clean: ## remove build/
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
