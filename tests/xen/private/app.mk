# A function of each name that the kernel has for itself.
APP_CFLAGS	:= -w -fno-builtin
APP_SOURCES	:= $(BUILD)/tests/private/private.c
APP_LIBS	:= -u shell_start -u gdb_start

$(BUILD)/tests/private/private.c: $(PRIVATE)
	@mkdir -p $(@D)
	$(Q)awk '{ print "int " $$1 "(void) { application_name(\"" $$1 "\"); }"; all = all "\t" $$1 ",\n" } \
		END { print "int (*const names[])(void) = {\n" all "\t0\n};" }' $< > $@
