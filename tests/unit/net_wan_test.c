/* SPDX-License-Identifier: ISC */
/*
 * The goodput of one flow over paths with losses, in virtual time, beside what RFC 9438 says of
 * CUBIC (5.2): the larger one of its own and of its Reno-friendly region.
 *
 * With WAN_TABLE=1 it prints a table of all paths, from longer transfers: tests/bench/wan.
 */
#include "tests/unit/net_path.h"

#include <math.h>
#include <stdio.h>

struct cell {
	unsigned rtt, loss;		/* ms; of a million */
	unsigned reorder;
	bool bottleneck;		/* 50 Mbit/s, with 100 ms of buffer */
};

static const struct cell cells[] = {
	{ 1, 0, 0, false }, { 1, 1000, 0, false }, { 1, 10000, 0, false },
	{ 20, 0, 0, false }, { 20, 1000, 0, false }, { 20, 10000, 0, false },
	{ 50, 0, 0, false }, { 50, 1000, 0, false }, { 50, 10000, 0, false },
	{ 100, 0, 0, false }, { 100, 1000, 0, false }, { 100, 10000, 0, false },
	{ 20, 0, 10000, false }, { 100, 0, 10000, false },
	{ 1, 0, 0, true }, { 20, 0, 0, true }, { 50, 0, 0, true }, { 100, 0, 0, true },
	{ 20, 1000, 0, true }, { 100, 1000, 0, true },
};
static const struct cell *cell;
static bool table;

#define GIGABIT 125000000ull		/* bytes per second */
#define BOTTLENECK 6250000ull

static double reference(void)		/* bytes per second */
{
	double p = cell->loss / 1e6, rtt = cell->rtt / 1e3, most, own, reno, w;

	most = cell->bottleneck ? BOTTLENECK : GIGABIT;
	most = fmin(most * SEGMENT / 1514, TCP_SND_BUF / rtt);
	if (!cell->loss)
		return most;
	own = 1.054 * pow(rtt, 0.75) / pow(p, 0.75);
	reno = sqrt(0.529 * 1.7 / (2 * 0.3 * p));
	w = fmax(own, reno);
	return fmin(most, w * SEGMENT / rtt);
}

/* Returns the goodput in bytes per second. */
static double goodput(uint64_t bytes)
{
	path.rtt = cell->rtt * MILLI;
	path.loss = cell->loss;
	path.reorder = cell->reorder;
	path.rate = cell->bottleneck ? BOTTLENECK : GIGABIT;
	path.buffer = path.rate / 10;
	path_connect();
	return (double)bytes * SECOND / path_transfer(bytes, 600 * SECOND);
}

static void one_cell(void)
{
	uint64_t bytes = table ? 8000000 : 1500000;
	double got = goodput(bytes), expected = reference();

	if (table)
		fprintf(stderr, "| %u ms | %.1f %% | %s | %s | %.2f | %.2f | %.2f |\n", cell->rtt,
			cell->loss / 1e4, cell->reorder ? "1 %" : "no",
			cell->bottleneck ? "50 Mbit/s" : "1 Gbit/s", got * 8e-6, expected * 8e-6,
			got / expected);
	/* Short transfers are mostly slow start, and few losses vary. */
	assert(table || got > expected / (cell->loss ? 4 : 8));
	path_down();
}

#define CELL(n) static void cell_##n(void) { cell = &cells[n]; one_cell(); }
CELL(0) CELL(1) CELL(2) CELL(3) CELL(4) CELL(5) CELL(6) CELL(7) CELL(8) CELL(9)
CELL(10) CELL(11) CELL(12) CELL(13) CELL(14) CELL(15) CELL(16) CELL(17) CELL(18) CELL(19)

int main(int argc, char **argv)
{
	static const struct host_claim quick[] = {
		{ "20 ms, loss 1 %", cell_5, 2 },
		{ "100 ms, loss 1 %", cell_11, 2 },
		{ "20 ms, reordering", cell_12, 1 },
		{ "a bottleneck", cell_15, 1 },
	}, all[] = {
		{ "0", cell_0, 3 }, { "1", cell_1, 3 }, { "2", cell_2, 3 }, { "3", cell_3, 3 },
		{ "4", cell_4, 3 }, { "5", cell_5, 3 }, { "6", cell_6, 3 }, { "7", cell_7, 3 },
		{ "8", cell_8, 3 }, { "9", cell_9, 3 }, { "10", cell_10, 3 },
		{ "11", cell_11, 3 }, { "12", cell_12, 3 }, { "13", cell_13, 3 },
		{ "14", cell_14, 3 }, { "15", cell_15, 3 }, { "16", cell_16, 3 },
		{ "17", cell_17, 3 }, { "18", cell_18, 3 }, { "19", cell_19, 3 },
	};

	table = getenv("WAN_TABLE") != NULL;
	if (table)
		return host_main(argc, argv, all, HOST_COUNT(all));
	return host_main(argc, argv, quick, HOST_COUNT(quick));
}
