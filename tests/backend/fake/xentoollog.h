/* SPDX-License-Identifier: ISC */
/* The logger of Xen's libraries, as far as backend/dom0 uses it. */
#ifndef XENTOOLLOG_H
#define XENTOOLLOG_H

#include <stdarg.h>

typedef enum xentoollog_level { XTL_DEBUG, XTL_ERROR } xentoollog_level;

typedef struct xentoollog_logger xentoollog_logger;
struct xentoollog_logger {
	void (*vmessage)(xentoollog_logger *l, xentoollog_level level, int error, const char *context,
			 const char *format, va_list args);
};

#endif
