/* SPDX-License-Identifier: ISC */
/*
 * The lab's agent: process 1 of dom0, which runs commands for the host.
 *
 * Frames are sent in both directions over one virtio-serial port.  Many commands run at
 * once, each with a number that the host has chosen.  A frame is the header below and
 * `length` bytes, in the byte order of x86:
 *
 *   host to dom0   R  run: flags (1 = on a terminal), rows, columns (uint16_t
 *                     each), then the words of the command, a NUL after each
 *                  I  standard input; empty: end of file
 *                  K  one byte: signal for the command's process group
 *                  W  rows, columns (uint16_t each) of its terminal
 *   dom0 to host   H  the agent is ready
 *                  O  standard output;  E  standard error
 *                  A  uint32_t: the number of input bytes that were written
 *                  X  uint32_t: exit status (128 + signal)
 *
 * At most WINDOW bytes of the host's input are unacknowledged, which limits the queue here.  A
 * command ends when its process ends, even if it has left processes in the background.  When the
 * host closes the port, dom0 powers off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOW (256 * 1024)
#define CHUNK (32 * 1024)
#define MAX_COMMANDS 1024
#define PIPE_READS 4		/* reads that empty a pipe of 64 KiB */

struct header {
	uint32_t length;
	uint16_t number;
	uint8_t type;
	uint8_t unused;
};

struct run {
	uint16_t flags, rows, cols;
	char words[];
};

struct command {
	pid_t pid;		/* 0: this slot is free */
	uint16_t number;
	int in, out, err;	/* -1: closed; on a terminal in == out */
	bool in_ends;
	uint8_t *queue;		/* input that is not yet written, at most WINDOW bytes */
	size_t queued;
};

static struct command commands[MAX_COMMANDS];
static int slots;		/* those behind are free */
static int port;

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void read_all(void *to, size_t n)
{
	for (char *p = to; n;) {
		ssize_t got = read(port, p, n);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			power_off();
		p += got;
		n -= got;
	}
}

static void write_all(const void *from, size_t n)
{
	for (const char *p = from; n;) {
		ssize_t put = write(port, p, n);

		if (put < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (put <= 0)
			power_off();
		p += put;
		n -= put;
	}
}

static void send_frame(uint8_t type, uint16_t number, const void *data, uint32_t n)
{
	static uint8_t frame[sizeof(struct header) + CHUNK];
	struct header h = {.length = n, .number = number, .type = type};

	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), data, n);
	write_all(frame, sizeof(h) + n);
}

static struct command *find(uint16_t number)
{
	for (int i = 0; i < slots; i++)
		if (commands[i].pid && commands[i].number == number)
			return &commands[i];
	return NULL;
}

static void close_input(struct command *c)
{
	if (c->in >= 0 && c->in != c->out)
		close(c->in);
	else if (c->in >= 0)
		(void)!write(c->in, "\004", 1); /* a terminal's end of file */
	c->in = -1;
}

static void close_output(struct command *c, int *fd)
{
	if (*fd >= 0 && *fd == c->in)
		c->in = -1;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Reads once and sends the data.  Returns false if there was none, or at the end. */
static bool pass_output(struct command *c, int *fd, uint8_t type)
{
	uint8_t data[CHUNK];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, data, sizeof(data));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close_output(c, fd);
		return false;
	}
	send_frame(type, c->number, data, n);
	return true;
}

static void pass_input(struct command *c)
{
	ssize_t n = c->in < 0 ? (ssize_t)c->queued : write(c->in, c->queue, c->queued);
	uint32_t taken;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {			/* the command has closed its input */
		close_input(c);
		n = c->queued;
	}
	taken = n;
	memmove(c->queue, c->queue + n, c->queued - n);
	c->queued -= n;
	send_frame('A', c->number, &taken, sizeof(taken));
	if (!c->queued && c->in_ends)
		close_input(c);
}

static void input(struct command *c, const uint8_t *data, size_t n)
{
	if (!n) {
		c->in_ends = true;
		if (!c->queued)
			close_input(c);
		return;
	}
	if (c->queued + n > WINDOW)	/* the host violates the protocol */
		power_off();
	memcpy(c->queue + c->queued, data, n);
	c->queued += n;
	pass_input(c);
}

static void in_child(char **words)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(words[0], words);
	fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void start_on_terminal(struct command *c, struct winsize *size, char **words)
{
	int fd;

	c->pid = forkpty(&fd, NULL, NULL, size);
	if (c->pid == 0)
		in_child(words);
	c->in = c->out = fd;
	c->err = -1;
}

static void start_on_pipes(struct command *c, char **words)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		power_off();
	c->pid = fork();
	if (c->pid == 0) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		in_child(words);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
}

