/* SPDX-License-Identifier: ISC */
/* `xenolith trace`: prints a line for each event of the kernel. */
#include "records.h"
#include "xenolith.h"

#include <stdlib.h>
#include <string.h>

#define TRACE INTERFACES "trace1."
#define WORDS 7				/* words of an event (docs/profile.md) */

static void event_as_json(const uint32_t *w, uint64_t ns, json_t *kind)
{
	const char *a = text(kind, "a"), *b = text(kind, "b");
	json_t *event = json_pack("{s:I,s:s,s:s}", "ns", (json_int_t)ns, "by", thread_name(w[4]),
				  "event", text(kind, "name"));

	if (*a)
		json_object_set_new(event, a, strcmp(a, "thread") ? json_integer(w[5]) :
					      json_string(thread_name(w[5])));
	if (*b)
		json_object_set_new(event, b, json_integer(w[6]));
	print_json(event, 0);
	json_decref(event);
}

static void print_event(const uint32_t *w, json_t *kind)
{
	uint64_t ns = w[2] | (uint64_t)w[3] << 32;
	const char *a = text(kind, "a"), *b = text(kind, "b");

	if (as_json) {
		event_as_json(w, ns, kind);
		return;
	}
	printf("%10llu.%06llu %-15s %-16s", (unsigned long long)ns / 1000000000,
	       (unsigned long long)ns / 1000 % 1000000, thread_name(w[4]), text(kind, "name"));
	if (!strcmp(a, "thread"))
		printf(" %s", thread_name(w[5]));
	else if (!strcmp(a, "ring"))
		printf(" %s %x", a, w[5]);
	else
		printf(" %s %u", a, w[5]);
	if (*b)
		printf(" %s %u", b, w[6]);
	putchar('\n');
}

void trace(const struct words *w)
{
	json_t *r = ask(TRACE "Events", NULL), *kinds = json_object_get(r, "events");
	json_t *p = json_object();
	int seconds = 1;

	for (int i = 0; i < w->argc; i++) {
		if (!strcmp(w->argv[i], "--seconds") && i + 1 < w->argc)
			seconds = atoi(w->argv[++i]);
		else if (*w->argv[i] != '-')
			json_object_set_new(p, "only", json_string(w->argv[i]));
		else
			die(USAGE, "trace: unknown option %s; usage: xenolith trace DOMAIN"
			    " [--seconds N] [sched|ring|tcp]", w->argv[i]);
	}
	if (seconds < 1 || seconds > 3600)
		die(USAGE, "trace --seconds: a number from 1 to 3600");
	json_object_set_new(p, "ms", json_integer(seconds * 1000));
	get_threads();
	get_records(TRACE "Follow", p, seconds);
	get_threads();
	for (size_t at = 0; at + WORDS <= records_count; at += WORDS) {
		if (records[at] != WORDS)
			die(FAILED, "the guest's records are invalid");
		print_event(records + at, json_array_get(kinds, records[at + 1]));
	}
	if (!records_count && !as_json)
		printf("no events in %d s\n", seconds);
	if (records_lost)
		fprintf(stderr, "xenolith: %" JSON_INTEGER_FORMAT " events were lost\n",
			records_lost);
	json_decref(r);
}
