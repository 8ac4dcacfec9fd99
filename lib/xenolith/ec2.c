/* SPDX-License-Identifier: ISC */
/*
 * The metadata service IMDSv2: a token, requested with PUT, is sent with each GET (AWS,
 * EC2 User Guide, "Use the Instance Metadata Service"). HTTP/1.0 is used, so a response
 * ends with its connection.
 *
 * Application code with sockets. The service is not trusted: lengths and times are
 * limited.
 */
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xenolith/ec2.h>

#define PATIENCE (5 * NSEC_PER_SEC)	/* timeout of a request */
#define TOKEN_LIFE 300			/* s */
#define TOKEN_MOST 256
#define HEAD_MOST 2048

static int ready(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_now();
	int n = now < deadline ? poll(&p, 1, (deadline - now) / NSEC_PER_MSEC + 1) : 0;

	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

static int dial(uint64_t deadline)
{
	struct sockaddr_in service = {
		.sin_family = AF_INET, .sin_port = htons(80),
		.sin_addr.s_addr = htonl(0xa9fea9fe),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return -1;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&service, sizeof(service)) == 0)
		return fd;
	if (errno == EINPROGRESS && ready(fd, POLLOUT, deadline) == 0) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (!error)
			return fd;
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int send_text(int fd, const char *text, uint64_t deadline)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n > 0) {
			text += n;
			left -= n;
		} else if (n == 0 || errno != EAGAIN || ready(fd, POLLOUT, deadline)) {
			return -1;
		}
	}
	return 0;
}

/* Reads until the end of the connection. */
static ssize_t read_response(int fd, char *to, size_t size, uint64_t deadline)
{
	size_t got = 0;

	for (;;) {
		ssize_t n = read(fd, to + got, size - got);

		if (n == 0)
			return got;
		if (n > 0) {
			got += n;
			if (got < size)
				continue;
			errno = EMSGSIZE;
			return -1;
		}
		if (errno != EAGAIN || ready(fd, POLLIN, deadline))
			return -1;
	}
}

/* Returns the value of Content-Length, or -1 if it is absent or invalid. */
static long content_length(const char *head)
{
	for (const char *p = head; (p = strstr(p, "\r\n")); ) {
		p += 2;
		if (strncasecmp(p, "content-length:", 15) == 0)
			return strtol(p + 15, NULL, 10);
	}
	return -1;
}

/* Moves the body of a response, of len bytes and a NUL, to `to`. Returns its length. */
static ssize_t body(char *answer, size_t len, char *to, size_t size)
{
	char *end = strstr(answer, "\r\n\r\n"), *text = end ? end + 4 : NULL;
	int status = 0;
	size_t n;
	long announced;

	errno = EPROTO;
	if (!end || sscanf(answer, "HTTP/1.%*1d %3d", &status) != 1)
		return -1;
	if (status == 404)
		errno = ENOENT;
	if (status != 200)
		return -1;
	*end = '\0';
	n = answer + len - text;
	announced = content_length(answer);
	if (announced >= 0 && (size_t)announced != n)
		return -1;
	if (n >= size) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(to, text, n);
	to[n] = '\0';
	return n;
}

static ssize_t request(const char *method, const char *path, const char *header,
		   const char *value, char *to, size_t size)
{
	uint64_t deadline = clock_now() + PATIENCE;
	size_t most = HEAD_MOST + size;
	char *answer = malloc(most + 1), request[512];
	ssize_t n = -1;
	int fd = -1, error;

	if (!answer)
		return -1;
	if (snprintf(request, sizeof(request),
		     "%s /latest/%s HTTP/1.0\r\nHost: 169.254.169.254\r\n"
		     "X-aws-ec2-metadata-token%s: %s\r\n\r\n",
		     method, path, header, value) >= (int)sizeof(request))
		errno = ENAMETOOLONG;
	else
		fd = dial(deadline);
	if (fd >= 0 && send_text(fd, request, deadline) == 0)
		n = read_response(fd, answer, most, deadline);
	if (n >= 0) {
		answer[n] = '\0';
		n = body(answer, n, to, size);
	}
	error = errno;
	if (fd >= 0)
		close(fd);
	free(answer);
	errno = error;
	return n;
}

/*
 * Returns a token that is still valid; NULL with errno. It is used in a header, so it
 * must not contain line ends.
 */
static const char *token(void)
{
	static char kept[TOKEN_MOST];
	static uint64_t until;
	char life[8];

	if (clock_now() < until)
		return kept;
	until = 0;
	snprintf(life, sizeof(life), "%d", TOKEN_LIFE);
	if (request("PUT", "api/token", "-ttl-seconds", life, kept, sizeof(kept)) < 0)
		return NULL;
	for (char *p = kept; *p; p++)
		if (!isgraph((unsigned char)*p)) {
			errno = EPROTO;
			return NULL;
		}
	until = clock_now() + (TOKEN_LIFE - 30) * NSEC_PER_SEC;
	return kept;
}

ssize_t ec2_metadata(const char *path, char *to, size_t size)
{
	const char *t;

	for (const char *p = path; *p; p++)
		if (!isgraph((unsigned char)*p)) {
			errno = EINVAL;
			return -1;
		}
	t = token();
	return t ? request("GET", path, "", t, to, size) : -1;
}

/* ---- the keys of the instance's role */

#define ROLE "meta-data/iam/security-credentials/"
#define BEFORE_END 300			/* s: new keys are requested this early */
#define ASK_AGAIN 30			/* s, while there are no new keys */

