/* SPDX-License-Identifier: ISC */
/* Creating, joining and ending threads; values of keys; pthread_once(). */
#include "tests/xen/pthread/help.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

void test_threads(void)
{
	threads_end_and_are_joined();
	detached_threads_vanish();
	attributes_are_checked();
	cleanup_runs_backwards_then_destructors();
	keys_have_a_value_per_thread();
	once_is_once();
}
