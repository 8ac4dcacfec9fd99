/* SPDX-License-Identifier: ISC */
/*
 * Records of a guest's profiler or tracer (kernel/record.h), read by a call with `more`.
 */
#ifndef XENOLITH_RECORDS_H
#define XENOLITH_RECORDS_H

#include <jansson.h>
#include <stdint.h>

extern uint32_t *records;		/* records_count words */
extern size_t records_count;
extern json_int_t records_lost;

/*
 * Calls a method of this kind and stores the records of all its replies.  The call must
 * end within `seconds` and the timeout of a reply.  Takes over `parameters`.
 */
void get_records(const char *method, json_t *parameters, unsigned seconds);

/*
 * Reads the names of the threads that exist now.  Call it before and after get_records().
 */
void get_threads(void);
const char *thread_name(uint32_t id);

/* realloc() and strdup() that end the program if memory is exhausted. */
void *grow(void *old, size_t size);
char *copy(const char *s);

#endif
