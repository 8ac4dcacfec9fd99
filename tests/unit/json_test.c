/* SPDX-License-Identifier: ISC */
/* control/json.c, and control/command.c, which is a table behind it. */
#include "control/command.h"
#include "kernel/param.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check(const char *text)
{
	return json_check(text, strlen(text), 16);
}

static void json_is_told_from_what_is_none(void)
{
	static const char *const good[] = {
		"{}", "[]", " [ ] ", "\"\"", "0", "-1", "1.5e+3", "true", "false", "null",
		"{\"a\":1}", "{\"a\":{\"b\":[1,2,{}]},\"c\":null}", "[1 , \"x\"\t,\r\n[]]",
		"\"\\u00e4\\ud83d\\ude00\\n\\\\\\\"\"", "\"\xc3\xa4\xf0\x9f\x98\x80\"",
		"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "1E9", "-0",
	};
	static const char *const bad[] = {
		"", " ", "{", "}", "[", "]", "{\"a\"}", "{\"a\"11}", "{\"a\":}",
		"{\"a\":1,}", "[1,]", "[,1]", "[1 2]", "{1:2}", "{\"a\":1 \"b\":2}", "{\"a\" 1}", "tru", "truex", "nul", "01",
		"1.", ".5", "1e", "+1", "-", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud83d\"",
		"\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"a\nb\"", "\"\xff\"", "\"\xc0\x80\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "{} {}", "{}x",
		"[}", "{]", "[1}", "{\"a\":1]", "'a'", "\"\\", "\"\\u", "[\"a\",", "{\"a\":1,",
	};

	for (size_t i = 0; i < HOST_COUNT(good); i++)
		if (check(good[i]))
			host_fail("JSON: %s", good[i]);
	for (size_t i = 0; i < HOST_COUNT(bad); i++)
		if (check(bad[i]) != -EINVAL)
			host_fail("no JSON: %s", bad[i]);
	assert(check("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]") == -E2BIG);
	assert(json_check("{}\0", 3, 16) == -EINVAL);
	assert(json_check("[[]]", 4, 1) == -E2BIG);
}

static struct json_value of(const char *text)
{
	assert(check(text) == 0);
	return (struct json_value){ text, strlen(text) };
}

static void members_are_found(void)
{
	struct json_value all = of(" { \"a\" : 12 ,\"b\":[1,{\"c\":3}],\"\\u0063\":\"x\\u00e4\","
				   "\"a\":13, \"d\":{\"e\":-5}, \"big\":9223372036854775808 } ");
	struct json_value v, e;
	char text[8];
	int64_t n;

	assert(json_member(all, "a", &v) && !json_get_integer(v, &n) && n == 12);
	assert(json_member(all, "b", &v) && json_kind(v) == '[' && !json_member(v, "c", &e));
	assert(json_member(all, "c", &v) && json_get_string(v, text, sizeof(text)) == 3);
	assert(!strcmp(text, "x\xc3\xa4"));
	assert(json_get_string(v, text, 4) == 3 && json_get_string(v, text, 3) == -E2BIG);
	assert(json_member(all, "d", &v) && json_member(v, "e", &e));
	assert(!json_get_integer(e, &n) && n == -5);
	assert(json_member(all, "big", &v) && json_get_integer(v, &n) == -EINVAL);
	assert(!json_member(all, "e", &v) && !json_member(of("{}"), "e", &v));
	assert(json_member(of("{ \"a\" :\t{ \"b\": 1 } \n}"), "a", &v));
	assert(v.len == 10 && !memcmp(v.at, "{ \"b\": 1 }", 10));
	assert(json_get_integer(of("1.5"), &n) == -EINVAL);
	assert(!json_get_integer(of("-9223372036854775808"), &n) && n == INT64_MIN);
	assert(json_get_string(of("\"a\\u0000b\""), text, sizeof(text)) == -EINVAL);
	assert(json_get_string(of("7"), text, sizeof(text)) == -EINVAL);
}

