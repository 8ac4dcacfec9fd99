/* SPDX-License-Identifier: ISC */
/* POSIX threads: each function below is a claim about a rule of POSIX. */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define MS 1000000ll

static long long now(clockid_t clock)
{
	struct timespec ts;

	expect_equal(clock_gettime(clock, &ts), 0);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static struct timespec in(clockid_t clock, long long ns)
{
	long long at = now(clock) + ns;

	return (struct timespec){
		.tv_sec = at / (1000 * MS), .tv_nsec = at % (1000 * MS),
	};
}

static const struct timespec past = { .tv_sec = 1 };
static const struct timespec invalid = { .tv_sec = 1, .tv_nsec = 1000 * MS };

static pthread_t start(void *(*main)(void *), void *arg)
{
	pthread_t t;

	expect_equal(pthread_create(&t, NULL, main, arg), 0);
	return t;
}

static void *join(pthread_t t)
{
	void *result;

	expect_equal(pthread_join(t, &result), 0);
	return result;
}

/* The same function in several threads, each told its number. */
static void together(void *(*main)(void *))
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		t[i] = start(main, (void *)i);
	for (long i = 0; i < THREADS; i++)
		expect_equal((long)join(t[i]), i);
}

/* Threads */

static sem_t ended;

static void *twice(void *arg)
{
	return (void *)(2 * (long)arg);
}

static void *exit_deep(void *arg)
{
	pthread_exit((char *)arg + 1);
}

static void *join_itself(void *arg)
{
	(void)arg;
	expect_equal(pthread_join(pthread_self(), NULL), EDEADLK);
	return NULL;
}

static void *join_other(void *arg)
{
	join(*(pthread_t *)arg);
	return "joined";
}

static pthread_t who_joins;

static void *join_who_joins_us(void *arg)
{
	static pthread_t self;
	pthread_t other;

	(void)arg;
	self = pthread_self();
	other = start(join_other, &self);
	usleep(1000);
	expect_equal(pthread_join(other, NULL), EDEADLK);
	who_joins = other;
	sem_post(&ended);
	return NULL;
}

static void threads_end_and_are_joined(void)
{
	pthread_t t = start(twice, (void *)21), self = pthread_self();

	expect(pthread_equal(self, pthread_self()) && !pthread_equal(self, t));
	expect_equal((long)join(t), 42);
	expect_equal(pthread_join(t, NULL), ESRCH);
	expect_equal(pthread_detach(t), ESRCH);
	expect_equal(pthread_kill(t, 0), ESRCH);
	expect_equal((long)join(start(exit_deep, (void *)6)), 7);
	join(start(join_itself, NULL));
	sem_init(&ended, 0, 0);
	t = start(join_who_joins_us, NULL);
	sem_wait(&ended);
	expect(!strcmp(join(who_joins), "joined"));
	expect_equal(pthread_join(t, NULL), ESRCH);
}

static void *post_ended(void *arg)
{
	usleep((long)arg);
	sem_post(&ended);
	return NULL;
}

