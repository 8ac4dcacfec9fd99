/* SPDX-License-Identifier: ISC */
/*
 * xenolith cp: copies files into and out of a running guest (docs/control.md).
 *
 * A file of this side is written beside its name, and gets the name when it is complete.  The
 * guest does the same.  What a guest sends is hostile: its names are single names, it makes no
 * links, and no link below the folder of the copy is followed.
 */
#include "xenolith.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES INTERFACES "files1."
#define CHUNK 32768			/* bytes of data at once, at most */
#define BUSY_TRIES 100			/* times 100 ms, while another copy runs */
#define NAMES_MOST 1000000		/* of a folder of the guest */
#define PATH_BYTES 4096

static struct {
	uint32_t length;
	char data[CHUNK];
} chunk;

static const char *guest;		/* as it was typed */
static int skipped;			/* something that is neither a file nor a folder */

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

static _Noreturn void refuse(const char *path, const char *error, json_t *parameters,
			     const char *hint)
{
	const char *name = strrchr(error, '.');

	if (name && !strcmp(name, ".PermissionDenied"))
		complain("cp", error, parameters);
	if (!name || (strcmp(name, ".Refused") && strcmp(name, ".IsFolder")))
		die(FAILED, "%s:%s: %s %s", guest, path, error, raw_text(parameters, "reason"));
	die(FAILED, "%s:%s: %s%s", guest, path, raw_text(parameters, "reason"),
	    strcmp(name, ".IsFolder") ? "" : hint);
}

/* Connects to the channel for files. */
static void open_channel(int write)
{
	char *error = NULL;
	json_t *reply = NULL;

	endpoint_open(domain_find(guest));
	for (int i = 0; i < BUSY_TRIES; i++) {
		struct timespec pause = { 0, 100 * 1000 * 1000 };

		free(error);
		error = endpoint_call(FILES "Open", json_pack("{s:b}", "write", write), 0, keep_reply,
				      &reply);
		if (!error || strcmp(error, FILES "Busy"))
			break;
		nanosleep(&pause, NULL);
	}
	if (error && !strcmp(error, FILES "Busy"))
		die(FAILED, "%s: another copy runs", guest);
	if (error && strstr(error, ".InterfaceNotFound"))
		die(FAILED, "%s: this image has no file system: it does not use open(), or it was made"
		    " before xenolith cp was there", guest);
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
		refuse(path, error, reply, "");
	return reply;
}

/* PATH/NAME, to be freed. */
static char *below(const char *path, const char *name)
{
	char *joined;
	size_t n = strlen(path);

	if (n + 1 + strlen(name) >= PATH_BYTES)
		die(FAILED, "%s/%s: the path is too long", path, name);
	if (asprintf(&joined, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", name) < 0)
		die(FAILED, "out of memory");
	return joined;
}

static json_t *with_path(const char *path, int mode)
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
		n = endpoint_has_input() ? 0 : read(s->fd, chunk.data, CHUNK);
		if (n < 0 && errno != EINTR)
			die(FAILED, "%s: %s", s->name, strerror(errno));
		if (n >= 0) {
			chunk.length = n;
			endpoint_send(&chunk, sizeof(chunk.length) + n);
		}
	} while (n);
	return 0;
}

static void put_file(int fd, const char *name, const char *path, int mode)
{
	struct sending s = { .fd = fd, .name = name };
	char *error = endpoint_call(FILES "Write", with_path(path, mode), 1, send_data, &s);

	if (error)
		refuse(path, error, s.error, "; write the name of the file behind it");
	if (!s.begun)
		die(FAILED, "%s:%s: the guest did not take the data", guest, path);
	json_decref(s.error);
}

