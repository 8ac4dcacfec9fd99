/* SPDX-License-Identifier: ISC */
#include "gpt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512
#define ENTRIES_MOST 1024
#define NAME_UNITS 36			/* of UTF-16 */

/* UEFI 2.10, 5.3.2: all numbers are little-endian. */
struct header {
	char signature[8];
	uint32_t revision, size, crc, reserved;
	uint64_t self, backup, first_usable, last_usable;
	uint8_t guid[16];
	uint64_t entries;		/* sector */
	uint32_t count, entry_size, entries_crc;
};

struct entry {
	uint8_t type[16], guid[16];
	uint64_t first, last, attributes;
	uint16_t name[NAME_UNITS];
};

static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static bool header_valid(struct header *h)
{
	uint32_t crc = h->crc;

	h->crc = 0;
	return !memcmp(h->signature, "EFI PART", 8) && h->size == 92 &&
	       crc32_of((const uint8_t *)h, 92) == crc && h->entry_size == sizeof(struct entry) &&
	       h->count >= 1 && h->count <= ENTRIES_MOST && h->entries >= 2 &&
	       h->entries <= INT64_MAX / SECTOR / 2;
}

/* Names of ASCII only. */
static bool is_named(const struct entry *e, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_UNITS || (len < NAME_UNITS && e->name[len]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (e->name[i] != (unsigned char)name[i] || e->name[i] > 126)
			return false;
	return true;
}

static int find(const struct header *h, const struct entry *entries, uint64_t size, const char *name,
		uint64_t *start, uint64_t *len)
{
	static const uint8_t unused[16];

	for (uint32_t i = 0; i < h->count; i++) {
		const struct entry *e = &entries[i];

		if (!memcmp(e->type, unused, 16) || !is_named(e, name))
			continue;
		if (e->first < 2 || e->last < e->first || e->last >= size / SECTOR)
			return -EINVAL;
		*start = e->first * SECTOR;
		*len = (e->last - e->first + 1) * SECTOR;
		return 0;
	}
	return -ENOENT;
}

static int read_table(int fd, const char *name, uint64_t *start, uint64_t *len)
{
	struct header h;
	struct entry *entries;
	off_t size = lseek(fd, 0, SEEK_END);
	size_t bytes;
	int rc = -EINVAL;

	if (size < 0 || pread(fd, &h, 92, SECTOR) != 92)
		return -EIO;
	if (!header_valid(&h))
		return -EINVAL;
	bytes = h.count * sizeof(*entries);
	entries = malloc(bytes);
	if (!entries)
		return -ENOMEM;
	if (pread(fd, entries, bytes, h.entries * SECTOR) != (ssize_t)bytes)
		rc = -EIO;
	else if (crc32_of((const uint8_t *)entries, bytes) == h.entries_crc)
		rc = find(&h, entries, size, name, start, len);
	free(entries);
	return rc;
}

int gpt_find(const char *path, const char *name, uint64_t *start, uint64_t *len)
{
	int fd = open(path, O_RDONLY), rc;

	if (fd < 0)
		return -errno;
	rc = read_table(fd, name, start, len);
	close(fd);
	return rc;
}
