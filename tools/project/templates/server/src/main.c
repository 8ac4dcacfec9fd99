/* Answers each line of a client in capital letters, with a thread for each client. */
#include "capital.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *serve(void *client)
{
	FILE *f = client;
	char line[1024];

	while (fgets(line, sizeof(line), f)) {
		capital(line);
		/* Between reading and writing, a stream must be positioned or flushed. */
		if (fseek(f, 0, SEEK_CUR), fputs(line, f) < 0 || fflush(f))
			break;
	}
	fclose(f);
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
		FILE *f = fd < 0 ? NULL : fdopen(fd, "r+");
		pthread_t thread;

		if (f && pthread_create(&thread, NULL, serve, f) == 0)
			pthread_detach(thread);
		else if (f)
			fclose(f);
		else if (fd >= 0)
			close(fd);
		else
			perror("accept");
	}
}
