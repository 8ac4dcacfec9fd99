# SPDX-License-Identifier: ISC
# One image: the Makefile includes this for each folder of an application or a test.
#
#	$(folder)	has its C and C++ files, files/ (in the image, read-only), and app.mk
#	$(out)		where its image is made, with the folder's name, and NAME.elf
#
# app.mk may set
#	APP_CFLAGS	more options for the compiler
#	APP_LIBS	archives, and options for the linker
#	APP_SOURCES	C files that lie elsewhere, each of another name; those right in a folder of
#			$(SRC) are fetched first (tools/sources)
#	APP_PORTS	ports whose headers and archives it uses (ports/, docs/ports.md)
#	APP_KERNEL	yes: the C files use names of the kernel that are not part of the
#			programming interface
# and defaults for the variables of `make run`.

APP_CFLAGS	:=
APP_LIBS	:=
APP_SOURCES	:=
APP_KERNEL	:=
APP_PORTS	:=
-include $(folder)/app.mk
ifeq ($(GDB),1)
APP_LIBS	+= -u gdb_start
APP_CFLAGS	+= -fno-split-stack
endif

own		:= $(patsubst $(folder)/%.c,$(out)/%.o,$(wildcard $(folder)/*.c))
cxx		:= $(patsubst $(folder)/%,$(out)/%.o,$(foreach s,cc cpp cxx,$(wildcard $(folder)/*.$(s))))
elsewhere	:= $(foreach s,$(APP_SOURCES),$(out)/$(notdir $(s:.c=.o)))
pins		:= $(addsuffix .pin,$(sort $(filter $(SRC)/%/,$(dir $(APP_SOURCES)))))
elf		:= $(out)/$(notdir $(out)).elf
code_of_$(out)	:= $(own) $(cxx) $(elsewhere)
cxx_of_$(out)	:= $(cxx)

# The shell and the debugger are asked for by names that only the image's objects have.
$(elf): $(elsewhere) $(own) $(cxx)
$(elf): LIBS := $(if $(cxx),-lstdc++) $(patsubst shell_start,xenolith_shell_start,$(patsubst gdb_start,xenolith_gdb_start,$(APP_LIBS)))

# All is compiled anew when the image is made of something else, or otherwise.
$(out)/.contents: CONTENTS := $(folder) $(wildcard $(folder)/*.c $(folder)/files/) $(cxx) $(APP_CFLAGS) $(APP_LIBS) $(APP_SOURCES) $(APP_KERNEL)
$(out)/.contents: FORCE
	@mkdir -p $(@D); $(call newer,$(CONTENTS))

# For a folder outside of the tree, the debugger sees the real paths; paths in the image do not
# depend on its location.
$(out)/%.o: FLAGS := $(if $(filter /%,$(folder)),-fmacro-prefix-map=$(folder)/=$(notdir $(folder))/) $(APP_CFLAGS)
ifneq ($(APP_PORTS),)
$(out)/.ports: PORTS := $(APP_PORTS)
$(out)/.ports: $(SDK)/lib/xenolith/manifest $(foreach p,$(APP_PORTS),$(wildcard ports/$(p)/*)) $(wildcard tools/ports/*)
	@mkdir -p $(@D)
	$(Q)tools/ports/make $(@D)/toolchain $(PORTS) && touch $@
$(out)/%.o: PORT_FLAGS := -isystem $(out)/toolchain/$(TARGET)/include
$(own) $(cxx) $(elsewhere): | $(out)/.ports
$(elf): LINKER := $(out)/toolchain
$(elf): $(out)/.ports
endif

$(own) $(cxx) $(elsewhere): $(BUILD)/flags $(out)/.contents | $(READY)

$(out)/%.o: RENAMED := $(APP_KERNEL)
$(own): $(if $(APP_KERNEL),$(PRIVATE)) | $(APP_SOURCES)
$(own): $(out)/%.o: $(folder)/%.c
	@mkdir -p $(@D); echo "  CC      $<"
	$(Q)$(CC) $(APPS) $(FLAGS) $(PORT_FLAGS) -c -o $@ $<
	$(if $(RENAMED),$(Q)$(OBJCOPY) --redefine-syms=$(PRIVATE) $@)

# The SDK's compiler: the kernel's headers are not for C++.
$(cxx): $(if $(cxx),$(LIBSTDCXX))
$(cxx): $(out)/%.o: $(folder)/%
	@mkdir -p $(@D); echo "  CXX     $<"
	$(Q)$(SDK)/bin/$(TARGET)-g++ -O2 -g -Wall -Wextra $(if $(filter $(OUR_APPS),$<),-Werror) -MD -MP \
		-ffile-prefix-map=$(TREE)=. $(FLAGS) -c -o $@ $<

$(foreach s,$(APP_SOURCES),$(eval $(out)/$(notdir $(s:.c=.o)): SOURCE := $(s)))
$(APP_SOURCES): | $(pins)
$(elsewhere): $(APP_SOURCES) $(pins)
	@mkdir -p $(@D); echo "  CC      $(SOURCE)"
	$(Q)$(CC) $(APPS) $(FLAGS) $(PORT_FLAGS) -w -c -o $@ $(SOURCE)

ifneq ($(wildcard $(folder)/files/),)
$(elf): $(out)/files.o
$(out)/.files: FILES := $(folder)/files
$(out)/.files: FORCE
	@mkdir -p $(@D); find -L $(FILES) -printf '%P %T@ %s\n' > $@.new; \
		if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(out)/files.o: FILES := $(folder)/files
$(out)/files.o: tools/files $(out)/.files
	@echo "  FILES   $(FILES)"
	$(Q)tools/files $(FILES) > $(@D)/files.S && $(GCC) -c -o $@ $(@D)/files.S
endif

-include $(own:.o=.d) $(cxx:.o=.d) $(elsewhere:.o=.d)
