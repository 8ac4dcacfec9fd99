/* SPDX-License-Identifier: ISC */
/* fs/os.h in a host program of one thread: what a test sets, and sees. */
#ifndef TESTS_FS_HOST_OS_H
#define TESTS_FS_HOST_OS_H

#include "fs/os.h"

struct host_os {
	size_t limit;			/* bytes that may be allocated; 0: no limit */
	size_t used;
	uint64_t fail_at;		/* this allocation from now on fails, 1: the next; 0: none */
	uint64_t clock;			/* os_clock(); advances by 1 us with each reading */
	int64_t time_offset;		/* os_time() is os_clock() and this */
	uint64_t background_at;		/* 0: nobody has asked */
	uint64_t random;		/* state of os_random() */
	bool verbose;			/* the log goes to stderr */
	char last_log[200];
	/* Called by os_wait() and os_pause(), for a device that ends transfers later.  Returns
	   whether it did something; NULL: os_wait() aborts. */
	bool (*run)(void);
};
extern struct host_os host_os;

/* Call fs_background() if it is due at host_os.clock: whether it was. */
bool host_os_background(void);

#endif