static void put_folder(int fd, const char *name, const char *path, int mode)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d)
		die(FAILED, "%s: %s", name, strerror(errno));
	json_decref(call(FILES "MakeDirectory", path, with_path(path, mode)));
	while ((e = readdir(d))) {
		char *from, *to;
		struct stat st;
		int in;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		from = below(name, e->d_name);
		to = below(path, e->d_name);
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
			skipped = 1;
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
		die(USAGE, "-r copies a folder; standard input is none");
	if (!standard && S_ISDIR(st.st_mode) && option != 'r')
		die(FAILED, "%s: it is a folder; xenolith cp -r copies folders", from);
	if (!standard)
		mode = st.st_mode & 07777;
	if (option == 'm')
		mode = read_mode();
	open_channel(1);
	if (!standard && S_ISDIR(st.st_mode))
		put_folder(fd, from, path, mode);
	else
		put_file(fd, from, path, mode);
}

/* ---- Out of the guest. */

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
		endpoint_receive(&chunk.length, sizeof(chunk.length));
		if (!chunk.length)
			return 0;
		if (chunk.length > CHUNK)
			die(FAILED, "%s has sent invalid data", guest);
		endpoint_receive(chunk.data, chunk.length);
		write_all(r, chunk.data, chunk.length);
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
	char *error = endpoint_call(FILES "Read", with_path(path, -1), 1, receive_data, r);

	if (error)
		refuse(path, error, r->error, "; xenolith cp -r copies folders");
	if (!r->begun)
		die(FAILED, "%s:%s: the guest did not send the data", guest, path);
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
		json_t *call = with_path(path, -1), *reply = NULL;
		char *error;

		if (next)
			json_object_set_new(call, "from", next);
		error = endpoint_call(FILES "List", call, 0, keep_reply, &reply);
		if (error && !strcmp(error, FILES "IsFile") && !next)
			return NULL;
		if (error)
			refuse(path, error, reply, "");
		entries = json_object_get(reply, "entries");
		*mode = number(reply, "mode");
		next = json_incref(json_object_get(reply, "next"));
		if ((next && !json_array_size(entries)) || json_array_size(all) > NAMES_MOST)
			die(FAILED, "%s:%s: the list of names does not end", guest, path);
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
		die(FAILED, "%s:%s: it has the invalid name %s", guest, path, name);
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
		char *from = below(path, name), *shown = below(to->shown, name);
		struct receiving r = { .dir = dir, .name = name, .shown = shown, .mask = to->mask };
		json_int_t its_mode;

		if (!strcmp(type, "folder")) {
			json_t *its = list_folder(from, &its_mode);

			if (!its)
				die(FAILED, "%s:%s: it is no folder any more", guest, from);
			get_folder(from, its, its_mode, &r);
			json_decref(its);
		} else if (!strcmp(type, "file")) {
			get_file(from, &r);
		} else {
			fputs("xenolith: ", stderr);
			put_word(stderr, from);
			fputs(" is neither a file nor a folder and was not copied\n", stderr);
			skipped = 1;
		}
		free(from);
		free(shown);
	}
	if (made && fchmod(dir, mode & 0777 & ~to->mask))
		die(FAILED, "%s: %s", to->shown, strerror(errno));
	close(dir);
}

static void copy_out(const char *path, const char *to, char option)
{
	struct receiving r = { .dir = AT_FDCWD, .name = to, .shown = to, .option = option };
	json_t *all = NULL;
	json_int_t mode;

	if (!strcmp(to, "-") && option == 'r')
		die(USAGE, "-r copies a folder; standard output is none");
	if (!strcmp(to, "-") && isatty(1))
		die(USAGE, "standard output is a terminal; type xenolith cp %s:%s - | cat -v", guest,
		    path);
	r.mask = umask(0);
	umask(r.mask);
	if (option != 'r')
		is_special(&r);		/* before the guest is asked */
	remove_part_at_end();
	open_channel(0);
	if (option == 'r')
		all = list_folder(path, &mode);
	if (all)
		get_folder(path, all, mode, &r);
	else
		get_file(path, &r);
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
	guest = in ? to : from;
	if (in)
		copy_in(from, in, option);
	else
		copy_out(out, to, option);
	exit(skipped ? FAILED : 0);
}