static void run(uint16_t number, const struct run *r, size_t length)
{
	struct winsize size = {.ws_row = r->rows, .ws_col = r->cols};
	const char *end = (const char *)r + length;
	uint32_t no_room = 126;
	struct command *c = NULL;
	char *words[1024];
	int n = 0;

	for (const char *p = r->words; p < end && n < 1023; p += strlen(p) + 1)
		words[n++] = (char *)p;
	words[n] = NULL;
	for (int i = 0; i < MAX_COMMANDS && !c; i++)
		if (!commands[i].pid)
			c = &commands[i];
	if (!c || !n) {
		send_frame('X', number, &no_room, sizeof(no_room));
		return;
	}
	if (slots <= c - commands)
		slots = c - commands + 1;
	*c = (struct command){.number = number, .queue = malloc(WINDOW)};
	if (r->flags & 1)
		start_on_terminal(c, &size, words);
	else
		start_on_pipes(c, words);
	if (c->pid < 0 || !c->queue)
		power_off();
	for (int *fd = &c->in; fd <= &c->err; fd++)
		if (*fd >= 0) {
			fcntl(*fd, F_SETFL, O_NONBLOCK);
			fcntl(*fd, F_SETFD, FD_CLOEXEC);
		}
}

static void resize(struct command *c, const uint16_t *size)
{
	struct winsize w = {.ws_row = size[0], .ws_col = size[1]};

	if (c->out >= 0)
		ioctl(c->out, TIOCSWINSZ, &w);
}

/* A new child may not lead its process group yet. */
static void send_signal(struct command *c, int signal)
{
	if (kill(-c->pid, signal))
		kill(c->pid, signal);
}

static void receive(void)
{
	static uint8_t data[WINDOW + 1];
	struct header h;
	struct command *c;

	read_all(&h, sizeof(h));
	if (h.length > WINDOW)
		power_off();
	read_all(data, h.length);
	data[h.length] = 0;
	c = find(h.number);
	if (h.type == 'R' && h.length > sizeof(struct run))
		run(h.number, (struct run *)data, h.length);
	else if (h.type == 'I' && c)
		input(c, data, h.length);
	else if (h.type == 'K' && c && h.length == 1)
		send_signal(c, data[0]);
	else if (h.type == 'W' && c && h.length == 4)
		resize(c, (uint16_t *)data);
}

static void ended(struct command *c, int status)
{
	uint32_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	/* At most a full pipe, since processes in the background may write for ever. */
	for (int n = 0; n < PIPE_READS && pass_output(c, &c->out, 'O'); n++)
		;
	for (int n = 0; n < PIPE_READS && pass_output(c, &c->err, 'E'); n++)
		;
	send_frame('X', c->number, &code, sizeof(code));
	close_output(c, &c->out);
	close_output(c, &c->err);
	close_input(c);
	free(c->queue);
	c->pid = 0;
	while (slots && !commands[slots - 1].pid)
		slots--;
}

/* Process 1 also gets the ends of orphans, which are not commands. */
static void reap(int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(signals, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < slots; i++)
			if (commands[i].pid == pid)
				ended(&commands[i], status);
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve(int signals)
{
	struct pollfd p[2 + 3 * MAX_COMMANDS];
	int n = slots;

	p[0] = (struct pollfd){.fd = port, .events = POLLIN};
	p[1] = (struct pollfd){.fd = signals, .events = POLLIN};
	for (int i = 0; i < n; i++) {
		struct command *c = &commands[i];
		struct pollfd *q = &p[2 + 3 * i];

		q[0] = (struct pollfd){.fd = c->pid && c->queued ? c->in : -1,
				       .events = POLLOUT};
		q[1] = (struct pollfd){.fd = c->pid ? c->out : -1, .events = POLLIN};
		q[2] = (struct pollfd){.fd = c->pid ? c->err : -1, .events = POLLIN};
	}
	if (poll(p, 2 + 3 * n, -1) < 0)
		return;
	for (int i = 0; i < n; i++) {
		struct command *c = &commands[i];
		struct pollfd *q = &p[2 + 3 * i];

		if (q[0].revents)
			pass_input(c);
		if (q[1].revents)
			pass_output(c, &c->out, 'O');
		if (q[2].revents)
			pass_output(c, &c->err, 'E');
	}
	if (p[0].revents & POLLIN)
		receive();
	else if (p[0].revents & (POLLHUP | POLLERR))
		power_off();
	if (p[1].revents)
		reap(signals);
}

/* The port appears some time after its driver was loaded. */
static int open_port(void)
{
	for (int i = 0; i < 6000; i++) {
		glob_t g;
		int fd = -1;

		if (!glob("/dev/vport*p1", 0, NULL, &g))
			fd = open(g.gl_pathv[0], O_RDWR | O_CLOEXEC);
		globfree(&g);
		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	perror("lab agent: the port to the host");
	power_off();
	return -1;
}

int main(void)
{
	int signals = watch_children();

	port = open_port();
	send_frame('H', 0, "", 0);
	for (;;)
		serve(signals);
}
