/* SPDX-License-Identifier: ISC */
/* SQLite's test/threadtest3.c, as it is. */
#include "tests/xen/sqlite-own/own.h"

#define main threadtest3_main
#include <threadtest3.c>

/* Of an option that nobody gives. */
int sqlite3_multiplex_initialize(const char *name, int make_default)
{
	(void)name;
	(void)make_default;
	return SQLITE_ERROR;
}
