/* SPDX-License-Identifier: ISC */
/*
 * Disks for other guests (docs/storage.md).  The same program can be an image, a driver domain,
 * or a process of dom0 that is linked with libxenolith-disk.a.
 *
 *	static int open_disk(const struct disk_request *w, struct disk_store **store, void *arg)
 *	{
 *		return disk_memory(64 << 20, store);
 *	}
 *
 *	int main(void)
 *	{
 *		return disks_serve(open_disk, NULL) ? 1 : 0;
 *	}
 *
 * Any domain's xl.cfg then has such a disk: disk=["backend=NAME,vdev=xvda,target=vol1"], where
 * NAME is the name of the driver domain.
 */
#ifndef XENOLITH_DISK_H
#define XENOLITH_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Events of the guest's connection, for a store that needs them. */
enum disk_event {
	DISK_CONNECTED,			/* before the first call of a connection */
	DISK_STOPPED,			/* calls in progress that wait must end soon, with an error */
	DISK_CLOSED,			/* after the last call: the guest has closed the disk */
	DISK_LOST,			/* the same: the guest was destroyed while it used the disk */
	DISK_RESIZED,			/* disks_changed() was called */
};

/*
 * The storage of a disk.  An application's own store begins with this struct.
 *
 * Functions return 0 or -errno.  They may sleep.  At most `threads` calls run at the same time.
 * Offsets and lengths are bytes, multiples of sector_size, and within size.
 *
 * The memory of read() and write() belongs to the other guest, which may change it during the call:
 * a store that interprets data must copy it first.  The guest sees -EOPNOTSUPP as such, and every
 * other error as EIO.
 */
struct disk_store {
	int (*read)(struct disk_store *s, const struct iovec *to, int count, uint64_t at);
	int (*write)(struct disk_store *s, const struct iovec *from, int count, uint64_t at);
	/* Makes durable each write that had returned before.  NULL: write() does it. */
	int (*flush)(struct disk_store *s);
	/* The range may read as zeroes from now on.  NULL: discard is not offered. */
	int (*discard)(struct disk_store *s, uint64_t at, uint64_t len);
	void (*tell)(struct disk_store *s, enum disk_event event);	/* may be NULL */
	/*
	 * For a store that is the upper part of an overlay: the first range at or behind `at` that was
	 * ever written; -ENXIO if there is none.  NULL: nothing was written before.
	 */
	int (*written)(struct disk_store *s, uint64_t at, uint64_t *start, uint64_t *end);
	void (*close)(struct disk_store *s);				/* frees it; may be NULL */

	uint64_t size;			/* bytes; call disks_changed() after a change */
	unsigned sector_size;		/* 512 (also for 0) ... 4096 */
	unsigned threads;		/* calls at once, at most 32; 0: one, for stores in memory */
	bool readonly;
	/*
	 * Responses may overtake each other.  Then a server that is killed cannot be restarted without
	 * errors: the ring does not say which requests were answered.
	 */
	bool out_of_order;
};

/* ---- Stores.  They return 0 and *store, or -errno. */

/* Zeroed memory, allocated when it is written. */
int disk_memory(uint64_t size, struct disk_store **store);

/*
 * A file or a block device; len 0: from `start` to its end, and the size follows the file's when
 * disks_changed() is called.
 */
int disk_file(const char *path, bool readonly, uint64_t start, uint64_t len,
	      struct disk_store **store);

/*
 * Shows `base`, and writes what changes to `top`, which has at least base's size and no other user.
 * Closes both.  If `top` is a sparse file, it shows what was written to it before.  Returns -EOPNOTSUPP
 * if the file system does not keep exactly which 4 KiB were written.
 */
int disk_overlay(struct disk_store *base, struct disk_store *top, struct disk_store **store);

/*
 * Faults in front of another store, which it closes.  Each rule is a line of docs/storage.md, such as
 * "write 5000..6000 EIO after 10s".  Without a rule it passes everything on.
 */
int disk_faults(struct disk_store *below, uint64_t seed, struct disk_store **store);

/* Adds a rule.  Returns 0, or -EINVAL and in *why what is wrong (a constant string). */
int disk_faults_add(struct disk_store *store, const char *rule, const char **why);

/* Loses what was written and not flushed, as a power failure does. */
void disk_faults_power_cut(struct disk_store *store);

/* Closes a store of any kind. */
void disk_close(struct disk_store *store);

/* ---- The server */

/* A disk that the toolstack wants for a guest. */
struct disk_request {
	const char *target;		/* target= of its disk line */
	unsigned domid;			/* the guest */
	unsigned vdev;			/* xen-vbd-interface(7) */
	bool readonly;
};

/*
 * Serves disks until disks_stop() is called or xenstore is lost; returns 0 or -errno.
 *
 * For each disk that a toolstack wants, open() is called in a new thread, which then serves this disk.
 * open() returns 0 and sets *store, or returns -errno: -ENOENT if `target` is not a disk of this server.
 * The store is closed when the disk is detached.
 */
int disks_serve(int (*open)(const struct disk_request *w, struct disk_store **store, void *arg),
		void *arg);
void disks_stop(void);

/* The size of a store has changed: tells the guests. */
void disks_changed(void);

/* Counted since a disk was attached. */
struct disk_stats {
	unsigned domid, vdev;
	bool connected;
	uint64_t reads, writes, flushes, discards, errors;	/* requests */
	uint64_t read_bytes, written_bytes;
};

/* Copies the counters of at most `most` disks that are attached.  Returns how many there are. */
unsigned disks_stats(struct disk_stats *to, unsigned most);

#ifdef __cplusplus
}
#endif

#endif
