/* SPDX-License-Identifier: ISC */
/*
 * Control interfaces of the application (lib/include/xenolith/control.h).
 *
 * The endpoint is a kernel thread, which must not run application code. So it passes the
 * call to a thread of the application and waits for a limited time; a late reply is
 * dropped. Parameters and reply have their own memory, since the endpoint's may be used
 * by another call by then.
 */
#include "control/command.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "lib/result.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xenolith/control.h>

#define PATIENCE (5 * NSEC_PER_SEC)
#define NAME_MOST 100

struct offer {
	struct interface interface;	/* must be first */
	const struct control_method *of_app;
	void *arg;
	char name[NAME_MOST];
	struct method methods[];
};

struct control_call {
	const struct offer *offer;
	const struct control_method *method;
	struct json_value parameters;
	struct json reply;
	char wrong[64];			/* name of an invalid parameter; or the reason */
	const char *error;
	int result;
	char in[CONTROL_MAX + 1], out[CONTROL_MAX];
};

static struct control_call *call;	/* the only current call */
static enum { NONE, COME, TAKEN, LATE, DONE } state;
static struct waitq changed;

/* ---- the application's thread */

static void perform(struct control_call *c)
{
	c->wrong[0] = '\0';
	c->error = NULL;
	c->reply = (struct json){ .to = c->out, .size = sizeof(c->out) };
	json_open(&c->reply, NULL, '{');
	c->result = c->method->call(c, c->offer->arg);
	json_close(&c->reply, '}');
}

static void *serve(void *arg)
{
	kernel_enter();
	for (;;) {
		wait_until(&changed, state == COME);
		state = TAKEN;
		kernel_leave();
		perform(call);
		kernel_enter();
		state = state == LATE ? NONE : DONE;
		wake(&changed);
	}
	return arg;
}

/* ---- the endpoint */

static int reply(struct command *c)
{
	const struct json *r = &call->reply;
	char error[NAME_MOST + 64];

	if (call->error) {
		format(error, sizeof(error), "%s.%s", call->offer->name, call->error);
		return command_error(c, error, call->wrong);
	}
	if (call->result == EINVAL && *call->wrong)
		return command_wrong(c, call->wrong);
	if (call->result) {
		format(error, sizeof(error), "error %d", call->result);
		return command_error(c, NULL, error);
	}
	if (!json_fits(r) || json_check(r->to, r->len, COMMAND_DEPTH))
		return command_error(c, NULL, "the application's reply is too long or invalid");
	json_members(c->reply, (struct json_value){ r->to, r->len });
	return 0;
}

/* The function of each method of an application's interface. */
static int forward(struct command *c)
{
	const struct offer *o = (const struct offer *)c->interface;

	if (state != NONE)
		return command_error(c, NULL, "the application is busy with another call");
	if (c->parameters.len > CONTROL_MAX)
		return command_error(c, NULL, "the parameters are too long");
	call->offer = o;
	call->method = &o->of_app[c->method - o->methods];
	memcpy(call->in, c->parameters.at, c->parameters.len);
	call->in[c->parameters.len] = '\0';
	call->parameters = (struct json_value){ call->in, c->parameters.len };
	state = COME;
	wake(&changed);
	if (!wait_until_deadline(&changed, clock_now() + PATIENCE, state == DONE)) {
		state = state == COME ? NONE : LATE;
		return command_error(c, NULL, "the application does not answer");
	}
	state = NONE;
	return reply(c);
}

/* ---- offers */

/*
 * Returns the text behind a keyword at the beginning of a line, searching from text on;
 * or NULL.
 */
static const char *keyword(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, word, n))
			return text + n;
		if (!*text)
			break;
	}
	return NULL;
}

static bool declares(const char *description, const char *method)
{
	const char *p = description;
	size_t n = strlen(method);

	while ((p = keyword(p, "method ")))
		if (!strncmp(p, method, n) && p[n] == '(')
			return true;
	return false;
}

/* Returns the number of methods; -EINVAL if they are not those of the description. */
static int count(const char *description, const struct control_method *methods)
{
	const char *p = description;
	int n = 0, declared = 0;

	for (; methods[n].name; n++)
		if (!methods[n].call || methods[n].kind > CONTROL_DANGEROUS ||
		    !declares(description, methods[n].name))
			return -EINVAL;
	while ((p = keyword(p, "method ")))
		declared++;
	return declared == n ? n : -EINVAL;
}

