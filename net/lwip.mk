# SPDX-License-Identifier: ISC
# lwIP's core for IPv4, IPv6 and Ethernet, unmodified, as an archive: see the Makefile.

C	:= $(filter-out core/altcp% core/ipv4/autoip.c core/ipv6/dhcp6.c, \
	   $(patsubst $(SRC)/%,%,$(wildcard $(SRC)/core/*.c $(SRC)/core/ipv4/*.c \
	   $(SRC)/core/ipv6/*.c $(SRC)/netif/ethernet.c)))
OUT	:= $(BUILD)/obj/lwip
O	:= $(C:%.c=$(OUT)/%.o)

.SECONDARY:
%/liblwip.a: $(O)
	@echo "  AR      $@"
	@rm -f $@; $(AR) rcsD $@ $^
$(OUT)/%.o: $(SRC)/%.c $(BUILD)/flags
	@mkdir -p $(@D); echo "  CC      lwip/$*.c"
	@$(CC) $(FLAGS) -c -o $@ $<
-include $(O:.o=.d)
