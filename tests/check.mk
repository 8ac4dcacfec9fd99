# SPDX-License-Identifier: ISC
# Builds the programs of tests/check: kernel/, drivers/, net/, control/ and lwIP for the host
# with AddressSanitizer and UndefinedBehaviorSanitizer, and a program for each
# tests/unit/*_test.c and each tests/fuzz/*_fuzz.c.
#
# Each memory access of kernel/, drivers/ and control/ is a call (tests/host/world.c).  Each file
# is compiled once, with libFuzzer's coverage.  Unit tests do not need the coverage, but it costs
# less time than compiling everything twice.
#
# A test is linked with libguest.a, which has kernel/, drivers/, net/, control/, lwIP and
# tests/host/.

BUILD		?= build
XEN_INCLUDE	?= /usr/include
CLANG		?= clang
OBJCOPY		?= objcopy
OUT		:= $(BUILD)/check
LWIP_SRC	?= $(BUILD)/src/lwip

GUEST		:= fs/os.c $(wildcard kernel/*.c drivers/*.c drivers/*/*.c backend/*.c net/*.c control/*.c control/*/*.c)
L		:= $(LWIP_SRC)/src
LWIP		:= $(filter-out core/altcp% core/dns.c core/ipv4/autoip.c core/ipv6/dhcp6.c, \
		   $(patsubst $(L)/%,%,$(wildcard $(L)/core/*.c $(L)/core/ipv4/*.c \
		   $(L)/core/ipv6/*.c $(L)/netif/ethernet.c)))
HOST		:= $(wildcard tests/host/*.c)
UNIT		:= $(wildcard tests/unit/*_test.c)
FUZZ		:= $(wildcard tests/fuzz/*_fuzz.c)
# The platform keeps its variables from one seed to the next; all other files begin anew.
PLATFORM	:= $(addprefix tests/host/,arch.c xen.c world.c claims.c)

# clang notices a compile-time choice of code only with the same macros as the image has.
CFLAGS		:= -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -fno-pic \
		   -fno-omit-frame-pointer -fno-optimize-sibling-calls -MD -MP \
		   -iquote . -idirafter $(XEN_INCLUDE) -D__XEN_INTERFACE_VERSION__=0x00040d00 \
		   -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
BY_CALL		:= -mllvm -asan-instrumentation-with-call-threshold=0 \
		   -mllvm -asan-opt-same-temp=0
empty		:=
space		:= $(empty) $(empty)
comma		:= ,
WRAP		:= malloc calloc realloc \
		   $(foreach n,1 2 4 8 16,__asan_load$(n) __asan_store$(n))
LDFLAGS		:= -no-pie -pthread -fsanitize=address,undefined $(WRAP:%=-Wl,--wrap=%)

# Before each seed, claims.c restores the static variables in these sections.
RENAME		:= --rename-section .data=guest_data \
		   --rename-section .bss=guest_bss,alloc,load,data,contents

objects		= $(patsubst %.c,$(OUT)/obj/%.o,$(1))
LWIP_OBJECTS	:= $(LWIP:%.c=$(OUT)/obj/lwip/%.o)
VERSION		:= $(shell cat VERSION)
for_file	= $(if $(filter kernel/% drivers/% backend/back_ring% backend/blkback% control/%,$(1)),$(BY_CALL)) \
		  $(if $(filter control/command.c control/kernel_methods.c,$(1)),-DXENOLITH_VERSION='"$(VERSION)"') \
		  $(if $(filter net/% control/net_% tests/%,$(1)),-isystem net/lwip -isystem $(L)/include) \
		  $(if $(filter tests/%,$(1)),-D_GNU_SOURCE) \
		  $(if $(filter backend/% tests/unit/blkback% tests/unit/disk% tests/fuzz/blkback% tests/fuzz/disk%,$(1)),-idirafter lib/include)
# lwIP reads words at unaligned addresses, and shifts bytes into the sign bit.
FOR_LWIP	:= $(foreach f,malloc calloc free,-Dmem_clib_$(f)=$(f)) -isystem net/lwip -isystem $(L)/include -w -fno-sanitize=alignment,shift

.PHONY: objects links sources FORCE
.PRECIOUS: $(OUT)/obj/libguest.a
.DELETE_ON_ERROR:
objects: $(call objects,$(GUEST) $(HOST) $(UNIT) $(FUZZ)) $(LWIP_OBJECTS)
links: $(UNIT:%.c=$(OUT)/%) $(FUZZ:%.c=$(OUT)/%)
# Prints each source and its output file.
sources:
	@: $(foreach f,$(GUEST) $(HOST),$(info $(f) $(call objects,$(f)))) \
		$(foreach f,$(UNIT) $(FUZZ),$(info $(f) $(OUT)/$(f:.c=)))

# Removes the output first, so that no old program is run if the compiler fails.
define compile
	@mkdir -p $(@D); rm -f $@ $(patsubst %.c,$(OUT)/%,$(filter $(UNIT) $(FUZZ),$<))
	$(CLANG) $(CFLAGS) $(call for_file,$<) $(1) -c -o $@ $<
	$(if $(filter $(PLATFORM),$<),,$(OBJCOPY) $(RENAME) $@)
endef

# Unpacked files have the archive's dates; .pin has that of unpacking and patching.
$(OUT)/obj/lwip/%.o: $(L)/%.c tests/check.mk $(wildcard $(LWIP_SRC)/.pin)
	$(call compile,$(FOR_LWIP))
$(OUT)/obj/control/command.o: VERSION
$(OUT)/obj/%.o: %.c tests/check.mk
	$(compile)

# From the objects that exist: a file that does not compile fails only the tests that need it.
$(OUT)/obj/libguest.a: FORCE
	@rm -f $@.new
	ar rcsD $@.new $(wildcard $(call objects,$(GUEST) $(HOST)) $(LWIP_OBJECTS))
	@if cmp -s $@ $@.new; then rm $@.new; else mv $@.new $@; fi
FORCE:

$(OUT)/tests/unit/%: $(OUT)/obj/tests/unit/%.o $(OUT)/obj/libguest.a
	@mkdir -p $(@D); rm -f $@
	$(CLANG) $(LDFLAGS) -o $@ $^
$(OUT)/tests/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(OUT)/obj/libguest.a
	@mkdir -p $(@D); rm -f $@
	$(CLANG) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^

-include $(patsubst %.o,%.d,$(call objects,$(GUEST) $(HOST) $(UNIT) $(FUZZ)) $(LWIP_OBJECTS))
