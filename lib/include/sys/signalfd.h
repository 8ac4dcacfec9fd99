/* SPDX-License-Identifier: ISC */
/*
 * Signals as files, as on Linux (signalfd(2)): read() takes pending signals of a set, which the
 * program blocks.
 */
#ifndef XENOLITH_SYS_SIGNALFD_H
#define XENOLITH_SYS_SIGNALFD_H

#include <signal.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SFD_NONBLOCK	00004000
#define SFD_CLOEXEC	02000000

struct signalfd_siginfo {
	uint32_t ssi_signo;
	int32_t ssi_errno;
	int32_t ssi_code;
	uint32_t ssi_pid;
	uint32_t ssi_uid;
	int32_t ssi_fd;
	uint32_t ssi_tid;
	uint32_t ssi_band;
	uint32_t ssi_overrun;
	uint32_t ssi_trapno;
	int32_t ssi_status;
	int32_t ssi_int;
	uint64_t ssi_ptr;
	uint64_t ssi_utime;
	uint64_t ssi_stime;
	uint64_t ssi_addr;
	uint16_t ssi_addr_lsb;
	uint8_t __pad[46];
};

/* fd -1: a new descriptor; otherwise the set of this one is changed. */
int signalfd(int fd, const sigset_t *set, int flags);

#ifdef __cplusplus
}
#endif

#endif
