/* SPDX-License-Identifier: ISC */
/*
 * The part of xenolith cp that copies out of the guest.  What a guest sends is hostile: its names
 * are single names, no links are made, and no link below the folder of the copy is followed.
 */
#include "cp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MOST 1000000		/* of a folder of the guest */

/* The file that is written, without its name yet. */
static int part_dir = -1;
static char part[32];

static void remove_part(void)
{
	if (part_dir != -1)
		unlinkat(part_dir, part, 0);
}

static void ended_by(int signo)
{
	remove_part();
	_exit(128 + signo);
}

static void remove_part_at_end(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };

	atexit(remove_part);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], ended_by);
}

struct receiving {
	int dir;			/* the folder of the file, or AT_FDCWD */
	const char *name;		/* in it; "-": standard output */
	const char *shown;
	char option;
	mode_t mask;
	int fd, begun;
	json_int_t mode;
	json_t *error;
};

/* Whether data goes to what is there, as to /dev/null, and not to a new file. */
static int is_special(const struct receiving *r)
{
	struct stat st;

	if (!strcmp(r->name, "-") && r->dir == AT_FDCWD)
		return 1;
	if (fstatat(r->dir, r->name, &st, r->dir == AT_FDCWD ? 0 : AT_SYMLINK_NOFOLLOW))
		return 0;
	if (S_ISDIR(st.st_mode))
		die(FAILED, "%s: it is a folder; write the name of the file behind it", r->shown);
	return r->dir == AT_FDCWD && !S_ISREG(st.st_mode);
}

static void make_part(struct receiving *r)
{
	const char *slash = strrchr(r->name, '/');
	char *folder = slash ? strndup(r->name, slash + 1 - r->name) : NULL;
	int dir = folder ? openat(r->dir, folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : r->dir;

	if (folder && dir < 0)
		die(FAILED, "%s: %s", folder, strerror(errno));
	free(folder);
	r->dir = dir;
	r->name = slash ? slash + 1 : r->name;
	if (!*r->name)
		die(FAILED, "%s: it is a folder; write the name of the file behind it", r->shown);
	for (int i = 0; i < 100; i++) {
		snprintf(part, sizeof(part), ".xenolith-cp-%d-%d", getpid(), i);
		r->fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (r->fd >= 0 || errno != EEXIST)
			break;
	}
	if (r->fd < 0)
		die(FAILED, "%s: %s", r->shown, strerror(errno));
	part_dir = dir;
}

static void begin(struct receiving *r)
{
	char line[8];

	if (!is_special(r))
		make_part(r);
	else if (!strcmp(r->name, "-"))
		r->fd = 1;
	else if ((r->fd = open(r->name, O_WRONLY | O_CLOEXEC)) < 0)
		die(FAILED, "%s: %s", r->shown, strerror(errno));
	if (r->option == 'm') {
		snprintf(line, sizeof(line), "%04o\n", (unsigned)r->mode & 07777);
		if (write(r->fd, line, 5) != 5)
			die(FAILED, "%s: %s", r->shown, strerror(errno));
	}
}

static void write_all(const struct receiving *r, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(r->fd, at, len);

		if (n < 0 && errno != EINTR)
			die(FAILED, "%s: %s", r->shown, strerror(errno));
		at += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
}

static int receive_data(json_t *parameters, void *arg)
{
	struct receiving *r = arg;

	if (!endpoint_goes_on() || r->begun)
		return keep_reply(parameters, &r->error);
	r->begun = 1;
	r->mode = number(parameters, "mode");
	begin(r);
	for (;;) {
		endpoint_receive(&cp_chunk.length, sizeof(cp_chunk.length));
		if (!cp_chunk.length)
			return 0;
		if (cp_chunk.length > CP_CHUNK)
			die(FAILED, "%s has sent invalid data", cp_guest);
		endpoint_receive(cp_chunk.data, cp_chunk.length);
		write_all(r, cp_chunk.data, cp_chunk.length);
	}
}

static void name_part(struct receiving *r)
{
	if (fchmod(r->fd, r->mode & 0777 & ~r->mask) ||
	    renameat(part_dir, part, r->dir, r->name))
		die(FAILED, "%s: %s", r->shown, strerror(errno));
	part_dir = -1;
}

static void get_file(const char *path, struct receiving *r)
{
	char *error = endpoint_call(CP_FILES "Read", cp_with_path(path, -1), 1, receive_data, r);

	if (error)
		cp_refuse(path, error, r->error, "; xenolith cp -r copies folders");
	if (!r->begun)
		die(FAILED, "%s:%s: the guest did not send the data", cp_guest, path);
	if (part_dir != -1)
		name_part(r);
	if (r->fd > 2 && close(r->fd))
		die(FAILED, "%s: %s", r->shown, strerror(errno));
	json_decref(r->error);
}

/* All entries of a folder, to be freed; *mode is that of the folder.  NULL: it is no folder. */
static json_t *list_folder(const char *path, json_int_t *mode)
{
	json_t *all = json_array(), *next = NULL, *entries;

	do {
		json_t *call = cp_with_path(path, -1), *reply = NULL;
		char *error;

		if (next)
			json_object_set_new(call, "from", next);
		error = endpoint_call(CP_FILES "List", call, 0, keep_reply, &reply);
		if (error && !strcmp(error, CP_FILES "IsFile") && !next)
			return NULL;
		if (error)
			cp_refuse(path, error, reply, "");
		entries = json_object_get(reply, "entries");
		*mode = number(reply, "mode");
		next = json_incref(json_object_get(reply, "next"));
		if ((next && !json_array_size(entries)) || json_array_size(all) > NAMES_MOST)
			die(FAILED, "%s:%s: the list of names does not end", cp_guest, path);
		if (json_array_extend(all, entries) && json_array_size(entries))
			die(FAILED, "out of memory");
		json_decref(reply);
	} while (next);
	return all;
}

static const char *checked_name(json_t *entry, const char *path)
{
	const char *name = raw_text(entry, "name");

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ||
	    strlen(name) > 255)
		die(FAILED, "%s:%s: it has the invalid name %s", cp_guest, path, name);
	return name;
}

