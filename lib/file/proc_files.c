/* SPDX-License-Identifier: ISC */
/* Files of /proc in the form of Linux (proc(5)): those that programs read to know where they are. */
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/symbols.h"
#include "lib/file/generated.h"
#include "lib/file/mount.h"

#include <cpuid.h>
#include <string.h>
#include <unistd.h>

#define KIB 4				/* KiB of a page */

/* The linker script's. */
extern char image_start[], text_end[], rodata_start[], rodata_end[], data_start[], image_end[];

static void meminfo(struct text *t)
{
	struct page_stats p;

	page_stats(&p);
	text_add(t, "MemTotal:       %8zu kB\nMemFree:        %8zu kB\nMemAvailable:   %8zu kB\n",
		 p.total * KIB, p.free * KIB, p.free * KIB);
	text_add(t, "Buffers:               0 kB\nCached:                0 kB\n"
		 "SwapTotal:             0 kB\nSwapFree:              0 kB\n");
}

/* The name of the CPU (Intel's manual, CPUID). */
static void brand(char to[49])
{
	unsigned *words = (unsigned *)to, most = __get_cpuid_max(0x80000000, NULL);

	memset(to, 0, 49);
	for (unsigned i = 0; most >= 0x80000004 && i < 3; i++, words += 4)
		__get_cpuid(0x80000002 + i, &words[0], &words[1], &words[2], &words[3]);
}

static void cpuinfo(struct text *t)
{
	_Alignas(unsigned) char name[52];
	unsigned vendor[4] = { 0 }, max, a = 0, b, c = 0, d = 0;

	brand(name);
	__get_cpuid(0, &max, &vendor[0], &vendor[2], &vendor[1]);
	text_add(t, "processor\t: 0\nvendor_id\t: %s\n", (char *)vendor);
	__get_cpuid(1, &a, &b, &c, &d);
	text_add(t, "cpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n",
		 (a >> 8 & 15) + (a >> 20 & 255), (a >> 4 & 15) | (a >> 12 & 0xf0), name, a & 15);
	text_add(t, "cpu cores\t: 1\nflags\t\t: fpu%s%s%s%s%s%s%s\n\n", d & 1u << 26 ? " sse2" : "",
		 c & 1 ? " pni" : "", c & 1u << 9 ? " ssse3" : "", c & 1u << 19 ? " sse4_1" : "",
		 c & 1u << 20 ? " sse4_2" : "", c & 1u << 25 ? " aes" : "",
		 c & 1u << 30 ? " rdrand" : "");
}

static void uptime(struct text *t)
{
	uint64_t hundredths = clock_now() / (NSEC_PER_SEC / 100);

	text_add(t, "%lu.%02lu 0.00\n", (long)(hundredths / 100), (long)(hundredths % 100));
}

/* The load is not measured. */
static void loadavg(struct text *t)
{
	text_add(t, "0.00 0.00 0.00 1/1 1\n");
}

static void mounts_of(struct text *t)
{
	for (const struct mount *m = mounts; m; m = m->next)
		text_add(t, "%s %s %s %s 0 0\n", m->source ? m->source : "none", *m->at ? m->at : "/",
			 !m->fs ? m == &romfs_mount ? "romfs" : m->at + 1 :
			 !strcmp(m->source, "tmpfs") ? "tmpfs" : "ext4",
			 m->fs && !m->fs->read_only ? "rw" : "ro");
}

static void cmdline(struct text *t)
{
	for (unsigned i = 0; i < param_argc(); i++) {
		text_add(t, "%s", param_argv()[i]);
		if (t->len + 1 < t->size)
			t->to[t->len++] = '\0';
	}
}

static void region(struct text *t, const char *from, const char *to, const char *how)
{
	text_add(t, "%08lx-%08lx %s 00000000 00:00 0          /%s\n", (long)from, (long)to, how,
		 image_name);
}

/* The image's parts. */
static void maps(struct text *t)
{
	region(t, image_start, text_end, "r-xp");
	region(t, rodata_start, rodata_end, "r--p");
	region(t, data_start, image_end, "rw-p");
}

static void status(struct text *t)
{
	struct page_stats p;

	page_stats(&p);
	text_add(t, "Name:\t%s\nState:\tR (running)\nTgid:\t1\nPid:\t1\nPPid:\t0\nTracerPid:\t0\n",
		 image_name);
	text_add(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", getuid(), geteuid(), geteuid(),
		 geteuid(), getgid(), getegid(), getegid(), getegid());
	text_add(t, "VmSize:\t%8zu kB\nVmRSS:\t%8zu kB\n", p.total * KIB, (p.total - p.free) * KIB);
}

static void filesystems(struct text *t)
{
	text_add(t, "\text4\nnodev\ttmpfs\nnodev\tproc\n");
}

const struct generated proc_files[] = {
	{ "", NULL },
	{ "cpuinfo", cpuinfo }, { "filesystems", filesystems }, { "loadavg", loadavg },
	{ "meminfo", meminfo }, { "mounts", mounts_of }, { "self", NULL },
	{ "self/cmdline", cmdline }, { "self/fd", NULL }, { "self/maps", maps },
	{ "self/mounts", mounts_of }, { "self/status", status }, { "uptime", uptime },
	{ NULL, NULL },
};
