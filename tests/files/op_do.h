/* SPDX-License-Identifier: ISC */
/*
 * The calls of an operation (op.h).  It is included by linux.c, with the host's headers, and by
 * files_linux_test.c, with newlib's.
 */
static int slots[SLOTS] = { -1, -1, -1 };

static int dir_of(const struct op *op)
{
	return op->slot < SLOTS ? slots[op->slot] : AT_FDCWD;
}

static int flags_of(unsigned flags)
{
	return (flags & F_CREAT ? O_CREAT : 0) | (flags & F_EXCL ? O_EXCL : 0) |
	       (flags & F_TRUNC ? O_TRUNC : 0) | (flags & F_APPEND ? O_APPEND : 0) |
	       (flags & F_NOFOLLOW ? O_NOFOLLOW : 0) | (flags & F_DIRECTORY ? O_DIRECTORY : 0) |
	       (flags & F_READ ? O_RDONLY : O_WRONLY) | O_NONBLOCK;
}

static long open_and_write(const struct op *op)
{
	int fd = openat(dir_of(op), op->a, flags_of(op->flags), 0644);
	long n = fd;

	if (fd < 0)
		return -1;
	if (!(op->flags & F_READ))
		n = write(fd, op->b, op->size);
	close(fd);
	return op->flags & F_READ ? 0 : n;
}

static long open_and_read(const struct op *op, char *text, size_t size)
{
	int fd = openat(dir_of(op), op->a, O_RDONLY | O_NONBLOCK), error;
	long n = fd < 0 ? -1 : read(fd, text, size);

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return n;
}

static long hold(const struct op *op)
{
	int fd = openat(AT_FDCWD, op->a, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return -1;
	if (slots[op->size % SLOTS] >= 0)
		close(slots[op->size % SLOTS]);
	slots[op->size % SLOTS] = fd;
	return 0;
}

static int in_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static long list_names(const struct op *op, char *text, size_t size)
{
	int fd = openat(dir_of(op), op->a, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	static char names[100][16];
	struct dirent *e;
	size_t n = 0, len = 0;

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		/* The root has more than that: of the image, of ext4. */
		if ((strchr("abcd.", e->d_name[0]) && strlen(e->d_name) < 3) ||
		    !strcmp(e->d_name, "long-name"))
			format_text(names[n++], 16, "%s", e->d_name);
	closedir(dir);
	qsort(names, n, 16, in_order);
	for (size_t i = 0; i < n; i++, len = strlen(text))
		format_text(text + len, size - len, "%s ", names[i]);
	return n;
}

static long status(const struct op *op, int flags, char *text, size_t size)
{
	struct stat st;

	if (fstatat(dir_of(op), op->a, &st, flags))
		return -1;
	/* Of the root, the image has more directories below it. */
	format_text(text, size, "mode %o size %ld links %u", (unsigned)st.st_mode,
		    S_ISDIR(st.st_mode) ? 0 : (long)st.st_size,
		    S_ISDIR(st.st_mode) ? 0 : (unsigned)st.st_nlink);
	return 0;
}

static long run_call(const struct op *op, char *text, size_t size)
{
	int dir = dir_of(op);

	switch (op->call) {
	case OPEN_WRITE:
		return open_and_write(op);
	case READ:
		return open_and_read(op, text, size);
	case HOLD:
		return hold(op);
	case RELEASE:
		if (op->slot < SLOTS && slots[op->slot] >= 0)
			close(slots[op->slot]);
		if (op->slot < SLOTS)
			slots[op->slot] = -1;
		return 0;
	case MKDIR:
		return mkdirat(dir, op->a, 0755);
	case RMDIR:
		return unlinkat(dir, op->a, AT_REMOVEDIR);
	case UNLINK:
		return unlinkat(dir, op->a, 0);
	case RENAME:
		return renameat2(dir, op->a, AT_FDCWD, op->b, op->flags);
	case LINK:
		return linkat(dir, op->a, AT_FDCWD, op->b, op->flags ? AT_SYMLINK_FOLLOW : 0);
	case SYMLINK:
		return symlinkat(op->b, dir, op->a);
	case READLINK:
		return readlinkat(dir, op->a, text, size - 1);
	case STAT:
		return status(op, 0, text, size);
	case LSTAT:
		return status(op, AT_SYMLINK_NOFOLLOW, text, size);
	case TRUNCATE:
		return truncate(op->a, op->size);
	case MKSOCK:
		return mknodat(dir, op->a, S_IFSOCK | 0644, 0);
	case ACCESS:
		return faccessat(dir, op->a, F_OK, 0);
	case LIST:
		return list_names(op, text, size);
	case CHDIR:
		return chdir(op->a);
	case FCHDIR:
		return fchdir(dir);
	case GETCWD:
		return getcwd(text, size) ? 0 : -1;
	case REALPATH:
		return realpath(op->a, long_path) ?
		       (format_text(text, size, "%s", long_path), 0) : -1;
	default:
		return 0;
	}
}

static void do_call(const struct op *op, struct answer *to)
{
	memset(to, 0, sizeof(*to));
	errno = 0;
	to->result = run_call(op, to->text, sizeof(to->text));
	if (to->result < 0)
		to->result = -errno;
}
