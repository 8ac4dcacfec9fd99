/* SPDX-License-Identifier: ISC */
/*
 * xenolith cp: copies files into and out of a running guest (docs/control.md).
 *
 * A file of this side is written beside its name, and gets the name when it is complete.  The
 * guest does the same.  This file has the words, and what copies into the guest.
 */
#include "cp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TRIES 100			/* times 100 ms, while another copy is in progress */
#define PATH_BYTES 4096

struct cp_chunk cp_chunk;
const char *cp_guest;
int cp_skipped;

/* ---- Words. */

/* NAME:/PATH, split; NULL: a file of this side.  A file's name with a colon is written ./a:b. */
static char *split(char *word)
{
	char *colon = strchr(word, ':'), *slash = strchr(word, '/');

	if (!colon || colon == word || (slash && slash < colon))
		return NULL;
	if (colon[1] != '/')
		die(USAGE, "%s: a path in a guest begins with a slash, as in web:/tmp/x; for a file"
		    " on this side, write ./%s", word, word);
	*colon = '\0';
	return colon + 1;
}

/* ---- The guest. */

_Noreturn void cp_refuse(const char *path, const char *error, json_t *parameters,
			     const char *hint)
{
	const char *name = strrchr(error, '.');

	if (name && !strcmp(name, ".PermissionDenied"))
		complain("cp", error, parameters);
	if (!name || (strcmp(name, ".Refused") && strcmp(name, ".NotFound") &&
		      strcmp(name, ".IsFolder")))
		die(FAILED, "%s:%s: %s %s", cp_guest, path, error, raw_text(parameters, "reason"));
	die(FAILED, "%s:%s: %s%s", cp_guest, path, raw_text(parameters, "reason"),
	    strcmp(name, ".IsFolder") ? "" : hint);
}

void cp_open(int write)
{
	char *error = NULL;
	json_t *reply = NULL;

	endpoint_open(domain_find(cp_guest));
	for (int i = 0; i < BUSY_TRIES; i++) {
		struct timespec pause = { 0, 100 * 1000 * 1000 };

		free(error);
		error = endpoint_call(CP_FILES "Open", json_pack("{s:b}", "write", write), 0, keep_reply,
				      &reply);
		if (!error || strcmp(error, CP_FILES "Busy"))
			break;
		nanosleep(&pause, NULL);
	}
	if (error && !strcmp(error, CP_FILES "Busy"))
		die(FAILED, "%s: another copy is in progress", cp_guest);
	if (error && strstr(error, ".InterfaceNotFound"))
		die(FAILED, "%s: this image has no file system: it does not call open(), or it was built"
		    " before xenolith cp existed", cp_guest);
	if (error)
		complain("cp", error, reply);
	endpoint_move("files");
}

/* Calls a method with one reply, which the caller frees. */
static json_t *call(const char *method, const char *path, json_t *parameters)
{
	json_t *reply = NULL;
	char *error = endpoint_call(method, parameters, 0, keep_reply, &reply);

	if (error)
		cp_refuse(path, error, reply, "");
	return reply;
}

