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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
