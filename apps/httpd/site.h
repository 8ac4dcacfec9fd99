/* SPDX-License-Identifier: ISC */
/*
 * The site, of one of two kinds.
 *
 * An archive or a folder that does not change has an index of names, made at the start. A
 * request's path is looked up in the table of names, and no other file is opened for it: so
 * there is no way out of the tree (site.c).
 *
 * A live folder may be changed by the guest: a request's path is opened below it for each
 * request (site_live.c).
 *
 * Names that begin with a dot are excluded, except .well-known. A file NAME.gz is also sent
 * as NAME to clients that accept gzip.
 */
#ifndef HTTPD_SITE_H
#define HTTPD_SITE_H

#include "apps/httpd/text.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* Bytes in memory, or in a file from an offset on. */
struct body {
	const char *data;		/* NULL: in fd */
	int fd;
	off_t at, size;
};

/*
 * A body with its header fields. `head` has three parts: up to `type` Content-Length; up
 * to `validators` the type; the rest, which is also sent with a 304.
 */
struct representation {
	struct body body;
	char *head;
	uint16_t type, validators, head_len;
	const char *content_type;
	struct span etag, modified;	/* parts of head; modified may be absent */
	int64_t mtime;			/* -1: unknown */
};

struct resource {
	char *name;			/* without slashes at its ends; "" is the root */
	uint32_t len, hash;
	bool folder, file;		/* exactly one is true */
	struct body body;		/* of a file */
	int64_t mtime;
	uint64_t tag;
	struct representation *plain, *gzip;	/* plain, of a folder: the page that lists it */
	struct resource *index;		/* of a folder: its index.html, or NULL */
};

struct site {
	struct resource **list;		/* sorted by name at the end of site_open() */
	size_t count;
	struct resource **table;	/* hash table; its size is a power of two */
	size_t table_size;
	uint64_t bytes, kept;		/* of all files; of those in memory */
	uint64_t keep;			/* maximum of kept; a quarter for one file */
	int64_t mtime;			/* of files without a date */
	bool own_files;			/* each file has its own descriptor */
	bool index;			/* a folder is indexed even if it may change */
	const char *live;		/* the path of a live folder, or NULL */
	dev_t device;			/* of an indexed folder: others in it are left out */
};

/*
 * Functions that make a site. They return 0, or -errno after a message on standard error.
 */
/* A folder, or a disk with a tar archive */
int site_open(struct site *s, const char *root);
int site_from_folder(struct site *s, const char *path);
int site_from_tar(struct site *s, const char *path, int fd, off_t size);

/*
 * Adds a file, which replaces an earlier one of the same name. Returns 1 if it is kept in
 * memory and the descriptor is not needed; 0; -EINVAL: the name cannot be served (.., a
 * dot); -ENOTDIR: it is below a file; -EISDIR: it is a folder; -ENOMEM; or a read error.
 */
int site_add(struct site *s, const char *name, size_t len, const struct body *body,
	     int64_t mtime);
int site_add_folder(struct site *s, const char *name, size_t len);

/* The object that a path names. */
struct found {
	struct representation *what;
	bool own;			/* made for this request: representation_free() */
	bool list;			/* it is a folder's list, also if that was not made */
};

/*
 * slash: the path ends with one; gzip: the client accepts it. Returns 200; or 301: a folder,
 * without the slash; 404; 500: a read error; 503: no memory, or no descriptor.
 */
int site_find(struct site *s, const char *path, size_t len, bool slash, bool gzip,
	      struct found *f);
int site_find_live(const struct site *s, const char *path, size_t len, bool slash, bool gzip,
		   struct found *f);

/* Whether a name can be served: no part of it begins with a dot, except .well-known. */
bool site_is_valid_name(const char *name, size_t len);

struct resource *site_lookup(const struct site *s, const char *name, size_t len);

/*
 * Continues the hash h (1 at the beginning) for an entity tag. Files may be crafted to
 * collide.
 */
uint64_t site_tag(uint64_t h, const char *data, size_t len);

/* The tag of a file that may change: each change gives another tag. */
uint64_t site_tag_of_file(const struct stat *st);

#define TAG_LEN 18
void site_write_tag(char to[TAG_LEN], uint64_t tag);	/* "0123456789abcdef", quoted */

/* Headers of each response from a site. */
#define SITE_HEADERS "Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n"
#define SITE_VARY SITE_HEADERS "Vary: Accept-Encoding\r\n"
#define SITE_GZIP SITE_VARY "Content-Encoding: gzip\r\n"

/* Returns the page that lists a folder, made at the first call; NULL: no memory. */
struct representation *site_list(struct site *s, struct resource *folder);

/* A row of such a page. */
struct entry {
	struct span name;
	bool folder;
	uint64_t size;			/* of a file */
	int64_t mtime;
};

/* Bytes of a name's row, or a few more. */
size_t site_row_size(struct span name);

/*
 * The same of any n entries, which are sorted by name; more: there are others. mtime is the
 * page's, or -1. The page is for one reply: representation_free().
 */
struct representation *site_page(struct span folder, const struct entry *entries, size_t n,
				 bool more, int64_t mtime);

/*
 * Keeps a file of a disk in memory when it is requested, if there is room: it may be
 * requested again, and there is no other cache.
 */
void site_warm(struct site *s, struct representation *r);

/*
 * Makes a representation. more: further header fields. NULL: no memory.
 * representation_free() frees it with its body: the data, or the descriptor.
 */
struct representation *representation_new(const struct body *body, const char *type,
					  const char *more, uint64_t tag, int64_t mtime);
void representation_free(struct representation *r);

const char *mime_type(const char *name, size_t len);

#endif
