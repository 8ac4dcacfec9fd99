/* SPDX-License-Identifier: ISC */
/*
 * apps/httpd with something like TLS, to test stream.c: records of two bytes of length, and as many bytes,
 * of which each bit of KEY is changed. The first record of each side is a greeting; an empty one is the end;
 * a client's record that begins with a zero is answered at once, as TLS does with a change of keys.
 */
#include "apps/httpd/httpd.h"
#include "apps/httpd/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY 0x5a
#define RECORD 16384

struct bytes {
	char *data;
	size_t len, at;
};

struct tls {
	struct bytes in, out;
	bool greeted, broken, ended;
	char text[RECORD];
	size_t text_at, text_len;
};

static void add(struct bytes *b, const void *data, size_t len)
{
	memmove(b->data, b->data + b->at, b->len - b->at);
	b->len -= b->at;
	b->at = 0;
	b->data = realloc(b->data, b->len + len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void record(struct tls *t, const char *text, size_t len)
{
	unsigned char head[2] = { len >> 8, len };
	char changed[RECORD];

	for (size_t i = 0; i < len; i++)
		changed[i] = text[i] ^ KEY;
	add(&t->out, head, 2);
	add(&t->out, changed, len);
}

static bool start(const struct options *o)
{
	return strcmp(o->cert, "none") != 0;
}

static void reload(bool now)
{
	printf("reload %d\n", now);
	fflush(stdout);
}

static struct tls *cipher_open(void)
{
	struct tls *t = calloc(1, sizeof(*t));

	t->in.data = malloc(1);
	t->out.data = malloc(1);
	return t;
}

static void cipher_free(struct tls *t)
{
	free(t->in.data);
	free(t->out.data);
	free(t);
}

static int feed(struct tls *t, const void *data, size_t len)
{
	add(&t->in, data, len);
	return 0;
}

/* Takes a record into t->text; returns whether there was a whole one. */
static bool next(struct tls *t)
{
	const unsigned char *p = (unsigned char *)t->in.data + t->in.at;
	size_t there = t->in.len - t->in.at, len = there < 2 ? 0 : p[0] << 8 | p[1];

	t->broken |= len > RECORD;
	if (t->broken || there < 2 || there < len + 2)
		return false;
	for (size_t i = 0; i < len; i++)
		t->text[i] = p[2 + i] ^ KEY;
	t->in.at += 2 + len;
	t->text_at = 0;
	t->text_len = len;
	t->ended = !len;
	return true;
}

static ssize_t cipher_read(struct tls *t, void *to, size_t len)
{
	while (t->text_at == t->text_len && !t->ended) {
		if (!next(t))
			return t->broken ? -EPROTO : -EAGAIN;
		if (!t->greeted) {
			t->greeted = t->text_len == 5 && !memcmp(t->text, "hello", 5);
			t->broken = !t->greeted;
			t->text_len = 0;
			record(t, "hello", 5);
		} else if (t->text_len && !t->text[0]) {
			record(t, t->text, t->text_len);
			t->text_len = 0;
		}
		if (t->broken)
			return -EPROTO;
	}
	if (len > t->text_len - t->text_at)
		len = t->text_len - t->text_at;
	memcpy(to, t->text + t->text_at, len);
	t->text_at += len;
	return len;
}

static int cipher_write(struct tls *t, const void *data, size_t len)
{
	if (!t->greeted)
		return -EAGAIN;
	for (size_t at = 0; at < len; at += RECORD)
		record(t, (const char *)data + at, len - at < RECORD ? len - at : RECORD);
	return 0;
}

static bool has_text(struct tls *t)
{
	return t->text_at < t->text_len || t->in.at < t->in.len;
}

static void end(struct tls *t)
{
	if (t->greeted)
		record(t, "", 0);
}

static size_t pending(struct tls *t, const char **at)
{
	*at = t->out.data + t->out.at;
	return t->out.len - t->out.at;
}

static void sent(struct tls *t, size_t n)
{
	t->out.at += n;
}

static const struct tls_methods methods = {
	.start = start, .reload = reload, .open = cipher_open, .free = cipher_free, .feed = feed,
	.read = cipher_read, .write = cipher_write, .has_text = has_text, .end = end,
	.pending = pending, .sent = sent,
};

int main(int argc, char **argv)
{
	return httpd(argc, argv, &methods);
}
