# SPDX-License-Identifier: ISC
# The file calls of lib/file over fs/, for the host, under AddressSanitizer and
# UndefinedBehaviorSanitizer: a program for each tests/files/*_test.c.
#
#	make -f tests/files/files.mk
#
# lib/file, fs/ and the tests are compiled with newlib's headers, as for an image: their flags and
# error numbers are not the host's.  What lib/file defines gets a prefix, so that open() of a test
# is that of lib/file, and open() of the sanitizers is the host's.

BUILD		?= build
CLANG		?= clang
OBJCOPY		?= objcopy
NM		?= nm
NEWLIB_SRC	?= $(BUILD)/src/newlib
OUT		:= $(BUILD)/check
DIR		:= $(OUT)/files
HEADERS		:= $(firstword $(wildcard $(NEWLIB_SRC)/newlib/libc/include $(NEWLIB_SRC)/libc/include))
RESOURCES	:= $(shell $(CLANG) -print-resource-dir)

# Descriptors of other kinds need the rest of the kernel.
LIB		:= $(filter-out $(patsubst %,lib/file/%.c,blockdev dev epoll eventfd ioctl mount_call mount_disk mount_end \
		   mounts poll proc rights tty tty_ioctl termios generated proc_files etc_files),$(wildcard lib/file/*.c))
FS		:= $(filter-out %/os.c %/disk.c,$(wildcard fs/*.c fs/*/*.c fs/*/*/*.c))
TESTS		:= $(wildcard tests/files/*_test.c)
INSIDE		:= tests/files/kernel.c tests/files/world.c
OUTSIDE		:= tests/files/linux.c tests/files/outside.c tests/fs/asan.c tests/fs/ext4_host.c tests/fs/host_os.c

CFLAGS		:= -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-omit-frame-pointer -MD -MP -iquote . \
		   -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all
# As for an image.  The host's <stdio.h> is not that of newlib: tests print by outside.h.
INSIDE_FLAGS	:= -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -Uunix -D__xenolith__ \
		   -nostdinc -isystem lib/include -isystem $(RESOURCES)/include -isystem $(HEADERS) \
		   -Wno-macro-redefined

objects		= $(1:%.c=$(DIR)/%.o)
# First the old programs, so that none of them is run if the compiler fails.
remove		= rm -f $(patsubst %.c,$(OUT)/%,$(if $(filter $(TESTS),$<),$<,$(TESTS)))

.PHONY: all sources FORCE
.DELETE_ON_ERROR:
.SECONDARY:
all: $(TESTS:%.c=$(OUT)/%)
sources:
	@: $(foreach f,$(TESTS),$(info $(f) $(OUT)/$(f:.c=)))

$(DIR)/list: FORCE
	@mkdir -p $(@D); echo $(LIB) $(FS) | cmp -s - $@ || echo $(LIB) $(FS) > $@
FORCE:

$(call objects,$(OUTSIDE)): $(DIR)/%.o: %.c tests/files/files.mk
	@mkdir -p $(@D); $(remove)
	$(CLANG) $(CFLAGS) -c -o $@ $<
$(DIR)/%.o: %.c tests/files/files.mk
	@mkdir -p $(@D); $(remove)
	$(CLANG) $(CFLAGS) $(INSIDE_FLAGS) -c -o $@ $<

# What lib/file defines, and how it allocates, with its new names.
$(DIR)/names: $(call objects,$(LIB)) $(DIR)/list
	@$(NM) -g --defined-only $(call objects,$(LIB)) | awk 'NF == 3 { print $$3, "xenolith_" $$3 }' | \
		sort -u > $@.new && for f in malloc calloc realloc strdup free; do \
		echo $$f xenolith_$$f; done >> $@.new && mv $@.new $@
$(DIR)/renamed.a: $(DIR)/names $(call objects,$(INSIDE) $(LIB) $(FS))
	@rm -rf $@ $(@D)/renamed && mkdir -p $(foreach f,$(INSIDE) $(LIB) $(FS),$(@D)/renamed/$(dir $(f)))
	@for f in $(basename $(INSIDE) $(LIB) $(FS)); do \
		$(OBJCOPY) --redefine-syms=$< $(DIR)/$$f.o $(@D)/renamed/$$f.o || exit 1; done
	@rm -f $@; ar rcsD $@ $(foreach f,$(INSIDE) $(LIB) $(FS),$(@D)/renamed/$(f:.c=.o))
$(OUT)/tests/files/%_test: $(DIR)/tests/files/%_test.o $(DIR)/renamed.a $(call objects,$(OUTSIDE))
	@mkdir -p $(@D); rm -f $@
	@$(OBJCOPY) --redefine-syms=$(DIR)/names $< $<.renamed
	$(CLANG) -pthread -fsanitize=address,undefined -o $@ $<.renamed $(call objects,$(OUTSIDE)) \
		$(DIR)/renamed.a

-include $(patsubst %.o,%.d,$(call objects,$(TESTS) $(INSIDE) $(OUTSIDE) $(LIB) $(FS)))
