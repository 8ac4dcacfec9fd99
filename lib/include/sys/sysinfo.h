/* SPDX-License-Identifier: ISC */
/* Memory and uptime, as on Linux (sysinfo(2), get_nprocs(3)). */
#ifndef XENOLITH_SYS_SYSINFO_H
#define XENOLITH_SYS_SYSINFO_H

#ifdef __cplusplus
extern "C" {
#endif

struct sysinfo {
	long uptime;			/* seconds */
	unsigned long loads[3];		/* 0: not measured */
	unsigned long totalram, freeram;	/* in units of mem_unit bytes */
	unsigned long sharedram, bufferram, totalswap, freeswap;	/* 0 */
	unsigned short procs;		/* 1 */
	unsigned long totalhigh, freehigh;
	unsigned mem_unit;
};

int sysinfo(struct sysinfo *to);
int get_nprocs(void);
int get_nprocs_conf(void);
long get_phys_pages(void);
long get_avphys_pages(void);

#ifdef __cplusplus
}
#endif

#endif
