/* SPDX-License-Identifier: ISC */
/*
 * The part of xenolith cp that copies out of the guest.  A guest's data is hostile: its names
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

/* Limits: names of a copy, and bytes of a file that announces no size, as in /proc. */
#define NAMES_MOST 1000000
#define NAMES_BYTES_MOST (64 << 20)
#define NAME_BYTES 255
#define REPLACED "\xef\xbf\xbd"		/* each byte that is not UTF-8 */
#define UNSIZED_MOST (16 << 20)

#define MISSING "was removed before it was copied"

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
	int below;			/* in the folder that is copied */
	int fd, begun;
	json_int_t mode, left;		/* left: bytes that may still come */
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
	r->left = number(parameters, "size");
	if (r->left <= 0)
		r->left = UNSIZED_MOST;
	begin(r);
	for (;;) {
		endpoint_receive(&cp_chunk.length, sizeof(cp_chunk.length));
		if (!cp_chunk.length)
			return 0;
		if (cp_chunk.length > CP_CHUNK)
			die(FAILED, "%s has sent invalid data", cp_guest);
		r->left -= cp_chunk.length;
		if (r->left < 0)
			die(FAILED, "%s: %s sends more data than it has announced", r->shown,
			    cp_guest);
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

/* A file of the guest is not copied. */
static void skip(const char *path, const char *why)
{
	fputs("xenolith: ", stderr);
	put_word(stderr, path);
	fprintf(stderr, " %s\n", why);
	cp_skipped = 1;
}

static int is_missing(const char *error)
{
	return error && !strcmp(error, CP_FILES "NotFound");
}

static void get_file(const char *path, struct receiving *r)
{
	char *error = endpoint_call(CP_FILES "Read", cp_with_path(path, -1), 1, receive_data, r);

	if (is_missing(error) && r->below && !r->begun) {
		skip(path, MISSING);
		free(error);
		json_decref(r->error);
		return;
	}
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

/* ---- Folders. */

/* The names of a folder, each behind a byte for its type: 'd', 'f', 'u': not UTF-8, 'o': other. */
struct listing {
	char *text;
	size_t len, size;
	char **names;			/* into text, sorted */
	size_t count;
	json_int_t mode;		/* of the folder */
};

static void free_listing(struct listing *l)
{
	free(l->text);
	free(l->names);
}

static void put(struct listing *l, char type, const char *name)
{
	static size_t count, bytes;	/* of the whole copy */
	size_t n = strlen(name) + 1;

	count++;
	bytes += n;
	if (count > NAMES_MOST || bytes > NAMES_BYTES_MOST)
		die(FAILED, "%s: there are too many names for one copy; copy the folders one by"
		    " one", cp_guest);
	if (l->size - l->len < 1 + n) {
		l->size = 2 * l->size + 1024;
		l->text = realloc(l->text, l->size);
		if (!l->text)
			die(FAILED, "out of memory");
	}
	l->text[l->len] = type;
	memcpy(l->text + l->len + 1, name, n);
	l->len += 1 + n;
	l->count++;
}

static void put_entry(struct listing *l, json_t *entry, const char *path)
{
	const char *name = raw_text(entry, "name"), *type = raw_text(entry, "type");
	int utf8 = !json_is_true(json_object_get(entry, "not_utf8"));

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ||
	    strlen(name) > NAME_BYTES * (utf8 ? 1 : strlen(REPLACED)))
		die(FAILED, "%s:%s: it has the invalid name %s", cp_guest, path, name);
	put(l, !utf8 ? 'u' : !strcmp(type, "folder") ? 'd' : !strcmp(type, "file") ? 'f' : 'o',
	    name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char **)a + 1, *(char **)b + 1);
}

static void sort(struct listing *l, const char *path)
{
	char *at = l->text;

	l->names = calloc(l->count + 1, sizeof(*l->names));
	if (!l->names)
		die(FAILED, "out of memory");
	for (size_t i = 0; i < l->count; i++, at += strlen(at) + 1)
		l->names[i] = at;
	qsort(l->names, l->count, sizeof(*l->names), by_name);
	for (size_t i = 1; i < l->count; i++)
		if (!by_name(&l->names[i - 1], &l->names[i]) && *l->names[i] != 'u')
			die(FAILED, "%s:%s: it has the name %s twice", cp_guest, path,
			    l->names[i] + 1);
}

/* Reads all entries of a folder.  Returns NULL, or the error IsFile or NotFound. */
static const char *list_folder(const char *path, struct listing *l)
{
	json_t *next = NULL, *entries, *entry;
	size_t i;

	*l = (struct listing){ 0 };
	do {
		json_t *call = cp_with_path(path, -1), *reply = NULL;
		char *error;

		if (next)
			json_object_set_new(call, "from", next);
		error = endpoint_call(CP_FILES "List", call, 0, keep_reply, &reply);
		if (error && !strcmp(error, CP_FILES "IsFile") && !next)
			return "IsFile";
		if (is_missing(error)) {
			free_listing(l);
			return "NotFound";
		}
		if (error)
			cp_refuse(path, error, reply, "");
		entries = json_object_get(reply, "entries");
		l->mode = number(reply, "mode");
		next = json_incref(json_object_get(reply, "next"));
		if (next && !json_array_size(entries))
			die(FAILED, "%s:%s: the list of names does not end", cp_guest, path);
		json_array_foreach(entries, i, entry)
			put_entry(l, entry, path);
		json_decref(reply);
	} while (next);
	sort(l, path);
	return NULL;
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

static void get_folder(const char *path, const struct listing *l, const struct receiving *to);

static void get_entry(char type, const char *path, struct receiving *r)
{
	struct listing its;
	const char *error;

	if (type == 'f') {
		get_file(path, r);
	} else if (type == 'd') {
		error = list_folder(path, &its);
		if (error && !strcmp(error, "IsFile"))
			die(FAILED, "%s:%s: it is not a folder any more", cp_guest, path);
		if (error) {
			skip(path, MISSING);
		} else {
			get_folder(path, &its, r);
			free_listing(&its);
		}
	} else {
		skip(path, type == 'u' ? "has a name that is not UTF-8 and was not copied" :
		     "is neither a file nor a folder and was not copied");
	}
}

static void get_folder(const char *path, const struct listing *l, const struct receiving *to)
{
	int made, dir = make_folder(to->dir, to->name, to->shown, &made);

	for (size_t i = 0; i < l->count; i++) {
		const char *name = l->names[i] + 1;
		char *from = cp_below(path, name), *shown = cp_below(to->shown, name);
		struct receiving r = { .dir = dir, .name = name, .shown = shown, .mask = to->mask,
				       .below = 1 };

		get_entry(*l->names[i], from, &r);
		free(from);
		free(shown);
	}
	if (made && fchmod(dir, l->mode & 0777 & ~to->mask))
		die(FAILED, "%s: %s", to->shown, strerror(errno));
	close(dir);
}

void cp_out(const char *path, const char *to, char option)
{
	struct receiving r = { .dir = AT_FDCWD, .name = to, .shown = to, .option = option };
	struct listing l;
	const char *error = "IsFile";

	if (!strcmp(to, "-") && option == 'r')
		die(USAGE, "-r copies a folder; standard output is not a folder");
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
		error = list_folder(path, &l);
	if (error)
		get_file(path, &r);	/* which reports a missing one */
	else
		get_folder(path, &l, &r);
}
