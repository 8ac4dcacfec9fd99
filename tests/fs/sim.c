/* SPDX-License-Identifier: ISC */
#include "tests/fs/sim.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_LINES 40

/* The file system under test may have no disk. */
#pragma weak fs_background

struct sim sim;

/* ---- Random decisions (splitmix64). */

static uint64_t random_state;

uint64_t sim_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

unsigned sim_below(unsigned n)
{
	return sim_random() % n;
}

bool sim_chance(unsigned n)
{
	return n && sim_below(n) == 0;
}

/* ---- Failures. */

static void (*contexts[4])(void);
static unsigned context_count;
static char log_lines[LOG_LINES][200];
static unsigned log_next;

void sim_print_context(void)
{
	unsigned count = context_count;

	context_count = 0;
	for (unsigned i = 0; i < count; i++)
		contexts[i]();
	for (unsigned i = 0; count && i < LOG_LINES; i++) {
		const char *line = log_lines[(log_next + i) % LOG_LINES];

		if (*line)
			fprintf(stderr, "log: %s\n", line);
	}
	fprintf(stderr, "seed %llu\n", (unsigned long long)sim.seed);
}

void sim_context(void (*print)(void))
{
	for (unsigned i = 0; i < context_count; i++)
		if (contexts[i] == print)
			return;
	contexts[context_count++] = print;
}

void sim_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "difference: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	sim_print_context();
	abort();
}

/* ---- Memory: each object has its size before it, so that the total is known. */

struct head {
	size_t size;
	size_t filler;
};

static bool refused(size_t size)
{
	sim.allocations++;
	if (sim.reclaim && sim_chance(sim.reclaim_each))
		sim.reclaim(1 + sim_below(65536));
	if (sim.allocations == sim.fail_at || sim_chance(sim.fail_each))
		return true;
	if (!sim.limit || sim.memory + size <= sim.limit)
		return false;
	if (sim.reclaim)
		sim.reclaim(sim.memory + size - sim.limit);
	return sim.memory + size > sim.limit;
}

void *os_alloc(size_t size)
{
	struct head *h;

	if (refused(size))
		return NULL;
	h = calloc(1, sizeof(*h) + size);
	h->size = size;
	sim.memory += size;
	return h + 1;
}

void os_free(void *p)
{
	struct head *h = p;

	if (!p)
		return;
	h--;
	sim.memory -= h->size;
	free(h);
}

void *os_page_alloc(void)
{
	uint8_t *p;

	if (refused(OS_PAGE))
		return NULL;
	p = aligned_alloc(OS_PAGE, OS_PAGE);
	/* Finds code that expects it to be zeroed. */
	memset(p, 0xa5, OS_PAGE);
	sim.memory += OS_PAGE;
	return p;
}

void os_page_free(void *page)
{
	if (!page)
		return;
	sim.memory -= OS_PAGE;
	free(page);
}

void os_set_reclaim(size_t (*reclaim)(size_t bytes))
{
	sim.reclaim = reclaim;
}

size_t os_memory_free(void)
{
	if (!sim.limit)
		return (size_t)256 << 20;
	return sim.limit > sim.memory ? sim.limit - sim.memory : 0;
}

/* ---- Time. */

int64_t os_time(void)
{
	return sim.time;
}

uint64_t os_clock(void)
{
	return sim.clock;
}

void os_background_at(uint64_t when)
{
	if (!sim.background_at || when < sim.background_at)
		sim.background_at = when ? when : 1;
}

void sim_advance(uint64_t ns)
{
	uint64_t end = sim.clock + ns;

	while (sim.background_at && sim.background_at <= end) {
		uint64_t when = sim.background_at > sim.clock ? sim.background_at : sim.clock;

		sim.time += when - sim.clock;
		sim.clock = when;
		sim.background_at = 0;
		if (fs_background)
			fs_background();
		/* It may ask to be called again, and not at once for ever. */
		if (sim.background_at && sim.background_at <= when)
			sim.background_at = when + 1000000;
	}
	sim.time += end - sim.clock;
	sim.clock = end;
}

/* ---- Threads: one baton, handed on where fs/ may sleep. */

struct thread {
	pthread_t pthread;
	pthread_cond_t turn;
	void (*run)(void *);
	void *arg;
	bool ended;
	struct os_queue *queue;		/* it waits for */
	uint64_t wakes;
	uint64_t deadline;		/* 0: none */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct thread threads[16];
static unsigned thread_count;
static struct thread *current;

static bool may_run(struct thread *t)
{
	return !t->ended && (!t->queue || t->queue->wakes != t->wakes ||
			     (t->deadline && sim.clock >= t->deadline));
}

/* The next thread; NULL: all have ended. */
static struct thread *choose(void)
{
	struct thread *able[COUNT_OF(threads)];
	uint64_t soonest;
	unsigned n, left;

