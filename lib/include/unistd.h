/* SPDX-License-Identifier: ISC */
/* newlib's <unistd.h>, and functions that it declares only for some systems. */
#ifndef XENOLITH_UNISTD_H
#define XENOLITH_UNISTD_H

#include_next <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifndef _CS_PATH
#define _CS_PATH	0		/* of confstr(): no other name is known */
#endif
#if __GNU_VISIBLE
int syncfs(int fd);			/* EBADF, EIO; may sleep */
int setresuid(uid_t real, uid_t effective, uid_t saved);
int setresgid(gid_t real, gid_t effective, gid_t saved);
int getresuid(uid_t *real, uid_t *effective, uid_t *saved);
int getresgid(gid_t *real, gid_t *effective, gid_t *saved);
pid_t gettid(void);
#define CLOSE_RANGE_CLOEXEC 4
int close_range(unsigned first, unsigned last, int flags);
#endif
#if __MISC_VISIBLE
int getdtablesize(void);
void closefrom(int first);
int setdomainname(const char *name, size_t len);
char *get_current_dir_name(void);
#define L_SET	SEEK_SET
#define L_INCR	SEEK_CUR
#define L_XTND	SEEK_END
#endif
#ifdef __cplusplus
}
#endif

#endif
