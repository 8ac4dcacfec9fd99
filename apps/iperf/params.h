/* SPDX-License-Identifier: ISC */
/* The parameters of a test: the JSON text that iperf3's client sends at the beginning. */
#ifndef IPERF_PARAMS_H
#define IPERF_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct params {
	bool udp, reverse, both, counters_64bit, nodelay;
	uint64_t streams;		/* 1 to STREAMS_MAX, in each direction */
	uint64_t length;		/* bytes of a block or datagram: 16 to BLOCK_MAX */
	uint64_t seconds;	/* up to SECONDS_MAX; 0: the client limits bytes or blocks */
	uint64_t omit;			/* up to SECONDS_MAX */
	uint64_t rate;			/* bits per second of each stream; 0: unlimited */
};

#define STREAMS_MAX 128
#define BLOCK_MAX (128 << 10)
#define SECONDS_MAX 86400

/*
 * Returns false if the text is not a JSON object, or a value is not supported; *why is
 * the reason.
 */
bool params_read(struct params *p, const char *text, size_t len, const char **why);

#endif
