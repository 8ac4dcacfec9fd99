/* SPDX-License-Identifier: ISC */
/* newlib's <grp.h>, and getgrouplist() of 4.4BSD. */
#ifndef XENOLITH_GRP_H
#define XENOLITH_GRP_H

#include <stddef.h>
#include_next <grp.h>

#if __BSD_VISIBLE
#ifdef __cplusplus
extern "C" {
#endif
/* Returns the number of groups, which is stored in *count; -1: there are more than *count. */
int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count);
int setgroups(int count, const gid_t *groups);
#ifdef __cplusplus
}
#endif
#endif

#endif
