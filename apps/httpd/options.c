/* SPDX-License-Identifier: ISC */
#include "apps/httpd/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { TEXT, NUMBER, SIZE, DURATION, SWITCH };

static const struct option {
	const char *name;
	enum kind kind;
	size_t at;
	uint64_t least, most;
} known[] = {
	{ "root", TEXT, offsetof(struct options, root), 0, 0 },
	{ "index", SWITCH, offsetof(struct options, index), 0, 0 },
	{ "upload", TEXT, offsetof(struct options, upload), 0, 0 },
	{ "upload-limit", SIZE, offsetof(struct options, upload_limit), 0, INT64_MAX },
	{ "uploads", NUMBER, offsetof(struct options, uploads), 1, 10000 },
	{ "uploads-per-address", NUMBER, offsetof(struct options, uploads_per_address), 1, 10000 },
	{ "port", NUMBER, offsetof(struct options, port), 0, 65535 },
	{ "tls", NUMBER, offsetof(struct options, tls), 1, 65535 },
	{ "cert", TEXT, offsetof(struct options, cert), 0, 0 },
	{ "key", TEXT, offsetof(struct options, key), 0, 0 },
	{ "redirect", SWITCH, offsetof(struct options, redirect), 0, 0 },
	{ "hsts", DURATION, offsetof(struct options, hsts), 0, (uint64_t)10 * 365 * 86400000 },
	{ "connections", NUMBER, offsetof(struct options, connections), 1, 1000000 },
	{ "connections-per-address", NUMBER, offsetof(struct options, per_address), 1, 1000000 },
	{ "keep", SIZE, offsetof(struct options, keep), 0, UINT64_MAX },
	{ "idle-timeout", DURATION, offsetof(struct options, idle), 1, 86400000 },
	{ "header-timeout", DURATION, offsetof(struct options, header), 1, 86400000 },
	{ "send-timeout", DURATION, offsetof(struct options, send), 1, 86400000 },
	{ "log", SWITCH, offsetof(struct options, log), 0, 0 },
	{ "status", SWITCH, offsetof(struct options, status), 0, 0 },
	{ "metrics", SWITCH, offsetof(struct options, metrics), 0, 0 },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* Parses digits and a unit, in units of `kind`. */
static bool quantity(const char *text, enum kind kind, uint64_t *to)
{
	static const struct unit {
		const char *name;
		enum kind kind;
		uint64_t factor;
	} units[] = {
		{ "", NUMBER, 1 }, { "", SIZE, 1 }, { "", DURATION, 1000 },
		{ "K", SIZE, 1 << 10 }, { "M", SIZE, 1 << 20 }, { "G", SIZE, 1 << 30 },
		{ "ms", DURATION, 1 }, { "s", DURATION, 1000 }, { "m", DURATION, 60000 },
		{ "h", DURATION, 3600000 },
	};
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].kind == kind && strcmp(units[i].name, end) == 0)
			return !__builtin_mul_overflow(n, units[i].factor, to);
	return false;
}

static bool set(struct options *o, const struct option *k, const char *value)
{
	char *field = (char *)o + k->at;
	bool on = !strcmp(value, "on") || !strcmp(value, "1");

	switch (k->kind) {
	case TEXT:
		*(const char **)field = value;
		return *value;
	case SWITCH:
		*(bool *)field = on;
		return on || !strcmp(value, "off") || !strcmp(value, "0");
	default:
		return quantity(value, k->kind, (uint64_t *)field) &&
		       *(uint64_t *)field >= k->least && *(uint64_t *)field <= k->most;
	}
}

static bool argument(struct options *o, const char *text)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; text[n] && i < KNOWN; i++)
		if (strlen(known[i].name) == n && memcmp(known[i].name, text, n) == 0) {
			if (set(o, &known[i], text + n + 1))
				return true;
			fprintf(stderr, "httpd: %s: invalid value\n", text);
			return false;
		}
	fprintf(stderr, "httpd: %s: unknown option; the options are:", text);
	for (size_t i = 0; i < KNOWN; i++)
		fprintf(stderr, " %s=", known[i].name);
	fprintf(stderr, "\n");
	return false;
}

static uint64_t quarter_of_memory(void)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages / 4 * size : 1 << 20;
}

bool options_read(struct options *o, int argc, char **argv)
{
	*o = (struct options){
		.root = "/", .port = 80, .connections = 4096, .keep = quarter_of_memory(),
		.upload_limit = 1 << 30, .uploads = 16, .idle = 60000, .header = 10000, .send = 30000, .log = true,
	};
	for (size_t i = 0; i < KNOWN; i++) {
		const char *value = getenv(known[i].name);

		if (value && !set(o, &known[i], value)) {
			fprintf(stderr, "httpd: %s=%s: invalid value\n", known[i].name, value);
			return false;
		}
	}
	for (int i = 1; i < argc; i++)
		if (!argument(o, argv[i]))
			return false;
	if (!o->tls && (o->cert || o->key || o->redirect || o->hsts || !o->port)) {
		fprintf(stderr, "httpd: %s: invalid value without tls=PORT\n", o->cert ? "cert=" : o->key ? "key=" :
			o->redirect ? "redirect=on" : o->hsts ? "hsts=" : "port=0");
		return false;
	}
	if (o->tls && !o->cert) {
		fprintf(stderr, "httpd: tls= needs cert=FILE, and key=FILE if the key is not in it\n");
		return false;
	}
	if (!o->per_address)
		o->per_address = (o->connections + 1) / 2;
	if (!o->uploads_per_address)
		o->uploads_per_address = (o->uploads + 1) / 2;
	return true;
}
