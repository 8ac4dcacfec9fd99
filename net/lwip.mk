# SPDX-License-Identifier: ISC
# lwIP's core for IPv4, IPv6 and Ethernet as an archive: see the Makefile.  It is as pinned,
# with the patches in net/lwip/patches/; a tree named by LWIP_SRC= is used as it is.

C	:= $(filter-out core/altcp% core/dns.c core/ipv4/autoip.c core/ipv6/dhcp6.c, \
	   $(patsubst $(SRC)/%,%,$(wildcard $(SRC)/core/*.c $(SRC)/core/ipv4/*.c \
	   $(SRC)/core/ipv6/*.c $(SRC)/netif/ethernet.c)))
OUT	:= $(BUILD)/obj/lwip
O	:= $(C:%.c=$(OUT)/%.o)

.SECONDARY:
%/liblwip.a: $(O)
	@echo "  AR      $@"
	@rm -f $@; $(AR) rcsD $@ $^
# Unpacked files have the archive's dates; .pin has that of unpacking and patching.
$(OUT)/%.o: $(SRC)/%.c $(BUILD)/flags $(wildcard $(SRC)/../.pin)
	@mkdir -p $(@D); echo "  CC      lwip/$*.c"
	@$(CC) $(FLAGS) -c -o $@ $<
-include $(O:.o=.d)