/* Copies the text of a member of a flat JSON object. Such texts of AWS have no escapes. */
static int member(const char *json, const char *name, char *to, size_t size)
{
	char key[32];
	const char *at;
	size_t n;

	snprintf(key, sizeof(key), "\"%s\"", name);
	at = strstr(json, key);
	errno = EPROTO;
	if (!at)
		return -1;
	at += strlen(key);
	at += strspn(at, " \t\r\n:");
	if (*at++ != '"')
		return -1;
	n = strcspn(at, "\"\\");
	if (at[n] != '"' || n >= size)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)at[i]))
			return -1;
	memcpy(to, at, n);
	to[n] = '\0';
	return 0;
}

/* "2026-12-01T05:06:07Z" */
static int64_t utc(const char *text)
{
	struct tm t = { 0 };

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &t.tm_year, &t.tm_mon, &t.tm_mday,
		   &t.tm_hour, &t.tm_min, &t.tm_sec) != 6)
		return -1;
	t.tm_year -= 1900;
	t.tm_mon--;
	return timegm(&t);
}

static int request_credentials(struct ec2_credentials *c)
{
	char path[sizeof(ROLE) + 128], role[128], json[4096], until[32];

	if (ec2_metadata(ROLE, role, sizeof(role)) < 0)
		return -1;
	role[strcspn(role, " \t\r\n")] = '\0';
	snprintf(path, sizeof(path), ROLE "%s", role);
	if (ec2_metadata(path, json, sizeof(json)) < 0)
		return -1;
	if (member(json, "AccessKeyId", c->key, sizeof(c->key)) ||
	    member(json, "SecretAccessKey", c->secret, sizeof(c->secret)) ||
	    member(json, "Token", c->token, sizeof(c->token)) ||
	    member(json, "Expiration", until, sizeof(until)))
		return -1;
	c->expires = utc(until);
	errno = EPROTO;
	return c->expires < 0 ? -1 : 0;
}

int ec2_credentials(struct ec2_credentials *c)
{
	static struct ec2_credentials kept;
	static int64_t ask;		/* when to request new ones */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct ec2_credentials new;
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (time(NULL) >= ask) {
		rc = request_credentials(&new);
		if (!rc) {
			kept = new;
			ask = new.expires - BEFORE_END;
		}
		/* Old keys are good until their end. */
		if (time(NULL) >= ask)
			ask = time(NULL) + ASK_AGAIN;
		if (time(NULL) < kept.expires)
			rc = 0;
		else if (!rc) {
			errno = EPROTO;
			rc = -1;
		}
		if (rc)
			ask = 0;
	}
	*c = kept;
	pthread_mutex_unlock(&lock);
	return rc;
}

/* ---- user data as words */

static void set_lifetime(const char *text)
{
	static const struct {
		const char *name;
		uint64_t s;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	for (size_t i = 0; end != text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0 || n > 1000000)
			continue;
		kernel_enter();
		if (n * units[i].s * NSEC_PER_SEC < param_duration("lifetime", NEVER)) {
			log_info("ec2: lifetime %lu s", n * units[i].s);
			shutdown_lifetime(n * units[i].s * NSEC_PER_SEC);
		}
		kernel_leave();
		return;
	}
	kernel_enter();
	log_warning("ec2: lifetime=%s is not a duration", text);
	kernel_leave();
}

static bool named;

/* Of several names, one per line, only the first is used. */
static void set_name(char *name)
{
	name[strcspn(name, " \t\r\n")] = '\0';
	if (sethostname(name, strlen(name)) == 0)
		named = true;
}

/*
 * The command line takes precedence; of several words here, the last one. lifetime= can
 * only shorten the command line's, which limits a guest whatever its user data says.
 */
static void apply_word(char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(word, "lifetime") == 0) {
		set_lifetime(value);
	} else if (param(word)) {
		kernel_enter();
		log_info("ec2: %s of the user data is ignored: it is on the command line", word);
		kernel_leave();
	} else if (strcmp(word, "hostname") == 0) {
		set_name(value);
	} else if (strncmp(word, "env.", 4) == 0 && word[4]) {
		setenv(word + 4, value, 1);
	}
}

static void apply_user_data(char *data)
{
	char *lines, *words;

	for (char *line = strtok_r(data, "\r\n", &lines); line;
	     line = strtok_r(NULL, "\r\n", &lines)) {
		line[strcspn(line, "#")] = '\0';
		for (char *word = strtok_r(line, " \t", &words); word;
		     word = strtok_r(NULL, " \t", &words))
			apply_word(word);
	}
}

PARAM(ec2, "ec2");

__attribute__((constructor)) static void read_user_data(void)
{
	char *data, text[HOST_NAME_MAX + 1];
	ssize_t n;
	int error;

	if (!param("ec2"))
		return;
	data = malloc(EC2_USER_DATA + 1);
	n = data ? ec2_metadata("user-data", data, EC2_USER_DATA + 1) : -1;
	error = errno;
	if (n > 0)
		apply_user_data(data);
	free(data);
	kernel_enter();
	if (n < 0 && error != ENOENT)
		log_warning("ec2: no user data (error %d)", error);
	kernel_leave();
	if (n < 0 && error != ENOENT)
		return;
	if (!named && !param("hostname") &&
	    ec2_metadata("meta-data/local-hostname", text, sizeof(text)) > 0)
		set_name(text);
	if (ec2_metadata("meta-data/public-keys/", text, sizeof(text)) > 0) {
		kernel_enter();
		log_info("ec2: SSH keys are ignored: the guest has no login");
		kernel_leave();
	}
}
