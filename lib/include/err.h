/* SPDX-License-Identifier: ISC */
/* Error messages on stderr with the program's name (err(3) of 4.4BSD). */
#ifndef XENOLITH_ERR_H
#define XENOLITH_ERR_H

#include <stdarg.h>
#include <sys/cdefs.h>

#define ERR_WORDS(n) __attribute__((__format__(__printf__, n, n + 1)))
#define ERR_VWORDS(n) __attribute__((__format__(__printf__, n, 0)))

__BEGIN_DECLS

/* warn() appends strerror(errno); warnx() does not. */
void warn(const char *format, ...) ERR_WORDS(1);
void warnx(const char *format, ...) ERR_WORDS(1);
void vwarn(const char *format, va_list args) ERR_VWORDS(1);
void vwarnx(const char *format, va_list args) ERR_VWORDS(1);

/* As warn(), then exit(status). */
_Noreturn void err(int status, const char *format, ...) ERR_WORDS(2);
_Noreturn void errx(int status, const char *format, ...) ERR_WORDS(2);
_Noreturn void verr(int status, const char *format, va_list args) ERR_VWORDS(2);
_Noreturn void verrx(int status, const char *format, va_list args) ERR_VWORDS(2);

__END_DECLS

#undef ERR_WORDS
#undef ERR_VWORDS

#endif
