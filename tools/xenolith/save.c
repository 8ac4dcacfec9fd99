/* SPDX-License-Identifier: ISC */
/*
 * The commands save, checkpoint, restore and migrate: xl's, with what it does not check, and with
 * the records of guests in the background.
 */
#include "guests.h"
#include "save.h"
#include "xenolith.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "Xen saved domain, xl format\n \0 \r"	/* struct save_file_header of xl */
#define MAGIC_SIZE 32
#define CONFIG_MAX (1 << 20)

/* Whether the guest can be suspended: xl would wait for a minute to see that it cannot. */
static void check_guest(const struct words *w, const char *command)
{
	char *offered = store_read("/local/domain/%d/control/feature-suspend", w->domid);
	const char *end = domain_end(w->domid);
	xc_domaininfo_t info;

	if (end)
		die(FAILED, "%s: %s has ended: %s", command, w->domain, end);
	if (xc_domain_getinfolist(xen(), w->domid, 1, &info) == 1 &&
	    info.flags & XEN_DOMINF_paused)
		die(FAILED, "%s: %s is paused; type: xl unpause %s", command, w->domain, w->domain);
	if (!offered || strcmp(offered, "1"))
		die(FAILED, "%s: %s does not announce suspend support: it is booting, or its image is too"
		    " old", command, w->domain);
	free(offered);
}

/* Notes how a guest of the background has left, when its keeper has seen it. */
static void note_end(const char *name, const char *reason)
{
	struct guest g;
	char path[384];
	int fd;

	guest_path(path, sizeof(path), name, "keeper");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) || guest_load(name, &g) || strcmp(g.reason, "gone"))
		return;
	snprintf(g.reason, sizeof(g.reason), "%s", reason);
	g.status = domain_status(-1, "suspend");
	guest_save(&g);
	close(fd);
}

/*
 * After Ctrl-C xl goes on, since half of its work would end the guest.  So does this program, which
 * notes where the guest is.
 */
static int run_xl_to_its_end(char *const *words)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (int i = 0; i < 3; i++)
		signal(signals[i], SIG_IGN);
	return run_xl(words);
}

/* xl writes to another name, so that FILE is never half a guest. */
static void to_file(const struct words *w, const char *command, char *option)
{
	char new[4096], id[16], *words[] = { "xl", "save", id, new, NULL, NULL };
	char *name = store_read("/local/domain/%d/name", w->domid);
	struct stat st;

	check_guest(w, command);
	if (!stat(w->argv[0], &st) && !S_ISREG(st.st_mode))
		die(FAILED, "%s: %s is not a regular file", command, w->argv[0]);
	umask(077);			/* it has all secrets of the guest */
	if ((size_t)snprintf(new, sizeof(new), "%s.part", w->argv[0]) >= sizeof(new))
		die(USAGE, "%s: the name of the file is too long", command);
	snprintf(id, sizeof(id), "%d", w->domid);
	if (option) {
		words[2] = option;
		words[3] = id;
		words[4] = new;
	}
	if (run_xl_to_its_end(words)) {
		unlink(new);
		die(FAILED, "%s: xl could not save %s, which %s", command, w->domain,
		    domain_end(w->domid) ? "has ended" : "continues");
	}
	if (rename(new, w->argv[0]))
		die(FAILED, "%s: %s: %s; the guest is in %s", command, w->argv[0], strerror(errno), new);
	if (!option && name)
		note_end(name, "saved");
	free(name);
}

void save(const struct words *w)
{
	to_file(w, "save", NULL);
}

#define READY_PATIENCE 100		/* of 100 ms */

/* The guest is created with snapshot=yes, and waits until it is saved (lib/xenolith/ready.c). */
void snapshot(const struct words *w)
{
	char *ready = NULL;

	for (int i = 0; !ready && i < READY_PATIENCE && !domain_end(w->domid); i++) {
		ready = store_read("/local/domain/%d/data/ready", w->domid);
		if (!ready)
			usleep(100 * 1000);
	}
	if (!ready && !domain_end(w->domid))
		die(FAILED, "snapshot: %s does not say that it is ready: create it with --cmdline"
		    " snapshot=yes; it is ready in xenolith_ready(), or when it waits for a client",
		    w->domain);
	free(ready);
	to_file(w, "snapshot", NULL);
}

void checkpoint(const struct words *w)
{
	to_file(w, "checkpoint", "-c");
}

struct header {			/* struct save_file_header of xl, and its only optional datum */
	char magic[MAGIC_SIZE];
	uint32_t order, mandatory, optional, length;
	uint32_t config_length;
};

