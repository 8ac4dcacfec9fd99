/* SPDX-License-Identifier: ISC */
/* kernel/param.c: the command line. */
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static char line[8300];

static int set(const char *text)
{
	assert(strlen(text) < sizeof(line));
	strcpy(line, text);
	return param_init(line);
}

/* Returns the words of the application, as word|word|. */
static const char *args(void)
{
	static char all[8300];
	char **argv = param_argv();
	unsigned argc = param_argc();

	assert(argc >= 1 && argv[0] && !argv[argc]);
	all[0] = '\0';
	for (unsigned i = 1; i < argc; i++) {
		strcat(all, argv[i]);
		strcat(all, "|");
	}
	return all;
}

static bool is(const char *key, const char *value)
{
	const char *v = param(key);

	return value ? v && !strcmp(v, value) : !v;
}

static void ours_and_the_applications(void)
{
	assert(!set("watchdog loglevel=3 -- a b=c --port=80"));
	assert(is("watchdog", "") && is("loglevel", "3"));
	assert(is("b", NULL) && is("a", NULL));
	assert(!strcmp(args(), "a|b=c|--port=80|"));

	assert(!set("a loglevel=3 b"));
	assert(is("a", NULL) && is("b", NULL) && is("loglevel", "3"));
	assert(!strcmp(args(), "a|b|"));

	assert(!set("--"));
	assert(!strcmp(args(), ""));
	assert(!set("-- --"));
	assert(!strcmp(args(), "--|"));
	assert(!set("x=1 --"));
	assert(is("x", "1") && !strcmp(args(), ""));
	assert(!set(""));
	assert(param_argc() == 1);
	assert(!set("  \t\n "));
	assert(param_argc() == 1);
}

/* A copy of a snapshot has another address. */
static void options_are_added(void)
{
	char more[] = "ip=10.0.0.9/24 other='a b' word -- c d=1 ip=8", wrong[] = "ip=7 x=1 'y";
	char many[5000];

	assert(!set("ip=10.0.0.8/24 loglevel=3 -- a b=c"));
	assert(!param_more(more));
	assert(is("ip", "10.0.0.9/24") && is("other", "a b") && is("loglevel", "3"));
	assert(is("word", NULL) && is("c", NULL) && is("d", NULL) && !strcmp(args(), "a|b=c|"));
	assert(param_more(wrong) == -EINVAL && is("ip", "10.0.0.9/24") && is("x", NULL));
	for (unsigned i = 0; i < 1200; i++)
		memcpy(many + 4 * i, "z=1 ", 5);
	assert(param_more(many) == -E2BIG && is("z", NULL) && is("ip", "10.0.0.9/24"));
}

static void only_key_value_is_ours(void)
{
	assert(!set("--port=80 /path?a=b =x 1=2 'a=b' \"c\"=d e=f"));
	assert(!strcmp(args(), "--port=80|/path?a=b|=x|1=2|a=b|c=d|"));
	assert(is("e", "f"));
	/* All words before -- are kernel options. */
	assert(!set("--port=80 'a b' -- x"));
	assert(is("--port=80", "") && is("a b", "") && !strcmp(args(), "x|"));
	assert(!set("\"env.X=y z\" 'a=' \"b\"=c -- 'd=e'"));
	assert(is("env.X", "y z") && is("a", "") && is("b", "c") && !strcmp(args(), "d=e|"));
}

static void last_one_wins(void)
{
	assert(!set("a=1 a=2 a=3"));
	assert(is("a", "3"));
	assert(!set("a=1 a -- x"));
	assert(is("a", ""));
}

static void quotes_are_the_shells(void)
{
	assert(!set("-- 'a b' \"c d\" e\\ f 'it'\\''s' \"'\" '\"' '' \"\" x'y'\"z\""));
	assert(!strcmp(args(), "a b|c d|e f|it's|'|\"|||xyz|"));
	assert(!set("key='a b' other=\"c=d\" third=e\\ f empty= quoted=''"));
	assert(is("key", "a b") && is("other", "c=d") && is("third", "e f"));
	assert(is("empty", "") && is("quoted", ""));
	assert(!set("-- '\\n' \"\\\"\" \\\\ \\'"));
	assert(!strcmp(args(), "\\n|\"|\\|'|"));
	assert(!set("a '--' b"));		/* quoted, it is a word */
	assert(!strcmp(args(), "a|--|b|"));
	assert(!set("-- end\\"));
	assert(!strcmp(args(), "end\\|"));
	assert(!set("a=b'--'c --x -- d"));
	assert(is("a", "b--c") && is("--x", "") && !strcmp(args(), "d|"));
}

