/* SPDX-License-Identifier: ISC */
/* To be told when the guest was saved and continues (docs/save.md), and copies of it (docs/warm.md). */
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

/*
 * Says that the program has initialised itself.  A guest that was created with the option `snapshot=yes`
 * sleeps here until it is restored, also after a save that failed and after `xenolith checkpoint`.
 * Returns 1 in each copy of it, which has an address and random numbers of its own; 0 in a guest without
 * that option, without xenstore, or if it was called before.
 * A program that does not call it is ready when it first waits for a client: in accept(), poll(),
 * select() or epoll_wait() with a listening TCP socket.
 */
int xenolith_ready(void);

/*
 * How often this guest was restored: a generator of random numbers with a state of its own must be
 * seeded again when this has changed.  getrandom() does so by itself.
 */
unsigned xenolith_copies(void);

#ifdef __cplusplus
}
#endif

#endif
