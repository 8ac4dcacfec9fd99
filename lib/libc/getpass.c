/* SPDX-License-Identifier: ISC */
/* getpass() of 4.4BSD: a line from the console. The terminal at the other end echoes it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *getpass(const char *prompt)
{
	static char line[129];

	fputs(prompt, stderr);
	if (!fgets(line, sizeof(line), stdin))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}
