/* SPDX-License-Identifier: ISC */
/* xenolith_on_resume() (lib/include/xenolith/resume.h). */
#include "kernel/sched.h"
#include "lib/xenolith/resumes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <xenolith/resume.h>

struct observer {
	struct observer *next;
	void (*function)(int restored, void *arg);
	void *arg;
};

static struct observer *first, **last = &first;

static void *tell(void *arg)
{
	struct resumes seen = resumes;

	(void)arg;
	for (;;) {
		bool restored;

		kernel_enter();
		restored = resumes_wait(&seen);
		kernel_leave();
		for (struct observer *o = first; o; o = o->next)
			o->function(restored, o->arg);
	}
	return NULL;
}

int xenolith_on_resume(void (*function)(int restored, void *arg), void *arg)
{
	struct observer *o = function ? malloc(sizeof(*o)) : NULL;
	static bool started;
	pthread_t thread;
	int error = 0;

	if (!o)
		return function ? ENOMEM : EINVAL;
	*o = (struct observer){ .function = function, .arg = arg };
	kernel_enter();
	if (!started)
		error = pthread_create(&thread, NULL, tell, NULL);
	if (!error) {
		started = true;
		*last = o;
		last = &o->next;
	}
	kernel_leave();
	if (error)
		free(o);
	return error;
}
