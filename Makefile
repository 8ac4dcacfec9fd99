# SPDX-License-Identifier: ISC
# Xenolith.  `make` lists the targets; all output is below $(BUILD).
#
#	this file	targets for users; images; the library; outside sources
#	sdk/		the toolchain, which links all images
#	tools/image.mk	one image, from the files of a folder
#	net/lwip.mk	lwIP
#	tests/check.mk	the programs of the host tests

BUILD		?= build
# Names with spaces cannot be written in a makefile, and newlib's configure refuses them.
$(if $(word 2,$(CURDIR)),$(error the name of this folder has a space, with which make and newlib cannot build: $(CURDIR)))
$(if $(filter 1,$(words $(BUILD))),,$(error BUILD=$(BUILD): it must be the name of one folder without spaces))
$(if $(filter /,$(abspath $(BUILD))),$(error BUILD=/: make clean would remove folders of the machine))
CROSS_COMPILE	?= x86_64-linux-gnu-
ifeq ($(origin CC),default)
CC		:= $(CROSS_COMPILE)gcc
endif
CLANG		:= $(findstring clang,$(CC))
AR		:= $(CROSS_COMPILE)ar
NM		:= $(CROSS_COMPILE)nm
OBJCOPY		:= $(CROSS_COMPILE)objcopy
GCC		:= $(CROSS_COMPILE)gcc
VERSION		:= $(shell cat VERSION)
Q		:= $(if $(V),,@)
# The folder of the sources; another one where this tree consists of links to them (tests/docs).
TREE		:= $(or $(XENOLITH_TREE),$(CURDIR))
once		 = $(eval $(1) := $(shell $(2)))$($(1))

# Outside sources; each may be a tree of yours instead.
SRC		?= $(BUILD)/src
NEWLIB		?= $(BUILD)/newlib
NEWLIB_SRC	?= $(SRC)/newlib
LWIP_SRC	?= $(SRC)/lwip
XEN_INCLUDE	?= $(SRC)/xen
LIBSTDCXX_SRC	?= $(SRC)/libstdcxx
NEWLIB_PIN	:= $(if $(filter $(SRC)/%,$(NEWLIB_SRC)),$(SRC)/newlib/.pin)
LIBSTDCXX_PIN	:= $(if $(filter $(SRC)/%,$(LIBSTDCXX_SRC)),$(LIBSTDCXX_SRC)/.pin)
LWIP_PIN	:= $(if $(filter $(SRC)/%,$(LWIP_SRC)),$(LWIP_SRC)/.pin)
export XENOLITH_BUILD := $(abspath $(BUILD))
export PYTHONPYCACHEPREFIX := $(XENOLITH_BUILD)/pycache