	for (;;) {
		n = left = 0;
		soonest = 0;
		for (unsigned i = 0; i < thread_count; i++) {
			struct thread *t = &threads[i];

			left += !t->ended;
			if (may_run(t))
				able[n++] = t;
			else if (!t->ended && t->deadline && (!soonest || t->deadline < soonest))
				soonest = t->deadline;
		}
		if (n)
			return able[sim_below(n)];
		if (!left)
			return NULL;
		if (!soonest)
			sim_fail("all %u threads wait, and nobody can wake them", left);
		sim.time += soonest - sim.clock;
		sim.clock = soonest;
	}
}

static void hand_on(struct thread *self)
{
	struct thread *next = choose();

	if (next == self || !next)
		return;
	current = next;
	pthread_cond_signal(&next->turn);
	if (self && self->ended)
		return;
	while (self && current != self)
		pthread_cond_wait(&self->turn, &mutex);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	pthread_mutex_lock(&mutex);
	while (current != t)
		pthread_cond_wait(&t->turn, &mutex);
	t->run(t->arg);
	t->ended = true;
	hand_on(t);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

void sim_threads(void (*const run[])(void *), void *const args[], unsigned count)
{
	pthread_mutex_lock(&mutex);
	thread_count = count;
	for (unsigned i = 0; i < count; i++) {
		threads[i] = (struct thread){ .run = run[i], .arg = args[i] };
		pthread_cond_init(&threads[i].turn, NULL);
		pthread_create(&threads[i].pthread, NULL, thread_main, &threads[i]);
	}
	current = &threads[sim_below(count)];
	pthread_cond_signal(&current->turn);
	pthread_mutex_unlock(&mutex);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i].pthread, NULL);
	thread_count = 0;
	current = NULL;
}

void sim_sleep(void)
{
	/* The time of day is that of the operation. */
	sim.clock += 1000;
	if (thread_count)
		hand_on(current);
}

static bool wait_until(struct os_queue *q, uint64_t deadline)
{
	uint64_t wakes = q->wakes;

	if (thread_count) {
		struct thread *self = current;

		self->queue = q;
		self->wakes = wakes;
		self->deadline = deadline;
		hand_on(self);
		self->queue = NULL;
		self->deadline = 0;
		return q->wakes != wakes || !deadline || sim.clock < deadline;
	}
	while (q->wakes == wakes) {
		if (!deadline)
			sim_fail("fs/ waits, and nobody can wake it");
		if (sim.clock < deadline) {
			sim.time += deadline - sim.clock;
			sim.clock = deadline;
		}
		return false;
	}
	return true;
}

void os_wait(struct os_queue *q)
{
	wait_until(q, 0);
}

bool os_wait_until(struct os_queue *q, uint64_t deadline)
{
	return wait_until(q, deadline ? deadline : 1);
}

void os_wake(struct os_queue *q)
{
	q->wakes++;
}

void os_pause(void)
{
	sim_sleep();
}

uint32_t os_random(void)
{
	return sim_random();
}

/* ---- The log. */

void os_log(enum os_log level, const char *fmt, ...)
{
	char *line = log_lines[log_next++ % LOG_LINES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(log_lines[0]), fmt, ap);
	va_end(ap);
	sim.errors_logged += level <= OS_WARNING;
	if (sim.verbose)
		fprintf(stderr, "log: %s\n", line);
}

int os_format(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, size, fmt, ap);
	va_end(ap);
	return n;
}

/* ---- Beginning and end. */

void sim_begin(uint64_t seed)
{
	bool verbose = sim.verbose;

	if (sim.memory)
		sim_fail("%zu bytes of an earlier run are allocated", sim.memory);
	sim = (struct sim){
		.seed = seed,
		.time = INT64_C(1700000000) * SECOND,
		.clock = 5 * SECOND,
		.reclaim = sim.reclaim,
		.verbose = verbose,
	};
	random_state = seed * UINT64_C(0xd1342543de82ef95) + 1;
	memset(log_lines, 0, sizeof(log_lines));
}

void sim_end(void)
{
	if (sim.memory && sim.reclaim)
		sim.reclaim(SIZE_MAX);
	if (sim.memory)
		sim_fail("%zu bytes are not freed after unmount", sim.memory);
}

uint64_t sim_elapsed(void)
{
	static uint64_t began;
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * UINT64_C(1000) + t.tv_nsec / 1000000;
	if (!began)
		began = now;
	return now - began;
}
