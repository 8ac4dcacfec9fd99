/* SPDX-License-Identifier: ISC */
/*
 * Functions that concern other processes, of which there are none: lockf(),
 * posix_fadvise(). They check their arguments as Linux does.
 */
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int lockf(int fd, int how, off_t len)
{
	int flags = fcntl(fd, F_GETFL);

	(void)len;
	if (flags < 0)
		return -1;
	if (how != F_ULOCK && how != F_LOCK && how != F_TLOCK && how != F_TEST)
		return result(-EINVAL);
	if ((how == F_LOCK || how == F_TLOCK) && (flags & O_ACCMODE) == O_RDONLY)
		return result(-EBADF);
	return 0;
}

int posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
	struct stat st;

	(void)offset;
	if (fstat(fd, &st))
		return errno;
	if (S_ISFIFO(st.st_mode))
		return ESPIPE;
	return len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE ? EINVAL : 0;
}
