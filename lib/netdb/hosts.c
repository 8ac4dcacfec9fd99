/* SPDX-License-Identifier: ISC */
/*
 * /etc/hosts (hosts(5)) and /etc/resolv.conf (resolv.conf(5)) of the image. They are read
 * at each lookup, since a program may mount its own file system there.
 */
#include "kernel/param.h"
#include "lib/netdb/resolve.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BLANKS " \t\r\n"

struct lines {
	int fd;
	size_t at, len;
	char bytes[1024];
};

static int next_byte(struct lines *l)
{
	if (l->at == l->len) {
		ssize_t n = read(l->fd, l->bytes, sizeof(l->bytes));

		if (n <= 0)
			return -1;
		l->len = n;
		l->at = 0;
	}
	return (unsigned char)l->bytes[l->at++];
}

/* Reads the next line without its comment, cut to size. Returns false at the end. */
static bool next_line(struct lines *l, char *line, size_t size, const char *comment)
{
	size_t n = 0;
	bool skip = false;
	int c = next_byte(l);

	if (c < 0)
		return false;
	for (; c >= 0 && c != '\n'; c = next_byte(l)) {
		skip |= c && strchr(comment, c);
		if (!skip && c && n + 1 < size)
			line[n++] = c;
	}
	line[n] = '\0';
	return true;
}

bool address_parse(const char *text, struct address *a)
{
	char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], *zone;

	*a = (struct address){ .family = AF_INET };
	if (inet_pton(AF_INET, text, &a->v4) == 1)
		return true;
	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	zone = strchr(copy, '%');
	if (zone)
		*zone++ = '\0';
	a->family = AF_INET6;
	if (inet_pton(AF_INET6, copy, &a->v6) != 1)
		return false;
	if (zone)
		a->scope = if_nametoindex(zone) ?: strtoul(zone, NULL, 10);
	return true;
}

/* ---- /etc/hosts */

/* Compares without a dot at the end. */
static bool is_named(const char *given, const char *name)
{
	size_t len = strlen(name);

	len -= len && name[len - 1] == '.';
	return !strncasecmp(given, name, len) && !given[len];
}

/*
 * Parses a line: the address, the first name, and the state of strtok_r() for further
 * names (which may be NULL).
 */
static bool parse_line(char *line, struct address *a, char **first, char **rest)
{
	char *address = strtok_r(line, BLANKS, rest);

	if (!address || !address_parse(address, a))
		return false;
	*first = strtok_r(NULL, BLANKS, rest);
	return *first && strlen(*first) < DNSMSG_NAME_MAX;
}

static bool line_has(const char *name, char *first, char *rest)
{
	for (char *word = first; word; word = strtok_r(NULL, BLANKS, &rest))
		if (is_named(word, name))
			return true;
	return false;
}

bool hosts_lookup(const char *name, bool want4, bool want6, struct addresses *f)
{
	struct lines l = { .fd = open("/etc/hosts", O_RDONLY) };
	char line[1024], *first, *rest;
	struct address a;
	bool fine = true;

	if (l.fd < 0)
		return true;
	while (fine && next_line(&l, line, sizeof(line), "#")) {
		if (!parse_line(line, &a, &first, &rest) || !(a.family == AF_INET ? want4 : want6) ||
		    !line_has(name, first, rest))
			continue;
		if (!f->count)
			strcpy(f->name, first);
		fine = addresses_add(f, &a);
	}
	close(l.fd);
	return fine;
}

static bool same(const struct address *a, const struct address *b)
{
	return a->family == b->family && (a->family == AF_INET ?
		a->v4.s_addr == b->v4.s_addr : IN6_ARE_ADDR_EQUAL(&a->v6, &b->v6));
}

bool hosts_name(const struct address *a, char name[DNSMSG_NAME_MAX])
{
	struct lines l = { .fd = open("/etc/hosts", O_RDONLY) };
	char line[1024], *first, *rest;
	struct address of_line;
	bool found = false;

	if (l.fd < 0)
		return false;
	while (!found && next_line(&l, line, sizeof(line), "#")) {
		found = parse_line(line, &of_line, &first, &rest) && same(a, &of_line);
		if (found)
			strcpy(name, first);
	}
	close(l.fd);
	return found;
}

/* ---- /etc/resolv.conf */

static void set_search(struct conf *c, char *text, const char *between)
{
	char *rest, *word = strtok_r(text, between, &rest);

	for (c->searches = 0; word && c->searches < CONF_SEARCH;
	     word = strtok_r(NULL, between, &rest)) {
		size_t len = strlen(word);

		len -= len && word[len - 1] == '.';
		if (!len || len >= DNSMSG_NAME_MAX)
			continue;
		memcpy(c->search[c->searches], word, len);
		c->search[c->searches++][len] = '\0';
	}
}

static void set_number(const char *word, const char *key, unsigned most, unsigned *to)
{
	unsigned long n;

	if (strncmp(word, key, strlen(key)))
		return;
	n = strtoul(word + strlen(key), NULL, 10);
	*to = n > most ? most : n;
}

static void set_options(struct conf *c, char *text)
{
	char *rest, *word = strtok_r(text, BLANKS, &rest);

	for (; word; word = strtok_r(NULL, BLANKS, &rest)) {
		set_number(word, "ndots:", 15, &c->ndots);
		set_number(word, "timeout:", 30, &c->timeout);
		set_number(word, "attempts:", 5, &c->attempts);
	}
	c->timeout += !c->timeout;
	c->attempts += !c->attempts;
}

static void read_conf_line(struct conf *c, char *line)
{
	char *rest, *key = strtok_r(line, BLANKS, &rest);

	if (!key)
		return;
	if (!strcmp(key, "nameserver") && c->count < CONF_SERVERS) {
		char *word = strtok_r(NULL, BLANKS, &rest);

		c->count += word && address_parse(word, &c->servers[c->count]);
	} else if (!strcmp(key, "search") || !strcmp(key, "domain")) {
		set_search(c, rest, BLANKS);
	} else if (!strcmp(key, "options")) {
		set_options(c, rest);
	}
}

PARAM(search, "search=DOMAIN[,DOMAIN]...");

void conf_read(struct conf *c)
{
	struct lines l = { .fd = open("/etc/resolv.conf", O_RDONLY) };
	const char *search = param("search");
	char line[1024];

	*c = (struct conf){ .ndots = 1, .timeout = 2, .attempts = 3 };
	while (l.fd >= 0 && next_line(&l, line, sizeof(line), "#;"))
		read_conf_line(c, line);
	if (l.fd >= 0)
		close(l.fd);
	if (search) {
		strncpy(line, search, sizeof(line) - 1);
		line[sizeof(line) - 1] = '\0';
		set_search(c, line, ",");
	}
}
