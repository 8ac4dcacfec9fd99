/* SPDX-License-Identifier: ISC */
/* drivers/border/stream.c and drivers/border/shared.c. */
#include "drivers/border/stream.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define LONGEST 700

static uint8_t from[LONGEST + 16], to[LONGEST + 16];

/* Every length, at every alignment on either side, and not a byte beyond. */
static void copies_are_exact(void)
{
	unsigned len = host_below(LONGEST + 1), a = host_below(8), b = host_below(8);
	bool get = host_chance(2);

	for (unsigned i = 0; i < sizeof(from); i++)
		from[i] = host_random();
	memset(to, 0xee, sizeof(to));
	if (get)
		shared_get(to + a, from + b, len);
	else
		shared_put(to + a, from + b, len);
	assert(memcmp(to + a, from + b, len) == 0);
	for (unsigned i = 0; i < a; i++)
		assert(to[i] == 0xee);
	for (unsigned i = a + len; i < sizeof(to); i++)
		assert(to[i] == 0xee);
}

#define SIZE 512

static uint8_t ring[SIZE];
static uint32_t producer, consumer;
static struct stream writer, reader;

/* A ring that was used before: the indexes have any value, also near their wrap. */
static void open_ring(void)
{
	consumer = producer = host_chance(2) ? -host_below(2 * SIZE) : host_random();
	producer += host_below(SIZE + 1);
	stream_open(&writer, ring, SIZE, &producer, &consumer);
	stream_open(&reader, ring, SIZE, &consumer, &producer);
}

static void all_bytes_in_order(void)
{
	uint8_t next_in = 0, next_out = 0, buf[2 * SIZE];
	uint32_t left_over;

	open_ring();
	left_over = producer - consumer;
	assert(stream_readable(&reader) == (ssize_t)left_over);
	assert(stream_writable(&writer) == (ssize_t)(SIZE - left_over));
	assert(stream_read(&reader, buf, sizeof(buf)) == (ssize_t)left_over);
	for (int k = 0; k < 60; k++) {
		size_t len = host_below(host_chance(3) ? sizeof(buf) : 20);
		ssize_t room = stream_writable(&writer), n;

		for (size_t i = 0; i < len; i++)
			buf[i] = next_in + i;
		n = stream_write(&writer, buf, len);
		assert(n == (ssize_t)(len < (size_t)room ? len : (size_t)room));
		next_in += n;

		len = host_below(host_chance(3) ? sizeof(buf) : 20);
		room = stream_readable(&reader);
		n = stream_read(&reader, buf, len);
		assert(n == (ssize_t)(len < (size_t)room ? len : (size_t)room));
		for (ssize_t i = 0; i < n; i++)
			assert(buf[i] == next_out++);
		assert(producer == writer.at && consumer == reader.at);
	}
}

/* More than the ring holds, or less than nothing. */
static void lies_are_noticed(void)
{
	uint8_t buf[SIZE];
	uint32_t kept;

	open_ring();
	kept = producer;
	producer = reader.at + SIZE + 1 + host_below(1u << 31);
	assert(stream_readable(&reader) == -EPROTO);
	assert(stream_read(&reader, buf, sizeof(buf)) == -EPROTO);
	producer = kept;
	consumer = writer.at + 1 + host_below(1u << 30);
	assert(stream_writable(&writer) == -EPROTO);
	assert(stream_write(&writer, buf, 1) == -EPROTO);
	consumer = writer.at - SIZE - 1 - host_below(1u << 30);
	assert(stream_writable(&writer) == -EPROTO);
	assert(stream_write(&writer, buf, 1) == -EPROTO);
}

/* The guest's own index is private: the peer may overwrite the published copy. */
static void our_index_is_private(void)
{
	uint8_t buf[4];

	open_ring();
	stream_read(&reader, buf, sizeof(buf));
	consumer = writer.at;		/* there is room for all */
	assert(stream_write(&writer, "abcd", 4) == 4);
	reader.at = writer.at - 4;
	consumer = host_random();
	assert(stream_read(&reader, buf, 4) == 4 && memcmp(buf, "abcd", 4) == 0);
	assert(consumer == writer.at);
}

static uint8_t seen_in_ring[4];

static void look(const void *address, size_t size, bool write)
{
	(void)size;
	if (address == &producer && write)
		memcpy(seen_in_ring, ring + ((writer.at - 4) & (SIZE - 1)), 4);
}

/*
 * A reader of the index also sees the bytes: tests the compiler's order, which x86 keeps.
 */
static void bytes_before_index(void)
{
	open_ring();
	consumer = producer = writer.at = 0;
	host_on_access = look;
	assert(stream_write(&writer, "wxyz", 4) == 4);
	host_on_access = NULL;
	assert(memcmp(seen_in_ring, "wxyz", 4) == 0);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "copies of any length or alignment are exact", copies_are_exact, 5000 },
		{ "all bytes come in order", all_bytes_in_order, 2000 },
		{ "an invalid index is detected", lies_are_noticed, 500 },
		{ "the peer cannot change the guest's index", our_index_is_private, 100 },
		{ "bytes are written before the index is", bytes_before_index, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