# An image is a folder of C or C++ files: apps/NAME becomes $(BUILD)/NAME/NAME, tests/xen/NAME
# $(BUILD)/tests/NAME/NAME, and APP_DIR=FOLDER is like a folder in apps/.
FOLDERS		:= $(patsubst %/,%,$(sort $(dir $(wildcard $(foreach s,c cc cpp cxx,$(addsuffix /*/*.$(s),apps tests/xen tests/bench))))))
ifneq ($(APP_DIR),)
FOLDERS		:= $(abspath $(APP_DIR)) $(filter-out apps/$(notdir $(abspath $(APP_DIR))),$(FOLDERS))
endif
name		 = $(patsubst tests/xen/%,tests/%,$(if $(filter tests/%,$(1)),$(1:tests/bench/%=bench/%),$(notdir $(1))))
image		 = $(BUILD)/$(1)/$(notdir $(1))
NAMES		:= $(foreach f,$(FOLDERS),$(call name,$(f)))
# Folders of $(BUILD) that are no images.
RESERVED	:= apt apt-% bare bench boot check docs ec2 evtchn flags grub guests hvm include lab lib%.a libstdcxx libvirt libvirt-schemas lock \
		   mutants newlib obj packages ports posix private proc prove pycache root sdk src stamp tests torture unix xenolith
$(foreach n,$(filter $(RESERVED),$(NAMES)),$(error $(n): an application cannot have this name, which a folder of build/ has))
APP		?= $(if $(APP_DIR),$(notdir $(abspath $(APP_DIR))))
IMAGE		:= $(if $(filter $(APP),$(NAMES)),$(call image,$(APP)),no-app)

# ---- Targets for users

GOALS		:= help run image images compile_commands size lab check test prove bench setup sdk install uninstall deb fetch sbom clean distclean
.PHONY: $(GOALS) checked no-app FORCE
.SECONDARY:
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#| \?//p' Makefile
#| make run APP=hello     build apps/hello, boot it under Xen, show its console
#|      APP_DIR=FOLDER    a folder of C or C++ files anywhere, instead of apps/NAME
#|      ARGS="a 'b c'"    its arguments;   CMDLINE="..."  options of the kernel
#|      MEMORY=MB  DISK=FILE[:/PATH][,ro]  TIMEOUT=SECONDS  TYPE=pv|pvh|hvm|unix
#|                        unix: as a Linux process, without Xen (docs/unix.md)
#|      NET=yes           a network;   NET=8080:80  and a port of this machine
#|      GDB=1             with a server for gdb: gdb=on, gdb=wait (docs/debug.md)
#| make image APP=hello   build only: build/hello/hello, and hello.elf for gdb
#| make images            build all applications and tests
#| make compile_commands  build/compile_commands.json, for clangd and other tools
#| make sdk               the toolchain x86_64-xenolith-elf-gcc in build/sdk (docs/sdk.md)
#|      CXX=1             with C++, which takes some minutes the first time
#| make install           install it in PREFIX=/usr/local; `make uninstall` removes it
#| make deb               Debian packages, build/xenolith-{sdk,tools}_VERSION_*.deb
#| make fetch             all outside sources; then `make` needs no network
#| make sbom APP=hello    the parts of an image and their licences, as SPDX
#| make size APP=hello    where its bytes are, by folder and by function
#| make lab               a shell in dom0 of the lab
#| ./xenolith ps NAME     query a running guest; ./xenolith --help lists commands
#|
#| make check [T=WORD]    run the host tests, 3 minutes
#| make test [T=WORD] [TYPE=pvh|hvm|unix]    run all tests, also those that need Xen
#| make prove [T=WORD]    prove properties of sources and protocols (docs/proofs.md)
#| make bench [T=WORD]    measure boot time and other times
#|
#| make setup             install missing packages (run, check and test do it too)
#| make clean             remove what was built
#| make distclean         remove all of build/, also what was downloaded
#|
#| V=1 shows the commands.  CC=clang, CROSS_COMPILE=PREFIX, BUILD=FOLDER;
#| NEWLIB_SRC=, LWIP_SRC=, XEN_INCLUDE= use trees of your own.

lab_run		= tools/lab/lab run $(1) $${MEMORY:+--memory "$$MEMORY"} $${DISK:+--disk "$$DISK"} \
		  $${NET:+--net="$$NET"} $${CMDLINE:+--cmdline "$$CMDLINE"} \
		  $${TIMEOUT:+--timeout "$$TIMEOUT"} $${TYPE:+--type "$$TYPE"} $(IMAGE) -- $(ARGS)
# A folder with xenolith.toml is a project: its file says what to build and how to run it.
ifneq ($(and $(APP_DIR),$(wildcard $(APP_DIR)/xenolith.toml)),)
run: setup
	@cd '$(APP_DIR)' && $(TREE)/xenolith run $${MEMORY:+--memory "$$MEMORY"} $${DISK:+--disk "$$DISK"} $${NET:+--net="$$NET"} \
		$${CMDLINE:+--cmdline "$$CMDLINE"} $${TIMEOUT:+--timeout "$$TIMEOUT"} $${TYPE:+--type "$$TYPE"} \
		$(if $(ARGS),-- $(ARGS))
else
run: $(IMAGE)
	@$(if $(filter unix,$(TYPE)),python3 tools/unix/process_cli.py $(IMAGE) -- $(ARGS),$(lab_run))

endif

no-app: checked

image: $(IMAGE)
	@echo "$(IMAGE): $$(wc -c < $(IMAGE)) bytes"
size: $(IMAGE)
	@tools/size --obj $(BUILD)/obj $(IMAGE)
images: $(foreach n,$(NAMES),$(call image,$(n)))
compile_commands: setup
	@MAKE="$(MAKE)" tools/compile_commands $(BUILD)
lab: setup
	@tools/lab/lab shell
check: setup $(BUILD)/flags $(LWIP_PIN) $(NEWLIB_PIN)
	@XEN_INCLUDE=$(BUILD)/include LWIP_SRC=$(LWIP_SRC) NEWLIB_SRC=$(NEWLIB_SRC) tests/check $(T)
prove: setup $(BUILD)/flags $(LWIP_PIN)
	@XEN_INCLUDE=$(BUILD)/include LWIP_SRC=$(LWIP_SRC) tests/prove/run $(T)
test: images
	@tests/run $${TYPE:+--type "$$TYPE"} $(T)
bench: images
	@tests/bench/run $(if $(T),"$$T")
setup: checked
	@CC="$(CC)" CROSS_COMPILE="$(CROSS_COMPILE)" TYPE="$(TYPE)" tools/setup build \
		$(if $(filter images test bench setup,$(MAKECMDGOALS)),images) \
		$(if $(or $(filter 1,$(CXX)),$(filter images test,$(MAKECMDGOALS)),$(cxx_of_$(BUILD)/$(APP))),cxx) \
		$(if $(filter run lab test bench setup,$(if $(filter unix,$(TYPE)),,$(MAKECMDGOALS))),run) \
		$(if $(filter check test setup,$(MAKECMDGOALS)),test) $(if $(filter prove setup,$(MAKECMDGOALS)),prove) \
		$(if $(filter check setup $(if $(T),,test),$(MAKECMDGOALS)),check)
clean:
	$(Q)rm -rf $(addprefix $(BUILD)/,obj include flags private sdk tests $(NAMES)) $(BUILD)/*.a* $(BUILD)/*.[oS]
distclean:
	$(Q)rm -rf $(BUILD)

# What was typed is checked before anything is installed or built (tools/variables).  An app.mk
# may read variables of its own.
KNOWN		:= APP APP_DIR ARGS CMDLINE MEMORY DISK NET TIMEOUT TYPE GDB T V Q BUILD CC CROSS_COMPILE \
		   AR NM OBJCOPY GCC SRC NEWLIB NEWLIB_SRC LWIP_SRC XEN_INCLUDE XENOLITH_% APP_CFLAGS \
		   APP_LIBS APP_SOURCES APP_KERNEL CLANG CXX LIBSTDCXX_SRC HOSTCC HOST_% EC2_% FUZZ_SECONDS LONG NATIVE PREFIX DESTDIR
typed		:= $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $(v))),$(v)))
unknown		 = $(foreach v,$(filter-out $(KNOWN),$(typed)),\
		   $(if $(shell grep -lws -e '$(v)' $(wildcard $(FOLDERS:%=%/app.mk))),,$(v)))
# Other makefiles may include this one.
ifeq ($(firstword $(MAKEFILE_LIST)),Makefile)
no_target	:= $(filter-out $(GOALS) checked,$(foreach g,$(MAKECMDGOALS),$(if $(findstring /,$(g)),,$(g))))
endif
.PHONY: $(no_target)
$(no_target): checked
checked:
	@PROJECT="$(wildcard $(APP_DIR)/xenolith.toml)" NO_TARGET="$(no_target)" UNKNOWN="$(unknown)" APP="$(APP)" APP_DIR="$(APP_DIR)" IMAGE=$(IMAGE) PREFIX="$(PREFIX)" \
		CXX_TYPED="$(if $(filter command,$(origin CXX)),$(CXX))" \
		APPS="$(filter-out tests/% bench/%,$(NAMES))" HAS_CODE="$(firstword $(has_code))" \
		tools/variables $(MAKECMDGOALS)
	@$(if $(filter run,$(if $(filter unix,$(TYPE)),,$(MAKECMDGOALS))),! command -v python3 > /dev/null || $(call lab_run,--check))

# ---- How code is compiled

# The compiler is one for Linux: take from it that it knows Linux and has its headers.
TARGET_DEFS	:= -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -Uunix -D__xenolith__
CODEGEN		:= -mno-red-zone -fno-pic -fno-pie -mcmodel=small -fcf-protection=none \
		   -ffunction-sections -fdata-sections -fno-omit-frame-pointer \
		   -fno-asynchronous-unwind-tables -fno-unwind-tables \
		   -fstack-protector-strong -mstack-protector-guard=global
GCC_INCLUDE	 = $(call once,GCC_INCLUDE,$(GCC) -print-file-name=include 2>&1)
CC_INCLUDE	 = $(call once,CC_INCLUDE,$(CC) -print-file-name=include 2>&1)
CC_VERSION	 = $(call once,CC_VERSION,$(CC) --version 2>&1 | head -n 1)
COMMON		 = -std=gnu11 -O2 -g -Wall -Wextra $(TARGET_DEFS) $(CODEGEN) -nostdinc -iquote . \
		   -isystem lib/include -isystem $(CC_INCLUDE) -isystem $(NEWLIB)/include \
		   -isystem $(BUILD)/include -D__XEN_INTERFACE_VERSION__=0x00040d00 \
		   -ffile-prefix-map=$(TREE)=. -ffile-prefix-map=$(BUILD)/=build/ -MD -MP \
		   $(if $(CLANG),--target=x86_64-linux-gnu)
# A large frame is touched page by page, so that it cannot skip the guard page below a stack.
PROBE		:= -fstack-clash-protection
# Upcalls and traps do not save the FPU before C code runs.
OURS		 = $(COMMON) $(PROBE) -Werror $(if $(filter arch/% kernel/%,$<),-mgeneral-regs-only) \
		   $(if $(filter control/command.c control/kernel_methods.c lib/process/start.c,$<),-DXENOLITH_VERSION='"$(VERSION)"')
OURS		+= $(if $(filter net/% control/% lib/%,$<),$(LWIP_INCLUDE))
# Code of every image whose speed does not show is compiled to be small: what no packet or block
# passes through, vchan (a call costs nanoseconds, a notification microseconds), TCP's policy (some
# hundred instructions for each ACK), and printf, a tenth slower for it.
SMALL		:= arch/x86_64/hvm/% arch/x86_64/pv/% arch/x86_64/boot.c arch/x86_64/callers.c arch/x86_64/context.c \
		   arch/x86_64/cpu.c arch/x86_64/memory.c arch/x86_64/paging.c arch/x86_64/traps.c control/% \
		   drivers/console.c drivers/vchan.c drivers/vchan_setup.c drivers/xenbus/% kernel/dump.c kernel/format.c \
		   kernel/gnttab.c kernel/hold.c kernel/log.c kernel/page.c kernel/param%.c kernel/profile.c \
		   kernel/random.c kernel/record.c kernel/shutdown.c kernel/suspend.c kernel/symbols.c kernel/thread.c \
		   kernel/timer.c kernel/watchdog.c lib/file/file.c lib/file/syscalls.c lib/file/text.c lib/file/tty.c \
		   lib/libc/error.c lib/libc/memalign.c lib/libc/printf.c lib/libc/printf_float.c \
		   lib/libc/reent.c lib/libc/strerror.c lib/libc/vfprintf.c lib/process/random.c \
		   lib/process/start.c lib/thread/mutex.c lib/thread/tls.c net/tcp_%.c
OURS		+= $(if $(filter $(SMALL),$<),-Os)
LWIP_INCLUDE	 = -isystem net/lwip -isystem $(LWIP_SRC)/src/include
# Each function of an application checks that its frame fits the stack.  The stack is never
# split, since __morestack is Xenolith's own.  clang has no such check for functions like printf;
# with clang, a frame cannot skip the guard page below the stack.  Warnings are errors only in
# applications and tests of this tree.  Checks of sizes are as in the SDK (sdk/driver); tests ask for them.
OUR_APPS	:= $(addprefix apps/,echo/% hello/% httpd/% httpsd/% iperf/% storage/%) tests/%
APPS		 = $(COMMON) $(if $(CLANG),$(PROBE),-fsplit-stack) \
		   $(if $(CLANG)$(filter tests/%,$<),,-D_FORTIFY_SOURCE=2) \
		   $(if $(filter $(OUR_APPS),$<),-Werror)

C		:= $(wildcard arch/x86_64/*.c arch/x86_64/*/*.c kernel/*.c fs/*.c fs/*/*.c fs/*/*/*.c drivers/*.c drivers/*/*.c \
		   backend/*.c net/*.c control/*.c control/*/*.c lib/*.c lib/*/*.c)
# Not in the library: a program asks for it by -lnoprocess.
NOPROCESS	:= $(wildcard lib/noprocess/*.c)
C		:= $(filter-out $(NOPROCESS),$(C))
HEADERS		:= $(wildcard lib/include/*.h lib/include/*/*.h)
S		:= $(wildcard arch/x86_64/*.S arch/x86_64/*/*.S)
LDS		:= arch/x86_64/xenolith.lds
START		:= $(S:%.S=$(BUILD)/obj/%.image.o)
LIBRARY		:= $(BUILD)/libxenolith.a
LIBC		:= $(BUILD)/libc.a
LIBNOPROCESS	:= $(BUILD)/libnoprocess.a
LWIP		:= $(BUILD)/liblwip.a
PRIVATE		:= $(BUILD)/private
SDK		:= $(BUILD)/sdk
TARGET		:= x86_64-xenolith-elf
LIBSTDCXX	:= $(SDK)/$(TARGET)/lib/libstdc++.a
PREFIX		?= /usr/local
READY		:= $(BUILD)/flags $(NEWLIB)/stamp $(LWIP_PIN)

# If the flags change, everything is compiled again.
# newer,TEXT,WORDS OF THE SHELL: TEXT may have quotes, as of APP_CFLAGS.
noted		= printf '%s\n' '$(subst ','\'',$(1))' $(2)
newer		= $(noted) | cmp -s - $@ || $(noted) > $@
$(BUILD)/flags: FORCE $(if $(filter $(SRC)/%,$(XEN_INCLUDE)),$(SRC)/xen/.pin) | setup
	@mkdir -p $(BUILD)/include; x="$(abspath $(XEN_INCLUDE))"; \
	for d in "$$x/xen" "$$x/public" "$$x" none; do [ ! -f "$$d/xen.h" ] || break; done; \
	[ "$$d" != none ] || { echo "XEN_INCLUDE=$(XEN_INCLUDE): it has no xen/xen.h" >&2; exit 1; }; \
	ln -sfn "$$d" $(BUILD)/include/xen; $(call newer,$(CC_VERSION) $(PROBE) $(APPS) $(SMALL) $(VERSION),"$$d")

# ---- Images

# For each folder, $(folder) is set to its name and $(out) to the place of its image.  Every app.mk
# is read, whichever image is made; one that sets a default for `make run` (NET ?= ...) does so
# only if $(APP) is its own name.
$(foreach f,$(FOLDERS),$(eval folder := $(f))$(eval out := $(BUILD)/$(call name,$(f)))$(eval include tools/image.mk))
has_code	:= $(code_of_$(BUILD)/$(APP))

# What `make run` passes on.  These lines are below the app.mk files: `export` alone defines
# a variable, and a `?=` of an app.mk would then have no effect.
# Arguments reach the shell as they were typed: it is the one to see their quotes.
override ARGS := $(value ARGS)
override CMDLINE := $(value CMDLINE)
export ARGS CMDLINE MEMORY DISK NET TIMEOUT T TYPE

# The SDK's compiler links: it adds the names of functions and checks the image (sdk/link.py).
%.elf: $(SDK)/lib/xenolith/manifest
	@echo "  LINK    $@"
	$(Q)$(or $(LINKER),$(SDK))/bin/$(TARGET)-gcc $(if $(V),-v) -o $@ $(filter $(@D)/%.o,$^) $(LIBS) -Wl,-Map=$*.map
$(foreach n,$(NAMES),$(call image,$(n))): %: %.elf
	$(Q)$(CROSS_COMPILE)strip -R .comment -o $@ $<
$(BUILD)/no-symbols.S: tools/symbols
	$(Q)tools/symbols > $@
%.o: %.S
	$(Q)$(GCC) -c -o $@ $<

# ---- The SDK: build/sdk (docs/sdk.md)

$(SDK)/lib/xenolith/manifest: $(START) $(LIBRARY) $(LWIP) $(LIBC) $(LIBNOPROCESS) $(BUILD)/no-symbols.o $(LDS) \
		$(NEWLIB)/stamp $(BUILD)/obj/.list $(wildcard sdk/* sdk/*/*) $(HEADERS) \
		$(addprefix tools/,elf.py files redzone symbols undefined)
	@echo "  SDK     $(SDK)"
	$(Q)TARGET=$(TARGET) TOOLS=$(CROSS_COMPILE) DEFS="$(TARGET_DEFS)" CODEGEN="$(CODEGEN)" \
		START="$(START)" LIBRARIES="$(LIBRARY) $(LWIP) $(LIBC) $(LIBNOPROCESS) $(NEWLIB)/lib/libm.a" LDS=$(LDS) \
		LIBSTDCXX=$(BUILD)/libstdcxx NO_SYMBOLS=$(BUILD)/no-symbols.o NEWLIB=$(NEWLIB) XEN_HEADERS=$(BUILD)/include/xen \
		sdk/assemble $(SDK)
# Built when the first image with C++ is.  It is added to an SDK without a change of its date.
# std::call_once() needs a pthread_once() through which exceptions pass.
ONCE		:= $(BUILD)/libstdcxx/pthread_once.o
$(ONCE): lib/thread/pthread_once.c $(PRIVATE) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) -fexceptions -g0 -c -o $@ $<
	$(Q)$(OBJCOPY) --redefine-syms=$(PRIVATE) $@
$(BUILD)/libstdcxx/stamp: $(SDK)/lib/xenolith/manifest tools/libstdcxx $(LIBSTDCXX_PIN)
	$(Q)LIBSTDCXX_PIN=$(LIBSTDCXX_PIN) tools/libstdcxx $(LIBSTDCXX_SRC) $(SDK) $(@D)
$(LIBSTDCXX): $(BUILD)/libstdcxx/stamp $(ONCE)
	$(Q)TARGET=$(TARGET) TOOLS=$(CROSS_COMPILE) LIBSTDCXX=$(BUILD)/libstdcxx sdk/assemble --cxx $(SDK)
sdk: setup $(SDK)/lib/xenolith/manifest $(if $(filter 1,$(CXX)),$(LIBSTDCXX))
	@echo "$(SDK)/bin/$(TARGET)-gcc"
install: sdk
	@sdk/install $(SDK) "$(PREFIX)" "$(DESTDIR)"
deb: sdk
	@sdk/deb $(SDK) $(VERSION) $(BUILD)
# The packages of the machine (make setup) and of the lab are not among them.
fetch: setup
	$(Q)tools/fetch --dir $(SRC) all
sbom: $(IMAGE)
	$(Q)$(SDK)/bin/$(TARGET)-sbom $(IMAGE).map
uninstall: checked
	@sdk/install --remove "$(PREFIX)" "$(DESTDIR)"

# ---- The library: the kernel and all above it

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(READY)
	@mkdir -p $(@D); echo "  CC      $<"
	$(Q)$(CC) $(OURS) -c -o $@ $<
$(BUILD)/obj/%.o: %.S $(BUILD)/flags | $(READY)
	@mkdir -p $(@D); echo "  AS      $<"
	$(Q)$(CC) $(OURS) -c -o $@ $<
# What was removed from the tree must not stay in an archive or the SDK.
$(BUILD)/obj/.list: FORCE
	@mkdir -p $(@D); $(call newer,$(C) $(S) $(NOPROCESS) $(HEADERS))
$(BUILD)/obj/libxenolith.a: $(C:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/.list
	@echo "  AR      $@"
	$(Q)rm -f $@; $(AR) rcsD $@.$$$$ $(filter %.o,$^) && mv $@.$$$$ $@

$(LIBNOPROCESS): $(NOPROCESS:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/.list
	@echo "  AR      $@"
	$(Q)rm -f $@; $(AR) rcsD $@ $(filter %.o,$^)

# An application may define all names that are not part of the programming interface: in the
# library, NAME becomes xenolith_NAME (tools/private).
MADE		:= $(S:%.S=$(BUILD)/obj/%.o) $(BUILD)/obj/libxenolith.a $(BUILD)/obj/liblwip.a
$(PRIVATE): $(MADE) $(NEWLIB)/stamp tools/private $(wildcard lib/include/*.h lib/include/*/*.h)
	@echo "  NAMES   $@"
	$(Q)tools/private --nm $(NM) --libc $(NEWLIB)/lib/libc.a --libc $(NEWLIB)/lib/libm.a \
		--cc "$(GCC) $(TARGET_DEFS) -D_GNU_SOURCE -nostdinc -isystem lib/include \
		-isystem $(GCC_INCLUDE) -isystem $(NEWLIB)/include" -- $(MADE) > $@.$$$$ && \
		mv $@.$$$$ $@
rename		= $(Q)$(OBJCOPY) --redefine-syms=$(PRIVATE) $(1) $(2)
$(LIBRARY) $(LWIP): $(BUILD)/%.a: $(BUILD)/obj/%.a $(PRIVATE)
	$(call rename,-D $<,$@)
$(START): %.image.o: %.o $(PRIVATE)
	$(call rename,$<,$@)
# Functions of lib/ replace newlib's.  Some of newlib's functions are renamed instead, from NAME to
# __newlib_NAME, and lib/libc/ calls them.
renamed		= $(AR) x $(1) --output $(1).d $(2).o && $(OBJCOPY) $(foreach n,$(3),\
		  --redefine-sym $(n)=__newlib$(if $(filter _%,$(n)),,_)$(n)) \
		  $(1).d/$(2).o && $(AR) rD $(1) $(1).d/$(2).o
$(LIBC): $(LIBRARY) $(NEWLIB)/stamp
	$(Q)t=$@.$$$$; cp $(NEWLIB)/lib/libc.a $$t && mkdir -p $$t.d && \
	$(call renamed,$$t,libc_a-tzset_r,_tzset_unlocked_r _tzset_r _getenv_r) && \
	$(call renamed,$$t,glob,glob) && $(call renamed,$$t,libc_a-gmtime_r,gmtime_r) && \
	$(call renamed,$$t,libc_a-mallocr,_malloc_r) && \
	$(call renamed,$$t,libc_a-lcltime_r,localtime_r) && $(call renamed,$$t,libc_a-mktime,mktime) && rm -r $$t.d && \
	$(NM) -g --defined-only $< > $$t.nm && \
	$(NM) -gA --defined-only $$t >> $$t.nm && \
	awk -F'[: ]' '!/:/ { ours[$$NF] } /:/ && $$NF in ours { print $$2 }' $$t.nm | \
		sort -u | xargs $(AR) dD $$t && rm $$t.nm && mv $$t $@
-include $(ONCE:.o=.d) $(C:%.c=$(BUILD)/obj/%.d) $(NOPROCESS:%.c=$(BUILD)/obj/%.d) $(S:%.S=$(BUILD)/obj/%.d)

# ---- Outside sources

# Each make checks whether a file of these sources was edited.
$(SRC)/%/.pin: tools/sources tools/fetch FORCE | setup
	$(Q)[ -z "$(filter-out FORCE,$?)" ] && tools/listing $(@D) | cmp -s - $(@D)/.listing || \
		tools/fetch --dir $(SRC) $*
# The folder is newer when a patch was added or removed.
$(SRC)/lwip/.pin: net/lwip/patches $(wildcard net/lwip/patches/*.patch)
# A separate make, since the files of lwIP are known only after unpacking.  It runs each time,
# since it knows the dependencies.
$(BUILD)/obj/liblwip.a: FORCE | $(READY)
	$(Q)$(MAKE) -s --no-print-directory -f net/lwip.mk BUILD=$(BUILD) SRC=$(LWIP_SRC)/src \
		CC="$(CC)" AR="$(AR)" FLAGS='$(COMMON) $(PROBE) $(LWIP_INCLUDE) -Wno-unused-parameter' $@

NEWLIB_CC	 = $(GCC) $(TARGET_DEFS) -D_COMPILING_NEWLIB -nostdinc -I $(TREE)/lib/include \
		   -isystem $(GCC_INCLUDE)
# Small code, but without the slow loops that newlib uses with -Os.
NEWLIB_CFLAGS	:= -Os -U__OPTIMIZE_SIZE__ -D__OBSOLETE_MATH_DEFAULT=0 -g0 $(CODEGEN) $(PROBE)
# The folders are newer when a header was added or removed; tools/newlib knows which matter.
$(NEWLIB)/stamp: tools/newlib lib/include $(wildcard lib/include/* lib/include/*/*) \
		$(BUILD)/newlib-flags $(NEWLIB_PIN)
	$(Q)NEWLIB_PIN=$(NEWLIB_PIN) NEWLIB_CC="$(NEWLIB_CC)" NEWLIB_CFLAGS="$(NEWLIB_CFLAGS)" \
		NEWLIB_PREFIX=$(CROSS_COMPILE) tools/newlib $(NEWLIB_SRC) $(NEWLIB)
$(BUILD)/newlib-flags: FORCE | setup
	@mkdir -p $(@D); tree=$(if $(NEWLIB_PIN),,$$(tools/listing $(firstword \
		$(wildcard $(NEWLIB_SRC)/newlib) $(NEWLIB_SRC)) | cksum)); \
	$(call newer,$(NEWLIB_SRC) $(NEWLIB_CC) $(NEWLIB_CFLAGS),"$$tree")
