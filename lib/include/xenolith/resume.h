/* SPDX-License-Identifier: ISC */
/* To be told when the guest was saved and continues (docs/save.md). */
#ifndef XENOLITH_RESUME_H
#define XENOLITH_RESUME_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Has function(restored, arg) called after the guest was suspended: restored is 1 in a restored or
 * migrated guest, whose memory other copies may have, too; 0 if the guest was not moved (a copy was
 * written, or the migration failed).  A thread calls all functions, in the order of registration,
 * as soon as the guest continues; other threads may run before.  After several suspends in a short
 * time there may be one call.
 *
 * Returns 0, or an error number: EINVAL, or that of pthread_create().
 */
int xenolith_on_resume(void (*function)(int restored, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
