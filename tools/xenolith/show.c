/* SPDX-License-Identifier: ISC */
/* Calls and output that all commands use. */
#include "xenolith.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 1000			/* bytes of a text member */
#define LIST_MAX 200000			/* entries of a list */
#define LIST_PATIENCE 120		/* s for a whole list */

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

		/*
		 * The object keeps the escaped text, so the result lives as long
		 * as the object.
		 */
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

/* Prints one line for each value, with members indented. */
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
		die(FAILED, "the image has no interface %s", *text(parameters, "interface") ?
		    text(parameters, "interface") : method);
	if (!strcmp(name, "InvalidParameter"))
		die(FAILED, "%s: invalid value of `%s`; xenolith describe shows the valid ones",
		    method, text(parameters, "parameter"));
	if (!strcmp(name, "PermissionDenied"))
		die(NO_PERMISSION, "the guest does not permit %s (control= on its command line)",
		    method);
	if (!strcmp(name, "MethodNotFound"))
		die(FAILED, "the guest has no method %s: the guest and this command may be of"
		    " different versions", method);
	if (!strcmp(name, "ExpectedMore"))
		die(FAILED, "%s sends several replies; call reads only one (use top, log -f,"
		    " profile or trace)", method);
	die(FAILED, "%s: %s %s", method, error, more ? more : "");
}

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
			die(FAILED, "%s: the reply has no list", method);
		if (json_array_size(all) > LIST_MAX)
			die(FAILED, "%s: the list is too long", method);
		if (!next)
			break;
		/*
		 * Each reply must have entries, and `next` must increase: so the
		 * loop ends.
		 */
		if (!json_is_integer(next) || json_integer_value(next) <= from ||
		    !json_array_size(list))
			die(FAILED, "%s: the list does not end", method);
		from = json_integer_value(next);
		json_decref(r);
	}
	json_decref(r);
	return all;
}
