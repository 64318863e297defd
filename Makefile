# SPDX-License-Identifier: GPL-2.0-only
# Verbs for people; `make help` lists them. What kbuild reads is in Kbuild.

OUT	?= $(CURDIR)/out
KDIR	?= /lib/modules/$(shell uname -r)/build
KERNELS	?= 6.1 6.12
PREFIX	?= /usr/local
W	?= 1

export OUT PREFIX DESTDIR

# The module is part of `all` only where the headers of KDIR are installed.
have_kdir := $(wildcard $(KDIR)/Makefile)

.PHONY: all help setup modules lib tools tests install modules_install demo
.PHONY: check check-native check-vm fuzz checkpatch bench bench-native clean

all: lib tools $(if $(have_kdir),modules)

help:
	@echo 'make                 library, tools, and the module where KDIR has headers'
	@echo 'make demo            Redis under memory pressure, with and without Hermes, in a VM'
	@echo 'make bench           the evaluation in VMs: allocators, pressure, loads (BENCH=--full for all)'
	@echo 'make bench-native    the allocator benchmark against other allocators, here (BENCH=--quick)'
	@echo 'make check           every test, native and in VMs'
	@echo 'make modules         hermes.ko for KDIR=$(KDIR)'
	@echo 'make lib tools       libhermes-u; hermes-bench and its companions'
	@echo 'make install         library and tools into DESTDIR, PREFIX=$(PREFIX)'
	@echo 'make modules_install hermes.ko into the modules of KDIR (INSTALL_MOD_PATH)'
	@echo 'make check-native    the tests that need no VM'
	@echo 'make check-vm        the kselftests in VMs: KERNELS="$(KERNELS)"'
	@echo 'make fuzz           the library'\''s fuzzer, until it is interrupted'
	@echo 'make checkpatch      the kernel'\''s style checker over the tree'
	@echo 'make clean           all build output; the VM images stay in the cache'

setup:
	@tools/setup/install.sh

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) W=$(W) modules

modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

lib:
	$(MAKE) -C ulib

tools:
	$(MAKE) -C tools

tests: lib
	$(MAKE) -C selftests/native
	$(MAKE) -C selftests

install: lib tools
	$(MAKE) -C ulib install
	$(MAKE) -C tools install

demo: setup
	tools/demo/run

# Options in BENCH: see tools/eval/run --help.
bench: setup
	tools/eval/run $(BENCH)

# Options in BENCH: see tools/bench/suite --help.
bench-native:
	SETUP=1 tools/bench/suite $(BENCH)

check: setup
	selftests/check $(KERNELS)

check-native: setup
	selftests/check --native-only

fuzz: setup
	$(MAKE) -C selftests/native fuzz

check-vm: setup
	selftests/check --vm-only $(KERNELS)

checkpatch: setup
	tools/dev/checkpatch

clean:
	$(if $(have_kdir),-$(MAKE) -C $(KDIR) M=$(CURDIR) clean)
	rm -rf $(OUT)
