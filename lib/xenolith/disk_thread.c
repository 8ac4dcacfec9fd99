/* SPDX-License-Identifier: ISC */
/* The threads of a disk server (backend/domain.h): POSIX threads, in a guest outside of the kernel. */
#include "backend/domain.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct start {
	void (*main)(void *arg);
	void *arg;
};

static void *run(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	s.main(s.arg);
	return NULL;
}

int domain_thread(void (*main)(void *arg), void *arg)
{
	struct start *s = malloc(sizeof(*s));
	pthread_attr_t attr;
	pthread_t thread;
	int rc = s ? 0 : ENOMEM;

	if (rc)
		return -rc;
	*s = (struct start){ main, arg };
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, run, s);
	pthread_attr_destroy(&attr);
	if (rc)
		free(s);
	return -rc;
}
