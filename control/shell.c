/* SPDX-License-Identifier: ISC */
#include "control/command.h"
#include "control/shell.h"
#include "drivers/console.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <string.h>

#define LINE 512
#define OURS "org.xenolith."
#define PROMPT "xenolith> "

static void write_chars(const char *text, size_t len)
{
	console_write(text, len);
}

static void write_text(const char *text)
{
	write_chars(text, strlen(text));
}

/* ---- a line from a terminal, which the shell echoes */

/* Returns the length, or -1 if the input has ended. */
static ssize_t read_line(char line[LINE])
{
	size_t len = 0;
	ssize_t n;
	char c;

	write_text(PROMPT);
	while ((n = console_read(&c, 1)) == 1 && c != '\n') {
		if ((c == 0x7f || c == '\b') && len) {
			len--;
			write_text("\b \b");
		} else if (c == 'U' - '@' || c == 'C' - '@') {
			len = 0;
			write_text("\n" PROMPT);
		} else if (c >= ' ' && c != 0x7f && len < LINE - 1) {
			line[len++] = c;
			write_chars(&c, 1);
		}
	}
	write_text("\n");
	line[len] = '\0';
	return n == 1 ? (ssize_t)len : -1;
}

/* ---- a line as a message */

static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");
	size_t n = strcspn(word, " ");

	*rest = word + n + (word[n] != '\0');
	word[n] = '\0';
	return word;
}

/*
 * Writes a word as a number or truth value if it is written like one, otherwise as a
 * string.
 */
static void put_value(struct json *j, const char *key, const char *value)
{
	struct json_value v = { value, strlen(value) };
	int64_t n;

	if (*value != '"' && json_check(value, v.len, 1) == 0 && !json_get_integer(v, &n))
		json_number(j, key, n);
	else if (!strcmp(value, "true") || !strcmp(value, "false"))
		json_bool(j, key, *value == 't');
	else
		json_string(j, key, value);
}

/* Returns false if the parameters are invalid. */
static bool put_parameters(struct json *j, char *rest)
{
	char *word;

	rest += strspn(rest, " ");
	if (*rest == '{') {
		size_t len = strlen(rest);

		while (rest[len - 1] == ' ')
			len--;
		if (json_check(rest, len, COMMAND_DEPTH))
			return false;
		json_members(j, (struct json_value){ rest, len });
		return true;
	}
	while (*(word = next_word(&rest))) {
		char *equals = strchr(word, '=');

		if (!equals)
			return false;
		*equals = '\0';
		put_value(j, word, equals + 1);
	}
	return true;
}

/* Completes info, info1.Get or org.xenolith.info1.Get to the last form. */
static void put_method(struct json *j, const char *word)
{
	char full[LINE];
	const char *dot = strchr(word, '.');

	format(full, sizeof(full), "%s%s%s", dot && strchr(dot + 1, '.') ? "" : OURS, word,
	       dot ? "" : "1.Get");
	json_string(j, "method", full);
}

static bool to_message(struct json *j, char *line)
{
	char *rest = line, *word = next_word(&rest);
	bool more = !strcmp(word, "more"), good;

	if (more)
		word = next_word(&rest);
	json_open(j, NULL, '{');
	put_method(j, word);
	if (more)
		json_bool(j, "more", true);
	json_open(j, "parameters", '{');
	good = put_parameters(j, rest);
	json_close(j, '}');
	json_close(j, '}');
	return good && json_fits(j);
}

/* ---- a reply as text: members in lines, without brackets and quotes */

struct page_of {			/* bytes per write */
	char text[256];
	size_t len;
	bool fresh;			/* the line is empty */
};

static void put(struct page_of *p, char c)
{
	if (c == '\n' && p->fresh)
		return;
	p->fresh = c == '\n';
	p->text[p->len++] = c;
	if (p->len == sizeof(p->text) || c == '\n') {
		write_chars(p->text, p->len);
		p->len = 0;
	}
}

