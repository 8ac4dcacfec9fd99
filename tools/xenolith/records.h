/* SPDX-License-Identifier: ISC */
/* What a guest recorded (kernel/record.h), by a call with several replies. */
#ifndef XENOLITH_RECORDS_H
#define XENOLITH_RECORDS_H

#include <jansson.h>
#include <stdint.h>

extern uint32_t *records;		/* words */
extern size_t records_count;
extern json_int_t records_lost;

/* Call it, to the end, which comes after so many seconds; parameters are taken over. */
void get_records(const char *method, json_t *parameters, unsigned seconds);

/* Learn the names of those that live now; call it before, and behind. */
void get_threads(void);
const char *thread_name(uint32_t id);

/* realloc() and strdup() that do not fail. */
void *grow(void *old, size_t size);
char *copy(const char *s);

#endif