static void open_quote_is_an_error(void)
{
	assert(set("-- 'a b") == -EINVAL);
	assert(set("-- \"a b") == -EINVAL);
	assert(set("a=\"b\\\"") == -EINVAL);
	assert(set("loglevel=2 x='") == -EINVAL);
	assert(is("loglevel", "2"));		/* the rest is kept for the report */
	assert(set("'") == -EINVAL && param_argv()[param_argc()] == NULL);
	assert(!set("-- fine"));
}

static unsigned visits;
static char visited[100];

static void visit(const char *rest, const char *value)
{
	visits++;
	strcat(visited, rest);
	strcat(visited, ":");
	strcat(visited, value ? value : "none");
	strcat(visited, " ");
}

static void environment(void)
{
	assert(!set("env.HOME=/ x=1 env.PATH='a b' envy=2 env. env.X= env.HOME=/x -- env.NO=1"));
	param_each("env.", visit);
	assert(visits == 5 && !strcmp(visited, "HOME:/ PATH:a b :none X: HOME:/x "));
}

static void sizes_and_durations(void)
{
	assert(!set("a=4096 b=64K c=3M d=2G e=1x f=18014398509481984K g=1k h=M z=0 x=0x10K"));
	assert(param_size("b", 1) == 65536 && param_size("c", 1) == 3 << 20);
	assert(param_size("d", 1) == 2ul << 30 && param_size("x", 1) == 16384);
	assert(param_size("e", 7) == 7 && param_size("f", 7) == 7);
	assert(param_size("g", 1) == 1024 && param_size("h", 7) == 7 && param_size("absent", 7) == 7);
	/* A number without a unit is invalid, but 0 is 0 of any unit. */
	assert(param_size("a", 7) == 7 && param_size("z", 7) == 0);

	assert(!set("a=10 b=250ms c=10s d=5m e=2h f=5d g=99999999999999h "
		    "long=640000h longer=641000h z=0 n=-1s x=0x1Fs i=007s max=18446744073709551616s"));
	assert(param_duration("a", 7) == 7 && param_duration("z", 7) == 0);
	assert(param_duration("b", 1) == 250000000);
	assert(param_duration("c", 1) == 10000000000);
	assert(param_duration("d", 1) == 300000000000);
	assert(param_duration("e", 1) == 7200000000000);
	assert(param_duration("f", 7) == 7 && param_duration("g", 7) == 7);
	assert(param_duration("long", 7) > 7 && param_duration("longer", 7) == 7);
	assert(param_duration("n", 7) == 7 && param_duration("max", 7) == 7);
	assert(param_duration("x", 7) == 31000000000 && param_duration("i", 7) == 7000000000);
}

/* ---- options */

static const char *console_now(void)
{
	static size_t at;
	const char *all = host_console() + at;

	at += strlen(all);
	return all;
}

PARAM(time, "time=DURATION");
PARAM(size, "size=SIZE|auto");
PARAM(mode, "mode=on|off");
PARAM(dog, "dog[=DURATION]");
PARAM(flag, "flag");
PARAM(text, "text=NAME");
PARAM(var, "var.NAME=VALUE");

static const char *wrong_even(const char *value)
{
	return strlen(value) % 2 ? "its length is odd" : NULL;
}
PARAM_CHECKED(even, "[vifN.]even=TEXT", wrong_even);

