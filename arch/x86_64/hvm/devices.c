/* SPDX-License-Identifier: ISC */
/*
 * The PC around an HVM guest.  Only two parts of it are used: the serial line if Xen
 * gives no console, as on EC2, and an interrupt if Xen offers no vector for events.  PVH
 * has none of it, and these ports have no effect there.
 */
#include "arch/x86_64/hvm/hvm.h"
#include "arch/x86_64/hvm/segments.h"

#define PIC_MASTER 0x20			/* the 8259A's data sheet */
#define PIC_SLAVE 0xa0
#define PIC_MASK 1			/* offset of the mask, and of the words ICW2 to ICW4 */
#define PIC_BEGIN 0x11			/* ICW1: all four words follow */
#define PIC_CASCADE 2			/* the master's line of the slave */
#define PIC_ENDS_ITSELF 3		/* ICW4: 8086, automatic end of interrupt */

#define PCI_ADDRESS 0xcf8		/* PCI 2.1, 3.2.2.3.2 */
#define PCI_DATA 0xcfc
#define PCI_ENABLE 0x80000000
#define PCI_DEVICES 32
#define PCI_LINE 0x3c
#define PLATFORM 0x00015853		/* device, vendor: XenSource's */

#define UNPLUG 0x10			/* xen.git, docs/misc/hvm-emulated-unplug.pandoc */
#define UNPLUG_VERSION 0x12
#define UNPLUG_MAGIC 0x49d2
#define UNPLUG_ALL 3			/* disks and network cards */
#define PRODUCT 0xffff			/* a number that no list has */

#define SERIAL 0x3f8
#define SERIAL_STATUS (SERIAL + 5)
#define SERIAL_READY 0x20
#define SERIAL_PATIENCE 10000		/* polls of the status */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint16_t in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* Enables these lines. */
static void allow(unsigned lines)
{
	out8(PIC_MASTER + PIC_MASK, ~lines);
	out8(PIC_SLAVE + PIC_MASK, ~(lines >> 8));
}

/* Masks the BIOS's timer and all others; Xen stops a timer that is masked. */
static void silence(void)
{
	allow(0);
}

static void begin(uint16_t pic, unsigned vector, unsigned cascade)
{
	out8(pic, PIC_BEGIN);
	out8(pic + PIC_MASK, vector);
	out8(pic + PIC_MASK, cascade);
	out8(pic + PIC_MASK, PIC_ENDS_ITSELF);
}

/*
 * Xen keeps the line asserted while vcpu_info shows a pending upcall, so there is no end
 * of interrupt.  The BIOS has written the number of the line into the device.  BIOS and
 * GRUB have left the local APIC open for the PIC, whose interrupts they use.
 */
unsigned hvm_platform_interrupt(void)
{
	unsigned line = 0;

	for (uint32_t device = 0; device < PCI_DEVICES && !line; device++) {
		out32(PCI_ADDRESS, PCI_ENABLE | device << 11);
		if (in32(PCI_DATA) != PLATFORM)
			continue;
		out32(PCI_ADDRESS, PCI_ENABLE | device << 11 | PCI_LINE);
		line = in32(PCI_DATA) & 0xff;
	}
	if (!line || line >= INTERRUPTS)
		return 0;
	begin(PIC_MASTER, UPCALL_VECTOR, 1 << PIC_CASCADE);
	begin(PIC_SLAVE, UPCALL_VECTOR + 8, PIC_CASCADE);
	allow(1 << line | 1 << PIC_CASCADE);
	return line;
}

/*
 * Unplugs the emulated disks and network cards that the frontends use, too.  Otherwise
 * the emulator would also write to the disks.
 */
static void unplug(void)
{
	if (in16(UNPLUG) != UNPLUG_MAGIC)
		return;
	if (in8(UNPLUG_VERSION)) {
		out16(UNPLUG_VERSION, PRODUCT);
		out32(UNPLUG, 1);
	}
	out16(UNPLUG, UNPLUG_ALL);
}

void hvm_devices_init(void)
{
	silence();
	unplug();
}

static void put(char c)
{
	for (int i = 0; i < SERIAL_PATIENCE && !(in8(SERIAL_STATUS) & SERIAL_READY); i++)
		;
	out8(SERIAL, c);
}

void hvm_serial_write(const char *text, size_t len)
{
	for (; len--; text++) {
		if (*text == '\n')
			put('\r');
		put(*text);
	}
}
