/* SPDX-License-Identifier: ISC */
#include "records.h"
#include "xenolith.h"

#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 1000000
#define RECORDS_MAX (256 << 20)		/* words */

uint32_t *records;
size_t records_count;
json_int_t records_lost;

static char **threads;			/* names, by id */
static size_t threads_count;

void *grow(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		die(FAILED, "out of memory");
	return p;
}

char *copy(const char *s)
{
	return strcpy(grow(NULL, strlen(s) + 1), s);
}

/* Before and behind: threads that came and went in between have only a number. */
void get_threads(void)
{
	json_int_t from, next = 0;

	do {
		json_t *r, *t;
		size_t i;

		from = next;
		r = ask(INTERFACES "threads1.List", json_pack("{s:I}", "from", from));
		json_array_foreach(json_object_get(r, "threads"), i, t) {
			json_int_t id = number(t, "id");

			if (id < 0 || id > THREADS_MAX)
				continue;
			for (; threads_count <= (size_t)id; threads_count++) {
				threads = grow(threads, (threads_count + 1) * sizeof(*threads));
				threads[threads_count] = NULL;
			}
			if (!threads[id])
				threads[id] = copy(text(t, "name"));
		}
		next = number(r, "next");
		json_decref(r);
	} while (next > from);
}

const char *thread_name(uint32_t id)
{
	return id < threads_count && threads[id] ? threads[id] :
	       "(thread that ended)";
}

static void decode(const char *s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;
	uint32_t rest = 0, bits = 0, word = 0;

	if (records_count > RECORDS_MAX)
		die(FAILED, "the guest says too much");
	records = grow(records, (records_count + strlen(s) / 4 + 1) * sizeof(*records));
	for (; *s && *s != '='; s++) {
		const char *d = strchr(digits, *s);

		if (!d)
			die(FAILED, "the guest's records are no base64");
		rest = rest << 6 | (d - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		word |= (rest >> bits & 255) << n % 4 * 8;
		if (++n % 4 == 0) {
			records[records_count++] = word;
			word = 0;
		}
	}
}

static int take(json_t *parameters, void *arg)
{
	json_t *r = json_object_get(parameters, "records");

	json_decref(*(json_t **)arg);
	*(json_t **)arg = json_incref(parameters);
	if (json_is_string(r))
		decode(json_string_value(r));
	records_lost = number(parameters, "lost");
	return 0;
}

void get_records(const char *method, json_t *parameters)
{
	json_t *last = NULL;
	char *error = endpoint_call(method, parameters, 1, take, &last);

	if (error)
		complain(method, error, last);
	json_decref(last);
}
