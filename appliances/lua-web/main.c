/* SPDX-License-Identifier: ISC */
/*
 * A web application in Lua: for each request, a thread calls the function `handle` of /app.lua with
 * the method, the target and the body; it returns the status, the content type and the text.
 *
 * Each thread has a Lua state of its own, so the application keeps data in files or a database. A request has
 * a connection of its own; a thread waits at most TIMEOUT seconds for a slow client.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 8
#define HEAD 8192			/* bytes of a request's header */
#define BODY (1 << 20)			/* bytes of its body */
#define TIMEOUT 10

static int listener;

static void send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= n;
	}
}

static void answer(int fd, int status, const char *type, const char *text, size_t len)
{
	char head[512];
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %d %s\r\nContent-Type: %.200s\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n", status, status < 400 ? "OK" : "Error", type, len);

	send_all(fd, head, n);
	send_all(fd, text, len);
}

static void refuse(int fd, int status, const char *why)
{
	answer(fd, status, "text/plain", why, strlen(why));
}

static void call(lua_State *lua, int fd, const char *method, const char *target, const char *body, size_t len)
{
	const char *type, *text;
	size_t n;

	lua_settop(lua, 0);
	lua_getglobal(lua, "handle");
	lua_pushstring(lua, method);
	lua_pushstring(lua, target);
	lua_pushlstring(lua, body, len);
	if (lua_pcall(lua, 3, 3, 0)) {
		fprintf(stderr, "app.lua: %s\n", lua_tostring(lua, -1));
		refuse(fd, 500, "the application has failed\n");
		return;
	}
	type = lua_tostring(lua, 2);
	text = lua_tolstring(lua, 3, &n);
	if (!lua_isinteger(lua, 1) || !type || strpbrk(type, "\r\n") || !text)
		refuse(fd, 500, "the application has returned no status, type and text\n");
	else
		answer(fd, lua_tointeger(lua, 1), type, text, n);
}

/* The value of Content-Length; 0 without; -1: invalid, or a body of another kind. */
static long length_of(const char *head)
{
	const char *line = head;
	long length = 0;
	char *end;

	while ((line = strstr(line, "\r\n")) && line[2] != '\r') {
		line += 2;
		if (!strncasecmp(line, "Transfer-Encoding:", 18))
			return -1;
		if (!strncasecmp(line, "Content-Length:", 15)) {
			length = strtol(line + 15, &end, 10);
			if (length < 0 || *end != '\r')
				return -1;
		}
	}
	return length;
}

static void serve(lua_State *lua, int fd, char *data)
{
	char method[16], target[2048], *end = NULL;
	size_t len = 0, head;
	long body;
	ssize_t n;

	while (!end && len < HEAD && (n = recv(fd, data + len, HEAD - len, 0)) > 0) {
		len += n;
		data[len] = '\0';
		end = strstr(data, "\r\n\r\n");
	}
	if (!end || sscanf(data, "%15[A-Z] %2047[^ \r\n] HTTP/1.", method, target) != 2) {
		refuse(fd, 400, "the request is not valid\n");
		return;
	}
	end[2] = '\0';
	head = end + 4 - data;
	body = length_of(data);
	if (body < 0 || body > BODY) {
		refuse(fd, body < 0 ? 411 : 413, "the body has no length, or is too large\n");
		return;
	}
	while (len < head + body && (n = recv(fd, data + len, head + body - len, 0)) > 0)
		len += n;
	if (len >= head + body)
		call(lua, fd, method, target, data + head, body);
}

static void *work(void *arg)
{
	struct timeval timeout = { .tv_sec = TIMEOUT };
	lua_State *lua = luaL_newstate();
	char *data = malloc(HEAD + BODY + 1);

	(void)arg;
	if (!lua || !data) {
		fprintf(stderr, "lua-web: not enough memory\n");
		exit(1);
	}
	luaL_openlibs(lua);
	if (luaL_dofile(lua, "/app.lua")) {
		fprintf(stderr, "lua-web: %s\n", lua_tostring(lua, -1));
		exit(1);
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		serve(lua, fd, data);
		close(fd);
	}
	return NULL;
}

int main(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(80) };
	pthread_t thread;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, 128) < 0) {
		perror("lua-web: port 80");
		return 1;
	}
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, work, NULL)) {
			fprintf(stderr, "lua-web: no thread\n");
			return 1;
		}
	printf("lua-web: port 80\n");
	fflush(stdout);
	work(NULL);
	return 1;
}
