/* SPDX-License-Identifier: ISC */
/*
 * A suspend, for `xl save`, `xl migrate` and the like: nothing is in flight, the free memory is
 * given back, and the domain is suspended (SCHEDOP_shutdown).  It continues in a restored domain, in
 * which all is attached again, or in this one, if the toolstack has cancelled the suspend or only
 * wanted a copy.
 *
 * The application may run while requests in flight end.  It does not run between the end of the
 * last request and the moment in which a restored domain has new ports and random numbers.
 */
#ifndef CONTROL_SUSPEND_H
#define CONTROL_SUSPEND_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Suspends the domain.  Returns 0 in a restored domain; 1 if the suspend was cancelled; -EBUSY if the
 * guest ends; -ETIMEDOUT if requests in flight did not end; or why Xen refuses.  Sleeps, for
 * SUSPEND_PATIENCE at most: the toolstack waits for a minute.
 */
#define SUSPEND_PATIENCE (30 * NSEC_PER_SEC)
int guest_suspend(void);

/*
 * In images with xenolith_on_resume() (lib/xenolith/resume.c): tells the application.  Does not sleep.
 */
void resume_notify(bool restored) __attribute__((weak));

/*
 * In images that can be snapshots (lib/xenolith/ready.c): fills free memory with zeroes if this one
 * will be.  Returns 0.  Does not sleep.
 */
int snapshot_clear(uint64_t deadline) __attribute__((weak));

#endif
