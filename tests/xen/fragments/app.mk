# Made by hand: the pieces of other people's archives.
APP_LIBS	:= $(BUILD)/tests/fragments/libarchived.a

$(BUILD)/tests/fragments/libarchived.a: tests/xen/fragments/archived.s
	@mkdir -p $(@D)
	$(Q)$(GCC) -c -o $(@:.a=.o-archived) $< && $(AR) rcsD $@ $(@:.a=.o-archived)
$(BUILD)/tests/fragments/fragments.elf: $(BUILD)/tests/fragments/libarchived.a
