/* SPDX-License-Identifier: ISC */
/*
 * dlopen() and its family (POSIX.1-2017; dladdr of glibc) in an image, which is linked statically:
 * the only object is the image itself, and its functions are found in the table of names that
 * backtraces use (kernel/symbols.h).
 */
#define _GNU_SOURCE
#include "kernel/symbols.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char image;			/* what a handle of the image points to */
static char message[200], *last;

static void failed(const char *what, const char *why)
{
	snprintf(message, sizeof(message), "%.100s: %s", what, why);
	last = message;
}

void *dlopen(const char *name, int flags)
{
	(void)flags;
	if (!name)
		return &image;
	failed(name, "an image is linked statically, and opens no shared objects");
	return NULL;
}

void *dlsym(void *handle, const char *name)
{
	const uint8_t *at = NULL;
	const char *found;
	uintptr_t start;

	if (handle != RTLD_DEFAULT && handle != &image) {
		failed(name, "not a handle of the image");
		return NULL;
	}
	while ((found = symbol_next(&at, &start)))
		if (*found && !strcmp(found, name))
			return (void *)start;
	failed(name, "no function of the image has this name");
	return NULL;
}

int dlclose(void *handle)
{
	if (handle == &image)
		return 0;
	failed("dlclose", "not a handle of the image");
	return -1;
}

char *dlerror(void)
{
	char *was = last;

	last = NULL;
	return was;
}

/* The name is valid until the eighth next call, since symbol_lookup() keeps none. */
int dladdr(const void *address, Dl_info *info)
{
	static char names[8][256];
	static unsigned next;
	uintptr_t start;
	const char *name = symbol_lookup((uintptr_t)address, &start);

	if (!name || !*name)
		return 0;
	next = (next + 1) % 8;
	strncpy(names[next], name, sizeof(names[0]) - 1);
	*info = (Dl_info){ .dli_fname = image_name, .dli_sname = names[next],
			   .dli_saddr = (void *)start };
	return 1;
}
