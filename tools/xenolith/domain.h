/* SPDX-License-Identifier: ISC */
/* Domains as Xen and xenstore know them.  A function that fails ends the program. */
#ifndef XENOLITH_DOMAIN_H
#define XENOLITH_DOMAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <xenctrl.h>

#define UUID_SIZE 16

struct xs_handle;
struct xs_handle *store(void);		/* the connection to xenstore */
xc_interface *xen(void);		/* the connection to Xen */
void domain_forked(void);		/* a child process needs connections of its own */

/* Returns the value of a key of xenstore, to be freed, or NULL. */
char *store_read(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * xenolith/KEY of a domain's directory: what `run` writes about the guest, for `list`.
 * The result of the second is to be freed, or NULL.
 */
void domain_note(int domid, const char *key, const char *value);
char *domain_noted(int domid, const char *key);

/* Writes a value to xenstore, by its whole path. */
void store_write(const char *path, const char *value);

/* Gives a domain that does not run yet a random seed, which only it can read (docs/security.md). */
void domain_seed(int domid);

/*
 * Sleeps until a domain may have ended, or one of the other n descriptors (struct pollfd)
 * is ready, at most `ms` (-1: no limit).
 */
struct pollfd;
void domain_watch(void);		/* before the first of: */
int domain_poll(struct pollfd *p, int n, int ms);

/* Returns the number of the domain with this UUID, or -1. */
int domain_of_uuid(const uint8_t uuid[UUID_SIZE]);

/* Returns the number of the domain with this name, or -1. */
int domain_of_name(const char *name);

/* Ends the program if a domain has this name. */
void domain_check_name(const char *name);

/* Gives a domain another name, which no other one may have. */
void domain_rename(int domid, const char *name);

/* Prints the names of the guests that there are, for an error: "; running: a, b". */
const char *domain_names(void);

/* How a domain has ended: poweroff, reboot, crash, watchdog, gone; NULL: it runs, or is suspended. */
const char *domain_end(int domid);

/* The exit status: that of the guest, or one that stands for the reason (docs/control.md). */
int domain_status(int domid, const char *reason);

/* Runs xl without signals of this program's process group.  Returns the exit status. */
int run_xl(char *const *words);

/* Returns -1, after a message, if the domain exists still.  Does not end the program. */
int domain_destroy(int domid);

#endif
