/* SPDX-License-Identifier: ISC */
/*
 * Records of the guests that `run --background` has created: a folder for each, with the
 * file `state` (KEY=VALUE lines) and, after the end, `console`.  A record stays until `rm`,
 * or until a guest of the same name is created.
 */
#ifndef XENOLITH_GUESTS_H
#define XENOLITH_GUESTS_H

#include "domain.h"

#include <time.h>

#ifndef GUESTS				/* a test has another folder */
#define GUESTS "/var/lib/xenolith/guests"
#endif

struct guest {
	char name[64], image[256], type[8], uuid[2 * UUID_SIZE + 1], reason[16];
	char log[80];			/* the name of the console's log, if it is not that of the guest */
	long log_start;			/* size of the console's log before the guest */
	time_t started, ended;		/* ended is 0 while it runs */
	int status;
};

/* The path of a file of a record; file "": the record's folder. */
void guest_path(char *path, size_t size, const char *name, const char *file);

/* Saves the end of a guest whose keeper has not done so. */
void guest_settle(struct guest *g);

/* Returns 0, or -1 if there is no record of this name. */
int guest_load(const char *name, struct guest *g);
void guest_save(const struct guest *g);
void guest_remove(const char *name);

/*
 * The log in which xenconsoled keeps the console of a guest, if it does.  Returns its size
 * and its path, or -1.
 */
long guest_console_log(const char *name, char *path, size_t size);

/*
 * Waits in the background for the end of a guest that was created paused, after it has
 * started the guest.  Then saves how the guest ended, and destroys the domain.
 */
void guest_keep(struct guest *g, int domid);

#endif
