/* SPDX-License-Identifier: ISC */
/* Calls that any command makes, and replies shown as they are. */
#include "xenolith.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 1000			/* bytes of a name */
#define LIST_MAX 200000			/* entries of a list */
#define LIST_PATIENCE 120		/* s, for all of it */

int as_json;

void print_json(json_t *j, int pretty)
{
	char *text = j ? escaped_json(json_dumps(j, JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) :
							       JSON_COMPACT))) : NULL;

	puts(text ? text : "null");
	free(text);
	fflush(stdout);
}

json_int_t number(json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key)), most = 1ll << 61;

	return n > most ? most : n < -most ? -most : n;
}

const char *raw_text(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

const char *text(json_t *object, const char *key)
{
	const char *s = raw_text(object, key);
	char *escaped = escaped_word(s);

	if (escaped || strlen(s) > WORD_MAX) {
		char *cut = strndup(escaped ? escaped : s, WORD_MAX);

		/* The object has it from now on: it lives as long. */
		if (!cut || json_object_set_new_nocheck(object, key, json_string_nocheck(cut)))
			die(FAILED, "out of memory");
		free(cut);
		free(escaped);
		s = raw_text(object, key);
	}
	return s;
}

int keep_reply(json_t *parameters, void *arg)
{
	json_decref(*(json_t **)arg);
	*(json_t **)arg = json_incref(parameters);
	return 0;
}

/* What else a thing may be: one word or line for each value. */
void show(json_t *j, int indent)
{
	const char *key;
	size_t i;
	json_t *v;

	if (json_is_object(j)) {
		json_object_foreach(j, key, v) {
			int nested = json_is_object(v) || json_is_array(v);

			printf("%*s", indent, "");
			put_word(stdout, key);
			fputs(nested ? ":\n" : ": ", stdout);
			show(v, nested ? indent + 2 : 0);
		}
	} else if (json_is_array(j)) {
		json_array_foreach(j, i, v) {
			if (json_is_object(v)) {
				char *line = escaped_json(json_dumps(v, JSON_COMPACT));

				printf("%*s%s\n", indent, "", line);
				free(line);
			} else {
				show(v, indent);
			}
		}
	} else if (json_is_string(j)) {
		printf("%*s", indent, "");
		put_word(stdout, json_string_value(j));
		putchar('\n');
	} else {
		char *line = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

		printf("%*s%s\n", indent, "", line);
		free(line);
	}
}

void complain(const char *method, const char *error, json_t *parameters)
{
	char *more = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	const char *name = strrchr(error, '.');

	name = name ? name + 1 : error;
	if (!strcmp(name, "InterfaceNotFound"))
		die(FAILED, "this image has no %s", *text(parameters, "interface") ?
		    text(parameters, "interface") : method);
	if (!strcmp(name, "InvalidParameter"))
		die(FAILED, "%s: the guest does not take this `%s`; xenolith describe tells what"
		    " it takes", method, text(parameters, "parameter"));
	if (!strcmp(name, "PermissionDenied"))
		die(NO_PERMISSION, "this guest does not permit %s (control= on its command line)",
		    method);
	if (!strcmp(name, "MethodNotFound"))
		die(FAILED, "this image has no %s: it is another version's, or xenolith is", method);
	if (!strcmp(name, "ExpectedMore"))
		die(FAILED, "%s gives reply after reply, and call takes one: that is for top, log -f,"
		    " profile and trace", method);
	die(FAILED, "%s: %s %s", method, error, more ? more : "");
}

/* One call, one reply, which is the caller's. */
json_t *ask(const char *method, json_t *parameters)
{
	json_t *reply = NULL;
	char *error = endpoint_call(method, parameters, 0, keep_reply, &reply);

	if (error)
		complain(method, error, reply);
	return reply;
}

void ask_and_show(const char *method, json_t *parameters)
{
	json_t *reply = ask(method, parameters);

	if (as_json)
		print_json(reply, 1);
	else if (json_object_size(reply))
		show(reply, 0);
	json_decref(reply);
}

json_t *ask_for_list(const char *method, const char *key)
{
	json_t *all = json_array(), *r, *list, *next;
	json_int_t from = 0;

	endpoint_deadline(LIST_PATIENCE);
	for (;;) {
		r = ask(method, json_pack("{s:I}", "from", from));
		list = json_object_get(r, key);
		next = json_object_get(r, "next");
		if (!json_is_array(list) || json_array_extend(all, list))
			die(FAILED, "%s: the guest gives no list", method);
		if (json_array_size(all) > LIST_MAX)
			die(FAILED, "%s: the guest's list is too long", method);
		if (!next)
			break;
		/* Each reply brings something, and leads on: else it would never end. */
		if (!json_is_integer(next) || json_integer_value(next) <= from ||
		    !json_array_size(list))
			die(FAILED, "%s: the guest's list does not end", method);
		from = json_integer_value(next);
		json_decref(r);
	}
	json_decref(r);
	return all;
}