static void detached_threads_vanish(void)
{
	pthread_attr_t attr;
	pthread_t t;

	sem_init(&ended, 0, 0);
	expect_equal(pthread_attr_init(&attr), 0);
	expect_equal(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
	expect_equal(pthread_create(&t, &attr, post_ended, (void *)1000), 0);
	expect_equal(pthread_join(t, NULL), EINVAL);
	sem_wait(&ended);
	t = start(post_ended, (void *)1000);
	expect_equal(pthread_detach(t), 0);
	expect_equal(pthread_detach(t), EINVAL);
	sem_wait(&ended);
	usleep(10000);
	expect_equal(pthread_detach(t), ESRCH);
	t = start(post_ended, NULL);	/* detached when it is over already */
	sem_wait(&ended);
	usleep(10000);
	expect_equal(pthread_detach(t), 0);
	expect_equal(pthread_join(t, NULL), ESRCH);
	pthread_attr_destroy(&attr);
	expect_equal(pthread_create(&t, &attr, post_ended, NULL), EINVAL);
}

static void attributes_are_checked(void)
{
	pthread_attr_t attr;
	size_t size;
	int state;

	expect_equal(pthread_attr_init(&attr), 0);
	expect_equal(pthread_attr_getstacksize(&attr, &size), 0);
	expect(size >= PTHREAD_STACK_MIN);
	expect_equal(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1), EINVAL);
	expect_equal(pthread_attr_setstacksize(&attr, 65536), 0);
	expect_equal(pthread_attr_getstacksize(&attr, &size), 0);
	expect_equal(size, 65536);
	expect_equal(pthread_attr_setdetachstate(&attr, 77), EINVAL);
	expect_equal(pthread_attr_getdetachstate(&attr, &state), 0);
	expect_equal(state, PTHREAD_CREATE_JOINABLE);
	expect_equal(pthread_attr_destroy(&attr), 0);
	expect_equal(pthread_attr_destroy(&attr), EINVAL);
	expect_equal(pthread_cancel(pthread_self()), ENOSYS);
	expect_equal(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
	expect_equal(state, PTHREAD_CANCEL_ENABLE);
	expect_equal(pthread_setcancelstate(77, NULL), EINVAL);
	expect_equal(pthread_getconcurrency(), 0);
	expect_equal(pthread_setconcurrency(4), 0);
	expect_equal(pthread_setconcurrency(-1), EINVAL);
	expect_equal(pthread_getconcurrency(), 4);
}

static char order[10];

static void note(void *letter)
{
	strcat(order, letter);
}

static pthread_key_t note_key;

static void *push_and_exit(void *arg)
{
	pthread_setspecific(note_key, "k");
	pthread_cleanup_push(note, "a");
	pthread_cleanup_push(note, "b");
	pthread_cleanup_push(note, "c");
	pthread_cleanup_pop(1);
	pthread_cleanup_push(note, "d");
	pthread_cleanup_pop(0);
	pthread_exit(arg);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
}

static void cleanup_runs_backwards_then_destructors(void)
{
	order[0] = '\0';
	expect_equal(pthread_key_create(&note_key, note), 0);
	join(start(push_and_exit, NULL));
	expect(!strcmp(order, "cbak"));
	expect_equal(pthread_key_delete(note_key), 0);
}

/* Keys and once */

static pthread_key_t key;
static int destroyed;

static void set_again(void *value)
{
	destroyed++;
	pthread_setspecific(key, value);
}

static void *own_value(void *arg)
{
	expect(!pthread_getspecific(key));
	expect_equal(pthread_setspecific(key, (char *)arg + 1), 0);
	for (int i = 0; i < 20; i++) {
		sched_yield();
		expect_equal((long)pthread_getspecific(key), (long)arg + 1);
	}
	return arg;
}

static void keys_have_a_value_per_thread(void)
{
	pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
	int n = 0;

	expect_equal(pthread_key_create(&key, set_again), 0);
	expect_equal(pthread_setspecific(key, "main"), 0);
	together(own_value);
	expect_equal(destroyed, THREADS * PTHREAD_DESTRUCTOR_ITERATIONS);
	expect_equal(pthread_key_delete(key), 0);
	expect_equal(pthread_key_delete(key), EINVAL);
	expect_equal(pthread_setspecific(key, "x"), EINVAL);
	expect(!pthread_getspecific(key));
	while (pthread_key_create(&keys[n], NULL) == 0)
		expect(!pthread_getspecific(keys[n++]));
	expect_equal(n, PTHREAD_KEYS_MAX);
	while (n)
		expect_equal(pthread_key_delete(keys[--n]), 0);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised;

static void initialise(void)
{
	usleep(20000);
	initialised++;
}

static void *initialise_once(void *arg)
{
	expect_equal(pthread_once(&once, initialise), 0);
	expect_equal(initialised, 1);
	return arg;
}

static void once_is_once(void)
{
	together(initialise_once);
}

/* Mutexes */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int inside, total;

static void *add(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		expect_equal(pthread_mutex_lock(&mutex), 0);
		expect_equal(inside++, 0);
		total++;
		if (i % 16 == (long)arg)
			sched_yield();
		if (i % 500 == 1)
			usleep(100);
		inside--;
		expect_equal(pthread_mutex_unlock(&mutex), 0);
	}
	return arg;
}

static void a_mutex_excludes(void)
{
	total = 0;
	together(add);
	expect_equal(total, THREADS * 2000);
	expect_equal(pthread_mutex_destroy(&mutex), 0);
}

static pthread_mutex_t of_type(int type)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;

	expect_equal(pthread_mutexattr_init(&attr), 0);
	expect_equal(pthread_mutexattr_settype(&attr, type), 0);
	expect_equal(pthread_mutexattr_settype(&attr, 77), EINVAL);
	expect_equal(pthread_mutex_init(&m, &attr), 0);
	expect_equal(pthread_mutexattr_destroy(&attr), 0);
	return m;
}

