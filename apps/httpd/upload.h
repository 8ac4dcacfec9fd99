/* SPDX-License-Identifier: ISC */
/*
 * Uploads: PUT stores a request's body as a file of a folder.
 *
 * The body is written to a file without a name, so of an incomplete upload nothing is left,
 * not even after a crash. A complete one is made durable, then gets its name, in place of an
 * earlier file, whose readers keep it; then the name is made durable, and only then the client
 * has its answer.
 */
#ifndef HTTPD_UPLOAD_H
#define HTTPD_UPLOAD_H

#include "apps/httpd/request.h"
#include "apps/httpd/site.h"

struct upload;

/*
 * Sets the folder; limit: bytes of a file. root is the site's: files of a folder in it have the
 * URLs with which they are served, others begin with the folder's name. Returns false after a
 * message on standard error.
 */
bool upload_open(const char *folder, const char *root, uint64_t limit);

/* Whether files can be uploaded to a path. */
bool upload_covers(const char *path, size_t len);

/* Begins an upload for a PUT request. Returns 0, or the HTTP status of an error. */
int upload_begin(struct upload **made, const struct request *r);

/*
 * Takes bytes of the body, as they arrive. Returns 0: more are needed; 201 or 204: the file is
 * stored; or the status of an error. Reads and writes the disk, and may take long.
 */
int upload_take(struct upload *u, const char *data, size_t len);

/* The ETag and Last-Modified of a stored file; NULL: no memory. representation_free(). */
struct representation *upload_validators(const struct upload *u);

/* Bytes of the file so far; the request line, for the log. */
uint64_t upload_size(const struct upload *u);
struct span upload_line(const struct upload *u);

/* Frees it; the file remains only if it was stored. NULL: nothing. */
void upload_free(struct upload *u);

#endif
