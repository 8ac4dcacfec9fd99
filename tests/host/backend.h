/* SPDX-License-Identifier: ISC */
/*
 * Internal declarations of blkback.c and netback.c: their side of xenstore.  They define BACK and
 * FRONT, the paths of both ends, before they include it.
 */
#ifndef TESTS_HOST_BACKEND_H
#define TESTS_HOST_BACKEND_H

#include "tests/host/xenstored.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

/* For Xen's ring macros. */
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)

static unsigned state;
static bool attached;
static unsigned peer_domid;		/* of the domain it is in */

/* value NULL: the key does not exist. */
static void say(const char *key, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), BACK "/%s", key);
	if (value)
		store_write(path, value);
	else
		store_rm(path);
}

static void say_number(const char *key, uint64_t n)
{
	char value[24];

	snprintf(value, sizeof(value), "%llu", (unsigned long long)n);
	say(key, value);
}

static void set_state(unsigned new)
{
	state = new;
	say_number("state", new);
}

static long front(const char *key)
{
	char path[100];
	const char *value;

	snprintf(path, sizeof(path), FRONT "/%s", key);
	value = store_read(path);
	return value ? atol(value) : -1;
}

/* As a toolstack does. */
static void attach(void)
{
	char domid[12];

	attached = true;
	set_state(XenbusStateInitWait);
	snprintf(domid, sizeof(domid), "%u", peer_domid);
	store_write(FRONT "/backend-id", domid);
	store_write(FRONT "/state", "1");
	store_write(FRONT "/backend", BACK);
}

static void gone(void)
{
	attached = false;
	store_rm(FRONT);
	store_rm(BACK);
}

#endif