/* Output is always valid JSON, and reading it returns the values that were written. */
static void what_is_written_can_be_read(void)
{
	char buf[4096], in[40], out[200];
	struct json j = { .to = buf, .size = sizeof(buf) };
	struct json_value v;
	size_t len = host_below(sizeof(in));

	for (size_t i = 0; i < len; i++)
		in[i] = 1 + host_below(host_chance(2) ? 127 : 255);
	in[len] = '\0';
	json_open(&j, NULL, '{');
	json_string(&j, "s", in);
	json_open(&j, "list", '[');
	json_number(&j, NULL, INT64_MIN);
	json_bool(&j, NULL, true);
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_string(&j, "e", "");
	assert(json_utf8("", 0) && json_utf8("a\xc3\xa4", 3) && !json_utf8("a\xc3\xa4", 2));
	assert(!json_utf8("a\xff", 2) && !json_utf8("\xc3z", 2));
	json_close(&j, '}');
	assert(json_fits(&j) && json_check(buf, j.len, 3) == 0);
	assert(json_member((struct json_value){ buf, j.len }, "s", &v));
	assert(json_get_string(v, out, sizeof(out)) >= 0);
	if (strspn(in, "\x7f") != len && !strpbrk(in, "\x80"))
		for (size_t i = 0; i < len && !(in[i] & 0x80); i++)
			assert(out[i] == in[i]);
}

static void what_does_not_fit_is_counted(void)
{
	char buf[16] = "", all[64];
	struct json whole = { .to = all, .size = sizeof(all) }, part = { .to = buf, .size = 5 };

	for (int i = 0; i < 2; i++) {
		struct json *j = i ? &part : &whole;

		json_open(j, NULL, '[');
		json_string(j, NULL, "some words");
		json_number(j, NULL, 123456);
		json_close(j, ']');
	}
	assert(json_fits(&whole) && !json_fits(&part) && whole.len == part.len);
	assert(!memcmp(buf, all, 5) && buf[5] == '\0');
	/* Text that is put in one call is cut, too. */
	memset(buf, 0, sizeof(buf));
	part = (struct json){ .to = buf, .size = 3 };
	json_number(&part, NULL, 123456);
	assert(part.len == 6 && !strcmp(buf, "123"));
}

/* ---- commands */

static char said[COMMAND_MAX];
static unsigned replies;

static bool hear(struct command *c)
{
	assert(json_fits(c->reply));
	memcpy(said, c->reply->to, c->reply->len);
	said[c->reply->len] = '\0';
	assert(json_check(said, c->reply->len, 32) == 0);
	replies++;
	return replies < 3;
}

static bool no_wait(struct command *c, uint64_t deadline)
{
	(void)c, (void)deadline;
	return true;
}

static const char *ask(const char *message)
{
	static char buf[1000];
	struct json reply = { .to = buf, .size = sizeof(buf) };
	struct command c = { .reply = &reply, .send = hear, .wait = no_wait };

	replies = 0;
	command_answer(&c, message, strlen(message));
	assert(replies);
	return said;
}

static int add(struct command *c)
{
	int64_t a = 0, b = 0;

	if (command_integer(c, "a", 0, 9, &a) < 0 || command_integer(c, "b", -9, 9, &b) < 0)
		return -EINVAL;
	json_number(c->reply, "sum", a + b);
	return 0;
}

static int forever(struct command *c)
{
	if (!c->more)
		return -EDOM;
	for (int i = 0;; i++) {
		json_number(c->reply, "i", i);
		if (!command_next(c))
			return 0;
	}
}

static int too_much(struct command *c)
{
	for (int i = 0; i < 100; i++)
		json_string(c->reply, "x", "a lot of words");
	return 0;
}

static int whole(struct command *c)
{
	static const char *const objects[] = { "{}", "{ }", "{\"a\":1}", "{ \"a\":[{}] , \"b\":2\n}" };

	json_number(c->reply, "n", 1);
	for (size_t i = 0; i < HOST_COUNT(objects); i++) {
		json_open(c->reply, "o", '{');
		json_number(c->reply, "k", 5);
		json_members(c->reply, (struct json_value){ objects[i], strlen(objects[i]) });
		json_close(c->reply, '}');
	}
	assert(!strcmp(c->interface->name, "org.test1") && c->method->call == whole);
	return 0;
}

static int own_error(struct command *c)
{
	int64_t n;

	if (command_integer(c, "n", 0, 1, &n) == 1)
		return command_error(c, "org.test1.Sorry", "it \"was\" me");
	return command_error(c, NULL, "");
}

static int broken(struct command *c)
{
	json_string(c->reply, "half", "done");
	return -EIO;
}

static void some_stats(struct json *j, const char *key)
{
	json_open(j, key, '{');
	json_number(j, "n", 5);
	json_close(j, '}');
}

static const struct method methods[] = {
	{ "Add", COMMAND_READS, add },
	{ "Forever", COMMAND_WRITES, forever },
	{ "TooMuch", COMMAND_DANGEROUS, too_much },
	{ "Broken", COMMAND_READS, broken },
	{ "Whole", COMMAND_READS, whole },
	{ "Sorry", COMMAND_READS, own_error },
	{ NULL, 0, NULL },
};
static struct interface test = {
	.name = "org.test1", .description = "interface org.test1\n", .methods = methods,
};
static struct interface figures = {
	.name = "org.figures1", .description = "interface org.figures1\n", .key = "figures",
	.stats = some_stats,
};

