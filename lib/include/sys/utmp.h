/* SPDX-License-Identifier: ISC */
/* Records of logins (utmp(5)). There are none, so there are no functions that read or write them. */
#ifndef XENOLITH_SYS_UTMP_H
#define XENOLITH_SYS_UTMP_H

#include <stdint.h>
#include <sys/types.h>

#define UT_LINESIZE	32
#define UT_NAMESIZE	32
#define UT_HOSTSIZE	256

#define EMPTY		0
#define BOOT_TIME	2
#define INIT_PROCESS	5
#define LOGIN_PROCESS	6
#define USER_PROCESS	7
#define DEAD_PROCESS	8

struct utmp {
	short ut_type;
	pid_t ut_pid;
	char ut_line[UT_LINESIZE];
	char ut_id[4];
	char ut_user[UT_NAMESIZE];
	char ut_host[UT_HOSTSIZE];
	int ut_session;
	struct {
		int32_t tv_sec, tv_usec;
	} ut_tv;
	int32_t ut_addr_v6[4];
};
#define ut_name ut_user
#define ut_time ut_tv.tv_sec

#endif
