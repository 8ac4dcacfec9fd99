/* SPDX-License-Identifier: ISC */
/* What fs/ calls, for proofs: texts are not made, checksums and times have any value. */
#ifndef TESTS_PROVE_FS_OS_H
#define TESTS_PROVE_FS_OS_H

#include "fs/crc.h"
#include "fs/ext4/ext4.h"
#include "tests/prove/prove.h"

int os_format(char *to, size_t size, const char *fmt, ...)
{
	CLAIM("a text has room", size && WRITABLE(to, size));
	(void)fmt;
	return 0;
}

void os_log(enum os_log level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	CLAIM("what is summed is in memory", len == 0 || READABLE(data, len));
	(void)crc;
	return nondet_uint32();
}

#endif