static bool has(const char *text)
{
	return strstr(said, text);
}

static void calls_are_answered(void)
{
	char buf[200];
	struct json j = { .to = buf, .size = sizeof(buf) - 1 };

	host_boot();
	command_add(&test);
	command_add(&figures);
	assert(!strcmp(ask("{\"method\":\"org.test1.Add\",\"parameters\":{\"a\":2,\"b\":3}}"),
		       "{\"parameters\":{\"sum\":5}}"));
	assert(!strcmp(ask("{\"method\":\"org.test1.Add\"}"), "{\"parameters\":{\"sum\":0}}"));
	ask("{\"method\":\"org.test1.Add\",\"parameters\":{\"a\":10}}");
	assert(has("InvalidParameter") && has("\"parameter\":\"a\""));
	ask("{\"method\":\"org.test1.Broken\"}");
	assert(has("control1.Failed") && !has("half"));
	assert(!strcmp(ask("{\"method\":\"org.test1.Whole\"}"),
		       "{\"parameters\":{\"n\":1,\"o\":{\"k\":5},\"o\":{\"k\":5},"
		       "\"o\":{\"k\":5,\"a\":1},\"o\":{\"k\":5,\"a\":[{}] , \"b\":2}}}"));
	assert(!strcmp(ask("{\"method\":\"org.test1.Sorry\",\"parameters\":{\"n\":1}}"),
		       "{\"parameters\":{\"reason\":\"it \\\"was\\\" me\"},"
		       "\"error\":\"org.test1.Sorry\"}"));
	ask("{\"method\":\"org.test1.Sorry\"}");
	assert(has("org.xenolith.control1.Failed"));
	assert(command_known("org.test1") && !command_known("org.test") &&
	       command_known("org.varlink.service"));
	ask("{\"method\":\"org.test1.TooMuch\"}");
	assert(has("too long"));
	ask("{\"method\":\"org.test1.Forever\"}");
	assert(has("ExpectedMore"));
	ask("{\"method\":\"org.test1.Forever\",\"more\":true}");
	assert(replies == 4 && has("\"i\":2") == false);
	ask("{\"method\":\"org.test1.No\"}");
	assert(has("MethodNotFound"));
	ask("{\"method\":\"org.No.No\"}");
	assert(has("InterfaceNotFound"));
	ask("{\"method\":\"Add\"}");
	assert(has("InterfaceNotFound"));
	ask("{\"method\":\"org.varlink.service.GetInfo\"}");
	assert(has("org.test1") && has("org.figures1"));
	ask("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	    "\"parameters\":{\"interface\":\"org.test1\"}}");
	assert(has("interface org.test1"));
	assert(!strcmp(ask("{\"method\":\"org.figures1.Get\"}"),
		       "{\"parameters\":{\"figures\":{\"n\":5}}}"));
	command_stats(&j, NULL);
	buf[j.len] = '\0';
	assert(strstr(buf, "{\"uptime\":") && strstr(buf, "\"figures\":{\"n\":5}}"));
	for (const char *const *p = (const char *const[]){ "", "nonsense", "[]", "{}",
		     "{\"method\":\"org.test1.Add\",\"parameters\":7}", NULL }; *p; p++) {
		ask(*p);
		assert(has("BadMessage"));
	}
}

static void marks_are_kept(void)
{
	static char line[] = "control=read";

	host_boot();
	command_add(&test);
	assert(param_init(line) == 0);
	ask("{\"method\":\"org.test1.Add\"}");
	assert(has("sum"));
	ask("{\"method\":\"org.test1.Forever\",\"more\":true}");
	assert(has("PermissionDenied"));
	ask("{\"method\":\"org.test1.TooMuch\"}");
	assert(has("PermissionDenied"));
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "valid JSON is accepted, invalid JSON is refused",
		  json_is_told_from_what_is_none, 1 },
		{ "members are found", members_are_found, 1 },
		{ "values that were written can be read",
		  what_is_written_can_be_read, 2000 },
		{ "text that does not fit is counted, not written",
		  what_does_not_fit_is_counted, 1 },
		{ "calls are answered, and invalid messages too", calls_are_answered, 1 },
		{ "control=read: methods that do not only read are refused",
		  marks_are_kept, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
