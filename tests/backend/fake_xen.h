/* SPDX-License-Identifier: ISC */
/*
 * Xen's libraries for a process without Xen: pages, ports and a store that the test's frontend shares
 * with the server, which runs in threads of the same process.
 */
#ifndef TESTS_BACKEND_FAKE_XEN_H
#define TESTS_BACKEND_FAKE_XEN_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_PAGES 512			/* grant ref n is page n */

void fake_start(void);
uint8_t *fake_page(uint32_t ref);	/* the frontend's mapping; consecutive */
unsigned fake_mapped(void);		/* pages that the server has mapped */
unsigned fake_bound(void);		/* ports that it has bound */
void fake_deny(uint32_t ref, bool deny);	/* this grant cannot be mapped */

/* The frontend's ends of ports. */
uint32_t fake_listen(void);
void fake_notify(uint32_t port);
bool fake_wait(uint32_t port, unsigned ms);	/* for an event of the server */

/* Absolute paths.  fake_read() copies; it returns false if there is no such key. */
void fake_write(const char *path, const char *value);
bool fake_read(const char *path, char *value, unsigned size);
void fake_rm(const char *path);

#endif