/*
 * Reads the name "org.example.thing1" of the interface. It contains only bytes that need
 * no escaping.
 */
static int name_of(const char *description, char *to)
{
	const char *p = keyword(description, "interface ");
	size_t n = p ? strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789.-") : 0;

	if (!n || n >= NAME_MOST || !memchr(p, '.', n) || (p[n] && p[n] != '\n'))
		return -EINVAL;
	memcpy(to, p, n);
	to[n] = '\0';
	return 0;
}

static struct offer *make(const char *description, const struct control_method *methods, int n,
			  void *arg)
{
	struct offer *o = calloc(1, sizeof(*o) + (n + 1) * sizeof(o->methods[0]));

	if (!o)
		return NULL;
	o->of_app = methods;
	o->arg = arg;
	for (int i = 0; i < n; i++)
		o->methods[i] = (struct method){
			methods[i].name, (enum command_kind)methods[i].kind, forward,
		};
	name_of(description, o->name);
	o->interface = (struct interface){
		.name = o->name, .description = description, .methods = o->methods,
	};
	return o;
}

/* Creates the thread and its memory, once. */
static int prepare(void)
{
	pthread_t thread;
	int rc;

	if (call)
		return 0;
	call = malloc(sizeof(*call));
	if (!call)
		return ENOMEM;
	rc = pthread_create(&thread, NULL, serve, NULL);
	if (rc) {
		free(call);
		call = NULL;
		return rc;
	}
	pthread_detach(thread);
	return 0;
}

int control_offer(const char *description, const struct control_method *methods, void *arg)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	char name[NAME_MOST];
	int n = name_of(description, name), rc;
	struct offer *o;

	if (n == 0)
		n = count(description, methods);
	if (n < 0)
		return result(n);
	o = make(description, methods, n, arg);
	if (!o)
		return result(-ENOMEM);
	pthread_mutex_lock(&one);
	rc = prepare();
	kernel_enter();
	if (!rc && command_known(name))
		rc = EEXIST;
	if (!rc)
		command_add(&o->interface);
	kernel_leave();
	pthread_mutex_unlock(&one);
	if (rc)
		free(o);
	return result(-rc);
}

/* ---- parameters and replies; called in the application's thread */

static int wrong(struct control_call *c, const char *name)
{
	format(c->wrong, sizeof(c->wrong), "%s", name);
	return -1;
}

static bool given(struct control_call *c, const char *name, struct json_value *v)
{
	return json_member(c->parameters, name, v) && json_kind(*v) != 'n';
}

int control_integer(struct control_call *c, const char *name, long long min, long long max,
		    long long *to)
{
	struct json_value v;
	int64_t n;

	if (!given(c, name, &v))
		return 0;
	if (json_get_integer(v, &n) || n < min || n > max)
		return wrong(c, name);
	*to = n;
	return 1;
}

int control_boolean(struct control_call *c, const char *name, int *to)
{
	struct json_value v;

	if (!given(c, name, &v))
		return 0;
	if (json_kind(v) != 't' && json_kind(v) != 'f')
		return wrong(c, name);
	*to = json_kind(v) == 't';
	return 1;
}

int control_string(struct control_call *c, const char *name, char *to, size_t size)
{
	struct json_value v;

	if (!given(c, name, &v))
		return 0;
	return json_get_string(v, to, size) < 0 ? wrong(c, name) : 1;
}

const char *control_parameters(struct control_call *c)
{
	return c->in;
}

void control_put_integer(struct control_call *c, const char *name, long long value)
{
	json_number(&c->reply, name, value);
}

void control_put_boolean(struct control_call *c, const char *name, int value)
{
	json_bool(&c->reply, name, value);
}

void control_put_string(struct control_call *c, const char *name, const char *value)
{
	json_string(&c->reply, name, value);
}

void control_open(struct control_call *c, const char *name, char bracket)
{
	json_open(&c->reply, name, bracket);
}

void control_close(struct control_call *c, char bracket)
{
	json_close(&c->reply, bracket);
}

int control_error(struct control_call *c, const char *name, const char *why)
{
	c->error = name;
	wrong(c, why);
	return ECANCELED;
}
