/* Sends back what a client sends, in capital letters, with a thread for each client. */
#include "capital.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool send_all(int fd, const char *data, ssize_t length)
{
	ssize_t n = 0;

	for (ssize_t at = 0; at < length && n >= 0; at += n)
		n = send(fd, data + at, length - at, MSG_NOSIGNAL);
	return n >= 0;
}

static void *serve(void *client)
{
	int fd = (intptr_t)client;
	char data[4096];
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
		capital(data, n);
		if (!send_all(fd, data, n))
			break;
	}
	close(fd);
	return NULL;
}

static int listen_at(int port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 64)) {
		perror("listen");
		exit(1);
	}
	return fd;
}

int main(void)
{
	const char *port = getenv("PORT");
	int listener = listen_at(port ? atoi(port) : 7777);

	printf("listening\n");
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			perror("accept");
		else if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
}
