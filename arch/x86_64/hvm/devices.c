/* SPDX-License-Identifier: ISC */
/*
 * The PC that an HVM guest finds itself in.  None of it is wanted, but for the serial line where
 * Xen gives no console, as on EC2.  PVH has none of it, and these ports do nothing there.
 */
#include "arch/x86_64/hvm/hvm.h"

#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xa1

#define UNPLUG 0x10			/* xen.git, docs/misc/hvm-emulated-unplug.pandoc */
#define UNPLUG_VERSION 0x12
#define UNPLUG_MAGIC 0x49d2
#define UNPLUG_ALL 3			/* disks and network cards */
#define PRODUCT 0xffff			/* not one that anybody has a list of */

#define SERIAL 0x3f8
#define SERIAL_STATUS (SERIAL + 5)
#define SERIAL_READY 0x20
#define SERIAL_PATIENCE 10000		/* looks */

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

/* The BIOS's timer and all else that would interrupt; Xen stops a timer that is masked. */
static void silence(void)
{
	out8(PIC_MASTER_MASK, 0xff);
	out8(PIC_SLAVE_MASK, 0xff);
}

/* The disks and network cards that frontends reach, too, or who emulates them writes as well. */
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
