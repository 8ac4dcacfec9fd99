/* SPDX-License-Identifier: ISC */
/*
 * Extended attributes, as on Linux: values with names such as "user.mime_type". The functions
 * with l do not follow a symbolic link. All may sleep.
 */
#ifndef XENOLITH_SYS_XATTR_H
#define XENOLITH_SYS_XATTR_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define XATTR_CREATE	1		/* EEXIST if it exists */
#define XATTR_REPLACE	2		/* ENODATA if it does not */

/*
 * The length of the value, or of all names, each with its NUL; with size 0 nothing is stored.
 * ENODATA: there is no such attribute. ERANGE: size is too small, or the name is longer than
 * 255 bytes or empty. EOPNOTSUPP: the file system or the prefix of the name has none. EPERM:
 * user.* of an object that is neither a file nor a directory.
 */
ssize_t getxattr(const char *path, const char *name, void *to, size_t size);
ssize_t lgetxattr(const char *path, const char *name, void *to, size_t size);
ssize_t fgetxattr(int fd, const char *name, void *to, size_t size);
ssize_t listxattr(const char *path, char *to, size_t size);
ssize_t llistxattr(const char *path, char *to, size_t size);
ssize_t flistxattr(int fd, char *to, size_t size);

/* Also ENOSPC, E2BIG (more than 65,536 bytes), EROFS. */
int setxattr(const char *path, const char *name, const void *from, size_t size, int flags);
int lsetxattr(const char *path, const char *name, const void *from, size_t size, int flags);
int fsetxattr(int fd, const char *name, const void *from, size_t size, int flags);
int removexattr(const char *path, const char *name);
int lremovexattr(const char *path, const char *name);
int fremovexattr(int fd, const char *name);

#ifdef __cplusplus
}
#endif

#endif