static void options_are_checked(void)
{
	static const char *const valid[] = {
		"", "time=5s time=0 --", "size=4K", "size=auto", "mode=on", "dog --", "dog=1m",
		"flag --", "text=", "text=a=b", "var.x=", "var.PATH='a b'", "even=ab",
		"vif0.even=ab vif12.even=abcd", "quiet ro root=/dev/xvda1 panic=30 -- x=1",
		"time=5s -- lifetiem=2s", NULL
	};
	static const struct {
		const char *line, *says;
	} invalid[] = {
		{ "lifetiem=2s", "unknown option lifetiem" },
		{ "quiet lifetiem --", "unknown option lifetiem" },
		{ "time=5", "time=5: the option is time=DURATION; a duration is a number with ms, "
			    "s, m or h" },
		{ "time=", "time=: the option is time=DURATION" },
		{ "time=5d", "time=5d: " }, { "time --", "time: the option is time=DURATION" },
		{ "size=4096", "a size is a number with K, M or G" }, { "size=aut", "size=aut: " },
		{ "size=autoo", "size=autoo: " },
		{ "mode=", "mode=: the option is mode=on|off" }, { "mode=o", "mode=o: " },
		{ "mode=on|off", "mode=on|off: " }, { "dog=", "dog=: the option is dog[=DURATION]" },
		{ "flag=1", "flag=1: the option is flag" },
		{ "text --", "text: the option is text=NAME" }, { "tex=1", "unknown option tex" },
		{ "texts=1", "unknown option texts" }, { "var.=1", "unknown option var." },
		{ "var.x --", "var.x: the option is var.NAME=VALUE" },
		{ "var=1", "unknown option var" }, { "even=abc", "even=abc: its length is odd" },
		{ "vif1.even=a", "vif1.even=a: its length is odd" },
		{ "vif.even=ab", "unknown option vif.even" },
		{ "vifx.even=ab", "unknown option vifx.even" },
		{ "vif1even=ab", "unknown option vif1even" },
		{ "vif1.text=ab", "unknown option vif1.text" },
		{ "time=5s time=6 time=7s", "time=6: " },
	};

	host_boot();
	for (const char *const *p = valid; *p; p++) {
		assert(!set(*p));
		if (param_check())
			host_fail("%s: %s", *p, param_check());
	}
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		const char *says;

		assert(!set(invalid[i].line));
		says = param_check();
		if (!says || !strstr(says, invalid[i].says))
			host_fail("%s: %s", invalid[i].line, says ?: "valid");
	}
	/* The log lists the options. */
	console_now();
	assert(!set("tim=5s"));
	assert(param_check() && strstr(console_now(), "dog[=DURATION]"));
	/* An option of code that is not linked has no effect, and the log says so. */
	assert(!set("gdb=on vif3.ip=off"));
	assert(!param_check() && strstr(console_now(), "gdb= has no effect: this image has no "
						       "debug server"));
}

static void fill(char *text, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		text[i] = i % 2 ? ' ' : 'x';
	text[length] = '\0';
}

static void as_long_as_the_platform_has_it(void)
{
	static char text[COMMAND_LINE_MAX + 1];

	fill(text, 2 * 1024);
	assert(!set(text));
	assert(param_argc() == 1 + 1024);
	memset(text, 'x', COMMAND_LINE_MAX);
	text[COMMAND_LINE_MAX] = '\0';
	assert(!set(text));
	assert(param_argc() == 2 && strlen(param_argv()[1]) == COMMAND_LINE_MAX);
	/* Too many words are an error; the first ones are kept. */
	fill(text, 2 * 1024 + 1);
	assert(set(text) == -E2BIG);
	assert(param_argc() == 1 + 1024);
	fill(text, COMMAND_LINE_MAX);
	assert(set(text) == -E2BIG);
	assert(param_argc() == 1 + 1024);
}

/* Random words, quoted in random ways, are split into the same words. */
static void any_word_survives(void)
{
	char text[2100] = "--", want[2100] = "", *p = text + 2;

	for (unsigned words = 1 + host_below(10); words; words--) {
		*p++ = ' ';
		for (unsigned n = 1 + host_below(20); n; n--) {
			char c = 1 + host_below(127);

			strncat(want, &c, 1);
			if (c != '\'' && host_chance(3)) {
				*p++ = '\'';
				*p++ = c;
				*p++ = '\'';
			} else {
				*p++ = '\\';
				*p++ = c;
			}
		}
		strcat(want, "|");
	}
	*p = '\0';
	assert(!set(text));
	assert(!strcmp(args(), want));
}

/* ---- settings */

static const char *was_set;

static int digits_only(const char *value)
{
	if (strspn(value, "0123456789") != strlen(value))
		return -EINVAL;
	was_set = value;
	return 0;
}

static void settings(void)
{
	static struct setting speed = { .key = "speed", .set = digits_only };
	static char long_value[SETTING_MAX + 1];

	assert(!set("speed=5 depth=7"));
	assert(param_set("speed", "6") == -ENOENT);
	param_setting(&speed);
	assert(!strcmp(param("speed"), "5"));
	assert(param_set("depth", "6") == -ENOENT);
	assert(param_set("speed", "fast") == -EINVAL && !strcmp(param("speed"), "5"));
	memset(long_value, '1', SETTING_MAX);
	assert(param_set("speed", long_value) == -EINVAL && !was_set);
	long_value[SETTING_MAX - 1] = '\0';
	assert(param_set("speed", long_value) == 0 && param_set("speed", "66") == 0);
	assert(!strcmp(was_set, "66") && !strcmp(param("speed"), "66"));
	assert(!strcmp(param("depth"), "7"));
}

static void say_all(void)
{
	log_error("vif0: one");
	log_warning("vif0: two");
	log_info("vif0: three");
	log_debug("vif0: four");
	log_info("device/vbd/5: five");
	log_info("virus: six");
	log_debug("vif: seven");
	log_info("vi: eight");
}

