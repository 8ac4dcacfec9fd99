/* SPDX-License-Identifier: ISC */
/* Claims, options, and how much of the work is done. */
#include "tests/fs/sim.h"

#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 3600			/* seconds for one claim */

uint64_t sim_first_seed;
unsigned sim_times = 1, sim_share = 1;
const char *sim_folder = "build/check/fs";

unsigned sim_count(unsigned count)
{
	unsigned n = count * sim_times / sim_share;

	return n ? n : 1;
}

bool sim_part(unsigned n, unsigned count)
{
	unsigned part = count / sim_share;

	return (n + sim_first_seed / 1000) % count < (part ? part : 1);
}

static int note_pipe;

void sim_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(note_pipe, fmt, ap);
	va_end(ap);
}

static bool claim_holds(const struct sim_claim *claim)
{
	char note[400];
	size_t len = 0;
	ssize_t n;
	int ends[2], status;
	pid_t child;
	uint64_t began = sim_elapsed();

	fflush(stdout);
	if (pipe(ends))
		abort();
	child = fork();
	if (child == 0) {
		close(ends[0]);
		note_pipe = ends[1];
		alarm(PATIENCE);
		__sanitizer_set_death_callback(sim_print_context);
		claim->test();
		fflush(stdout);
		exit(0);
	}
	close(ends[1]);
	while (len < sizeof(note) - 1 && (n = read(ends[0], note + len, sizeof(note) - 1 - len)) > 0)
		len += n;
	note[len] = '\0';
	close(ends[0]);
	waitpid(child, &status, 0);
	printf("%s %s%s%s%s (%.1f s)\n", status ? "FAILED" : "ok    ", claim->text,
	       len ? ": " : "", note, WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ?
	       " (it does not end)" : "", (sim_elapsed() - began) / 1000.0);
	return !status;
}

static bool shrinks;

static bool fails(void (*test)(void *arg, unsigned count, void *list), void *arg, unsigned count,
		  void *list)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			abort();
		alarm(60);
		test(arg, count, list);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return status != 0;
}

void sim_shrink(void (*test)(void *arg, unsigned count, void *list), void *arg, unsigned count,
		void *list, size_t element)
{
	char *tried = malloc((count + 1) * element), *now = list;

	if (!shrinks || !fails(test, arg, count, list)) {
		free(tried);
		test(arg, count, list);
		return;
	}
	for (unsigned part = (count + 1) / 2; part; part = part == 1 ? 0 : (part + 1) / 2) {
		for (unsigned at = 0; at < count;) {
			unsigned n = part < count - at ? part : count - at;

			memcpy(tried, now, at * element);
			memcpy(tried + at * element, now + (at + n) * element,
			       (count - at - n) * element);
			if (fails(test, arg, count - n, tried)) {
				memcpy(now, tried, (count - n) * element);
				count -= n;
			} else {
				at += n;
			}
		}
	}
	free(tried);
	fprintf(stderr, "shortened to %u\n", count);
	test(arg, count, list);
}

int sim_main(int argc, char **argv, const struct sim_claim *claims, size_t count)
{
	const char *text = "", *number = getenv("HOST_SEED"), *share = getenv("HOST_SHARE");
	bool all = true, any = false;
	int option;

	sim_elapsed();
	sim_first_seed = number ? strtoull(number, NULL, 0) : (uint64_t)time(NULL) % 1000000 * 1000;
	if (share && strtoul(share, NULL, 0))
		sim_share = strtoul(share, NULL, 0);
	while ((option = getopt(argc, argv, "k:s:x:b:mv")) != -1) {
		switch (option) {
		case 'k':
			text = optarg;
			break;
		case 's':
			sim_first_seed = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			sim_times = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			sim_folder = optarg;
			break;
		case 'm':
			shrinks = true;
			break;
		case 'v':
			sim.verbose = true;
			break;
		default:
			return 2;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (!strstr(claims[i].text, text))
			continue;
		any = true;
		all &= claim_holds(&claims[i]);
	}
	return any && all ? 0 : 1;
}
