# SPDX-License-Identifier: ISC
# The server of disks of dom0 (backend/dom0), for this machine, with a fake of Xen's libraries: under
# AddressSanitizer and UndefinedBehaviorSanitizer, and under ThreadSanitizer.

BUILD		?= build
CLANG		?= clang
XEN_INCLUDE	?= $(BUILD)/include
OUT		:= $(BUILD)/check
SOURCES		:= $(filter-out %/domain_guest.c,$(wildcard backend/*.c)) backend/dom0/domain.c lib/xenolith/disk_thread.c \
		   drivers/border/shared.c tests/backend/fake_xen.c
CFLAGS		:= -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -pthread -iquote . -iquote tests/backend \
		   -isystem tests/backend/fake -idirafter $(XEN_INCLUDE) -idirafter lib/include \
		   -D__XEN_INTERFACE_VERSION__=0x00040d00
TESTS		:= dom0_test dom0_tsan_test
SANITIZE	= -fsanitize=$(if $(findstring tsan,$@),thread,address$(comma)undefined) -fno-sanitize-recover=all
comma		:= ,

.PHONY: all sources
.DELETE_ON_ERROR:
all: $(TESTS:%=$(OUT)/tests/backend/%)
sources:
	@: $(foreach t,$(TESTS),$(info tests/backend/$(t).c $(OUT)/tests/backend/$(t)))

$(OUT)/tests/backend/%: tests/backend/%.c $(SOURCES) tests/backend/backend.mk tests/backend/dom0_test.c \
		$(wildcard backend/*.h drivers/border/shared.h lib/include/xenolith/disk.h tests/backend/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) $(SANITIZE) -o $@ $< $(SOURCES)
