/* SPDX-License-Identifier: ISC */
/* Names of disks, which are their numbers: xen-vbd-interface(7). */
#include "drivers/blkfront.h"
#include "kernel/log.h"

#include <stdlib.h>
#include <string.h>

/* A family's first number, first disk and count of disks; and how many low bits are the partition. */
static const struct family {
	char name[4];
	unsigned base, first_disk, disks, shift;
} families[] = {
	{ "xvd", 202 << 8, 0, 16, 4 },
	{ "xvd", 1 << 28, 0, 1 << 20, 8 },	/* those that do not fit above */
	{ "sd", 8 << 8, 0, 16, 4 },
	{ "hd", 3 << 8, 0, 2, 6 },
	{ "hd", 22 << 8, 2, 2, 6 },
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static bool decimal(const char *text, unsigned *n)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	*n = value;
	return !*end && value <= UINT32_MAX;
}

/*
 * Reads the letters of a disk: a is disk 0, z is 25, aa is 26.  Returns the text behind them, or NULL if
 * there are none or more than four.
 */
static const char *letters(const char *text, unsigned *disk)
{
	const char *p = text;

	for (*disk = 0; *p >= 'a' && *p <= 'z'; p++) {
		if (p - text == 4)
			return NULL;
		*disk = *disk * 26 + (*p - 'a' + 1);
	}
	*disk -= 1;
	return p == text ? NULL : p;
}

bool blkfront_number(const char *name, unsigned *vdev)
{
	unsigned disk, partition;

	if (strncmp(name, "vbd-", 4) == 0)
		return decimal(name + 4, vdev);
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];
		size_t n = strlen(f->name);
		const char *rest;

		if (strncmp(name, f->name, n))
			continue;
		rest = letters(name + n, &disk);
		partition = 0;
		if (!rest || (*rest && (*rest == '0' || !decimal(rest, &partition))))
			return false;
		if (disk < f->first_disk || disk - f->first_disk >= f->disks ||
		    partition >= 1u << f->shift)
			continue;
		*vdev = f->base | (disk - f->first_disk) << f->shift | partition;
		return true;
	}
	return false;
}

static void spell(char *to, size_t size, const char *family, unsigned disk,
		  unsigned partition)
{
	char text[8] = "", *p = text + sizeof(text) - 1;

	for (disk++; disk; disk = (disk - 1) / 26)
		*--p = 'a' + (disk - 1) % 26;
	if (partition)
		format(to, size, "%s%s%u", family, p, partition);
	else
		format(to, size, "%s%s", family, p);
}

void blkfront_name(unsigned vdev, char *to, size_t size)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];
		unsigned n = vdev - f->base;

		if (vdev < f->base || n >> f->shift >= f->disks)
			continue;
		spell(to, size, f->name, f->first_disk + (n >> f->shift),
		      n & ((1u << f->shift) - 1));
		return;
	}
	format(to, size, "vbd-%u", vdev);
}
