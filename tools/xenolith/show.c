/* SPDX-License-Identifier: ISC */
/* Calls that any command makes, and replies shown as they are. */
#include "xenolith.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int as_json;

void print_json(json_t *j, int pretty)
{
	char *text = json_dumps(j, pretty ? JSON_INDENT(2) : JSON_COMPACT);

	puts(text ? text : "null");
	free(text);
	fflush(stdout);
}

json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *text(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

int keep_reply(json_t *parameters, void *arg)
{
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

			printf("%*s%s%s", indent, "", key, nested ? ":\n" : ": ");
			show(v, nested ? indent + 2 : 0);
		}
	} else if (json_is_array(j)) {
		json_array_foreach(j, i, v) {
			if (json_is_object(v)) {
				char *line = json_dumps(v, JSON_COMPACT);

				printf("%*s%s\n", indent, "", line);
				free(line);
			} else {
				show(v, indent);
			}
		}
	} else if (json_is_string(j)) {
		printf("%*s%s\n", indent, "", json_string_value(j));
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
