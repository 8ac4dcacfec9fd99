/* SPDX-License-Identifier: ISC */
#include "apps/httpd/date.h"
#include "apps/httpd/log.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SIZE 65536
#define LINE_MAX_LEN 1024	/* bytes of the request line, escaped; longer ones are cut */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static char *filling, *writing;	/* `writing` belongs to the thread; `lock` protects the rest */
static size_t filled;
static bool on, asleep, fresh;

uint64_t log_dropped;

static void write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(1, p, n);

		if (done <= 0)
			return;
		p += done;
		n -= done;
	}
}

static void *writer(void *unused)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		char *full = filling;
		size_t n = filled;

		if (!n) {
			asleep = true;
			pthread_cond_wait(&more, &lock);
			continue;
		}
		filling = writing;
		writing = full;
		filled = 0;
		pthread_mutex_unlock(&lock);
		write_all(full, n);
		pthread_mutex_lock(&lock);
	}
	return unused;
}

bool log_start(void)
{
	pthread_t thread;

	filling = malloc(SIZE);
	writing = malloc(SIZE);
	on = filling && writing && !pthread_create(&thread, NULL, writer, NULL);
	return on;
}

static void put_address(struct text *t, const struct in6_addr *a)
{
	char text[INET6_ADDRSTRLEN];

	if (!IN6_IS_ADDR_V4MAPPED(a)) {
		put_string(t, inet_ntop(AF_INET6, a, text, sizeof(text)) ?: "?");
		return;
	}
	for (int i = 12; i < 16; i++) {
		if (i > 12)
			put_char(t, '.');
		put_number(t, a->s6_addr[i]);
	}
}

void log_request(const struct in6_addr *client, const char *date, struct span line,
		 int status, uint64_t bytes)
{
	char quoted[LINE_MAX_LEN];
	struct text q = text_in(quoted, sizeof(quoted)), t;

	if (!on)
		return;
	put_quoted(&q, line);
	pthread_mutex_lock(&lock);
	t = text_in(filling + filled, SIZE - filled);
	put_address(&t, client);
	put_literal(&t, " - - [");
	put(&t, date, DATE_LOG_LEN);
	put_literal(&t, "] \"");
	put(&t, quoted, text_len(&q));
	put_literal(&t, "\" ");
	put_number(&t, status);
	put_char(&t, ' ');
	put_number(&t, bytes);
	put_char(&t, '\n');
	if (text_whole(&t))
		filled += text_len(&t);
	else
		log_dropped++;
	pthread_mutex_unlock(&lock);
	fresh = true;
}

void log_flush(void)
{
	if (!fresh)
		return;
	fresh = false;
	pthread_mutex_lock(&lock);
	if (asleep) {
		asleep = false;
		pthread_cond_signal(&more);
	}
	pthread_mutex_unlock(&lock);
}
