/* SPDX-License-Identifier: ISC */
/* The records of profiler and tracer (kernel/record.h) as replies of a method. */
#ifndef CONTROL_RECORDS_H
#define CONTROL_RECORDS_H

#include "control/command.h"
#include "kernel/record.h"

/*
 * For a method with c->more: sends replies {records: base64 of the words, low byte first;
 * put; lost} several times a second until `until`; the rest is in the last reply.
 * Sleeps.
 */
void records_stream(struct records *r, struct command *c, uint64_t until);

#endif
