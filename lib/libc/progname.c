/* SPDX-License-Identifier: ISC */
/* The program's name, as glibc and BSD have it: argv[0], and what follows its last slash. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char none[] = "";
char *program_invocation_name = none, *program_invocation_short_name = none;
extern char *__progname __attribute__((alias("program_invocation_short_name")));

/* Before main(), and only in an image that uses one of the names. */
static __attribute__((constructor)) void find_name(int argc, char **argv)
{
	char *slash;

	if (argc < 1)
		return;
	program_invocation_name = argv[0];
	slash = strrchr(argv[0], '/');
	program_invocation_short_name = slash ? slash + 1 : argv[0];
}

const char *getprogname(void)
{
	return program_invocation_short_name;
}

void setprogname(const char *name)
{
	program_invocation_short_name = (char *)name;
}
