/* SPDX-License-Identifier: ISC */
/*
 * Messages for errno values, with glibc's texts, which programs and their tests compare.
 */
#include "kernel/log.h"

#include <errno.h>
#include <reent.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* T(number, text) for each. */
#define TEXTS(T)									\
	T(0, "Success")									\
	T(EPERM, "Operation not permitted")						\
	T(ENOENT, "No such file or directory")						\
	T(ESRCH, "No such process")							\
	T(EINTR, "Interrupted system call")						\
	T(EIO, "Input/output error")							\
	T(ENXIO, "No such device or address")						\
	T(E2BIG, "Argument list too long")						\
	T(ENOEXEC, "Exec format error")							\
	T(EBADF, "Bad file descriptor")							\
	T(ECHILD, "No child processes")							\
	T(EAGAIN, "Resource temporarily unavailable")					\
	T(ENOMEM, "Cannot allocate memory")						\
	T(EACCES, "Permission denied")							\
	T(EFAULT, "Bad address")							\
	T(ENOTBLK, "Block device required")						\
	T(EBUSY, "Device or resource busy")						\
	T(EEXIST, "File exists")							\
	T(EXDEV, "Invalid cross-device link")						\
	T(ENODEV, "No such device")							\
	T(ENOTDIR, "Not a directory")							\
	T(EISDIR, "Is a directory")							\
	T(EINVAL, "Invalid argument")							\
	T(ENFILE, "Too many open files in system")					\
	T(EMFILE, "Too many open files")						\
	T(ENOTTY, "Inappropriate ioctl for device")					\
	T(ETXTBSY, "Text file busy")							\
	T(EFBIG, "File too large")							\
	T(ENOSPC, "No space left on device")						\
	T(ESPIPE, "Illegal seek")							\
	T(EROFS, "Read-only file system")						\
	T(EMLINK, "Too many links")							\
	T(EPIPE, "Broken pipe")								\
	T(EDOM, "Numerical argument out of domain")					\
	T(ERANGE, "Numerical result out of range")					\
	T(ENOMSG, "No message of desired type")						\
	T(EIDRM, "Identifier removed")							\
	T(ECHRNG, "Channel number out of range")					\
	T(EL2NSYNC, "Level 2 not synchronized")						\
	T(EL3HLT, "Level 3 halted")							\
	T(EL3RST, "Level 3 reset")							\
	T(ELNRNG, "Link number out of range")						\
	T(EUNATCH, "Protocol driver not attached")					\
	T(ENOCSI, "No CSI structure available")						\
	T(EL2HLT, "Level 2 halted")							\
	T(EDEADLK, "Resource deadlock avoided")						\
	T(ENOLCK, "No locks available")							\
	T(EBADE, "Invalid exchange")							\
	T(EBADR, "Invalid request descriptor")						\
	T(EXFULL, "Exchange full")							\
	T(ENOANO, "No anode")								\
	T(EBADRQC, "Invalid request code")						\
	T(EBADSLT, "Invalid slot")							\
	T(EDEADLOCK, "Resource deadlock avoided")					\
	T(EBFONT, "Bad font file format")						\
	T(ENOSTR, "Device not a stream")						\
	T(ENODATA, "No data available")							\
	T(ETIME, "Timer expired")							\
	T(ENOSR, "Out of streams resources")						\
	T(ENONET, "Machine is not on the network")					\
	T(ENOPKG, "Package not installed")						\
	T(EREMOTE, "Object is remote")							\
	T(ENOLINK, "Link has been severed")						\
	T(EADV, "Advertise error")							\
	T(ESRMNT, "Srmount error")							\
	T(ECOMM, "Communication error on send")						\
	T(EPROTO, "Protocol error")							\
	T(EMULTIHOP, "Multihop attempted")						\
	T(EDOTDOT, "RFS specific error")						\
	T(EBADMSG, "Bad message")							\
	T(ENOTUNIQ, "Name not unique on network")					\
	T(EBADFD, "File descriptor in bad state")					\
	T(EREMCHG, "Remote address changed")						\
	T(ELIBACC, "Can not access a needed shared library")				\
	T(ELIBBAD, "Accessing a corrupted shared library")				\
	T(ELIBSCN, ".lib section in a.out corrupted")					\
	T(ELIBMAX, "Attempting to link in too many shared libraries")			\
	T(ELIBEXEC, "Cannot exec a shared library directly")				\
	T(ENOSYS, "Function not implemented")						\
	T(ENOTEMPTY, "Directory not empty")						\
	T(ENAMETOOLONG, "File name too long")						\
	T(ELOOP, "Too many levels of symbolic links")					\
	T(EOPNOTSUPP, "Operation not supported")					\
	T(EPFNOSUPPORT, "Protocol family not supported")				\
	T(ECONNRESET, "Connection reset by peer")					\
	T(ENOBUFS, "No buffer space available")						\
	T(EAFNOSUPPORT, "Address family not supported by protocol")			\
	T(EPROTOTYPE, "Protocol wrong type for socket")					\
	T(ENOTSOCK, "Socket operation on non-socket")					\
	T(ENOPROTOOPT, "Protocol not available")					\
	T(ESHUTDOWN, "Cannot send after transport endpoint shutdown")			\
	T(ECONNREFUSED, "Connection refused")						\
	T(EADDRINUSE, "Address already in use")						\
	T(ECONNABORTED, "Software caused connection abort")				\
	T(ENETUNREACH, "Network is unreachable")					\
	T(ENETDOWN, "Network is down")							\
	T(ETIMEDOUT, "Connection timed out")						\
	T(EHOSTDOWN, "Host is down")							\
	T(EHOSTUNREACH, "No route to host")						\
	T(EINPROGRESS, "Operation now in progress")					\
	T(EALREADY, "Operation already in progress")					\
	T(EDESTADDRREQ, "Destination address required")					\
	T(EMSGSIZE, "Message too long")							\
	T(EPROTONOSUPPORT, "Protocol not supported")					\
	T(ESOCKTNOSUPPORT, "Socket type not supported")					\
	T(EADDRNOTAVAIL, "Cannot assign requested address")				\
	T(ENETRESET, "Network dropped connection on reset")				\
	T(EISCONN, "Transport endpoint is already connected")				\
	T(ENOTCONN, "Transport endpoint is not connected")				\
	T(ETOOMANYREFS, "Too many references: cannot splice")				\
	T(EUSERS, "Too many users")							\
	T(EDQUOT, "Disk quota exceeded")						\
	T(ESTALE, "Stale file handle")							\
	T(ENOMEDIUM, "No medium found")							\
	T(EILSEQ, "Invalid or incomplete multibyte or wide character")			\
	T(EOVERFLOW, "Value too large for defined data type")				\
	T(ECANCELED, "Operation canceled")						\
	T(ENOTRECOVERABLE, "State not recoverable")					\
	T(EOWNERDEAD, "Owner died")							\
	T(ESTRPIPE, "Streams pipe error")						\
	T(EUCLEAN, "Structure needs cleaning")						\
	T(ENOTSUP, "Operation not supported")

#define MEMBER(number, text) char text_##number[sizeof(text)];
#define TEXT(number, text) text,
#define PLACE(number, text) [number] = offsetof(struct texts, text_##number),

/*
 * Each program that calls printf() contains the texts, for %m: so there are offsets
 * instead of pointers.
 */
static const struct texts {
	TEXTS(MEMBER)
} texts = { TEXTS(TEXT) };
static const uint16_t places[] = { TEXTS(PLACE) };

/*
 * For strerror(), both forms of strerror_r(), and perror(). *error is EINVAL if there is
 * no text.
 */
char *_strerror_r(struct _reent *reent, int number, int internal, int *error)
{
	static _Thread_local char unknown[32];

	(void)reent, (void)internal;
	if (number >= 0 && number < (int)(sizeof(places) / sizeof(places[0])) &&
	    (places[number] || !number))
		return (char *)&texts + places[number];
	if (error)
		*error = EINVAL;
	format(unknown, sizeof(unknown), "Unknown error %d", number);
	return unknown;
}

char *strerror(int number)
{
	return _strerror_r(_REENT, number, 0, NULL);
}

char *strerror_l(int number, locale_t locale)
{
	(void)locale;
	return strerror(number);
}
