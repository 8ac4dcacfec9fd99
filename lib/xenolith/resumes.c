/* SPDX-License-Identifier: ISC */
#include "lib/xenolith/resumes.h"

#include "control/suspend.h"
#include "kernel/sched.h"

struct resumes resumes;
static struct waitq changed;

void resume_notify(bool restored)
{
	resumes.all++;
	resumes.restored += restored;
	wake(&changed);
}

bool resumes_wait(struct resumes *seen)
{
	unsigned restored = seen->restored;

	wait_until(&changed, resumes.all != seen->all);
	*seen = resumes;
	return seen->restored != restored;
}
