/* SPDX-License-Identifier: ISC */
/*
 * The methods by which the operator copies files into and out of the guest, for `xenolith cp`:
 * org.xenolith.files1.  lib/xenolith/files.h is their channel.
 *
 * A file that is written has no name until it is complete and durable, so an interrupted copy
 * leaves nothing, even if the guest ends meanwhile.
 */
#include "lib/xenolith/files.h"
#include "control/command.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "lib/file/mount.h"
#include "lib/file/names.h"
#include "lib/file/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILES "org.xenolith.files1"
/* Values of `from` for names of the image's files, and for mount points among them. */
#define LOWER (-(1ll << 40))
#define POINTS (-(1ll << 39))

/* ---- Errors. */

static const struct {
	int error;
	const char *says;		/* at most 63 bytes: struct command */
} sentences[] = {
	{ -ENOENT, "there is no such file or folder" },
	{ -ENOTDIR, "a component of the path is not a directory" },
	{ -EISDIR, "it is a folder" },
	{ -EEXIST, "it exists and is not a directory" },
	{ -ENXIO, "it is neither a file nor a folder" },
	{ -EROFS, "it is on a read-only file system" },
	{ -ENOSPC, "the file system is full" },
	{ -EFBIG, "the file is too large for the file system" },
	{ -ENOMEM, "the guest has not enough memory" },
	{ -EIO, "the disk has reported an error" },
	{ -EUCLEAN, "the file system on the disk is damaged" },
	{ -ENAMETOOLONG, "the path is too long" },
	{ -ELOOP, "too many symbolic links" },
	{ -ESTALE, "it became shorter while it was copied" },
};

/* For a method to return: rc, as an error of the interface if it is one. */
static int refused(struct command *c, int rc)
{
	const char *name = rc == -EISDIR ? FILES ".IsFolder" :
			   rc == -ENOENT ? FILES ".NotFound" : FILES ".Refused";
	char text[32];

	if (rc >= 0)
		return rc;
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].error == rc)
			return command_error(c, name, sentences[i].says);
	format(text, sizeof(text), "error %d", -rc);
	return command_error(c, name, text);
}

/* The same for a name that need not exist, so that its folder is what is missing. */
static int refused_new(struct command *c, int rc)
{
	return rc == -ENOENT ? command_error(c, FILES ".Refused", "its folder does not exist") :
	       refused(c, rc);
}

/* Reads the path.  Returns 0, or an error of the call. */
static int begin(struct command *c, bool several)
{
	if (!c->only)
		return command_error(c, NULL, "call Open, and then this method on its channel");
	if (several && !c->more)
		return -EDOM;
	if (command_string(c, "path", files->path, PATH_BYTES) != 1 || *files->path != '/')
		return command_wrong(c, "path");
	return 0;
}

/* ---- Open(write). */

static int open_channel(struct command *c)
{
	struct json_value v;
	bool given = json_member(c->parameters, "write", &v);
	char text[48];
	int rc;

	if (!given || (json_kind(v) != 't' && json_kind(v) != 'f'))
		return command_wrong(c, "write");
	rc = files_serve(c->interface, json_kind(v) == 't');
	if (rc == -EBUSY)
		return command_error(c, FILES ".Busy", "another copy is in progress");
	if (rc) {
		format(text, sizeof(text), "cannot make the channel (error %d)", -rc);
		return command_error(c, NULL, text);
	}
	return 0;
}

/* ---- Write(path, mode). */

/* Whether p can become a file.  Returns 0, and the folder can have new names; or an error. */
static int refused_target(struct path *p)
{
	struct stat st;
	int rc;

	if (p->last != LAST_NAME || p->slash)
		return place_is(&p->at) ? -EISDIR : -ENOENT;
	if (place_is(&p->at)) {
		rc = place_stat(&p->at, &st);
		if (rc)
			return rc;
		if (!S_ISREG(st.st_mode))
			return S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
		if (!p->at.inode)
			return -EROFS;
	}
	return names_upper(&p->dir);
}

static int receive(struct fs_open *o)
{
	uint64_t at = 0;
	ssize_t n;

	while ((n = files_receive()) > 0) {
		struct fs_vec v = { files->chunk.data, n };

		while (v.len) {
			uint64_t place = at;

			n = o->inode->fs->ops->write(o, &v, 1, &place, false);
			if (n < 0)
				return n;
			v.data = (char *)v.data + n;
			v.len -= n;
			at += n;
		}
		kernel_pause();
	}
	return n;
}

/* The file gets its name, and replaces the one that had it. */
static int give_name(const struct path *p, struct inode *inode)
{
	const struct fs_ops *ops = place_ops(&p->dir);
	struct inode *dir = p->dir.inode;
	char beside[32];
	size_t n;
	int rc = ops->link(dir, p->name, p->len, inode);

	if (rc != -EEXIST)
		return rc;
	n = format(beside, sizeof(beside), ".xenolith-cp-%x", (unsigned)random_word());
	rc = ops->link(dir, beside, n, inode);
	if (rc)
		return rc;
	rc = ops->rename(dir, beside, n, dir, p->name, p->len, 0);
	if (rc)
		ops->unlink(dir, beside, n);
	return rc;
}