static int read_header(const char *path, struct header *h)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && (read(fd, h, sizeof(*h)) != sizeof(*h) || memcmp(h->magic, MAGIC, MAGIC_SIZE))) {
		close(fd);
		errno = 0;
		return -1;
	}
	return fd;
}

json_t *saved_config(const char *command, const char *path)
{
	struct header h;
	int fd = read_header(path, &h);
	char *text;
	json_t *config = NULL;

	if (fd < 0 && errno)
		die(FAILED, "%s: %s: %s", command, path, strerror(errno));
	if (fd < 0)
		die(FAILED, "%s: %s is not a saved guest", command, path);
	text = h.config_length < CONFIG_MAX ? calloc(1, h.config_length + 1) : NULL;
	if (text && read(fd, text, h.config_length) == (ssize_t)h.config_length)
		config = json_loads(text, 0, NULL);
	close(fd);
	free(text);
	if (!config)
		die(FAILED, "%s: the configuration in %s is damaged", command, path);
	return config;
}

/* As xl, with the NUL of the configuration. */
int saved_rest(const char *path, const char *config, int to)
{
	struct header h;
	int fd = read_header(path, &h);
	size_t length = strlen(config) + 1;

	if (fd < 0 || lseek(fd, h.length - sizeof(h.config_length), SEEK_CUR) < 0)
		return -1;
	h.config_length = length;
	h.length = length + sizeof(h.config_length);
	if (write(to, &h, sizeof(h)) != sizeof(h) || write(to, config, length) != (ssize_t)length)
		return -1;
	return fd;
}

/* The record of the guest in the background that was saved. */
static int saved_record(const char *name, const char *uuid_text, struct guest *g)
{
	char uuid[2 * UUID_SIZE + 1];
	int n = 0;

	for (const char *p = uuid_text; *p && n < 2 * UUID_SIZE; p++)
		if (*p != '-')
			uuid[n++] = *p;
	uuid[n] = '\0';
	return guest_load(name, g) || strcasecmp(g->uuid, uuid) || !g->ended ? -1 : 0;
}

void restore(const struct words *w)
{
	json_t *info = json_object_get(saved_config("restore", w->argv[0]), "c_info");
	char *words[] = { "xl", "restore", "-e", "-p", w->argv[0], NULL };
	const char *name = raw_text(info, "name");
	struct guest g;
	int domid;

	if (!*name)
		die(FAILED, "restore: the guest in %s has no name", w->argv[0]);
	if (domain_of_name(name) >= 0)
		die(FAILED, "restore: there is a guest named %s; end or save it first", text(info, "name"));
	if (run_xl_to_its_end(words))
		die(FAILED, "restore: xl could not restore %s", w->argv[0]);
	domid = domain_of_name(name);
	if (domid < 0)
		die(FAILED, "restore: the guest %s is gone", text(info, "name"));
	domain_seed(domid);
	if (saved_record(name, raw_text(info, "uuid"), &g) == 0) {
		char path[384];

		g.ended = 0;
		domain_note(domid, "image", g.image);
		g.log_start = guest_console_log(name, path, sizeof(path));
		guest_keep(&g, domid);
	} else if (xc_domain_unpause(xen(), domid)) {
		die(FAILED, "restore: cannot start domain %d: %s", domid, strerror(errno));
	}
}

static int is_pv(int domid)
{
	xc_domaininfo_t info;

	return xc_domain_getinfolist(xen(), domid, 1, &info) == 1 &&
	       !(info.flags & XEN_DOMINF_hvm_guest);
}

/* xl fails only after it has begun: dirty memory of a PV guest is found by shadow page tables. */
static void check_live(const struct words *w)
{
	xc_physinfo_t info = { 0 };

	if (!is_pv(w->domid) || xc_physinfo(xen(), &info) ||
	    info.capabilities & XEN_SYSCTL_PHYSCAP_shadow)
		return;
	die(FAILED, "migrate: this Xen has no shadow paging, so it cannot migrate the PV guest %s; use"
	    " save and restore, or create it with --type pvh", w->domain);
}

void migrate(const struct words *w)
{
	char id[16], *words[] = { "xl", "migrate", id, w->argv[0], NULL };
	char *name = store_read("/local/domain/%d/name", w->domid);

	check_guest(w, "migrate");
	check_live(w);
	snprintf(id, sizeof(id), "%d", w->domid);
	if (run_xl_to_its_end(words))
		die(FAILED, "migrate: xl could not migrate %s to %s", w->domain, w->argv[0]);
	if (name)
		note_end(name, "migrated");
	free(name);
}
