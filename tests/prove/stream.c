/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/stream.c, one call from any state, the peer's index being anything: no access
 * outside of the buffer or of the caller's memory, each byte is the one of its place in the stream,
 * and the index is published after the bytes were moved.
 */
#include "tests/prove/peer.h"
#include "drivers/border/stream.c"

#define SIZE_MAX_TRIED 4096
#define LEN_MAX (2 * SIZE_MAX_TRIED)

static uint8_t buffer[SIZE_MAX_TRIED], private[LEN_MAX];
static uint32_t ours, theirs;
static struct stream s, before;
static uint32_t loaded, stored;
static size_t moved, len;

/*
 * One byte of the call, any: where it must be on both sides.  So the claims about it hold for each.
 */
static size_t witness;
static unsigned seen;

static void on_load(const void *p, uint32_t value)
{
	CLAIM("only the indexes are read", p == &theirs || p == &ours);
	loaded = value;
}

static void on_store(const void *p, uint32_t value)
{
	CLAIM("only the own index is written", p == &ours);
	stored = value;
}

static void on_copy(const uint8_t *shared, const uint8_t *own, size_t n)
{
	CLAIM("bytes are moved before the index is published", stores == 0);
	CLAIM("the index is checked before", loads == 1 && loaded - before.at <= before.size ||
	      loads == 1 && before.at - loaded <= before.size);
	CLAIM("the buffer has them", n <= before.size && (n == 0 || (shared >= buffer &&
	      shared + n <= buffer + before.size)));
	CLAIM("the caller has room for them", n <= len && (n == 0 || (own >= private &&
	      own + n <= private + len)));
	if (n && (size_t)(own - private) <= witness && witness < (own - private) + n) {
		seen++;
		CLAIM("each byte is in its place", (shared - buffer) + (witness - (own - private)) ==
		      ((before.at + witness) & (before.size - 1)));
	}
	moved += n;
}

static void on_get(const void *to, const void *from, size_t n)
{
	on_copy(from, to, n);
}

static void on_put(const void *to, const void *from, size_t n)
{
	on_copy(to, from, n);
}

static void any_stream(void)
{
	s = (struct stream){ .buf = buffer, .size = nondet_uint32(), .ours = &ours,
			     .theirs = &theirs, .at = nondet_uint32() };
	ASSUME(s.size && !(s.size & (s.size - 1)) && s.size <= SIZE_MAX_TRIED);
	len = nondet_size();
	ASSUME(len <= LEN_MAX);
	witness = nondet_size();
	ASSUME(witness < LEN_MAX);
	before = s;
	REACHED("any stream");
}

/* used: bytes of the peer's index that are in the ring, or the room. */
static void moved_right(ssize_t rc, uint32_t ready)
{
	if (ready > before.size) {
		CLAIM("an invalid index is an error", rc == -EPROTO && !stores && !moved);
		REACHED("an invalid index");
	} else {
		size_t n = len < ready ? len : ready;

		CLAIM("as much is moved as is possible", rc == (ssize_t)n && moved == n);
		CLAIM("each byte is moved once", seen == (witness < n));
		CLAIM("the index is that far", s.at == before.at + (uint32_t)n);
		CLAIM("it is published once", ready ? stores == 1 && stored == s.at : !stores);
		if (n > 1)
			REACHED("moved");
	}
	CLAIM("the index is read once", loads == 1);
	CLAIM("nothing else is changed", s.buf == before.buf && s.size == before.size &&
	      s.ours == &ours && s.theirs == &theirs && (rc >= 0 || s.at == before.at));
}

/* prove: unwind 1 */
void prove_read(void)
{
	ssize_t rc;

	any_stream();
	rc = stream_read(&s, private, len);
	moved_right(rc, loaded - before.at);
}

/* prove: unwind 1 */
void prove_write(void)
{
	ssize_t rc;
	uint32_t used;

	any_stream();
	rc = stream_write(&s, private, len);
	used = before.at - loaded;
	moved_right(rc, used <= before.size ? before.size - used : UINT32_MAX);
}

/* prove: unwind 1 */
void prove_asked(void)
{
	ssize_t n;

	any_stream();
	if (nondet_bool()) {
		n = stream_readable(&s);
		CLAIM("what can be read", n == (loaded - s.at <= s.size ? (ssize_t)(loaded - s.at) : -EPROTO));
	} else {
		n = stream_writable(&s);
		CLAIM("what can be written", n == (s.at - loaded <= s.size ?
						   (ssize_t)(s.size - (s.at - loaded)) : -EPROTO));
	}
	CLAIM("nothing is written", !stores && !moved);
	REACHED("asked");
}

/* prove: unwind 1 */
void prove_open_and_rewind(void)
{
	any_stream();
	stream_open(&s, buffer, before.size, &ours, &theirs);
	CLAIM("it goes on where it was", s.at == loaded && loads == 1 && !stores);
	stream_rewind(&s);
	CLAIM("then nothing is unread", s.at == loaded && stores == 1 && stored == s.at && loads == 2);
	CLAIM("the buffer stays", s.buf == buffer && s.size == before.size);
	REACHED("rewound");
}
