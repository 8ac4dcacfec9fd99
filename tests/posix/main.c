/* SPDX-License-Identifier: ISC */
/*
 * Runs one case of the Open POSIX Test Suite: argv[1] is its name.  tests/posix/run writes the
 * table of cases, and links them after it has made the names of each case local.
 */
#include <stdio.h>
#include <string.h>

struct posix_case {
	const char *name;
	int (*main)(int argc, char **argv);
};

extern const struct posix_case posix_cases[];

int main(int argc, char **argv)
{
	const struct posix_case *c = posix_cases;

	if (argc < 2)
		return 99;
	while (c->name && strcmp(c->name, argv[1]))
		c++;
	if (!c->name) {
		printf("there is no case %s\n", argv[1]);
		return 99;
	}
	return c->main(argc - 1, argv + 1);
}
