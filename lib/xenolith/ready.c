/* SPDX-License-Identifier: ISC */
/* A guest that becomes a snapshot, and the copies of it (docs/warm.md). */
#include "lib/ready.h"
#include "control/suspend.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "lib/libc/heap.h"
#include "lib/xenolith/resumes.h"
#include "net/config.h"

#include <stdlib.h>
#include <xenolith/resume.h>

PARAM(snapshot, "snapshot=yes");

static bool reached;

int snapshot_clear(uint64_t deadline)
{
	(void)deadline;
	if (!param("snapshot"))
		return 0;
	heap_clear();
	return page_clear();
}

/* The options that this copy has besides those of the snapshot: its address. */
static void become_a_copy(void)
{
	char *line;

	if (xs_read(NULL, "xenolith/line", &line) < 0)
		return;
	if (param_more(line)) {		/* else it is in use */
		log_error("snapshot: the options of this copy are invalid, and have no effect");
		free(line);
	} else if (config_again) {
		config_again();
	}
}

int ready_reached(void)
{
	struct resumes seen = resumes;
	int rc;

	if (reached || !param("snapshot"))
		return 0;
	reached = true;
	rc = xs_init();
	if (!rc)
		rc = xs_write(NULL, "data/ready", "1");
	if (rc) {
		log_error("snapshot: xenstore cannot be told that the program is ready (error %d)", rc);
		return 0;
	}
	while (!resumes_wait(&seen))
		;			/* the suspend failed, or only a copy was written */
	become_a_copy();
	return 1;
}

bool ready_listens;

void ready_waits(void)
{
	if (ready_listens)
		ready_reached();
}

int xenolith_ready(void)
{
	int rc;

	kernel_enter();
	rc = ready_reached();
	kernel_leave();
	return rc;
}
