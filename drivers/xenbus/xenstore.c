/* SPDX-License-Identifier: ISC */
/* The requests to xenstored (docs/misc/xenstore.txt). */
#include "drivers/xenbus/xenstore.h"
#include "drivers/xenbus/xs_link.h"
#include "kernel/clock.h"
#include "kernel/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No directory is that large: a longer one is a protocol error. */
#define LIST_MAX (1024 * 1024)

#define PIECE(s) ((struct xs_piece){ (s), strlen(s) + 1 })	/* a string and its NUL */

static unsigned transactions, ended;	/* in use or requested; ended */
static struct waitq transaction_ended;

static uint64_t deadline(const struct xs_tx *tx)
{
	return tx && tx->deadline ? tx->deadline : NEVER;
}

/* Sends a request about a path; `more` follows the path in the request. */
static ssize_t request(const struct xs_tx *tx, uint32_t type, const char *path,
		   const struct xs_piece *more, char **reply)
{
	struct xs_piece pieces[2] = { PIECE(path) };

	if (more)
		pieces[1] = *more;
	return xs_link_call(type, tx ? tx->id : 0, deadline(tx), pieces, more ? 2 : 1,
			    reply);
}

static int zero_or_error(ssize_t rc)
{
	return rc < 0 ? rc : 0;
}

ssize_t xs_read(const struct xs_tx *tx, const char *path, char **value)
{
	return request(tx, XS_READ, path, NULL, value);
}

/* Parses a decimal number. */
static int parse(const char *s, size_t len, uint64_t *number)
{
	uint64_t n = 0;

	if (len == 0)
		return -EPROTO;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)s[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return -EPROTO;
		n = n * 10 + digit;
	}
	*number = n;
	return 0;
}

int xs_read_number(const struct xs_tx *tx, const char *path, uint64_t min, uint64_t max,
		   uint64_t *number)
{
	char *value;
	ssize_t len = xs_read(tx, path, &value);
	uint64_t n;
	int rc;

	if (len < 0)
		return len;
	rc = parse(value, len, &n);
	free(value);
	if (rc)
		return rc;
	if (n < min || n > max)
		return -EPROTO;
	*number = n;
	return 0;
}

int xs_write_bytes(const struct xs_tx *tx, const char *path, const void *value,
		   size_t len)
{
	struct xs_piece piece = { value, len };

	return zero_or_error(request(tx, XS_WRITE, path, &piece, NULL));
}

int xs_write(const struct xs_tx *tx, const char *path, const char *value)
{
	return xs_write_bytes(tx, path, value, strlen(value));
}

