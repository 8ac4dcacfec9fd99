/* SPDX-License-Identifier: ISC */
/*
 * What is served: an index of names, made at start and never changed.
 *
 * A request's path is looked up in a table of the names there are, and nothing else is
 * ever opened for it: there is no way out of the tree.  Names that begin with a dot are
 * left out, but for .well-known.  A name ending in .gz is also what its name without .gz
 * is sent as to those who take gzip.
 */
#ifndef HTTPD_SITE_H
#define HTTPD_SITE_H

#include "apps/httpd/text.h"

#include <sys/types.h>
#include <time.h>

/* Bytes: in memory, or of a file from some offset on. */
struct body {
	const char *data;		/* NULL: it is in fd */
	int fd;
	off_t at, size;
};

/*
 * Bytes, and how they are described.  `head` has the lines of a response to GET, in three
 * parts: up to `type` Content-Length; up to `validators` what kind it is; the rest is for
 * a 304 too.
 */
struct representation {
	struct body body;
	char *head;
	uint16_t type, validators, head_len;
	const char *content_type;
	struct span etag, modified;	/* of head; etag is never without, modified may be */
	int64_t mtime;			/* -1: unknown */
};

struct resource {
	char *name;			/* without slashes at its ends; "" is the root */
	uint32_t len, hash;
	bool folder, file;		/* one of the two */
	struct body body;		/* of a file */
	int64_t mtime;
	uint64_t tag;
	struct representation *plain, *gzip;	/* of a folder: the list of what is in it */
	struct resource *index;		/* of a folder: its index.html */
};

struct site {
	struct resource **list;		/* sorted by name once it is finished */
	size_t count;
	struct resource **table;	/* by hash; its size is a power of two */
	size_t table_size;
	uint64_t bytes, kept;		/* of all files; of those kept in memory */
	uint64_t keep;			/* how many bytes may be kept; a quarter for one file */
	int64_t mtime;			/* of files without */
	bool own_files;			/* each has a descriptor of its own */
};

/* Making one.  0, or -errno after a line on standard error. */
int site_open(struct site *s, const char *root);	/* a folder, or a tar on a disk */
int site_from_folder(struct site *s, const char *path);
int site_from_tar(struct site *s, const char *path, int fd, off_t size);

/*
 * Add a file; a later one of the same name takes the place of an earlier.  1: it is kept in
 * memory, and the descriptor is not needed; 0; -EINVAL: the name is none to serve (.., a
 * dot); -ENOTDIR: it is below a file; -EISDIR: it is a folder; -ENOMEM; or what reading says.
 */
int site_add(struct site *s, const char *name, size_t len, const struct body *body,
	     int64_t mtime);
int site_add_folder(struct site *s, const char *name, size_t len);

struct resource *site_find(const struct site *s, const char *name, size_t len);

/*
 * The value of an entity tag: a hash of data, continued from h (1 at the beginning).  Different
 * for any two files that were not crafted to collide.
 */
uint64_t site_tag(uint64_t h, const char *data, size_t len);

/* Headers of each response from a site. */
#define SITE_HEADERS "Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n"

/* A folder's list of what is in it, made when first asked for; NULL: no memory. */
struct representation *site_list(struct site *s, struct resource *folder);

/*
 * Keep in memory, if there is room, what lies on a disk and is asked for: who asked once
 * may ask again, and nobody else keeps it.
 */
void site_warm(struct site *s, struct representation *r);

/* A representation of bytes in memory; head is what a site's has.  NULL: no memory. */
struct representation *representation_new(const struct body *body, const char *type,
					  const char *more, uint64_t tag, int64_t mtime);
void representation_free(struct representation *r);

const char *mime_type(const char *name, size_t len);

#endif
