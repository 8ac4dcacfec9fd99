/* SPDX-License-Identifier: ISC */
#include "control/command.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/param.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define SERVICE "org.varlink.service"
#define FAILED "org.xenolith.control1.Failed"
#define NAME_MAX 128

static struct interface *interfaces, **last = &interfaces;

void command_add(struct interface *i)
{
	assert(!i->next);
	*last = i;
	last = &i->next;
}

void command_stats(struct json *j, const char *key)
{
	json_open(j, key, '{');
	json_number(j, "uptime", clock_now() / NSEC_PER_MSEC);
	for (const struct interface *i = interfaces; i; i = i->next)
		if (i->stats)
			i->stats(j, i->key);
	json_close(j, '}');
}

/* ---- parameters */

int command_wrong(struct command *c, const char *name)
{
	format(c->wrong, sizeof(c->wrong), "%s", name);
	return -EINVAL;
}

int command_error(struct command *c, const char *error, const char *why)
{
	format(c->wrong, sizeof(c->wrong), "%s", why);
	format(c->error, sizeof(c->error), "%s", error ? error : FAILED);
	return -ECANCELED;
}

int command_integer(struct command *c, const char *name, int64_t min, int64_t max, int64_t *to)
{
	struct json_value v;
	int64_t n;

	if (!json_member(c->parameters, name, &v) || json_kind(v) == 'n')
		return 0;
	if (json_get_integer(v, &n) || n < min || n > max)
		return command_wrong(c, name);
	*to = n;
	return 1;
}

int command_string(struct command *c, const char *name, char *to, size_t size)
{
	struct json_value v;

	if (!json_member(c->parameters, name, &v) || json_kind(v) == 'n')
		return 0;
	return json_get_string(v, to, size) < 0 ? command_wrong(c, name) : 1;
}

/* ---- replies: {"parameters":{...}}, and further members behind it */

static void reply_begin(struct command *c)
{
	c->reply->len = c->start;
	c->reply->comma = false;
	json_open(c->reply, NULL, '{');
	json_open(c->reply, "parameters", '{');
}

static bool send(struct command *c)
{
	bool there = c->send(c);

	c->reply->len = c->start;
	return there;
}

static bool refuse(struct command *c, const char *error, const char *name, const char *value)
{
	reply_begin(c);
	json_string(c->reply, name, value);
	json_close(c->reply, '}');
	json_string(c->reply, "error", error);
	json_close(c->reply, '}');
	return send(c);
}

bool command_refuse(struct command *c, const char *why)
{
	return refuse(c, "org.xenolith.control1.BadMessage", "reason", why);
}

static bool reply_end(struct command *c, bool continues)
{
	json_close(c->reply, '}');
	if (continues)
		json_bool(c->reply, "continues", true);
	json_close(c->reply, '}');
	if (!json_fits(c->reply))
		return refuse(c, FAILED, "reason", "the answer is too long");
	return send(c);
}

bool command_next(struct command *c)
{
	bool there = reply_end(c, true);

	reply_begin(c);
	return there;
}

bool command_wait(struct command *c, uint64_t deadline)
{
	return c->wait(c, deadline);
}

static bool silent(struct command *c)
{
	(void)c;
	return true;
}

void command_finish(struct command *c)
{
	reply_end(c, false);
	c->send = silent;
	reply_begin(c);
}

/* ---- org.varlink.service */

static int get_info(struct command *c)
{
	json_string(c->reply, "vendor", "Xenolith");
	json_string(c->reply, "product", "Xenolith");
	json_string(c->reply, "version", XENOLITH_VERSION);
	json_string(c->reply, "url", "");
	json_open(c->reply, "interfaces", '[');
	json_string(c->reply, NULL, SERVICE);
	for (const struct interface *i = interfaces; i; i = i->next)
		json_string(c->reply, NULL, i->name);
	json_close(c->reply, ']');
	return 0;
}

static int get_description(struct command *c);

static const struct method service_methods[] = {
	{ "GetInfo", COMMAND_READS, get_info },
	{ "GetInterfaceDescription", COMMAND_READS, get_description },
	{ NULL, 0, NULL },
};

