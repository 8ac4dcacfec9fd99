/* SPDX-License-Identifier: ISC */
/* lib/thread/mutex.h: locking without the kernel, and with it. */
#include "tests/unit/sched_threads.h"

#include "lib/thread/mutex.c"

static struct mutex mutex;
static struct thread *inside;

/* Other threads run: by an upcall, by a call that yields, by one that sleeps. */
static void let_others_run(void)
{
	if (host_chance(3))
		host_preempt();
	if (!host_chance(3))
		return;
	kernel_enter();
	if (host_chance(2))
		thread_yield();
	else
		thread_sleep(clock_now() + host_random() % 5000);
	kernel_leave();
}

static bool lock(void)
{
	if (host_chance(6))
		return mutex_trylock(&mutex);
	return mutex_lock(&mutex, host_chance(4) ? clock_now() + host_random() % 5000 : NEVER);
}

/* Some lock in the kernel, as cond_sleep() does. */
static void use(void *arg)
{
	for (unsigned n = (uintptr_t)arg; n; n--) {
		bool in_kernel = host_chance(5), locked;

		let_others_run();
		if (in_kernel)
			kernel_enter();
		locked = lock();
		if (in_kernel)
			kernel_leave();
		if (!locked)
			continue;
		assert(!inside && mutex_owner(&mutex) == current);
		inside = current;
		let_others_run();
		assert(inside == current && !mutex_trylock(&mutex));
		inside = NULL;
		mutex_unlock(&mutex);
	}
	kernel_enter();
	end();
}

/* A thread whose wake-up is lost would never end. */
static void one_at_a_time(void)
{
	host_boot();
	for (unsigned n = 2 + host_random() % 4; n; n--)
		go("user", THREAD_APP, use, (void *)30);
	join_all();
	assert(!mutex.owner && !mutex.waiters.first);
}

static unsigned turns;

static void greedy(void *arg)
{
	(void)arg;
	while (turns < 3) {
		assert(mutex_lock(&mutex, NEVER));
		host_preempt();
		mutex_unlock(&mutex);
	}
	kernel_enter();
	end();
}

static void modest(void *arg)
{
	for (; turns < 3; turns++) {
		assert(mutex_lock(&mutex, NEVER));
		mutex_unlock(&mutex);
		kernel_enter();
		thread_yield();
		kernel_leave();
	}
	(void)arg;
	kernel_enter();
	end();
}

static void no_thread_starves(void)
{
	host_boot();
	go("greedy", THREAD_APP, greedy, NULL);
	go("modest", THREAD_APP, modest, NULL);
	join_all();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "one thread holds a mutex, and no wake-up is lost", one_at_a_time, 100 },
		{ "a thread that locks again and again starves no other", no_thread_starves, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
