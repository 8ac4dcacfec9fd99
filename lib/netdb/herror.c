/* SPDX-License-Identifier: ISC */
#include <netdb.h>
#include <stdio.h>

void herror(const char *what)
{
	fprintf(stderr, "%s%s%s\n", what ? what : "", what && *what ? ": " : "", hstrerror(h_errno));
}