char *cp_below(const char *path, const char *name)
{
	char *joined;
	size_t n = strlen(path);

	if (n + 1 + strlen(name) >= PATH_BYTES)
		die(FAILED, "%s/%s: the path is too long", path, name);
	if (asprintf(&joined, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", name) < 0)
		die(FAILED, "out of memory");
	return joined;
}

json_t *cp_with_path(const char *path, int mode)
{
	json_t *p = json_pack("{s:s}", "path", path);

	if (!p)
		die(USAGE, "%s: the name is not UTF-8", path);
	if (mode >= 0)
		json_object_set_new(p, "mode", json_integer(mode));
	return p;
}

/* ---- Into the guest. */

struct sending {
	int fd;
	const char *name;		/* of the file on this side */
	int begun;
	json_t *error;			/* parameters of the last reply */
};

static int send_data(json_t *parameters, void *arg)
{
	struct sending *s = arg;
	ssize_t n;

	if (!endpoint_goes_on() || s->begun)
		return keep_reply(parameters, &s->error);
	s->begun = 1;
	do {
		/* An early reply is an error, and the guest drops the data. */
		n = endpoint_has_input() ? 0 : read(s->fd, cp_chunk.data, CP_CHUNK);
		if (n < 0 && errno != EINTR)
			die(FAILED, "%s: %s", s->name, strerror(errno));
		if (n >= 0) {
			cp_chunk.length = n;
			endpoint_send(&cp_chunk, sizeof(cp_chunk.length) + n);
		}
	} while (n);
	return 0;
}

static void put_file(int fd, const char *name, const char *path, int mode)
{
	struct sending s = { .fd = fd, .name = name };
	char *error = endpoint_call(CP_FILES "Write", cp_with_path(path, mode), 1, send_data, &s);

	if (error)
		cp_refuse(path, error, s.error, "; write the name of the file behind it");
	if (!s.begun)
		die(FAILED, "%s:%s: the guest did not take the data", cp_guest, path);
	json_decref(s.error);
}

static void put_folder(int fd, const char *name, const char *path, int mode)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d)
		die(FAILED, "%s: %s", name, strerror(errno));
	json_decref(call(CP_FILES "MakeDirectory", path, cp_with_path(path, mode)));
	while ((e = readdir(d))) {
		char *from, *to;
		struct stat st;
		int in;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		from = cp_below(name, e->d_name);
		to = cp_below(path, e->d_name);
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			die(FAILED, "%s: %s", from, strerror(errno));
		if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
			in = openat(fd, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
			if (in < 0)
				die(FAILED, "%s: %s", from, strerror(errno));
			if (S_ISDIR(st.st_mode))
				put_folder(in, from, to, st.st_mode & 07777);
			else
				put_file(in, from, to, st.st_mode & 07777);
			if (S_ISREG(st.st_mode))
				close(in);
		} else {
			fprintf(stderr, "xenolith: %s is neither a file nor a folder and was not copied\n",
				from);
			cp_skipped = 1;
		}
		free(from);
		free(to);
	}
	closedir(d);
}

/* The line with the mode before the data, for -m. */
static int read_mode(void)
{
	char line[8], *end;
	size_t n = 0;
	long mode;

	while (n < sizeof(line) - 1 && read(0, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	mode = strtol(line, &end, 8);
	if (!n || *end || mode < 0 || mode > 07777)
		die(USAGE, "standard input does not begin with a line that has the mode, such as 0644");
	return mode;
}

static void copy_in(const char *from, const char *path, char option)
{
	int standard = !strcmp(from, "-"), fd, mode = 0644;
	struct stat st;

	fd = standard ? 0 : open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(FAILED, "%s: %s", from, strerror(errno));
	if (standard && option == 'r')
		die(USAGE, "-r copies a folder; standard input is not a folder");
	if (!standard && S_ISDIR(st.st_mode) && option != 'r')
		die(FAILED, "%s: it is a folder; xenolith cp -r copies folders", from);
	if (!standard)
		mode = st.st_mode & 07777;
	if (option == 'm')
		mode = read_mode();
	cp_open(1);
	if (!standard && S_ISDIR(st.st_mode))
		put_folder(fd, from, path, mode);
	else
		put_file(fd, from, path, mode);
}

void cp(const struct words *w)
{
	char *from = w->argv[0], *to = w->argv[1], *in = split(to), *out = split(from);
	char option = *w->option ? w->option[1] : '\0';

	if (in && out)
		die(USAGE, "both %s:%s and %s:%s are in guests; copy to a file on this side first",
		    from, out, to, in);
	if (!in && !out)
		die(USAGE, "neither %s nor %s is in a guest; write NAME:/PATH, as in xenolith cp x"
		    " web:/tmp/x", from, to);
	if (option == 'm' && strcmp(in ? from : to, "-"))
		die(USAGE, "-m is for standard input or output; write - instead of %s", in ? from : to);
	cp_guest = in ? to : from;
	if (in)
		copy_in(from, in, option);
	else
		cp_out(out, to, option);
	exit(cp_skipped ? FAILED : 0);
}
