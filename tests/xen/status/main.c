/* SPDX-License-Identifier: ISC */
/*
 * Prints its arguments and environment, one per line, reads X_READ lines, and exits with
 * X_STATUS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void at_exit(void)
{
	printf("at exit\n");
}

__attribute__((constructor)) static void construct(void)
{
	printf("constructed\n");
}

__attribute__((destructor)) static void destruct(void)
{
	printf("destructed\n");
}

int main(int argc, char **argv)
{
	const char *status = getenv("X_STATUS"), *read = getenv("X_READ");
	char line[100];

	for (int i = 1; i < argc; i++)
		printf("<%s>\n", argv[i]);
	atexit(at_exit);
	for (int n = read ? atoi(read) : 0; n > 0 && fgets(line, sizeof(line), stdin); n--)
		printf("read <%.*s>\n", (int)strcspn(line, "\n"), line);
	printf("no newline at the end");
	return status ? atoi(status) : 0;
}
