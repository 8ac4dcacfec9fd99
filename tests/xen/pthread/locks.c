/* SPDX-License-Identifier: ISC */
/* Read-write locks, barriers, spin locks and semaphores. */
#include "tests/xen/pthread/help.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile bool enough;
static volatile int readers, writers, most_readers;

static void *read_and_write(void *arg)
{
	for (int i = 0; i < 300; i++) {
		if ((i + (long)arg) % 5) {
			expect_equal(pthread_rwlock_rdlock(&rwlock), 0);
			readers++;
			if (readers > most_readers)
				most_readers = readers;
			sched_yield();
			expect_equal(writers, 0);
			readers--;
		} else {
			expect_equal(pthread_rwlock_wrlock(&rwlock), 0);
			writers++;
			sched_yield();
			expect(writers == 1 && !readers);
			writers--;
		}
		expect_equal(pthread_rwlock_unlock(&rwlock), 0);
	}
	return arg;
}

static void writers_are_alone_readers_are_not(void)
{
	together(read_and_write);
	expect(most_readers > 1);
	expect_equal(pthread_rwlock_unlock(&rwlock), EPERM);
}

static void *keep_reading(void *arg)
{
	while (!enough) {
		pthread_rwlock_rdlock(&rwlock);
		usleep(2000 + (long)arg);
		pthread_rwlock_unlock(&rwlock);
	}
	return arg;
}

static void *write_once(void *arg)
{
	usleep(20000);
	expect_equal(pthread_rwlock_wrlock(&rwlock), 0);
	pthread_rwlock_unlock(&rwlock);
	enough = true;
	return arg;
}

static void *read_or_write_once(void *arg)
{
	return arg ? keep_reading(arg) : write_once(arg);
}

static void readers_do_not_starve_a_writer(void)
{
	enough = false;
	together(read_or_write_once);
}

static void *try_to_read(void *arg)
{
	struct timespec soon = in(CLOCK_REALTIME, 20 * MS);

	if (!arg)			/* the writer */
		expect_equal(pthread_rwlock_tryrdlock(&rwlock), EBUSY);
	expect_equal(pthread_rwlock_trywrlock(&rwlock), EBUSY);
	expect_equal(pthread_rwlock_timedwrlock(&rwlock, &past), ETIMEDOUT);
	expect_equal(pthread_rwlock_timedwrlock(&rwlock, &invalid), EINVAL);
	expect_equal(pthread_rwlock_timedwrlock(&rwlock, &soon), ETIMEDOUT);
	expect_equal(pthread_rwlock_timedrdlock(&rwlock, &past), arg ? 0 : ETIMEDOUT);
	if (arg)
		expect_equal(pthread_rwlock_unlock(&rwlock), 0);
	expect_equal(pthread_rwlock_destroy(&rwlock), EBUSY);
	return NULL;
}

static void *want_to_write(void *arg)
{
	struct timespec soon = in(CLOCK_REALTIME, 50 * MS);

	expect_equal(pthread_rwlock_timedwrlock(&rwlock, &soon), ETIMEDOUT);
	return arg;
}

static void *read_behind_a_writer(void *arg)
{
	struct timespec later = in(CLOCK_REALTIME, 5000 * MS);

	expect_equal(pthread_rwlock_tryrdlock(&rwlock), EBUSY);
	expect_equal(pthread_rwlock_timedrdlock(&rwlock, &later), 0);
	expect_equal(pthread_rwlock_unlock(&rwlock), 0);
	return arg;
}

static void a_writer_that_gives_up_lets_readers_in(void)
{
	pthread_t writer, reader;

	expect_equal(pthread_rwlock_rdlock(&rwlock), 0);
	writer = start(want_to_write, NULL);
	usleep(1000);
	reader = start(read_behind_a_writer, NULL);
	join(writer);
	join(reader);
	expect_equal(pthread_rwlock_unlock(&rwlock), 0);
}

static void read_write_locks_say_what_is_wrong(void)
{
	expect_equal(pthread_rwlock_wrlock(&rwlock), 0);
	expect_equal(pthread_rwlock_wrlock(&rwlock), EDEADLK);
	expect_equal(pthread_rwlock_rdlock(&rwlock), EDEADLK);
	join(start(try_to_read, NULL));
	expect_equal(pthread_rwlock_unlock(&rwlock), 0);
	expect_equal(pthread_rwlock_rdlock(&rwlock), 0);
	join(start(try_to_read, "read"));
	expect_equal(pthread_rwlock_unlock(&rwlock), 0);
	expect_equal(pthread_rwlock_destroy(&rwlock), 0);
}

/* Barriers, spin locks and semaphores */

static pthread_barrier_t barrier;
static int serial, arrived[THREADS];