static int write_data(struct command *c, const struct path *p, struct inode *inode)
{
	struct fs_open o;
	int rc = -ECONNRESET;

	fs_open_begin(&o, inode);
	if (command_next(c)) {
		files_expect();
		rc = receive(&o);
	}
	if (!rc)
		rc = inode->fs->ops->sync(&o, false);
	if (!rc)
		rc = give_name(p, inode);
	if (!rc)
		rc = inode->fs->ops->sync(&o, false);
	fs_open_end(&o);
	return rc;
}

static int write_file(struct command *c)
{
	int64_t mode = 0644;
	struct inode *inode;
	struct path p;
	int rc = begin(c, true);

	if (rc || (rc = command_integer(c, "mode", 0, 07777, &mode)) < 0)
		return rc;
	rc = path_resolve(&p, AT_FDCWD, files->path, PATH_MAKE);
	if (rc)
		return refused_new(c, rc);
	rc = refused_target(&p);
	if (!rc)
		rc = place_ops(&p.dir)->tmpfile(p.dir.inode, S_IFREG | mode, 0, 0, &inode);
	if (!rc) {
		rc = write_data(c, &p, inode);
		inode_put(inode);
	}
	path_put(&p);
	return refused_new(c, rc);
}

/* ---- Read(path). */

static int open_to_read(struct file **f, struct stat *st, bool *sized)
{
	struct place at;
	int rc = place_resolve(&at, AT_FDCWD, files->path, 0);

	if (rc)
		return rc;
	*sized = at.inode;		/* the size of a file in /proc is not known */
	rc = place_stat(&at, st);
	if (!rc && !S_ISREG(st->st_mode))
		rc = S_ISDIR(st->st_mode) ? -EISDIR : -ENXIO;
	if (!rc)
		rc = at.inode ? fsfile_open(&at, f) :
		     place_lower(&at)->open(at.path, O_RDONLY, 0, f);
	if (!rc)
		(*f)->refs++;
	place_put(&at);
	return rc;
}

static int send_data(struct file *f, uint64_t size, bool sized)
{
	uint64_t at = 0;
	ssize_t n = 0;
	int rc = 0;

	while (!rc && (!sized || at < size)) {
		size_t most = sized && size - at < FILES_CHUNK ? size - at : FILES_CHUNK;

		n = f->ops->pread ? f->ops->pread(f, files->chunk.data, most, at) : -EINVAL;
		if (n <= 0)
			break;
		rc = files_send(n);
		at += n;
		kernel_pause();
	}
	if (!rc)
		rc = files_send(0);
	return rc ? rc : n < 0 ? n : sized && at < size ? -ESTALE : 0;
}

static int read_file(struct command *c)
{
	struct file *f;
	struct stat st = { 0 };
	bool sized;
	int rc = begin(c, true);

	if (rc)
		return rc;
	rc = open_to_read(&f, &st, &sized);
	if (rc)
		return refused(c, rc);
	json_number(c->reply, "size", st.st_size);
	json_number(c->reply, "mode", st.st_mode & 07777);
	rc = command_next(c) ? send_data(f, st.st_size, sized) : -ECONNRESET;
	file_put(f);
	return refused(c, rc);
}

/* ---- MakeDirectory(path, mode). */

static int make(const struct path *p, uint32_t mode)
{
	struct inode *made;
	int rc = place_ops(&p->dir)->mkdir(p->dir.inode, p->name, p->len, S_IFDIR | mode, 0, 0,
					   &made);

	if (!rc)
		inode_put(made);
	return rc;
}

static int make_directory(struct command *c)
{
	int64_t mode = 0755;
	struct path p;
	int rc = begin(c, false);

	if (rc || (rc = command_integer(c, "mode", 0, 07777, &mode)) < 0)
		return rc;
	rc = path_resolve(&p, AT_FDCWD, files->path, PATH_MAKE);
	if (rc)
		return refused_new(c, rc);
	if (place_is(&p.at))
		rc = place_is_directory(&p.at) ? 0 : -EEXIST;
	else if (!(rc = names_upper(&p.dir)))
		rc = make(&p, mode & 01777);
	path_put(&p);
	return refused_new(c, rc);
}

/* ---- List(path, from). */

struct listing {
	struct json *j;
	int64_t next;			/* behind the last name that was put */
	bool full;
};

