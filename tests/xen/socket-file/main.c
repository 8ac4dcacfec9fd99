/* SPDX-License-Identifier: ISC */
/* sendfile() from files in the image to sockets and other descriptors. */
#include "tests/xen/socket/help.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>

#define SIZE (20000 * 8)

static void *check(void *arg)
{
	int fd = *(int *)arg;
	char line[9] = "", right[16];
	int n = 0;
	ssize_t got;

	while ((got = recv(fd, line, 8, MSG_WAITALL)) == 8) {
		snprintf(right, sizeof(right), "%07d\n", n++);
		if (strcmp(line, right))
			test_failure("line %d is wrong", n - 1);
	}
	expect_equal(got, 0);
	expect_equal(n, SIZE / 8);
	return NULL;
}

static void a_file_goes_out_whole(bool by_offset)
{
	int fds[2], file = open("/numbers", O_RDONLY);
	off_t at = 0;
	pthread_t thread;

	expect(file >= 0);
	connection(AF_INET, fds);
	expect_equal(pthread_create(&thread, NULL, check, &fds[1]), 0);
	if (by_offset) {
		expect_equal(sendfile(fds[0], file, &at, SIZE - 8), SIZE - 8);
		expect_equal(at, SIZE - 8);
		expect_equal(lseek(file, 0, SEEK_CUR), 0);
		expect_equal(sendfile(fds[0], file, &at, 10 * SIZE), 8);
	} else {
		expect_equal(sendfile(fds[0], file, NULL, SIZE), SIZE);
		expect_equal(lseek(file, 0, SEEK_CUR), SIZE);
	}
	expect_equal(sendfile(fds[0], file, by_offset ? &at : NULL, 10), 0);
	close(fds[0]);
	close(file);
	expect_equal(pthread_join(thread, NULL), 0);
	close(fds[1]);
}

static void a_full_socket_takes_a_part(void)
{
	int fds[2], file = open("/numbers", O_RDONLY);
	size_t before, sum = 0;
	static char data[50000];
	off_t at = 0;
	ssize_t n;

	connection(AF_INET, fds);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	before = mallinfo().uordblks;
	do {
		n = sendfile(fds[0], file, &at, SIZE);
		if (at == SIZE)
			at = 0;
		sum += n > 0 ? n : 0;
	} while (n > 0);
	expect_equal(errno, EAGAIN);
	printf("%zu bytes under way in %zu\n", sum, mallinfo().uordblks - before);
	while (sum) {
		n = recv(fds[1], data, sizeof(data), 0);
		expect(n > 0);
		sum -= n;
	}
	close(fds[0]);
	close(fds[1]);
	close(file);
}

static void the_wrong_files_are_told(void)
{
	int fds[2], file = open("/hello.txt", O_RDONLY), empty = open("/empty", O_RDONLY);
	off_t at = -1;

	connection(AF_INET, fds);
	expect_equal(sendfile(fds[0], fds[1], NULL, 10), -1);
	expect_equal(errno, EINVAL);
	expect_equal(sendfile(fds[0], 999, NULL, 10), -1);
	expect_equal(errno, EBADF);
	expect_equal(sendfile(file, file, NULL, 10), -1);
	expect_equal(errno, EBADF);
	expect_equal(sendfile(fds[0], file, &at, 10), -1);
	expect_equal(errno, EINVAL);
	expect_equal(sendfile(fds[0], empty, NULL, 10), 0);
	expect_equal(sendfile(1, file, NULL, 100), 13);		/* to the console */
	close(fds[1]);
	usleep(10000);
	shutdown(fds[0], SHUT_WR);
	at = 0;
	expect_equal(sendfile(fds[0], file, &at, 10), -1);
	expect_equal(errno, EPIPE);
	expect_equal(at, 0);
	close(fds[0]);
	close(file);
	close(empty);
}

int main(void)
{
	a_file_goes_out_whole(false);
	a_file_goes_out_whole(true);
	a_full_socket_takes_a_part();
	the_wrong_files_are_told();
	test_success();
}
