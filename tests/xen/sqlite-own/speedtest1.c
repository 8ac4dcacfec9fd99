/* SPDX-License-Identifier: ISC */
/* SQLite's test/speedtest1.c, as it is. */
#include "tests/xen/sqlite-own/own.h"

#define main speedtest1_main
#include <speedtest1.c>
