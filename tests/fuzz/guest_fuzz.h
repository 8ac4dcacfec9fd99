/* SPDX-License-Identifier: ISC */
/*
 * For fuzzers that need a running guest: define run(), which takes bytes from `input`.
 * The first byte of libFuzzer's input is the seed of the schedule.
 */
#ifndef TESTS_FUZZ_GUEST_FUZZ_H
#define TESTS_FUZZ_GUEST_FUZZ_H

#include "tests/host/host.h"

#include <stddef.h>
#include <stdint.h>

static const uint8_t *input HOST_KEEP;
static size_t input_left HOST_KEEP;

static void run(void);

/* The guest's memory is lost with its static variables. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	input = data + 1;
	input_left = size - 1;
	host_run(data[0], run);
	return 0;
}

#endif
