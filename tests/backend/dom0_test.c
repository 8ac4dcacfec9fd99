/* SPDX-License-Identifier: ISC */
/*
 * The server of dom0 in a process: real threads, under AddressSanitizer; dom0_tsan_test.c is the same
 * under ThreadSanitizer.  HOST_SHARE=N: an Nth of the repetitions.
 */
#include "tests/backend/fake_xen.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xenolith/disk.h>

#define BACK "/local/domain/0/backend/vbd/7/51712"
#define FRONT "/local/domain/7/device/vbd/51712"
#define SIZE (1 << 20)
#define PATIENCE 60000			/* ms */

static struct disk_store *disk;
static void (*disk_close_it)(struct disk_store *s);
static pthread_t server;
static unsigned share = 1;

/* ---- the server */

static void kept(struct disk_store *s)
{
	(void)s;
}

static int open_disk(const struct disk_request *w, struct disk_store **store, void *arg)
{
	(void)arg;
	*store = disk;
	return strcmp(w->target, "vol1") ? -ENOENT : 0;
}

static void *serve(void *arg)
{
	(void)arg;
	assert(disks_serve(open_disk, NULL) == 0);
	return NULL;
}

static void server_start(void)
{
	assert(pthread_create(&server, NULL, serve, NULL) == 0);
}

static void server_stop(void)
{
	/* disks_serve() may not have begun. */
	usleep(1000);
	disks_stop();
	pthread_join(server, NULL);
	assert(fake_mapped() == 0 && fake_bound() == 0);
}

static void disk_new(const char *rule)
{
	const char *why;

	assert(disk_memory(SIZE, &disk) == 0);
	if (rule) {
		assert(disk_faults(disk, 1, &disk) == 0);
		assert(disk_faults_add(disk, rule, &why) == 0);
	}
	disk_close_it = disk->close;
	disk->close = kept;
}

static void disk_end(void)
{
	disk_close_it(disk);
}

/* ---- xenstore */

static void say(const char *folder, const char *key, const char *value)
{
	char path[120];

	snprintf(path, sizeof(path), "%s/%s", folder, key);
	fake_write(path, value);
}

static void say_number(const char *folder, const char *key, unsigned n)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", n);
	say(folder, key, value);
}

static void wait_for(const char *key, const char *value)
{
	char path[120], now[120] = "";

	snprintf(path, sizeof(path), BACK "/%s", key);
	for (int i = 0; i < PATIENCE; i++) {
		if (fake_read(path, now, sizeof(now)) && !strcmp(now, value))
			return;
		usleep(1000);
	}
	fprintf(stderr, "%s is %s, not %s\n", key, now, value);
	abort();
}

/* As xl and the hotplug script. */
static void attach(void)
{
	say(BACK, "frontend", FRONT);
	say(BACK, "params", "vol1");
	say(BACK, "mode", "w");
	say(BACK, "online", "1");
	say(BACK, "script", "/etc/xen/scripts/block-xenolith");
	say(FRONT, "state", "1");
	say(BACK, "state", "2");
	say(BACK, "xenolith", "vol1");
	wait_for("xenolith-answer", "ok");
}

static void gone(void)
{
	fake_rm(FRONT);
	wait_for("state", "6");
	fake_rm(BACK);
}

/* ---- the frontend: page 0 is the ring, the others are data */

static struct blkif_front_ring ring;
static uint32_t port;

static void connect(int persistent)
{
	memset(fake_page(0), 0, 4096);
	SHARED_RING_INIT((struct blkif_sring *)fake_page(0));
	FRONT_RING_INIT(&ring, (struct blkif_sring *)fake_page(0), 4096);
	port = fake_listen();
	say_number(FRONT, "ring-ref", 0);
	say_number(FRONT, "event-channel", port);
	say_number(FRONT, "feature-persistent", persistent);
	say(FRONT, "state", "3");
	wait_for("state", "4");
	say(FRONT, "state", "4");
}

static void put(uint64_t id, uint8_t op, unsigned sector, unsigned ref)
{
	*RING_GET_REQUEST(&ring, ring.req_prod_pvt) = (struct blkif_request){
		.operation = op, .nr_segments = 1, .id = id, .sector_number = sector,
		.seg[0] = { ref, 0, 7 },
	};
	ring.req_prod_pvt++;
}

static void push(void)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring, notify);
	if (notify)
		fake_notify(port);
}

/* Takes n responses, each of which must be a success. */
static void take(unsigned n)
{
	int more;

	while (n) {
		uint32_t end = __atomic_load_n(&ring.sring->rsp_prod, __ATOMIC_SEQ_CST);

		for (; ring.rsp_cons != end; ring.rsp_cons++, n--) {
			struct blkif_response r = *RING_GET_RESPONSE(&ring, ring.rsp_cons);

			if (r.status) {
				fprintf(stderr, "response %d\n", r.status);
				abort();
			}
		}
		RING_FINAL_CHECK_FOR_RESPONSES(&ring, more);
		if (n && !more && !fake_wait(port, PATIENCE)) {
			fprintf(stderr, "no response\n");
			abort();
		}
	}
}

