/* SPDX-License-Identifier: ISC */
/* Thread-specific data (POSIX.1-2017: pthread_key_create, pthread_setspecific). */
#include "kernel/sched.h"
#include "lib/thread/pthread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

static struct key {
	bool used;
	void (*destructor)(void *value);
} keys[PTHREAD_KEYS_MAX];

static bool valid(pthread_key_t key)
{
	return key < PTHREAD_KEYS_MAX && keys[key].used;
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *value))
{
	int error = EAGAIN;

	kernel_enter();
	for (unsigned k = 0; k < PTHREAD_KEYS_MAX && error; k++) {
		if (keys[k].used)
			continue;
		keys[k] = (struct key){ .used = true, .destructor = destructor };
		*key = k;
		error = 0;
	}
	kernel_leave();
	return error;
}

/* Clears the values too: the next key with this number has NULL in all threads. */
int pthread_key_delete(pthread_key_t key)
{
	int error = EINVAL;

	kernel_enter();
	if (valid(key)) {
		keys[key].used = false;
		pthread_clear_key(key);
		error = 0;
	}
	kernel_leave();
	return error;
}

void *pthread_getspecific(pthread_key_t key)
{
	const struct pthread *p = pthread_current();

	return valid(key) && p->values ? p->values[key] : NULL;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
	struct pthread *p = pthread_current();

	if (!valid(key))
		return EINVAL;
	if (!p->values)
		p->values = calloc(PTHREAD_KEYS_MAX, sizeof(*p->values));
	if (!p->values)
		return ENOMEM;
	p->values[key] = (void *)value;
	return 0;
}

/* One round. Returns true if a destructor was called, which may have set values again. */
static bool destroy_round(void **values)
{
	bool ran = false;

	for (pthread_key_t k = 0; k < PTHREAD_KEYS_MAX; k++) {
		void *value = values[k];

		if (!value || !keys[k].destructor)
			continue;
		values[k] = NULL;
		keys[k].destructor(value);
		ran = true;
	}
	return ran;
}

void pthread_key_destroy_values(void)
{
	struct pthread *p = pthread_current();
	int rounds = PTHREAD_DESTRUCTOR_ITERATIONS;

	if (!p->values)
		return;
	while (rounds-- && destroy_round(p->values))
		;
	free(p->values);
	p->values = NULL;
}
