/* SPDX-License-Identifier: ISC */
/*
 * Timers as files, as on Linux (timerfd_create(2)): read() returns how often the timer has expired
 * since the last read. TFD_TIMER_CANCEL_ON_SET is not supported (EINVAL).
 */
#ifndef XENOLITH_SYS_TIMERFD_H
#define XENOLITH_SYS_TIMERFD_H

#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TFD_NONBLOCK		00004000
#define TFD_CLOEXEC		02000000
#define TFD_TIMER_ABSTIME	1

int timerfd_create(int clock, int flags);
int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old);
int timerfd_gettime(int fd, struct itimerspec *to);

#ifdef __cplusplus
}
#endif

#endif