/* The folder NAME in dir, which is made if it is not there.  Its mode is set at the end. */
static int make_folder(int dir, const char *name, const char *shown, int *made)
{
	int fd;

	*made = !mkdirat(dir, name, 0700);
	if (!*made && errno != EEXIST)
		die(FAILED, "%s: %s", shown, strerror(errno));
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		    (dir == AT_FDCWD ? 0 : O_NOFOLLOW));
	if (fd < 0)
		die(FAILED, "%s: %s", shown, strerror(errno));
	return fd;
}

static void get_folder(const char *path, json_t *all, json_int_t mode, const struct receiving *to)
{
	int made, dir = make_folder(to->dir, to->name, to->shown, &made);
	json_t *entry;
	size_t i;

	json_array_foreach(all, i, entry) {
		const char *name = checked_name(entry, path), *type = raw_text(entry, "type");
		char *from = cp_below(path, name), *shown = cp_below(to->shown, name);
		struct receiving r = { .dir = dir, .name = name, .shown = shown, .mask = to->mask };
		json_int_t its_mode;

		if (!strcmp(type, "folder")) {
			json_t *its = list_folder(from, &its_mode);

			if (!its)
				die(FAILED, "%s:%s: it is no folder any more", cp_guest, from);
			get_folder(from, its, its_mode, &r);
			json_decref(its);
		} else if (!strcmp(type, "file")) {
			get_file(from, &r);
		} else {
			fputs("xenolith: ", stderr);
			put_word(stderr, from);
			fputs(" is neither a file nor a folder and was not copied\n", stderr);
			cp_skipped = 1;
		}
		free(from);
		free(shown);
	}
	if (made && fchmod(dir, mode & 0777 & ~to->mask))
		die(FAILED, "%s: %s", to->shown, strerror(errno));
	close(dir);
}

void cp_out(const char *path, const char *to, char option)
{
	struct receiving r = { .dir = AT_FDCWD, .name = to, .shown = to, .option = option };
	json_t *all = NULL;
	json_int_t mode;

	if (!strcmp(to, "-") && option == 'r')
		die(USAGE, "-r copies a folder; standard output is none");
	if (!strcmp(to, "-") && isatty(1))
		die(USAGE, "standard output is a terminal; type xenolith cp %s:%s - | cat -v", cp_guest,
		    path);
	r.mask = umask(0);
	umask(r.mask);
	if (option != 'r')
		is_special(&r);		/* before the guest is asked */
	remove_part_at_end();
	cp_open(0);
	if (option == 'r')
		all = list_folder(path, &mode);
	if (all)
		get_folder(path, all, mode, &r);
	else
		get_file(path, &r);
}