/* Which of these lines were shown. */
static unsigned shown(void)
{
	static const char *const words[] = {
		"one", "two", "three", "four", "five", "six", "seven", "eight"
	};
	const char *text;
	unsigned bits = 0;

	say_all();
	text = console_now();
	for (unsigned i = 0; i < 8; i++)
		if (strstr(text, words[i]))
			bits |= 1u << i;
	return bits;
}

static void modules_have_levels_of_their_own(void)
{
	host_boot();
	assert(!set("loglevel=info,vif=debug,device=error"));
	log_init();
	assert(shown() == 0xef);
	assert(param_set("loglevel", "warning,vif0=3,vi=2") == 0 && shown() == 0x8f);
	assert(param_set("loglevel", "0") == 0 && shown() == 0x01);
	assert(param_set("loglevel", "0,vif0=3,vif=1") == 0 && shown() == 0x0f);
	assert(param_set("loglevel", "0") == 0 && shown() == 0x01);
	assert(log_set_module("vif", LOG_INFO) == 0 && shown() == 0x07);
	/* The longer name takes precedence, in any order. */
	assert(log_set_module("vif0", LOG_ERROR) == 0 && shown() == 0x01);
	assert(log_set_module("vif0", LOG_DEBUG) == 0 && shown() == 0x0f);
	for (const char *const *p = (const char *const[]){ "loud", "info,", "4", "-1", "vif=", "=1",
		     "vif", "a=b=1", "info,x=nothing", "abcdefghijklmnopqrstuvwxyz=1",
		     "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1", NULL }; *p; p++)
		if (strcmp(*p, "info,") && param_set("loglevel", *p) != -EINVAL)
			host_fail("loglevel=%s", *p);
	console_now();
	assert(shown() == 0x0f);
	assert(log_level_of("debug") == LOG_DEBUG && log_level_of("1") == LOG_WARNING);
	assert(log_level_of("") == -EINVAL && log_level_of("11") == -EINVAL);
}

/* From user data, DHCP, xenstore: the terminal must not obey it. */
static void control_characters_are_escaped(void)
{
	char text[400], want[80];
	const char *said;

	host_boot();
	console_now();
	log_info("name %s", "a\033[2J\r\n[0] b\t\x7f\x9b\xc2\x9b\xff~");
	said = console_now();
	assert(strstr(said, "] name a\\x1b[2J\\x0d\\x0a[0] b\\x09\\x7f\\x9b\\xc2\\x9b\\xff~\n"));
	print("two\nlines %s\n", "\033c");
	assert(!strcmp(console_now(), "two\nlines \\x1bc\n"));
	for (unsigned c = 1; c < 256; c++) {
		text[0] = c;
		text[1] = '\0';
		log_info("<%s>", text);
		snprintf(want, sizeof(want), c >= ' ' && c < 0x7f ? "<%c>\n" : "<\\x%02x>\n", c);
		assert(strstr(console_now(), want));
	}
	/* A line that is too long then ends with its newline, and not within an escape. */
	for (unsigned length = 20; length < sizeof(text); length += 53) {
		memset(text, 'x', length);
		memset(text, '\033', length / 2);
		text[length] = '\0';
		log_info("%s", text);
		said = console_now();
		assert(strlen(said) < 256 && said[strlen(said) - 1] == '\n');
		for (const char *p = strchr(said, '\\'); p; p = strchr(p + 4, '\\'))
			assert(!strncmp(p, "\\x1b", 4));
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "words before -- are kernel options, those behind are the application's",
		  ours_and_the_applications, 1 },
		{ "options of another line replace those of the same keys", options_are_added, 1 },
		{ "without --, only key=value is a kernel option",
		  only_key_value_is_ours, 1 },
		{ "the last one wins", last_one_wins, 1 },
		{ "quotes work as in a shell", quotes_are_the_shells, 1 },
		{ "an open quote is an error", open_quote_is_an_error, 1 },
		{ "env. is visited in order", environment, 1 },
		{ "sizes and durations have units", sizes_and_durations, 1 },
		{ "an unknown option is refused, and so is an invalid value", options_are_checked, 1 },
		{ "the maximum length of the line is the platform's",
		  as_long_as_the_platform_has_it, 1 },
		{ "only keys that are registered can be set", settings, 1 },
		{ "modules have log levels of their own", modules_have_levels_of_their_own, 1 },
		{ "control characters are escaped in the log",
		  control_characters_are_escaped, 1 },
		{ "any word survives quoting", any_word_survives, 500 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}