int xs_printf(const struct xs_tx *tx, const char *path, const char *fmt, ...)
{
	char value[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vformat(value, sizeof(value), fmt, args);
	va_end(args);
	if ((size_t)len >= sizeof(value))
		return -E2BIG;
	return xs_write_bytes(tx, path, value, len);
}

int xs_mkdir(const struct xs_tx *tx, const char *path)
{
	return zero_or_error(request(tx, XS_MKDIR, path, NULL, NULL));
}

int xs_rm(const struct xs_tx *tx, const char *path)
{
	return zero_or_error(request(tx, XS_RM, path, NULL, NULL));
}

/*
 * Converts strings, each with its NUL, of len bytes together, to an array in one block of
 * memory.
 */
static int split(const char *strings, size_t len, char ***names)
{
	size_t n = 0;
	char *text;

	if (len && strings[len - 1] != '\0') {
		xs_link_unexpected("a list without a final NUL");
		return -EPROTO;
	}
	for (size_t i = 0; i < len; i++)
		n += strings[i] == '\0';
	*names = malloc(n * sizeof(char *) + len + 1);
	if (!*names)
		return -ENOMEM;
	text = (char *)(*names + n);
	memcpy(text, strings, len);
	for (size_t i = 0; i < n; i++, text += strlen(text) + 1)
		(*names)[i] = text;
	return n;
}

/* A directory that is read in several messages. */
struct parts {
	char *names;
	size_t len;
	char generation[24];		/* of the directory; "": unknown */
};

/*
 * Reads the names from p->len on.  Returns 1 if these were the last, 0 if there are more,
 * and -EAGAIN if the directory has changed.
 *
 * The reply is the generation, then names; an empty name follows the last one of the
 * directory (send_directory_part() in xenstored's core.c).
 */
static int next_part(const struct xs_tx *tx, const char *path, struct parts *p)
{
	char offset[24], *reply, *bigger;
	size_t skip, got;
	ssize_t len;
	int rc = -EPROTO;

	format(offset, sizeof(offset), "%zu", p->len);
	len = request(tx, XS_DIRECTORY_PART, path, &PIECE(offset), &reply);
	if (len < 0)
		return len;
	skip = strlen(reply) + 1;
	if (skip > sizeof(p->generation) || skip >= (size_t)len || reply[len - 1] != '\0')
		goto out;
	if (!p->generation[0])
		memcpy(p->generation, reply, skip);
	rc = -EAGAIN;
	if (strcmp(p->generation, reply) != 0)
		goto out;
	got = len - skip;
	rc = got == 1 || reply[len - 2] == '\0';
	if (rc)
		got--;		/* the empty one */
	if (p->len + got > LIST_MAX) {
		rc = -E2BIG;
		goto out;
	}
	bigger = realloc(p->names, p->len + got + 1);
	if (!bigger) {
		rc = -ENOMEM;
		goto out;
	}
	p->names = bigger;
	memcpy(p->names + p->len, reply + skip, got);
	p->len += got;
out:
	free(reply);
	return rc;
}

/* Reads a directory in parts; starts again if it changed in between. */
static int list_parts(const struct xs_tx *tx, const char *path, char ***names)
{
	struct parts p = { 0 };
	int rc;

	do {
		p.len = 0;
		p.generation[0] = '\0';
		while ((rc = next_part(tx, path, &p)) == 0)
			;
	} while (rc == -EAGAIN);
	if (rc > 0)
		rc = split(p.names, p.len, names);
	/* Not supported before Xen 4.9. */
	else if (rc == -ENOSYS || rc == -EINVAL)
		rc = -E2BIG;
	free(p.names);
	return rc;
}

int xs_list(const struct xs_tx *tx, const char *path, char ***names)
{
	char *reply;
	ssize_t len = request(tx, XS_DIRECTORY, path, NULL, &reply);
	int rc;

	if (len == -E2BIG)
		return list_parts(tx, path, names);
	if (len < 0)
		return len;
	rc = split(reply, len, names);
	free(reply);
	return rc;
}

int xs_get_perms(const struct xs_tx *tx, const char *path, struct xs_perm **perms)
{
	char *reply, **strings;
	ssize_t len = request(tx, XS_GET_PERMS, path, NULL, &reply);
	int n, rc;

	if (len < 0)
		return len;
	n = rc = split(reply, len, &strings);
	free(reply);
	if (n < 0)
		return n;
	*perms = calloc(n + 1, sizeof(**perms));
	if (!*perms)
		rc = -ENOMEM;
	for (int i = 0; rc > 0 && i < n; i++) {
		char access = strings[i][0];
		uint64_t domid;

		if (!access || !strchr("nrwb", access) ||
		    parse(strings[i] + 1, strlen(strings[i] + 1), &domid) ||
		    domid > UINT16_MAX)
			rc = -EPROTO;
		else
			(*perms)[i] = (struct xs_perm){ domid, access };
	}
	free(strings);
	if (rc < 0) {
		free(*perms);
		*perms = NULL;
	}
	return rc;
}

int xs_set_perms(const struct xs_tx *tx, const char *path, const struct xs_perm *perms,
		 unsigned n)
{
	char text[256], *end = text;
	struct xs_piece piece = { text, 0 };

	for (unsigned i = 0; i < n; i++) {
		if (end + sizeof("r65535") > text + sizeof(text))
			return -E2BIG;
		end += format(end, text + sizeof(text) - end, "%c%u", perms[i].access,
			      perms[i].domid) + 1;
	}
	piece.len = end - text;
	return zero_or_error(request(tx, XS_SET_PERMS, path, &piece, NULL));
}

static void transaction_over(void)
{
	transactions--;
	wake(&xs_link_changed);
	ended++;
	wake(&transaction_ended);
}

/*
 * xenstored's limit of transactions (default: 10) is reached while others of this guest
 * are open: waits until one of those ends, which may have happened while the reply was
 * under way.
 */
int xs_begin(struct xs_tx *tx)
{
	for (;;) {
		unsigned seen = ended;
		int rc;

		xs_link_hold_on(deadline(tx));
		transactions++;
		rc = xs_link_begin(deadline(tx), &tx->id, &tx->end);
		if (rc == 0)
			return 0;
		if (rc != -ENOSPC || (transactions == 1 && ended == seen)) {
			transaction_over();
			return rc;
		}
		transactions--;
		wake(&xs_link_changed);
		if (!wait_until_deadline(&transaction_ended, deadline(tx), ended != seen))
			return -ETIMEDOUT;
	}
}

int xs_end(struct xs_tx *tx, bool commit)
{
	ssize_t rc = 0;

	if (commit)
		rc = xs_link_call(XS_TRANSACTION_END, tx->id, deadline(tx), &PIECE("T"),
				  1, NULL);
	/*
	 * If the request was not sent, or may not have been.  It does no harm if it was.
	 */
	if (!commit || rc == -ETIMEDOUT || rc == -ENOMEM)
		xs_link_post(tx->end, XS_TRANSACTION_END, tx->id);
	else
		free(tx->end);
	tx->id = 0;
	transaction_over();
	return zero_or_error(rc);
}

int xs_transaction(uint64_t deadline, int (*body)(const struct xs_tx *tx, void *arg),
		   void *arg)
{
	struct xs_tx tx = { .deadline = deadline };
	int rc, rc_end;

	do {
		rc = xs_begin(&tx);
		if (rc)
			return rc;
		rc = body(&tx, arg);
		rc_end = xs_end(&tx, rc >= 0);
		if (rc >= 0 && rc_end < 0)
			rc = rc_end;
	} while (rc == -EAGAIN);
	return rc;
}

static int domid = -1;

int xs_domid(void)
{
	uint64_t n;
	int rc;

	if (domid < 0) {
		rc = xs_read_number(NULL, "domid", 0, DOMID_FIRST_RESERVED - 1, &n);
		if (rc)
			return rc;
		domid = n;
	}
	return domid;
}

int xs_hold(uint64_t deadline)
{
	int rc = xs_watch_prepare();

	xs_link_held = true;
	if (!rc && !wait_until_deadline(&xs_link_changed, deadline, !transactions && xs_link_quiet()))
		rc = -ETIMEDOUT;
	return rc;
}

void xs_release(bool restored)
{
	if (restored) {
		domid = -1;
		xs_link_restored();
	}
	xs_link_held = false;
	xs_watch_restored(restored);
	wake(&xs_link_changed);
}

void xs_last_words(const char *path, const char *value, uint64_t ns)
{
	struct xs_piece pieces[] = { PIECE(path), { value, strlen(value) } };

	xs_link_last_words(pieces, 2, ns);
}

/*
 * An earlier user of the ring (a boot loader, a crashed kernel) may have left watches and
 * transactions.  Old versions of xenstored crash at the request: hence the key is
 * checked.
 */
static int init(void)
{
	const char *key = "control/platform-feature-xs_reset_watches";
	struct xs_tx soon = { .deadline = clock_now() + 10 * NSEC_PER_SEC };
	uint64_t offered = 0;
	int rc = xs_link_run();

	if (rc)
		return rc;
	rc = xs_read_number(&soon, key, 0, 1, &offered);
	if (rc == 0 && offered)
		rc = xs_link_call(XS_RESET_WATCHES, 0, soon.deadline, &PIECE(""), 1,
				  NULL);
	if (rc == -ETIMEDOUT)
		log_error("xenstore: xenstored does not reply; continuing without xenstore");
	return rc == -EIO || rc == -ETIMEDOUT ? rc : 0;
}

int xs_open(void)
{
	return xs_link_open();
}

int xs_init(void)
{
	static bool begun, done;
	static struct waitq waiters;
	static int result;

	if (!begun) {
		begun = true;
		xs_link_admit(current);
		result = init();
		xs_link_admit(NULL);
		done = true;
		wake(&waiters);
	}
	wait_until(&waiters, done);
	return result;
}