static bool put_name(struct listing *l, const char *name, size_t len, uint32_t mode, int64_t next)
{
	uint32_t type = mode & S_IFMT;
	bool dots = (len == 1 || (len == 2 && name[1] == '.')) && name[0] == '.';

	/* Each byte may become U+FFFD or an escape. */
	l->full = l->full || l->j->len + 6 * len + 100 > FILES_MESSAGE;
	if (l->full)
		return false;
	if (!dots) {
		json_open(l->j, NULL, '{');
		json_chars(l->j, "name", name, len);
		json_string(l->j, "type", type == S_IFREG ? "file" : type == S_IFDIR ? "folder" :
			    type == S_IFLNK ? "link" : "other");
		if (!json_utf8(name, len))
			json_bool(l->j, "not_utf8", true);
		json_close(l->j, '}');
	}
	l->next = next;
	return true;
}

static bool put_entry(void *arg, const struct fs_dirent *e)
{
	return put_name(arg, e->name, e->len, e->type, e->cookie);
}

static bool is_above(const struct place *p, const char *name)
{
	struct inode *i;

	if (!p->inode || place_ops(p)->lookup(p->inode, name, strlen(name), &i))
		return false;
	inode_put(i);
	return true;
}

typedef int list_text(const struct mount *m, const char *path, unsigned i, struct dirent *entry);

static void put_texts(struct listing *l, const struct place *p, int64_t begin, list_text *list)
{
	struct dirent e;

	while (!l->full && list(p->mount, p->path, l->next - begin, &e) > 0) {
		if (is_above(p, e.d_name))
			l->next++;
		else
			put_name(l, e.d_name, strlen(e.d_name), DTTOIF(e.d_type), l->next + 1);
	}
}

/* As readdir() has it (lib/file/dir.c), but without a descriptor of the application's. */
static int put_names(struct listing *l, const struct place *p)
{
	int rc = 0;

	if (l->next >= 0 && p->inode)
		rc = place_ops(p)->readdir(p->inode, l->next, put_entry, l);
	if (rc || l->full || !p->path)
		return rc;
	if (l->next >= 0)
		l->next = LOWER;
	if (l->next < POINTS)
		put_texts(l, p, LOWER, text_list);
	if (l->full)
		return 0;
	if (l->next < POINTS)
		l->next = POINTS;
	put_texts(l, p, POINTS, text_list_mounts);
	return 0;
}

static int list(struct command *c)
{
	struct listing l = { .j = c->reply };
	struct place at;
	struct stat st;
	int rc = begin(c, false);

	if (rc || (rc = command_integer(c, "from", LOWER, INT64_MAX, &l.next)) < 0)
		return rc;
	rc = place_resolve(&at, AT_FDCWD, files->path, 0);
	if (rc)
		return refused(c, rc);
	rc = place_stat(&at, &st);
	if (!rc && !S_ISDIR(st.st_mode)) {
		place_put(&at);
		return command_error(c, FILES ".IsFile", "it is not a directory");
	}
	if (!rc) {
		json_number(l.j, "mode", st.st_mode & 07777);
		json_open(l.j, "entries", '[');
		rc = put_names(&l, &at);
		json_close(l.j, ']');
	}
	if (l.full)
		json_number(l.j, "next", l.next);
	place_put(&at);
	return refused(c, rc);
}

static const struct method methods[] = {
	{ "Open", COMMAND_READS, open_channel },
	{ "Read", COMMAND_READS, read_file },
	{ "List", COMMAND_READS, list },
	{ "Write", COMMAND_DANGEROUS, write_file },
	{ "MakeDirectory", COMMAND_DANGEROUS, make_directory },
	{ NULL, 0, NULL },
};

static struct interface interface = {
	.name = FILES,
	.description =
	"# Files of the guest.  Open makes a channel, the vchan data/vchan/0/files, for one client;\n"
	"# `write`: most data is for the guest.  The other methods are called there.\n"
	"# Between the two replies to Read and Write, which need `more`, there are chunks of data:\n"
	"# their length in 4 bytes, little-endian, at most 32768, and the bytes; 0 is the end.\n"
	"# Write (dangerous) replaces the file when all of its data is on the disk.\n"
	"# MakeDirectory (dangerous) accepts a folder that exists.  Modes are permission bits.\n"
	"# A file whose name is not UTF-8 (not_utf8) cannot be reached.\n"
	"interface " FILES "\n"
	"type Entry (name: string, type: (file, folder, link, other), not_utf8: ?bool)\n"
	"method Open(write: bool) -> ()\n"
	"method Read(path: string) -> (size: ?int, mode: ?int)\n"
	"method List(path: string, from: ?int) -> (mode: int, entries: []Entry, next: ?int)\n"
	"method Write(path: string, mode: ?int) -> ()\n"
	"method MakeDirectory(path: string, mode: ?int) -> ()\n"
	"error Busy (reason: string)\n"
	"error IsFolder (reason: string)\n"
	"error IsFile (reason: string)\n"
	"error NotFound (reason: string)\n"
	"error Refused (reason: string)\n",
	.methods = methods,
};

void files_methods_add(void)
{
	command_add(&interface);
}
