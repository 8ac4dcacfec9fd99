/* SPDX-License-Identifier: ISC */
/* A disk in memory, which is allocated in chunks when they are written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenolith/disk.h>

#define CHUNK (256ul << 10)		/* bytes */

struct memory {
	struct disk_store s;
	uint8_t *chunks[];
};

/* Copies len bytes within one chunk. */
static int move(struct memory *m, bool write, char *memory, size_t len, uint64_t at)
{
	uint8_t **chunk = &m->chunks[at / CHUNK];

	if (write && !*chunk) {
		*chunk = calloc(1, CHUNK);
		if (!*chunk)
			return -ENOSPC;
	}
	if (write)
		memcpy(*chunk + at % CHUNK, memory, len);
	else if (*chunk)
		memcpy(memory, *chunk + at % CHUNK, len);
	else
		memset(memory, 0, len);
	return 0;
}

static int move_all(struct disk_store *s, bool write, const struct iovec *v, int count, uint64_t at)
{
	struct memory *m = (struct memory *)s;
	int rc = 0;

	for (int i = 0; i < count; i++)
		for (size_t done = 0, n; !rc && done < v[i].iov_len; done += n, at += n) {
			n = v[i].iov_len - done;
			if (n > CHUNK - at % CHUNK)
				n = CHUNK - at % CHUNK;
			rc = move(m, write, (char *)v[i].iov_base + done, n, at);
		}
	return rc;
}

static int memory_read(struct disk_store *s, const struct iovec *to, int count, uint64_t at)
{
	return move_all(s, false, to, count, at);
}

static int memory_write(struct disk_store *s, const struct iovec *from, int count, uint64_t at)
{
	return move_all(s, true, from, count, at);
}

static int memory_discard(struct disk_store *s, uint64_t at, uint64_t len)
{
	struct memory *m = (struct memory *)s;

	for (uint64_t n; len; at += n, len -= n) {
		uint8_t **chunk = &m->chunks[at / CHUNK];

		n = CHUNK - at % CHUNK;
		if (n > len)
			n = len;
		if (n == CHUNK) {
			free(*chunk);
			*chunk = NULL;
		} else if (*chunk) {
			memset(*chunk + at % CHUNK, 0, n);
		}
	}
	return 0;
}

static void memory_close(struct disk_store *s)
{
	struct memory *m = (struct memory *)s;

	for (uint64_t i = 0; i * CHUNK < s->size; i++)
		free(m->chunks[i]);
	free(m);
}

int disk_memory(uint64_t size, struct disk_store **store)
{
	struct memory *m;
	uint64_t chunks = (size + CHUNK - 1) / CHUNK;

	if (size < 512 || size % 512 || size > UINT64_MAX - CHUNK || chunks > UINT32_MAX)
		return -EINVAL;
	m = calloc(1, sizeof(*m) + chunks * sizeof(m->chunks[0]));
	if (!m)
		return -ENOMEM;
	m->s = (struct disk_store){
		.read = memory_read, .write = memory_write, .discard = memory_discard,
		.close = memory_close, .size = size,
	};
	*store = &m->s;
	return 0;
}
