/* SPDX-License-Identifier: ISC */
/* The interface of the command line's settings. */
#include "control/command.h"
#include "control/control_internal.h"
#include "kernel/log.h"
#include "kernel/param.h"

#include <errno.h>

static void put_value(struct json *j, const char *key)
{
	const char *value = param(key), *initial = param_initial(key);

	if (value)
		json_string(j, "value", value);
	else if (initial)
		json_string(j, "default", initial);
}

static int config_get(struct command *c)
{
	char key[64];

	if (command_string(c, "key", key, sizeof(key)) != 1)
		return command_wrong(c, "key");
	put_value(c->reply, key);
	return 0;
}

static int config_set(struct command *c)
{
	char key[64], value[SETTING_MAX];
	int rc;

	if (command_string(c, "key", key, sizeof(key)) != 1)
		return command_wrong(c, "key");
	if (command_string(c, "value", value, sizeof(value)) != 1)
		return command_wrong(c, "value");
	rc = param_set(key, value);
	if (rc == 0)
		log_info("control: the operator sets %s=%s", key, value);
	return rc == -ENOENT ? command_wrong(c, "key") :
	       rc == -EINVAL ? command_wrong(c, "value") : rc;
}

static void put_setting(const struct setting *s, void *arg)
{
	struct json *j = arg;

	json_open(j, NULL, '{');
	json_string(j, "key", s->key);
	put_value(j, s->key);
	json_close(j, '}');
}

static int config_list(struct command *c)
{
	json_open(c->reply, "settings", '[');
	param_settings(put_setting, c->reply);
	json_close(c->reply, ']');
	return 0;
}

static const struct method config_methods[] = {
	{ "Get", COMMAND_READS, config_get },
	{ "List", COMMAND_READS, config_list },
	{ "Set", COMMAND_DANGEROUS, config_set },
	{ NULL, 0, NULL },
};

struct interface config_interface = {
	.name = "org.xenolith.config1",
	.description =
	"# The value of a key of the kernel command line, if it has one, and its default; and the\n"
	"# keys that can be set while the guest runs (Set is dangerous: a lifetime may have passed).\n"
	"interface org.xenolith.config1\n"
	"type Setting (key: string, value: ?string, default: ?string)\n"
	"method Get(key: string) -> (value: ?string, default: ?string)\n"
	"method List() -> (settings: []Setting)\n"
	"method Set(key: string, value: string) -> ()\n",
	.methods = config_methods,
};