static void *try_all(void *arg)
{
	pthread_mutex_t *m = arg;
	struct timespec soon = in(CLOCK_REALTIME, 20 * MS);
	long long before = now(CLOCK_MONOTONIC);

	expect_equal(pthread_mutex_trylock(m), EBUSY);
	expect_equal(pthread_mutex_unlock(m), EPERM);
	expect_equal(pthread_mutex_timedlock(m, &past), ETIMEDOUT);
	expect_equal(pthread_mutex_timedlock(m, &invalid), EINVAL);
	expect_equal(pthread_mutex_timedlock(m, &soon), ETIMEDOUT);
	expect(now(CLOCK_MONOTONIC) - before >= 19 * MS);
	expect_equal(pthread_mutex_destroy(m), EBUSY);
	return NULL;
}

static void mutex_types_differ(void)
{
	pthread_mutex_t r = of_type(PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_t e = of_type(PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_t n = of_type(PTHREAD_MUTEX_NORMAL);

	for (int i = 0; i < 3; i++)
		expect_equal(i ? pthread_mutex_trylock(&r) : pthread_mutex_lock(&r), 0);
	join(start(try_all, &r));
	for (int i = 0; i < 3; i++)
		expect_equal(pthread_mutex_unlock(&r), 0);
	expect_equal(pthread_mutex_unlock(&r), EPERM);
	expect_equal(pthread_mutex_lock(&e), 0);
	expect_equal(pthread_mutex_lock(&e), EDEADLK);
	expect_equal(pthread_mutex_timedlock(&e, &past), EDEADLK);
	expect_equal(pthread_mutex_trylock(&e), EBUSY);
	join(start(try_all, &e));
	expect_equal(pthread_mutex_unlock(&e), 0);
	expect_equal(pthread_mutex_timedlock(&n, &invalid), 0);
	expect_equal(pthread_mutex_timedlock(&n, &past), ETIMEDOUT);
	join(start(try_all, &n));
	expect_equal(pthread_mutex_unlock(&n), 0);
}

static volatile bool enough;
static volatile int passed_by;

/* Has the mutex nearly always, so its time slice ends while it has it. */
static void *hog(void *arg)
{
	while (!enough) {
		long long until;

		pthread_mutex_lock(arg);
		passed_by++;
		until = now(CLOCK_MONOTONIC) + MS;
		while (now(CLOCK_MONOTONIC) < until)
			;
		pthread_mutex_unlock(arg);
	}
	return NULL;
}

static void a_mutex_starves_nobody(void)
{
	pthread_t a, b;

	enough = false;
	a = start(hog, &mutex);
	b = start(hog, &mutex);
	for (int i = 0; i < 20; i++) {
		passed_by = 0;
		expect_equal(pthread_mutex_lock(&mutex), 0);
		expect(passed_by < 60);	/* a time slice each, and some */
		expect_equal(pthread_mutex_unlock(&mutex), 0);
		sched_yield();
	}
	enough = true;
	join(a);
	join(b);
}

/* Condition variables */

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, room = PTHREAD_COND_INITIALIZER;
static int queue[4], queued;
static volatile long taken;

static void *produce(void *arg)
{
	for (int i = 1; i <= 500; i++) {
		pthread_mutex_lock(&mutex);
		while (queued == 4)
			expect_equal(pthread_cond_wait(&room, &mutex), 0);
		queue[queued++] = i;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *consume(void *arg)
{
	for (int i = 1; i <= 500; i++) {
		pthread_mutex_lock(&mutex);
		while (!queued)
			expect_equal(pthread_cond_wait(&cond, &mutex), 0);
		taken += queue[--queued];
		pthread_mutex_unlock(&mutex);
		pthread_cond_signal(&room);
	}
	return arg;
}

static void *produce_or_consume(void *arg)
{
	return (long)arg % 2 ? produce(arg) : consume(arg);
}

static void signals_are_not_lost(void)
{
	taken = 0;
	together(produce_or_consume);
	expect_equal(taken, THREADS / 2 * 500 * 501 / 2);
}

static int waiting, woken;

static void *wait_once(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	waiting++;
	expect_equal(pthread_cond_wait(&cond, &mutex), 0);
	woken++;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void signal_wakes_one_broadcast_all(void)
{
	pthread_t t[THREADS];

	waiting = woken = 0;
	for (int i = 0; i < THREADS; i++)
		t[i] = start(wait_once, NULL);
	while (waiting < THREADS)
		usleep(1000);
	expect_equal(pthread_cond_destroy(&cond), EBUSY);
	for (int i = 1; i <= 3; i++) {
		expect_equal(pthread_cond_signal(&cond), 0);
		usleep(5000);
		expect_equal(woken, i);
	}
	expect_equal(pthread_cond_broadcast(&cond), 0);
	expect_equal(pthread_cond_destroy(&cond), 0);	/* it has no waiters any more */
	memset(&cond, 0xff, sizeof(cond));
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	expect_equal(woken, THREADS);
	expect_equal(pthread_cond_init(&cond, NULL), 0);
}

static void timed_wait(clockid_t clock)
{
	pthread_condattr_t attr;
	pthread_cond_t c;
	struct timespec soon;
	long long before;

	expect_equal(pthread_condattr_init(&attr), 0);
	expect_equal(pthread_condattr_setclock(&attr, clock), 0);
	expect_equal(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	expect_equal(pthread_cond_init(&c, &attr), 0);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &past), EPERM);
	pthread_mutex_lock(&mutex);
	soon = in(clock, 30 * MS);
	before = now(CLOCK_MONOTONIC);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &soon), ETIMEDOUT);
	expect(now(CLOCK_MONOTONIC) - before >= 29 * MS);
	expect(now(CLOCK_MONOTONIC) - before < 1000 * MS);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &past), ETIMEDOUT);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &invalid), EINVAL);
	expect_equal(pthread_mutex_unlock(&mutex), 0);	/* each wait has locked it again */
	expect_equal(pthread_cond_destroy(&c), 0);
}

static void timed_waits_end_by_either_clock(void)
{
	timed_wait(CLOCK_REALTIME);
	timed_wait(CLOCK_MONOTONIC);
}

/* Read-write locks */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
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

/* main() is a thread like the others: it can end before them, and be joined. */
static void *last(void *arg)
{
	expect_equal((long)join(*(pthread_t *)arg), 4711);
	test_success();
}

int main(void)
{
	static pthread_t self;

	threads_end_and_are_joined();
	detached_threads_vanish();
	attributes_are_checked();
	cleanup_runs_backwards_then_destructors();
	keys_have_a_value_per_thread();
	once_is_once();
	a_mutex_excludes();
	mutex_types_differ();
	a_mutex_starves_nobody();
	signals_are_not_lost();
	signal_wakes_one_broadcast_all();
	timed_waits_end_by_either_clock();
	writers_are_alone_readers_are_not();
	readers_do_not_starve_a_writer();
	a_writer_that_gives_up_lets_readers_in();
	read_write_locks_say_what_is_wrong();
	barriers_let_all_go_at_once();
	spin_locks_exclude();
	semaphores_count();
	named_semaphores_are_found_by_name();
	self = pthread_self();
	start(last, &self);
	pthread_exit((void *)4711);
}
