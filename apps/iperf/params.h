/* SPDX-License-Identifier: ISC */
/* What a client of iperf3 asks for: the JSON it sends at the beginning. */
#ifndef IPERF_PARAMS_H
#define IPERF_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct params {
	bool udp, reverse, both, counters_64bit, nodelay;
	uint64_t streams;		/* 1 to STREAMS_MAX, in each direction */
	uint64_t length;		/* of a block, of a datagram: 16 to BLOCK_MAX */
	uint64_t seconds;		/* up to SECONDS_MAX; 0: the client counts bytes or blocks */
	uint64_t omit;			/* up to SECONDS_MAX */
	uint64_t rate;			/* bits a second of each stream; 0: as fast as can be */
};

#define STREAMS_MAX 128
#define BLOCK_MAX (128 << 10)
#define SECONDS_MAX 86400

/* false: it is no JSON object, or asks for what we do not do; `why` says. */
bool params_read(struct params *p, const char *text, size_t len, const char **why);

#endif
