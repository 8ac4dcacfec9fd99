/* SPDX-License-Identifier: ISC */
/*
 * Shared objects (POSIX.1-2017, <dlfcn.h>). An image is linked statically: dlopen() of a file
 * fails, and dlsym() finds functions of the image, but not variables.
 */
#ifndef XENOLITH_DLFCN_H
#define XENOLITH_DLFCN_H

#include <sys/features.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTLD_LAZY	1
#define RTLD_NOW	2
#define RTLD_NOLOAD	4
#define RTLD_GLOBAL	0x100
#define RTLD_LOCAL	0
#define RTLD_NODELETE	0x1000
#define RTLD_DEFAULT	((void *)0)
#define RTLD_NEXT	((void *)-1)	/* dlsym(): NULL */

/* name NULL: the image itself.  Otherwise NULL, and dlerror() says why. */
void *dlopen(const char *name, int flags);
/*
 * Functions of the image that are not static, if the image has names (an image of an application has
 * those that the debugger shows; docs/debug.md).  NULL: there is none of this name.
 */
void *dlsym(void *handle, const char *name);
int dlclose(void *handle);
char *dlerror(void);			/* the error since the last call, or NULL */

#if __GNU_VISIBLE
typedef struct {
	const char *dli_fname;		/* the program's name */
	void *dli_fbase;		/* NULL */
	const char *dli_sname;		/* the function that contains the address, or NULL */
	void *dli_saddr;
} Dl_info;

int dladdr(const void *address, Dl_info *info);	/* 0: not in a function */
#endif

#ifdef __cplusplus
}
#endif

#endif
