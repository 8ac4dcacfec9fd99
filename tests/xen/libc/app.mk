# An archive that was built without us: it is linked after ours, and before libgcc.
APP_LIBS	:= $(BUILD)/tests/libc/libarchive.a

$(BUILD)/tests/libc/libarchive.a: tests/xen/libc/archive/archive.c tests/xen/libc/archive/archive.h
	@mkdir -p $(@D)
	$(Q)$(GCC) -O2 -fno-pic -mno-red-zone -fno-stack-protector -c -o $(@:.a=.o) $<
	$(Q)rm -f $@; $(AR) rcsD $@ $(@:.a=.o); rm $(@:.a=.o)
$(BUILD)/tests/libc/libc.elf: $(BUILD)/tests/libc/libarchive.a
