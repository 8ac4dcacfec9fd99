# SPDX-License-Identifier: ISC
# Builds the programs of tests/check: kernel/, drivers/, net/, control/ and lwIP for the host
# with AddressSanitizer and UndefinedBehaviorSanitizer, and a program for each
# tests/unit/*_test.c and each tests/fuzz/*_fuzz.c.
#
#	unit/	for unit tests: each access to memory is a call (tests/host/world.c)
#	fuzz/	the same for fuzzers, with libFuzzer's coverage
#
# A test is linked with libguest.a, which has kernel/, drivers/, net/, control/, lwIP and
# tests/host/.

BUILD		?= build
XEN_INCLUDE	?= /usr/include
CLANG		?= clang
OBJCOPY		?= objcopy
OUT		:= $(BUILD)/check
LWIP_SRC	?= $(BUILD)/src/lwip

GUEST		:= $(wildcard kernel/*.c drivers/*.c drivers/*/*.c net/*.c control/*.c control/*/*.c)
L		:= $(LWIP_SRC)/src
LWIP		:= $(filter-out core/altcp% core/dns.c core/ipv4/autoip.c core/ipv6/dhcp6.c, \
		   $(patsubst $(L)/%,%,$(wildcard $(L)/core/*.c $(L)/core/ipv4/*.c \
		   $(L)/core/ipv6/*.c $(L)/netif/ethernet.c)))
HOST		:= $(wildcard tests/host/*.c)
UNIT		:= $(wildcard tests/unit/*_test.c)
FUZZ		:= $(wildcard tests/fuzz/*_fuzz.c)
# The platform itself lives on from one seed to the next; all else begins anew.
PLATFORM	:= $(addprefix tests/host/,arch.c xen.c world.c claims.c)

# clang notices a compile-time choice of code only with the same macros as the image has.
CFLAGS		:= -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread -fno-pic \
		   -fno-omit-frame-pointer -fno-optimize-sibling-calls -MD -MP \
		   -iquote . -idirafter $(XEN_INCLUDE) -D__XEN_INTERFACE_VERSION__=0x00040d00 \
		   -fsanitize=address,undefined -fno-sanitize-recover=all
BY_CALL		:= -mllvm -asan-instrumentation-with-call-threshold=0 \
		   -mllvm -asan-opt-same-temp=0
empty		:=
space		:= $(empty) $(empty)
comma		:= ,
WRAP		:= malloc calloc realloc \
		   $(foreach n,1 2 4 8 16,__asan_load$(n) __asan_store$(n))
LDFLAGS		:= -no-pie -pthread -fsanitize=address,undefined $(WRAP:%=-Wl,--wrap=%)

# Where one seed ends and the next begins static variables are put back: see claims.c.
RENAME		:= --rename-section .data=guest_data \
		   --rename-section .bss=guest_bss,alloc,load,data,contents

objects		= $(patsubst %.c,$(OUT)/$(1)/%.o,$(2))
lwip_objects	= $(LWIP:%.c=$(OUT)/$(1)/lwip/%.o)
VERSION		:= $(shell cat VERSION)
for_file	= $(if $(filter kernel/% drivers/% control/%,$(1)),$(BY_CALL)) \
		  $(if $(filter control/command.c,$(1)),-DXENOLITH_VERSION='"$(VERSION)"') \
		  $(if $(filter net/% control/net_% tests/%,$(1)),-isystem net/lwip -isystem $(L)/include) \
		  $(if $(filter tests/%,$(1)),-D_GNU_SOURCE)
# lwIP takes words from where they are, and shifts bytes into signs.
FOR_LWIP	:= $(foreach f,malloc calloc free,-Dmem_clib_$(f)=$(f)) -isystem net/lwip -isystem $(L)/include -w -fno-sanitize=alignment,shift

.PHONY: objects links FORCE
.PRECIOUS: $(OUT)/%/libguest.a
.DELETE_ON_ERROR:
objects: $(call objects,unit,$(GUEST) $(HOST) $(UNIT)) $(call lwip_objects,unit) \
	$(call objects,fuzz,$(GUEST) $(HOST) $(FUZZ)) $(call lwip_objects,fuzz)
links: $(UNIT:%.c=$(OUT)/%) $(FUZZ:%.c=$(OUT)/%)

# What is not made anew is not there, for nobody to run.
define compile
	@mkdir -p $(@D); rm -f $@ $(patsubst %.c,$(OUT)/%,$(filter $(UNIT) $(FUZZ),$<))
	$(CLANG) $(CFLAGS) $(call for_file,$<) $(1) -c -o $@ $<
	$(if $(filter $(PLATFORM),$<),,$(OBJCOPY) $(RENAME) $@)
endef

# Unpacked files have the archive's dates; .pin has that of unpacking and patching.
LWIP_PIN	:= $(wildcard $(LWIP_SRC)/.pin)
$(OUT)/unit/lwip/%.o: $(L)/%.c tests/check.mk $(LWIP_PIN)
	$(call compile,$(FOR_LWIP))
$(OUT)/fuzz/lwip/%.o: $(L)/%.c tests/check.mk $(LWIP_PIN)
	$(call compile,$(FOR_LWIP) -fsanitize=fuzzer-no-link)
$(foreach v,unit fuzz,$(OUT)/$(v)/control/command.o): VERSION
$(OUT)/unit/%.o: %.c tests/check.mk
	$(compile)
$(OUT)/fuzz/%.o: %.c tests/check.mk
	$(call compile,-fsanitize=fuzzer-no-link)

# Of what there is: a file that does not compile fails those who need it, not all.
$(OUT)/%/libguest.a: FORCE
	@rm -f $@.new
	ar rcsD $@.new $(wildcard $(call objects,$*,$(GUEST) $(HOST)) $(call lwip_objects,$*))
	@if cmp -s $@ $@.new; then rm $@.new; else mv $@.new $@; fi
FORCE:

$(OUT)/tests/unit/%: $(OUT)/unit/tests/unit/%.o $(OUT)/unit/libguest.a
	@mkdir -p $(@D); rm -f $@
	$(CLANG) $(LDFLAGS) -o $@ $^
$(OUT)/tests/fuzz/%: $(OUT)/fuzz/tests/fuzz/%.o $(OUT)/fuzz/libguest.a
	@mkdir -p $(@D); rm -f $@
	$(CLANG) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^

-include $(patsubst %.o,%.d,$(call objects,unit,$(GUEST) $(HOST) $(UNIT)) \
	$(call objects,fuzz,$(GUEST) $(HOST) $(FUZZ)) \
	$(call lwip_objects,unit) $(call lwip_objects,fuzz))
