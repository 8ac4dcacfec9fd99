/* SPDX-License-Identifier: ISC */
/*
 * Compares the command line with the options of the image, before main.  A word that no
 * code reads is an error.
 */
#include "kernel/log.h"
#include "kernel/param.h"

#include <stddef.h>
#include <string.h>

/* The options of all linked files; weak, since a host test may have none. */
extern const struct param_option __start_params[] __attribute__((weak));
extern const struct param_option __stop_params[] __attribute__((weak));

/* Words that hosts and boot loaders add for Linux; they have no effect. */
static const char *const of_hosts[] = {
	"BOOT_IMAGE", "earlyprintk", "panic", "quiet", "ro", "root", "rw", "splash", "xencons",
};

/* Options of code that an image may lack. */
static const struct {
	const char *name, *code;
} elsewhere[] = {
	{ "ip", "network" }, { "ip6", "network" }, { "search", "network" },
	{ "drain", "network" }, { "hostname", "network" },
	{ "gdb", "debug server (GDB=1)" }, { "ec2", "EC2 support" },
	{ "seed", "random numbers" }, { "mount", "file system" },
};

static char why[200];
static bool listing;

/* Returns the text after vifN., or the whole text without this prefix. */
static const char *behind_vif(const char *text)
{
	const char *p = text + 3;

	if (strncmp(text, "vif", 3) || *p < '0' || *p > '9')
		return text;
	while (*p >= '0' && *p <= '9')
		p++;
	return *p == '.' ? p + 1 : text;
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* The text behind the name in the usage, if the key is that name; or NULL. */
static const char *values(const struct param_option *o, const char *key)
{
	const char *usage = o->usage;
	size_t n;

	if (!strncmp(usage, "[vifN.]", 7)) {
		usage += 7;
		key = behind_vif(key);
	}
	n = strcspn(usage, "=[");
	if (n && is_capital(usage[n - 1])) {
		size_t prefix = strcspn(usage, ".") + 1;

		return !strncmp(key, usage, prefix) && key[prefix] ? usage + n : NULL;
	}
	return strlen(key) == n && !strncmp(key, usage, n) ? usage + n : NULL;
}

/* Whether the value is one of VALUES; *hint becomes a sentence about units, if there are any. */
static bool fits(const char *usage, const char *value, const char **hint)
{
	uint64_t n;

	usage += strcspn(usage, "=") + 1;
	for (size_t len; *usage && *usage != ']'; usage += len + (usage[len] == '|')) {
		len = strcspn(usage, "|]");
		if (!strncmp(usage, "DURATION", len)) {
			*hint = "; a duration is a number with ms, s, m or h";
			if (param_parse_duration(value, &n))
				return true;
		} else if (!strncmp(usage, "SIZE", len)) {
			*hint = "; a size is a number with K, M or G";
			if (param_parse_size(value, &n))
				return true;
		} else if (is_capital(*usage) ||
			   (strlen(value) == len && !strncmp(value, usage, len))) {
			return true;
		}
	}
	return false;
}

static void judge(const struct param_option *o, const char *usage, const char *key,
		  const char *value)
{
	const char *sentence = NULL, *hint = "";
	bool valid;

	if (!value)
		valid = *usage != '=';
	else if (!*usage)
		valid = false;
	else if (o->wrong)
		valid = !(sentence = o->wrong(value));
	else
		valid = fits(usage, value, &hint);
	if (valid)
		return;
	if (sentence)
		format(why, sizeof(why), "%s=%s: %s", key, value, sentence);
	else
		format(why, sizeof(why), "%s%s%s: the option is %s%s", key, value ? "=" : "",
		       value ? value : "", o->usage, hint);
}

static bool tolerated(const char *key)
{
	for (size_t i = 0; i < sizeof(of_hosts) / sizeof(of_hosts[0]); i++)
		if (!strcmp(key, of_hosts[i]))
			return true;
	key = behind_vif(key);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (!strcmp(key, elsewhere[i].name)) {
			log_warning("%s= has no effect: this image has no %s", key,
				    elsewhere[i].code);
			return true;
		}
	return false;
}

static void check(const char *key, const char *value)
{
	if (*why)
		return;
	for (const struct param_option *o = __start_params; o < __stop_params; o++) {
		const char *usage = values(o, key);

		if (usage) {
			judge(o, usage, key, value);
			return;
		}
	}
	if (tolerated(key))
		return;
	format(why, sizeof(why), "unknown option %s", key);
	listing = true;
}

const char *param_check(void)
{
	*why = '\0';
	listing = false;
	param_each("", check);
	if (listing) {
		log_error("the options of this image are:");
		for (const struct param_option *o = __start_params; o < __stop_params; o++)
			log_error("    %s", o->usage);
	}
	return *why ? why : NULL;
}
