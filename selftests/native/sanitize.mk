# SPDX-License-Identifier: GPL-2.0-only
#
# Part of the Makefile: the library and its tests built with sanitizers, to
# $(B)/asan, $(B)/tsan and $(B)/fuzz, and the fuzzer. The library's malloc has
# another name there (hut.h). The C++ operators stay away: the sanitizers'
# runtimes define them.

SAN_CC ?= clang
SAN_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-builtin -fno-math-errno \
	-Wall -Wextra -Werror -include $(SRC)/hut.h -I$(ULIB) $(T_CPPFLAGS)
SAN_LIB := $(patsubst %.c,%.o,$(filter-out cxx.c os_dev.c,$(notdir $(wildcard $(ULIB)/*.c))))
SAN_HEADERS := $(wildcard $(SRC)/*.h $(ULIB)/*.h $(ULIB)/include/*.h)
SAN_TESTS := test_api test_model test_threads test_fork test_kmod

asan_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
tsan_FLAGS := -fsanitize=thread -Dmmap=hut_mmap
fuzz_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

# san_rules SANITIZER: how its objects and programs are built
define san_rules
$(B)/$(1):
	$$(Q)mkdir -p $$@

$(B)/$(1)/%.o: $(ULIB)/%.c $(SAN_HEADERS) $(SRC)/sanitize.mk | $(B)/$(1)
	$$(call say,$(1))
	$$(Q)$(SAN_CC) $(SAN_CFLAGS) $($(1)_FLAGS) -c -o $$@ $$<

$(B)/$(1)/%.o: $(SRC)/%.c $(SAN_HEADERS) $(SRC)/sanitize.mk | $(B)/$(1)
	$$(call say,$(1))
	$$(Q)$(SAN_CC) $(SAN_CFLAGS) $($(1)_FLAGS) -c -o $$@ $$<

# The one file that sees the real names.
$(B)/$(1)/hut_foreign.o: $(SRC)/hut_foreign.c $(SRC)/sanitize.mk | $(B)/$(1)
	$$(call say,$(1))
	$$(Q)$(SAN_CC) $(filter-out -include %/hut.h,$(SAN_CFLAGS)) -c -o $$@ $$<

$(1)_LIB := $(addprefix $(B)/$(1)/,$(SAN_LIB) hut_foreign.o)

$(B)/$(1)/test_%: $(B)/$(1)/test_%.o $(B)/$(1)/model.o $(B)/$(1)/os_dev.o $$($(1)_LIB)
	$$(call say,$(1))
	$$(Q)$(SAN_CC) $($(1)_FLAGS) -o $$@ $$^ -lcmocka -lpthread

$(B)/$(1)/test_kmod: $(B)/$(1)/test_kmod.o $(B)/$(1)/model.o $(B)/$(1)/fake_dev.o $$($(1)_LIB)
	$$(call say,$(1))
	$$(Q)$(SAN_CC) $($(1)_FLAGS) -o $$@ $$^ -lcmocka -lpthread
endef

$(foreach san,asan tsan fuzz,$(eval $(call san_rules,$(san))))

# The same sequences of calls in two programs: a fixed number, and for ever.
$(B)/asan/fuzz_steps: $(addprefix $(B)/asan/,fuzz_steps.o fuzz.o fuzz_oracle.o os_dev.o) $(asan_LIB)
	$(call say,asan)
	$(Q)$(SAN_CC) $(asan_FLAGS) -o $@ $^ -lpthread

$(B)/fuzz/fuzz: $(addprefix $(B)/fuzz/,fuzz.o fuzz_oracle.o os_dev.o) $(fuzz_LIB)
	$(call say,fuzz)
	$(Q)$(SAN_CC) $(subst fuzzer-no-link,fuzzer,$(fuzz_FLAGS)) -o $@ $^ -lpthread

SANITIZED := $(addprefix $(B)/asan/,$(SAN_TESTS) fuzz_steps) $(addprefix $(B)/tsan/,$(SAN_TESTS)) \
	$(B)/fuzz/fuzz

sanitized: $(SANITIZED)

# Until it finds something or is interrupted; what it learns stays in $(B)/fuzz/corpus.
# FUZZ_FLAGS: more options of libFuzzer, such as -max_total_time=60 or -jobs=2.
fuzz: $(B)/fuzz/fuzz
	$(Q)mkdir -p $(B)/fuzz/corpus
	cd $(B)/fuzz && $(SRC)/sanitized ./fuzz -max_len=4096 -timeout=60 -rss_limit_mb=8192 \
		$(FUZZ_FLAGS) corpus $(SRC)/corpus

.PHONY: sanitized fuzz
.SECONDARY:
