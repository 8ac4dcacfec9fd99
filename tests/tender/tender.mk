# SPDX-License-Identifier: ISC
# The tender's side of guests that are processes (tools/unix), under AddressSanitizer and
# UndefinedBehaviorSanitizer: what a guest can write is written by the test.

BUILD		?= build
CLANG		?= clang
XEN_INCLUDE	?= $(BUILD)/include
OUT		:= $(BUILD)/check
SOURCES		:= $(addprefix tools/unix/,event.c xenstore.c console.c control.c loop.c) \
		   $(addprefix tools/unix/devices/,xenbus.c blk.c net.c)
CFLAGS		:= -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -Wno-address-of-packed-member -pthread \
		   -iquote tools/unix -isystem $(XEN_INCLUDE) -D__XEN_INTERFACE_VERSION__=0x00040d00 -D__XEN_TOOLS__ \
		   -fsanitize=address,undefined -fno-sanitize-recover=all
TESTS		:= tender_test terminal_test

.PHONY: all sources
.DELETE_ON_ERROR:
all: $(TESTS:%=$(OUT)/tests/tender/%)
sources:
	@: $(foreach t,$(TESTS),$(info tests/tender/$(t).c $(OUT)/tests/tender/$(t)))

$(OUT)/tests/tender/tender_test: WRAP := -Wl,--wrap=preadv,--wrap=write,--wrap=send
$(OUT)/tests/tender/tender_test: $(SOURCES)
$(OUT)/tests/tender/terminal_test: WRAP := -Wl,--wrap=poll,--wrap=write
$(OUT)/tests/tender/terminal_test: tools/unix/terminal.c
$(OUT)/tests/tender/%: tests/tender/%.c tests/tender/tender.mk $(wildcard tests/tender/*.h tools/unix/*.h tools/unix/devices/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) $(WRAP) -o $@ $(filter %.c,$^)
