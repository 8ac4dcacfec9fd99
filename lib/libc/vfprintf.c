/* SPDX-License-Identifier: ISC */
/* printf(), fprintf() and others to a stream. */
#include "lib/libc/printf.h"
#include "lib/libc/stream.h"

#include <string.h>
#include <sys/lock.h>

/* The standard error's, for one call of write(): as large as newlib's. */
struct buffer {
	size_t used;
	char bytes[BUFSIZ];
};

struct stream_output {
	struct printf_output output;
	struct _reent *reent;
	FILE *file;
	struct buffer *buffer;		/* NULL: the file has one */
};

static bool write_out(const struct stream_output *to, const char *bytes, size_t len)
{
	struct __siov part = { bytes, len };
	struct __suio all = { &part, 1, len };

	return __sfvwrite_r(to->reent, to->file, &all) == 0;
}

static bool flush(const struct stream_output *to)
{
	size_t len = to->buffer->used;

	to->buffer->used = 0;
	return write_out(to, to->buffer->bytes, len);
}

static bool put(struct printf_output *output, const char *bytes, size_t len)
{
	const struct stream_output *to = (struct stream_output *)output;
	struct buffer *buffer = to->buffer;

	if (!buffer)
		return write_out(to, bytes, len);
	if (len > sizeof(buffer->bytes) - buffer->used && !flush(to))
		return false;
	if (len > sizeof(buffer->bytes))
		return write_out(to, bytes, len);
	memcpy(buffer->bytes + buffer->used, bytes, len);
	buffer->used += len;
	return true;
}

static __attribute__((noinline)) int unbuffered(struct stream_output *to, const char *format,
						va_list args)
{
	struct buffer buffer;
	int n;

	buffer.used = 0;
	to->buffer = &buffer;
	n = printf_to(&to->output, format, args);
	return flush(to) ? n : -1;
}

static int locked(struct stream_output *to, const char *format, va_list args)
{
	FILE *file = to->file;
	int n;

	if ((!(file->_flags & __SWR) || !file->_bf._base) && __swsetup_r(to->reent, file))
		return -1;
	if ((file->_flags & (__SNBF | __SWR | __SRW)) == (__SNBF | __SWR))
		n = unbuffered(to, format, args);
	else
		n = printf_to(&to->output, format, args);
	return file->_flags & __SERR ? -1 : n;
}

int _vfprintf_r(struct _reent *reent, FILE *file, const char *format, va_list args)
{
	struct stream_output to = { .output.put = put, .reent = reent, .file = file };
	bool lock = !(file->_flags2 & __SNLK);
	int n;

	if (reent && !_REENT_CLEANUP(reent))
		__sinit(reent);
	if (lock)
		__lock_acquire_recursive(file->_lock);
	n = locked(&to, format, args);
	if (lock)
		__lock_release_recursive(file->_lock);
	return n;
}

int vfprintf(FILE *file, const char *format, va_list args)
{
	return _vfprintf_r(_REENT, file, format, args);
}
