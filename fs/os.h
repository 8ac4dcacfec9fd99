/* SPDX-License-Identifier: ISC */
/*
 * The functions that fs/ needs: memory, threads, time, the log.
 *
 * The kernel's implementation is fs/os.c, that of host programs tests/fs/host_os.c.
 *
 * fs/ is code of a monitor: a thread runs without preemption by other threads in fs/ until it
 * calls a function that may sleep.  The functions that may sleep are those of struct block,
 * os_wait(), os_wait_until() and os_pause().  State in memory is consistent whenever fs/ sleeps.
 */
#ifndef FS_OS_H
#define FS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Memory of small objects, zeroed; NULL: there is none.  Must not sleep.  May call the
 * reclaim function, so whatever the caller uses of the cache must be pinned.
 */
void *os_alloc(size_t size);
void os_free(void *p);

/* A page of 4096 bytes, aligned, not zeroed; NULL: there is none.  As os_alloc(). */
#define OS_PAGE 4096
void *os_page_alloc(void);
void os_page_free(void *page);

/*
 * The function that gives clean pages of the cache back when memory is short: it frees
 * at least `bytes` by os_free() and os_page_free() if it can, and returns how many bytes it
 * freed.  It does not sleep.  Others, such as malloc(), call it before they fail.
 */
void os_set_reclaim(size_t (*reclaim)(size_t bytes));

/* Bytes that could be allocated now without reclaim. */
size_t os_memory_free(void);

/*
 * A queue of threads that wait; zero is empty.  os_wait() sleeps until the next os_wake();
 * it may also return earlier, so callers test their condition in a loop.  The condition
 * cannot change between its test and os_wait().  A single-threaded host program may
 * abort in os_wait() if no thread can wake it.
 */
struct os_queue {
	void *first, *last;
	uint64_t wakes;
};
void os_wait(struct os_queue *q);
bool os_wait_until(struct os_queue *q, uint64_t deadline);	/* false: deadline has passed */
void os_wake(struct os_queue *q);				/* all of them */

/* Let other threads run, between two steps of a long computation.  May sleep. */
void os_pause(void);

/* Time of day: ns since 1970.  And ns of a clock that only advances, for deadlines. */
int64_t os_time(void);
uint64_t os_clock(void);

/*
 * Ask that fs_background() (fs/fs.h) is called in a thread of its own at this time of
 * os_clock() or soon after it.  A later call replaces an earlier one if it is sooner.
 */
void os_background_at(uint64_t when);

/* Random bits: directory hash seeds, generation numbers. */
uint32_t os_random(void);

/* A line of the log; formats as in kernel/log.h. */
enum os_log { OS_ERROR, OS_WARNING, OS_INFO, OS_DEBUG };
void os_log(enum os_log level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As snprintf() with these formats. */
int os_format(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
