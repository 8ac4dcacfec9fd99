/* SPDX-License-Identifier: ISC */
/*
 * The rules of the fault store, as text (docs/storage.md):
 *
 *	OP [FIRST..LAST] WHAT [after TIME] [for TIME] [times N] [rate N/M]
 *	write-cache | lose-cache-on-destroy [some] | out-of-order
 */
#include "backend/store_faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 16
#define LONGEST 200

struct words {
	char text[LONGEST];
	char *word[WORDS];
	unsigned n;
};

static int split(const char *text, struct words *w, const char **why)
{
	size_t len = strlen(text);

	*why = "a rule has at most 200 characters and 16 words";
	if (len >= LONGEST)
		return -EINVAL;
	memcpy(w->text, text, len + 1);
	w->n = 0;
	for (char *p = w->text; *p;) {
		if (*p == ' ' || *p == '\t') {
			*p++ = '\0';
			continue;
		}
		if (w->n == WORDS)
			return -EINVAL;
		w->word[w->n++] = p;
		p += strcspn(p, " \t");
	}
	return 0;
}

/* A number, of which the text continues at *end. */
static bool number(const char *text, const char **end, uint64_t *n)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

static bool whole(const char *text, uint64_t *n)
{
	const char *end;

	return number(text, &end, n) && !*end;
}

static bool time_of(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *end;

	if (!number(text, &end, ns))
		return false;
	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(end, units[i].name) && *ns <= 1000000000ull) {
			*ns *= units[i].ns;
			return true;
		}
	return false;
}

static bool range(const char *text, struct fault_rule *r)
{
	const char *end;

	if (!number(text, &end, &r->first) || strncmp(end, "..", 2) || !whole(end + 2, &r->last) ||
	    r->last < r->first || r->last >= UINT64_MAX / 512)
		return false;
	r->ranged = true;
	r->first *= 512;
	r->last = (r->last + 1) * 512;
	return true;
}

static unsigned ops(const char *word)
{
	static const char *const names[] = { "read", "write", "flush", "discard" };

	for (unsigned i = 0; i < FAULT_OPS; i++)
		if (!strcmp(word, names[i]))
			return 1 << i;
	return !strcmp(word, "any") ? (1 << FAULT_OPS) - 1 : 0;
}

static bool what(const char *word, struct fault_rule *r)
{
	static const struct {
		const char *name;
		int kind, error;
	} kinds[] = {
		{ "EIO", FAULT_ERROR, -EIO }, { "ENOSPC", FAULT_ERROR, -ENOSPC },
		{ "EOPNOTSUPP", FAULT_ERROR, -EOPNOTSUPP }, { "torn", FAULT_TORN, -EIO },
		{ "hang", FAULT_HANG, -EIO }, { "lost", FAULT_DROP, 0 }, { "latency", FAULT_LATENCY, 0 },
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(word, kinds[i].name)) {
			r->kind = kinds[i].kind;
			r->error = kinds[i].error;
			return true;
		}
	return false;
}

static const char *option(const char *key, const char *value, struct fault_rule *r)
{
	const char *end;

	if (!strcmp(key, "after"))
		return time_of(value, &r->after) ? NULL : "after: a time is a number with us, ms or s";
	if (!strcmp(key, "for"))
		return time_of(value, &r->duration) && r->duration ? NULL :
		       "for: a time is a number with us, ms or s";
	if (!strcmp(key, "skip"))
		return whole(value, &r->skip) && r->skip ? NULL : "skip: a number from 1 on";
	if (!strcmp(key, "times"))
		return whole(value, &r->times) && r->times ? NULL : "times: a number from 1 on";
	if (!strcmp(key, "rate"))
		return number(value, &end, &r->numerator) && *end == '/' &&
		       whole(end + 1, &r->denominator) && r->numerator &&
		       r->numerator <= r->denominator ? NULL : "rate: such as 1/100, at most 1/1";
	return "after FAULT follow: after TIME, for TIME, skip N, times N, rate N/M";
}

static int parse_request_rule(const struct words *w, struct fault_rule *r, const char **why)
{
	unsigned i = 1;

	*why = "a range is FIRST..LAST, in sectors of 512 bytes";
	if (i < w->n && w->word[i][0] >= '0' && w->word[i][0] <= '9' && !range(w->word[i++], r))
		return -EINVAL;
	*why = "a fault is EIO, ENOSPC, EOPNOTSUPP, torn, hang, lost or latency TIME";
	if (i == w->n || !what(w->word[i++], r))
		return -EINVAL;
	if (r->kind == FAULT_LATENCY && (i == w->n || !time_of(w->word[i++], &r->latency)))
		return -EINVAL;
	if ((r->kind == FAULT_TORN && r->ops & ~(1u << FAULT_WRITE)) ||
	    (r->kind == FAULT_DROP && r->ops & 1 << FAULT_READ)) {
		*why = "torn is for write, and lost is not for read";
		return -EINVAL;
	}
	if (r->ranged && r->ops & 1 << FAULT_FLUSH) {
		*why = "a flush has no range";
		return -EINVAL;
	}
	for (*why = NULL; !*why && i < w->n; i += 2)
		*why = option(w->word[i], i + 1 < w->n ? w->word[i + 1] : "", r);
	return *why ? -EINVAL : 0;
}

int fault_parse(const char *text, struct fault_rule *rule, unsigned *flags, const char **why)
{
	struct words w;

	*rule = (struct fault_rule){ .ops = 0 };
	if (split(text, &w, why))
		return -EINVAL;
	*why = "a rule begins with read, write, flush, discard, any, write-cache, "
	       "lose-cache-on-destroy or out-of-order";
	if (w.n == 0)
		return -EINVAL;
	rule->ops = ops(w.word[0]);
	if (rule->ops)
		return parse_request_rule(&w, rule, why);
	if (!strcmp(w.word[0], "write-cache") && w.n == 1)
		*flags |= FAULT_CACHE;
	else if (!strcmp(w.word[0], "lose-cache-on-destroy") && w.n == 1)
		*flags |= FAULT_CACHE | FAULT_LOSE;
	else if (!strcmp(w.word[0], "lose-cache-on-destroy") && w.n == 2 && !strcmp(w.word[1], "some"))
		*flags |= FAULT_CACHE | FAULT_LOSE | FAULT_LOSE_SOME;
	else if (!strcmp(w.word[0], "out-of-order") && w.n == 1)
		*flags |= FAULT_OUT_OF_ORDER;
	else
		return -EINVAL;
	return 0;
}