static void begin_line(struct page_of *p, unsigned depth)
{
	put(p, '\n');
	for (; depth > 1; depth--) {
		put(p, ' ');
		put(p, ' ');
	}
	p->fresh = true;
}

/*
 * Writes a string's characters; only the commonest escapes are converted.  Returns the
 * text behind it.
 */
static const char *show_string(struct page_of *p, const char *s, const char *end)
{
	for (; s < end && *s != '"'; s++) {
		if (*s != '\\')
			put(p, *s);
		else if (*++s == 'n')
			put(p, '\n');
		else if (*s == 'u')
			put(p, '\\'), put(p, 'u');
		else
			put(p, *s);
	}
	return s;
}

static void show(const char *s, size_t len)
{
	struct page_of p = { .fresh = true };
	uint32_t lists = 0;		/* a bit for each depth: set for an array */
	unsigned depth = 0;

	for (const char *end = s + len; s < end; s++) {
		switch (*s) {
		case '{':
		case '[':
			if (lists & 1) {
				begin_line(&p, depth);
				put(&p, '-');
			}
			lists = lists << 1 | (*s == '[');
			depth++;
			if (s + 1 < end && s[1] != '}' && s[1] != ']' && s[1] != '{' && s[1] != '[')
				begin_line(&p, depth);
			break;
		case '}':
		case ']':
			lists >>= 1;
			depth--;
			break;
		case ',':
			if (s + 1 < end && s[1] != '{' && s[1] != '[')
				begin_line(&p, depth);
			break;
		case ':':
			put(&p, ':');
			if (s + 1 < end && s[1] != '{' && s[1] != '[')
				put(&p, ' ');
			break;
		case '"':
			s = show_string(&p, s + 1, end);
			break;
		default:
			put(&p, *s);
		}
	}
	put(&p, '\n');
	write_chars(p.text, p.len);
}

static bool hear(struct command *c)
{
	struct json_value all = { c->reply->to + c->start, c->reply->len - c->start }, v;
	char error[160];

	if (json_member(all, "error", &v) && json_get_string(v, error, sizeof(error)) >= 0) {
		write_text(error);
		write_text("\n");
	}
	if (json_member(all, "parameters", &v) && v.len > 2)
		show(v.at, v.len);
	return true;
}

static bool wait(struct command *c, uint64_t deadline)
{
	char key;
	bool pressed = wait_until_deadline(console_changed(), deadline,
					   (console_events(), console_readable()));

	(void)c;
	if (pressed)
		console_read(&key, 1);
	return !pressed;
}

/* ---- */

static const char help[] =
	"THING, THING1.METHOD [KEY=VALUE...], INTERFACE.METHOD {JSON}; `more` before it: until\n"
	"a key is pressed.  There are info, memory, threads, xen, stats, log, config1.List ...:\n"
	"org.varlink.service.GetInfo lists them.\n";

static void shell(void *arg)
{
	static char line[LINE], text[2 * LINE];
	char *out = page_alloc(COMMAND_MAX / PAGE_SIZE);

	(void)arg;
	if (!out) {
		log_warning("shell: not enough memory");
		return;
	}
	for (;;) {
		struct json message = { .to = text, .size = sizeof(text) };
		struct json reply = { .to = out, .size = COMMAND_MAX - 1 };
		struct command c = { .reply = &reply, .send = hear, .wait = wait };
		ssize_t n = read_line(line);

		if (n < 0)
			break;
		if (!n)
			continue;
		if (!strcmp(line, "help") || !to_message(&message, line))
			write_text(help);
		else
			command_answer(&c, message.to, message.len);
	}
	page_free(out, COMMAND_MAX / PAGE_SIZE);
	log_warning("shell: the console has ended");
}

void shell_start(void)
{
	if (thread_start("shell", THREAD_KERNEL, STACK_KERNEL, shell, NULL, NULL))
		tty_end_input();
	else
		log_warning("shell: not enough memory");
}
