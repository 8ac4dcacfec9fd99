/* SPDX-License-Identifier: ISC */
/* SQLite's test/kvtest.c, as it is. */
#include "tests/xen/sqlite-own/own.h"

#define main kvtest_main
#include <kvtest.c>
