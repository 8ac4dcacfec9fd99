/* SPDX-License-Identifier: ISC */
/* The interface of the kernel's log. */
#include "control/command.h"
#include "control/control_internal.h"
#include "kernel/clock.h"
#include "kernel/log.h"

#include <errno.h>

static int log_get(struct command *c)
{
	static char text[LOG_RING];	/* one client at a time */
	uint64_t at = 0;
	size_t n = log_read(&at, text, sizeof(text));

	json_chars(c->reply, "text", text, n);
	return 0;
}

static int log_follow(struct command *c)
{
	char text[512];
	uint64_t at = 0;

	if (!c->more)
		return -EDOM;
	for (;;) {
		size_t n = log_read(&at, text, sizeof(text));

		if (n) {
			json_chars(c->reply, "text", text, n);
			if (!command_next(c))
				return 0;
		} else if (!command_wait(c, clock_now() + 100 * NSEC_PER_MSEC)) {
			return 0;
		}
	}
}

static int log_get_level(struct command *c)
{
	json_string(c->reply, "level", log_level_names[log_level]);
	json_open(c->reply, "modules", '{');
	for (unsigned i = 0; i < LOG_MODULES && *log_modules[i].name; i++)
		json_string(c->reply, log_modules[i].name,
			    log_level_names[log_modules[i].level]);
	json_close(c->reply, '}');
	return 0;
}

static int log_set_level(struct command *c)
{
	char word[16], module[32];
	int level = -EINVAL, named = command_string(c, "module", module, sizeof(module));

	if (command_string(c, "level", word, sizeof(word)) == 1)
		level = log_level_of(word);
	if (level < 0)
		return command_wrong(c, "level");
	if (named == 1)
		named = log_set_module(module, level);
	else if (named == 0)
		log_level = level;
	return named == -EINVAL ? command_wrong(c, "module") : named;
}

static const struct method log_methods[] = {
	{ "Get", COMMAND_READS, log_get },
	{ "Follow", COMMAND_READS, log_follow },
	{ "GetLevel", COMMAND_READS, log_get_level },
	{ "SetLevel", COMMAND_WRITES, log_set_level },
	{ NULL, 0, NULL },
};

struct interface log_interface = {
	.name = "org.xenolith.log1",
	.description =
	"# The end of the kernel's log, with lines of all levels; Follow, with `more`, also sends\n"
	"# new lines.  SetLevel sets which lines the console shows (writes); with `module`, only\n"
	"# for lines of that module: the text before the colon.\n"
	"interface org.xenolith.log1\n"
	"type Level (error, warning, info, debug)\n"
	"method Get() -> (text: string)\n"
	"method Follow() -> (text: string)\n"
	"method GetLevel() -> (level: Level, modules: [string]Level)\n"
	"method SetLevel(level: Level, module: ?string) -> ()\n",
	.methods = log_methods,
};