static const struct interface service = {
	.name = SERVICE,
	.description =
	"interface " SERVICE "\n"
	"method GetInfo() -> (vendor: string, product: string, version: string,\n"
	"  url: string, interfaces: []string)\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n",
	.methods = service_methods,
};

static const struct interface *get_interface(const char *name, size_t len)
{
	if (strlen(SERVICE) == len && !memcmp(name, SERVICE, len))
		return &service;
	for (const struct interface *i = interfaces; i; i = i->next)
		if (strlen(i->name) == len && !memcmp(i->name, name, len))
			return i;
	return NULL;
}

bool command_known(const char *interface)
{
	return get_interface(interface, strlen(interface));
}

static int get_description(struct command *c)
{
	char name[NAME_MAX];
	const struct interface *i;

	if (command_string(c, "interface", name, sizeof(name)) != 1)
		return command_wrong(c, "interface");
	i = get_interface(name, strlen(name));
	if (!i) {
		command_wrong(c, name);
		return -ENOENT;
	}
	json_string(c->reply, "description", i->description);
	return 0;
}

/* ---- calls */

PARAM(control, "control=all|safe|read|off");

static bool allowed(enum command_kind kind)
{
	const char *level = param("control");

	if (!level || !strcmp(level, "all"))
		return true;
	return kind < (!strcmp(level, "safe") ? COMMAND_DANGEROUS : COMMAND_WRITES);
}

/* An interface that only has statistics has the method Get, which returns them. */
static int get_stats(struct command *c, const struct interface *i)
{
	i->stats(c->reply, i->key);
	return 0;
}

static bool failed(struct command *c, const char *method, int error)
{
	char why[32];

	switch (error) {
	case -EINVAL:
		return refuse(c, SERVICE ".InvalidParameter", "parameter", c->wrong);
	case -ENOENT:
		return refuse(c, SERVICE ".InterfaceNotFound", "interface",
			      *c->wrong ? c->wrong : method);
	case -EACCES:
		return refuse(c, SERVICE ".PermissionDenied", "method", method);
	case -ENOSYS:
		return refuse(c, SERVICE ".MethodNotImplemented", "method", method);
	case -ECANCELED:
		return refuse(c, c->error, "reason", c->wrong);
	case -EDOM:
		return refuse(c, SERVICE ".ExpectedMore", "method", method);
	case -EBUSY:
		return refuse(c, FAILED, "reason", "another client does this");
	}
	format(why, sizeof(why), "error %d", -error);
	return refuse(c, FAILED, "reason", why);
}

static const struct method *get_method(const struct interface *i, const char *name)
{
	for (const struct method *m = i->methods; m && m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static bool call(struct command *c, const char *full)
{
	const char *dot = strrchr(full, '.');
	const struct interface *i = dot ? get_interface(full, dot - full) : NULL;
	const struct method *m = i ? get_method(i, dot + 1) : NULL;
	bool stats = i && !m && i->stats && !strcmp(dot + 1, "Get");
	int rc;

	if (!i || (c->only && i != c->only))
		return failed(c, full, -ENOENT);
	if (!m && !stats)
		return refuse(c, SERVICE ".MethodNotFound", "method", full);
	if (m && !allowed(m->kind))
		return failed(c, full, -EACCES);
	c->interface = i;
	c->method = m;
	reply_begin(c);
	rc = m ? m->call(c) : get_stats(c, i);
	return rc ? failed(c, full, rc) : reply_end(c, false);
}

bool command_answer(struct command *c, const char *message, size_t len)
{
	struct json_value all = { message, len }, v;
	char method[NAME_MAX];
	int rc = json_check(message, len, COMMAND_DEPTH);

	c->start = c->reply->len;
	c->wrong[0] = '\0';
	if (rc)
		return command_refuse(c, rc == -E2BIG ? "too deep" : "not JSON");
	if (!json_member(all, "method", &v) || json_get_string(v, method, sizeof(method)) < 0)
		return command_refuse(c, "missing method");
	c->more = json_member(all, "more", &v) && json_kind(v) == 't';
	c->parameters = (struct json_value){ "{}", 2 };
	if (json_member(all, "parameters", &v) && json_kind(v) != 'n') {
		if (json_kind(v) != '{')
			return command_refuse(c, "parameters is not a JSON object");
		c->parameters = v;
	}
	return call(c, method);
}