static void *meet(void *arg)
{
	for (int round = 1; round <= 100; round++) {
		arrived[(long)arg] = round;
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			serial++;
		for (int i = 0; i < THREADS; i++)
			expect(arrived[i] >= round);
	}
	return arg;
}

static void *meet_once(void *arg)
{
	if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
		expect_equal(pthread_barrier_destroy(&barrier), 0);
		memset(&barrier, 0xff, sizeof(barrier));
	}
	return arg;
}

static void barriers_let_all_go_at_once(void)
{
	expect_equal(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
	expect_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	together(meet);
	expect_equal(serial, 100);
	together(meet_once);
}

static pthread_spinlock_t spin;
static volatile int inside, total;

static void *spin_add(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		expect_equal(pthread_spin_lock(&spin), 0);
		expect_equal(inside++, 0);
		if (i % 16 == (long)arg)
			sched_yield();
		inside--;
		expect_equal(pthread_spin_unlock(&spin), 0);
	}
	return arg;
}

static void spin_locks_exclude(void)
{
	expect_equal(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
	together(spin_add);
	expect_equal(pthread_spin_unlock(&spin), EPERM);
	expect_equal(pthread_spin_trylock(&spin), 0);
	expect_equal(pthread_spin_trylock(&spin), EBUSY);
	expect_equal(pthread_spin_lock(&spin), EDEADLK);
	expect_equal(pthread_spin_unlock(&spin), 0);
	expect_equal(pthread_spin_destroy(&spin), 0);
}

static sem_t sem, items;

static void *work(void *arg)
{
	for (int i = 0; i < 500; i++) {
		expect_equal(sem_wait(&sem), 0);
		expect(++inside <= 3);
		sched_yield();
		inside--;
		expect_equal(sem_post(&sem), 0);
	}
	sem_post(&items);
	return arg;
}

static int error_of(int rc)
{
	return rc ? errno : 0;
}

static void semaphores_count(void)
{
	struct timespec soon = in(CLOCK_REALTIME, 20 * MS);
	int value;

	expect_equal(sem_init(&sem, 0, 3), 0);
	expect_equal(sem_init(&items, 0, 0), 0);
	together(work);
	expect_equal(sem_getvalue(&items, &value), 0);
	expect_equal(value, THREADS);
	for (int i = 0; i < THREADS; i++)
		expect_equal(i % 2 ? sem_wait(&items)
				   : sem_timedwait(&items, &invalid), 0);
	expect_equal(error_of(sem_trywait(&items)), EAGAIN);
	expect_equal(error_of(sem_timedwait(&items, &past)), ETIMEDOUT);
	expect_equal(error_of(sem_timedwait(&items, &invalid)), EINVAL);
	expect_equal(error_of(sem_timedwait(&items, &soon)), ETIMEDOUT);
	expect(now(CLOCK_REALTIME) >= soon.tv_sec * 1000 * MS + soon.tv_nsec);
	expect_equal(sem_destroy(&items), 0);
	expect_equal(sem_init(&items, 0, SEM_VALUE_MAX), 0);
	expect_equal(error_of(sem_post(&items)), EOVERFLOW);
	expect_equal(error_of(sem_init(&items, 0, SEM_VALUE_MAX + 1u)), EINVAL);
}

static void named_semaphores_are_found_by_name(void)
{
	sem_t *s, *other;
	int value;

	expect(sem_open("/x", 0) == SEM_FAILED);
	expect_equal(errno, ENOENT);
	s = sem_open("/x", O_CREAT, 0600, 2);
	expect(s != SEM_FAILED && sem_open("/x", O_CREAT, 0600, 9) == s);
	expect(sem_open("/x", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	expect_equal(errno, EEXIST);
	expect_equal(sem_unlink("/x"), 0);
	expect_equal(error_of(sem_unlink("/x")), ENOENT);
	other = sem_open("/x", O_CREAT, 0600, 7);	/* the old one lives on */
	expect(other != SEM_FAILED && other != s);
	expect_equal(sem_getvalue(s, &value), 0);
	expect_equal(value, 2);
	expect_equal(sem_close(s), 0);
	expect_equal(sem_close(s), 0);
	expect_equal(error_of(sem_close(s)), EINVAL);
	expect_equal(sem_unlink("/x"), 0);
	expect_equal(sem_close(other), 0);
}

void test_other_locks(void)
{
	writers_are_alone_readers_are_not();
	readers_do_not_starve_a_writer();
	a_writer_that_gives_up_lets_readers_in();
	read_write_locks_say_what_is_wrong();
	barriers_let_all_go_at_once();
	spin_locks_exclude();
	semaphores_count();
	named_semaphores_are_found_by_name();
}
