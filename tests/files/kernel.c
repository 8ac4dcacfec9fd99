/* SPDX-License-Identifier: ISC */
/*
 * The kernel for one thread: entering and leaving it is counted, and nothing may wait for another
 * thread.
 */
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "lib/file/mount.h"
#include "tests/files/outside.h"
#include "tests/files/world.h"

struct thread *current;
int kernel_depth;

void kernel_enter(void)
{
	kernel_depth++;
}

void kernel_leave(void)
{
	if (--kernel_depth < 0)
		die("kernel_leave() without kernel_enter()");
}

void kernel_pause(void)
{
	if (!kernel_depth)
		die("kernel_pause() outside of the kernel");
}

void wait_begin(struct waiter *w, struct waitq *queue, uint64_t deadline, const char *where)
{
	(void)w, (void)queue, (void)deadline, (void)where;
	if (!kernel_depth)
		die("%s() waits outside of the kernel", where);
}

void wait_arm(void)
{
}

bool wait_sleep(struct waiter *w)
{
	(void)w;
	die("the only thread waits, and nobody can wake it");
}

void wait_end(struct waiter *w)
{
	(void)w;
}

void wake(struct waitq *queue)
{
	(void)queue;
}

void wake_one(struct waitq *queue)
{
	(void)queue;
}

uint64_t clock_wall(void)
{
	return outside_time();
}

/* There is no command line. */
void mounts_start(void)
{
}

_Noreturn void panic(const char *fmt, ...)
{
	die("panic: %s", fmt);
}
