# SPDX-License-Identifier: ISC
# The verification of fs/ is built here, for the host, under AddressSanitizer and
# UndefinedBehaviorSanitizer: a program for each tests/fs/*_test.c and *_fuzz.c.
#
#	make -f tests/fs/fs.mk [FS=FOLDER]	FOLDER/fs has the file system; else this tree

BUILD		?= build
CLANG		?= clang
FS		?= .
OUT		:= $(BUILD)/check
# What belongs to the kernel's side of it is not for the host.
SOURCES		:= $(filter-out %/os.c %/disk.c,$(wildcard $(addprefix $(FS)/fs/,*.c */*.c */*/*.c)))
COMMON		:= $(wildcard $(patsubst %,tests/fs/%.c,asan sim sim_claims device model model_attr \
		   model_data op run run_names run_data run_attr tree durable \
		   crash crash_disk image csum))
TESTS		:= $(wildcard tests/fs/fs_*_test.c)
# Tests with their own surroundings, host_os.c.
HOSTED		:= $(filter-out $(TESTS),$(wildcard tests/fs/*_test.c))
FUZZ		:= $(wildcard tests/fs/fs_*_fuzz.c)
CFLAGS		:= -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -fno-omit-frame-pointer \
		   -MD -MP -iquote $(FS) -iquote . -fsanitize=address,undefined \
		   -fno-sanitize-recover=all
LDFLAGS		:= -pthread -fsanitize=address,undefined
objects		= $(patsubst %.c,$(OUT)/$(1)/%.o,$(2:$(FS)/fs/%=fs/%))

.PHONY: all sources FORCE
.PRECIOUS: $(OUT)/fsunit/%.o $(OUT)/fsfuzz/%.o
.DELETE_ON_ERROR:
all: $(TESTS:%.c=$(OUT)/%) $(HOSTED:%.c=$(OUT)/%) $(FUZZ:%.c=$(OUT)/%)
# Each source, and what is made of it.
sources:
	@: $(foreach f,$(TESTS) $(HOSTED) $(FUZZ),$(info $(f) $(OUT)/$(f:.c=)))

# Which files there are, and where, is part of what is built.
$(OUT)/fs.list: FORCE
	@mkdir -p $(@D); echo $(SOURCES) | cmp -s - $@ || echo $(SOURCES) > $@
FORCE:

$(OUT)/fsunit/fs/%.o: $(FS)/fs/%.c tests/fs/fs.mk $(OUT)/fs.list
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) -c -o $@ $<
$(OUT)/fsfuzz/fs/%.o: $(FS)/fs/%.c tests/fs/fs.mk $(OUT)/fs.list
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<
$(OUT)/fsunit/tests/%.o: tests/%.c tests/fs/fs.mk
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) -D_GNU_SOURCE -c -o $@ $<
$(OUT)/fsfuzz/tests/%.o: tests/%.c tests/fs/fs.mk
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) -D_GNU_SOURCE -fsanitize=fuzzer-no-link -c -o $@ $<
$(HOSTED:%.c=$(OUT)/%): $(OUT)/tests/fs/%: $(call objects,fsunit,tests/fs/%.c tests/fs/asan.c tests/fs/ext4_host.c tests/fs/host_os.c $(SOURCES))
	@mkdir -p $(@D)
	$(CLANG) $(LDFLAGS) -o $@ $^
$(OUT)/tests/fs/%_test: $(call objects,fsunit,tests/fs/%_test.c $(COMMON) $(SOURCES))
	@mkdir -p $(@D)
	$(CLANG) $(LDFLAGS) -o $@ $^
$(OUT)/tests/fs/%_fuzz: $(call objects,fsfuzz,tests/fs/%_fuzz.c $(COMMON) $(SOURCES))
	@mkdir -p $(@D)
	$(CLANG) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^

-include $(patsubst %.o,%.d,$(call objects,fsunit,$(TESTS) $(HOSTED) tests/fs/asan.c tests/fs/ext4_host.c tests/fs/host_os.c $(COMMON) $(SOURCES)) \
	$(call objects,fsfuzz,$(FUZZ) $(COMMON) $(SOURCES)))
