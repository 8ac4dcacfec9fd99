/* SPDX-License-Identifier: ISC */
#include "records.h"
#include "xenolith.h"

#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 1000000
#define RECORDS_MAX (64 << 20)		/* words */

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

/* Threads that start and end between two calls are not found. */
void get_threads(void)
{
	json_t *all = ask_for_list(INTERFACES "threads1.List", "threads"), *t;
	size_t i;

	json_array_foreach(all, i, t) {
		json_int_t id = number(t, "id");

		if (id < 0 || id > THREADS_MAX)
			continue;
		if (threads_count <= (size_t)id) {
			threads = grow(threads, (id + 1) * sizeof(*threads));
			while (threads_count <= (size_t)id)
				threads[threads_count++] = NULL;
		}
		if (!threads[id])
			threads[id] = copy(text(t, "name"));
	}
	json_decref(all);
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
		die(FAILED, "the guest sent too many records");
	records = grow(records, (records_count + strlen(s) / 4 + 1) * sizeof(*records));
	for (; *s && *s != '='; s++) {
		const char *d = strchr(digits, *s);

		if (!d)
			die(FAILED, "the guest's records are not valid base64");
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

void get_records(const char *method, json_t *parameters, unsigned seconds)
{
	json_t *last = NULL;
	char *error;

	endpoint_deadline(seconds + REPLY_PATIENCE);
	error = endpoint_call(method, parameters, 1, take, &last);

	if (error)
		complain(method, error, last);
	json_decref(last);
}
