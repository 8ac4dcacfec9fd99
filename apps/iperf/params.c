/* SPDX-License-Identifier: ISC */
#include "apps/iperf/params.h"

#include <string.h>

struct reader {
	const char *at, *end;
};

static void blanks(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* The text between the quotes, with its escapes. */
static bool string(struct reader *r, const char **text, size_t *len)
{
	if (!take(r, '"'))
		return false;
	for (*text = r->at; r->at < r->end && *r->at != '"'; r->at++)
		if (*r->at == '\\' && ++r->at == r->end)
			return false;
	*len = r->at - *text;
	return take(r, '"');
}

/* A number, true or false, as a number; negative ones as 0. */
static bool scalar(struct reader *r, uint64_t *value)
{
	const char *start = r->at;
	bool fraction = false;

	*value = r->at < r->end && *r->at == 't';
	while (r->at < r->end && !strchr(",}] \t\r\n", *r->at)) {
		char c = *r->at++;

		fraction |= c == '.' || c == 'e' || c == 'E';
		if (c >= '0' && c <= '9' && !fraction && *start != '-' &&
		    *value < UINT64_MAX / 10 - 10)
			*value = *value * 10 + (c - '0');
	}
	return r->at > start;
}

/* Skips an object or array. */
static bool skip(struct reader *r)
{
	int depth = 0;
	const char *text;
	size_t len;

	do {
		blanks(r);
		if (r->at == r->end)
			return false;
		if (*r->at == '"') {
			if (!string(r, &text, &len))
				return false;
			continue;
		}
		depth += *r->at == '{' || *r->at == '[';
		depth -= *r->at == '}' || *r->at == ']';
		r->at++;
	} while (depth);
	return true;
}

static void set(struct params *p, const char *name, size_t len, uint64_t value)
{
	const struct {
		const char *name;
		bool *flag;
		uint64_t *number;
	} fields[] = {
		{ "udp", &p->udp, NULL }, { "reverse", &p->reverse, NULL },
		{ "bidirectional", &p->both, NULL }, { "nodelay", &p->nodelay, NULL },
		{ "udp_counters_64bit", &p->counters_64bit, NULL },
		{ "parallel", NULL, &p->streams }, { "len", NULL, &p->length },
		{ "time", NULL, &p->seconds }, { "omit", NULL, &p->omit },
		{ "bandwidth", NULL, &p->rate },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strlen(fields[i].name) != len || memcmp(fields[i].name, name, len))
			continue;
		if (fields[i].flag)
			*fields[i].flag = value;
		else
			*fields[i].number = value;
	}
}

static bool member(struct reader *r, struct params *p)
{
	const char *name, *text;
	size_t len, n;
	uint64_t value;

	if (!string(r, &name, &len) || !take(r, ':'))
		return false;
	blanks(r);
	if (r->at == r->end)
		return false;
	if (*r->at == '"')
		return string(r, &text, &n);
	if (*r->at == '{' || *r->at == '[')
		return skip(r);
	if (!scalar(r, &value))
		return false;
	set(p, name, len, value);
	return true;
}

bool params_read(struct params *p, const char *text, size_t len, const char **why)
{
	struct reader r = { text, text + len };
	bool good = take(&r, '{');

	*p = (struct params){ .streams = 1 };
	while (good && !take(&r, '}')) {
		good = member(&r, p);
		if (good && !take(&r, ','))
			break;
	}
	if (!p->length)
		p->length = p->udp ? 1460 : BLOCK_MAX;
	*why = !good ? "invalid JSON in the parameters" :
	       p->streams < 1 || p->streams > STREAMS_MAX ? "unsupported number of streams" :
	       p->seconds > SECONDS_MAX || p->omit > SECONDS_MAX ? "unsupported duration" :
	       p->length < 16 || p->length > (1 << 20) ? "unsupported block length" :
	       p->udp && p->length > 65507 ? "unsupported datagram length" : NULL;
	if (p->length > BLOCK_MAX)
		p->length = BLOCK_MAX;
	return !*why;
}
