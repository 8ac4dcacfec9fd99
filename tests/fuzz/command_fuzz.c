/* SPDX-License-Identifier: ISC */
/*
 * The fuzzer is the client of the endpoint: each message gets exactly one reply
 * of valid JSON.
 */
#include "control/command.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replies;

static bool hear(struct command *c)
{
	replies++;
	if (!json_fits(c->reply) || json_check(c->reply->to, c->reply->len, 32))
		abort();
	return true;
}

static bool no_wait(struct command *c, uint64_t deadline)
{
	(void)c, (void)deadline;
	return false;
}

static int look(struct command *c)
{
	struct json_value v;
	char text[20];
	int64_t n = 0;

	if (command_integer(c, "n", -5, 1000, &n) < 0)
		return -1;
	if (command_string(c, "s", text, sizeof(text)) == 1)
		json_string(c->reply, "s", text);
	if (json_member(c->parameters, "o", &v))
		json_bool(c->reply, "o", json_kind(v) == '{');
	json_number(c->reply, "n", n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct method methods[] = { { "L", COMMAND_READS, look }, { NULL, 0, NULL } };
	static struct interface i = { .name = "a.b", .description = "d", .methods = methods };
	static char buf[2000];
	static bool added;
	struct json reply = { .to = buf, .size = sizeof(buf) };
	struct command c = { .reply = &reply, .send = hear, .wait = no_wait };
	char *copy = malloc(size ? size : 1);	/* so that ASan sees its end */

	if (!added)
		command_add(&i);
	added = true;
	replies = 0;
	memcpy(copy, data, size);
	command_answer(&c, copy, size);
	free(copy);
	if (replies != 1)
		abort();
	return 0;
}