/* Writes 16 blocks of 4 KiB at once, and reads them back. */
static void use(unsigned round)
{
	for (unsigned i = 0; i < 16; i++) {
		memset(fake_page(1 + i), round + i, 4096);
		put(i, BLKIF_OP_WRITE, i * 8, 1 + i);
	}
	push();
	take(16);
	for (unsigned i = 0; i < 16; i++) {
		memset(fake_page(100 + i), 0, 4096);
		put(i, BLKIF_OP_READ, i * 8, 100 + i);
	}
	push();
	take(16);
	for (unsigned i = 0; i < 16; i++)
		assert(!memcmp(fake_page(100 + i), fake_page(1 + i), 4096));
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* ---- claims */

static unsigned times(unsigned n)
{
	return n / share ? n / share : 1;
}

static void data_with(const char *rule)
{
	disk_new(rule);
	server_start();
	attach();
	connect(1);
	for (unsigned i = 0; i < times(100); i++)
		use(i);
	gone();
	server_stop();
	disk_end();
}

static void data(void)
{
	data_with(NULL);
	data_with("any latency 100us");
	data_with("out-of-order");
	data_with("write-cache");
}

/* The server ends with requests in the ring, and another one continues. */
static void restarts(void)
{
	disk_new("any latency 100us");
	server_start();
	attach();
	connect(0);
	for (unsigned i = 0; i < times(50); i++) {
		for (unsigned k = 0; k < 16; k++)
			put(k, BLKIF_OP_WRITE, k * 8, 1 + k);
		push();
		server_stop();
		server_start();
		take(16);
		use(i);
	}
	gone();
	server_stop();
	disk_end();
}

/* The frontend is gone in the middle of its requests, many times. */
static void destroyed(void)
{
	unsigned before = descriptors();

	disk_new(NULL);
	server_start();
	for (unsigned i = 0; i < times(200); i++) {
		attach();
		connect(i % 2);
		use(i);
		for (unsigned k = 0; k < 32; k++)
			put(k, BLKIF_OP_WRITE, k * 8, 1 + k);
		push();
		gone();
		if (fake_mapped() || fake_bound()) {
			fprintf(stderr, "%u pages and %u ports are left\n", fake_mapped(), fake_bound());
			abort();
		}
	}
	server_stop();
	assert(descriptors() == before);
	disk_end();
}

static void denied(void)
{
	struct blkif_response *r;

	disk_new(NULL);
	server_start();
	attach();
	connect(0);
	fake_deny(5, true);
	put(1, BLKIF_OP_READ, 0, 5);
	push();
	while (__atomic_load_n(&ring.sring->rsp_prod, __ATOMIC_SEQ_CST) == ring.rsp_cons)
		usleep(100);
	r = RING_GET_RESPONSE(&ring, ring.rsp_cons);
	assert(r->status == BLKIF_RSP_ERROR);
	ring.rsp_cons++;
	fake_deny(5, false);
	use(1);
	gone();
	server_stop();
	disk_end();
}

static void (*tell)(struct disk_store *s, enum disk_event event);

/* The calls that end by it have time to respond. */
static void tell_slowly(struct disk_store *s, enum disk_event event)
{
	tell(s, event);
	if (event == DISK_STOPPED)
		usleep(2000);
}

/* A call that a fault holds ends with an error when the server ends: that is not the guest's answer. */
static void held(void)
{
	disk_new("any hang");
	tell = disk->tell;
	disk->tell = tell_slowly;
	for (unsigned i = 0; i < times(50); i++) {
		server_start();
		attach();
		connect(0);
		for (unsigned k = 0; k < 16; k++)
			put(k, BLKIF_OP_WRITE, k * 8, 1 + k);
		push();
		usleep(i * 20);
		server_stop();
		assert(ring.sring->rsp_prod == 0);
		fake_rm(FRONT);
		fake_rm(BACK);
	}
	disk_end();
}

static void remove_folder(struct disk_store *s, enum disk_event event)
{
	(void)s;
	if (event == DISK_LOST)
		fake_rm(BACK);
	if (tell)
		tell(s, event);
}

/* The toolstack removes the backend's folder while the server still ends the connection. */
static void removed(void)
{
	char state[10];

	disk_new(NULL);
	tell = disk->tell;
	disk->tell = remove_folder;
	server_start();
	for (unsigned i = 0; i < times(20); i++) {
		attach();
		connect(0);
		use(i);
		fake_rm(FRONT);
		while (fake_read(BACK "/online", state, sizeof(state)) || fake_bound() || disks_stats(NULL, 0))
			usleep(100);
	}
	server_stop();
	assert(!fake_read(BACK "/state", state, sizeof(state)));
	disk_end();
}

int main(void)
{
	static const struct {
		const char *text;
		void (*test)(void);
	} claims[] = {
		{ "data that was written is read, with any faults of order and time", data },
		{ "a server is stopped and started with requests in the ring", restarts },
		{ "a frontend that is destroyed leaves no page, port, thread or descriptor", destroyed },
		{ "a request that a fault holds has no response when the server ends", held },
		{ "a backend's folder that was removed does not come back", removed },
		{ "a grant that cannot be mapped is an error of its request", denied },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("HOST_SHARE") && atoi(getenv("HOST_SHARE")) > 0)
		share = atoi(getenv("HOST_SHARE"));
	fake_start();
	for (unsigned i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		claims[i].test();
		printf("ok     dom0's disk server: %s\n", claims[i].text);
	}
	return 0;
}
