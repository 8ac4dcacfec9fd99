/* SPDX-License-Identifier: ISC */
/*
 * Over 500 lines: one guest, whose rings all tests use.
 *
 * A guest that is a process against its tender: all memory that the guest's process can write (its
 * pages with the rings, the grant table, the shared page, struct link) is written by this test, by
 * hand and at random.  The tender must never access other memory, end, or not come back.
 *
 *	tender_test [SEED [ROUNDS]]
 */
#include "devices/net.h"
#include "tender.h"

#include <sanitizer/allocator_interface.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/blkif.h>
#include <xen/io/console.h>
#include <xen/io/libxenvchan.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

#define FRAMES 256u
#define DISK_SECTORS 4096u
#define HANG 60 /* s, on a slow machine */

/* Frames of the guest's memory. */
enum { STORE = 1, CONSOLE, BLK_RING, TX_RING, RX_RING, CHANNEL, DATA };

#define BLK HOME "/device/vbd/51712"
#define VIF HOME "/device/vif/0"

/* ---- what the tender's other files have */

struct domain domain;
const char *guest_name = "test";
bool terminal_wanted;
static int report;	/* standard output, since the console uses number 1 */
static const char *now; /* what is tested */
static unsigned warnings;

_Noreturn void die(int status, const char *fmt, ...)
{
	va_list args;

	(void)status;
	va_start(args, fmt);
	dprintf(report, "FAILED tender_test %s: the tender ended: ", now);
	vdprintf(report, fmt, args);
	dprintf(report, "\n");
	va_end(args);
	_exit(1);
}

void tell(const char *fmt, ...)
{
	(void)fmt;
}

void warn(const char *fmt, ...)
{
	(void)fmt;
	warnings++;
}

static void send_frame(const uint8_t *frame, size_t len);

struct carrier tap_open(const char *name)
{
	(void)name;
	return (struct carrier){ .send = send_frame };
}

struct carrier slirp_open(const uint8_t mac[6])
{
	(void)mac;
	return (struct carrier){ .send = send_frame, .checked = true };
}

void slirp_forward(const char *host, unsigned port, unsigned guest_port,
		   const uint8_t mac[6])
{
	(void)host, (void)port, (void)guest_port, (void)mac;
}

/* ---- the guest */

static struct xenstore_domain_interface *store;
static struct xencons_interface *console;
static blkif_sring_t *blk;
static netif_tx_sring_t *tx;
static netif_rx_sring_t *rx;

static _Noreturn void failed(const char *why)
{
	dprintf(report, "FAILED tender_test %s: %s\n", now, why);
	control_end();
	_exit(1);
}

static void hung(int sig)
{
	(void)sig;
	failed("the tender did not come back");
}

static void event(unsigned port)
{
	__atomic_fetch_or(&domain.link->sent[port / 64], 1ull << port % 64,
			  __ATOMIC_SEQ_CST);
}

static void turn(void)
{
	alarm(HANG);
	loop_once();
	alarm(0);
}

static void no_sleep(struct source *s)
{
	s->at = 1;
}

static void nothing(struct source *s)
{
	(void)s;
}

/* Puts bytes into the ring of requests as far as there is room; drops all answers. */
static void put(const void *data, size_t n)
{
	const char *from = data;

	for (int i = 0; n && i < 20; i++) { /* the connection may be broken */
		uint32_t prod = store->req_prod;

		for (; n && prod - store->req_cons < XENSTORE_RING_SIZE; n--)
			store->req[MASK_XENSTORE_IDX(prod++)] = *from++;
		store->req_prod = prod;
		store->rsp_cons = store->rsp_prod;
		event(XENSTORE_PORT);
		turn();
	}
	store->rsp_cons = store->rsp_prod;
}

static void ask(uint32_t type, uint32_t transaction, const void *data, size_t len)
{
	struct xsd_sockmsg m = { .type = type, .tx_id = transaction, .len = len };

	put(&m, sizeof(m));
	put(data, len);
}

static void set(uint32_t transaction, const char *path, const char *value)
{
	char data[XENSTORE_PAYLOAD_MAX];
	size_t n = strlen(path) + 1;

	memcpy(data, path, n);
	memcpy(data + n, value, strlen(value));
	ask(XS_WRITE, transaction, data, n + strlen(value));
}

static void set_number(const char *top, const char *key, unsigned long value)
{
	char path[200], text[30];

	snprintf(path, sizeof(path), "%s/%s", top, key);
	snprintf(text, sizeof(text), "%lu", value);
	set(0, path, text);
}

static struct grant_entry_v1 *grants(void)
{
	return (void *)(domain.ram + domain.grant_frame * PAGE);
}

static void grant(unsigned ref, unsigned frame)
{
	grants()[ref].frame = frame;
	grants()[ref].domid = 0;
	grants()[ref].flags = GTF_permit_access;
}

#define GRANT(frame) (10 + (frame)) /* the reference of each page */

/* As a driver does it. */
static void connect_devices(void)
{
	for (unsigned i = 0; i < FRAMES; i++)
		grant(GRANT(i), i);
	domain.link->grant_frames = GRANT_FRAMES;
	memset(domain.link->ports + FIRST_PORT, PORT_UNBOUND, 8);
	set_number(BLK, "state", XenbusStateInitialising);
	set_number(VIF, "state", XenbusStateInitialising);
	SHARED_RING_INIT(blk);
	SHARED_RING_INIT(tx);
	SHARED_RING_INIT(rx);
	set_number(BLK, "ring-ref", GRANT(BLK_RING));
	set_number(BLK, "event-channel", FIRST_PORT);
	set_number(VIF, "tx-ring-ref", GRANT(TX_RING));
	set_number(VIF, "rx-ring-ref", GRANT(RX_RING));
	set_number(VIF, "request-rx-copy", 1);
	set_number(VIF, "event-channel", FIRST_PORT + 1);
	set_number(BLK, "state", XenbusStateConnected);
	set_number(VIF, "state", XenbusStateConnected);
	if (!port_open(FIRST_PORT) || !port_open(FIRST_PORT + 1))
		failed("the devices do not connect");
}

static void close_devices(void)
{
	set_number(BLK, "state", XenbusStateClosed);
	set_number(VIF, "state", XenbusStateClosed);
}

static void passed(void)
{
	dprintf(report, "ok     tender_test: %s\n", now);
}

/* ---- by hand */

static void grants_of_a_smaller_table(void)
{
	now = "a grant ends after the table has become smaller";
	grant(1000, DATA);
	domain.link->grant_frames = GRANT_FRAMES;
	if (!grant_begin(1000, true) ||
	    grants()[1000].flags != (GTF_permit_access | GTF_reading | GTF_writing))
		failed("it does not begin");
	domain.link->grant_frames = 0;
	grant_end(1000, true);
	if (grants()[1000].flags != GTF_permit_access || grant_begin(1000, true))
		failed("it is not over");
	domain.link->grant_frames = GRANT_FRAMES;
	passed();
}

static void message_in_parts(void)
{
	struct xsd_sockmsg m = { .type = XS_WRITE, .len = 2500 };
	char data[2500];

	now = "a request may come in parts";
	memset(data, 'x', sizeof(data));
	strcpy(data, HOME "/data/long");
	put(&m, sizeof(m));
	put(data, 100);
	put(data + 100, sizeof(data) - 100);
	if (!store_get(HOME "/data/long"))
		failed("it is never answered");
	passed();
}

static void transaction_without_end(void)
{
	char path[2][2000];
	size_t before = __sanitizer_get_current_allocated_bytes(), after;

	now = "a transaction does not take all memory";
	for (int i = 0; i < 2; i++) {
		memset(path[i], 'a' + i, sizeof(path[i]));
		memcpy(path[i], HOME "/data/", sizeof(HOME "/data/") - 1);
		path[i][sizeof(path[i]) - 1] = 0;
	}
	ask(XS_TRANSACTION_START, 0, "", 1);
	for (int i = 0; i < 20000; i++)
		set(1, path[i % 2], "");
	after = __sanitizer_get_current_allocated_bytes();
	ask(XS_TRANSACTION_END, 1, "F", 2);
	if (after < before + 1000000)
		failed("there was no transaction");
	if (after > before + 20000000)
		failed("it takes more than 20 MB");
	passed();
}

/*
 * A guest on another processor that is always faster: for each request that the tender carries out,
 * there is one more.
 */
static bool faster;

static uint32_t below(uint32_t n);
ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __real_send(int fd, const void *data, size_t n, int flags);
#include "channel.h"

static void ask_disk(void)
{
	blk->ring[blk->req_prod++ % 32].req = (blkif_request_t){
		.operation = BLKIF_OP_READ,
		.nr_segments = 1,
		.seg = { { .gref = GRANT(DATA), .last_sect = 7 } },
	};
}

static void ask_net(void)
{
	tx->ring[tx->req_prod++ % 256].req =
		(netif_tx_request_t){ .gref = GRANT(DATA), .size = 60 };
}

ssize_t __real_preadv(int fd, const struct iovec *v, int n, off_t at);
ssize_t __wrap_preadv(int fd, const struct iovec *v, int n, off_t at);
ssize_t __wrap_preadv(int fd, const struct iovec *v, int n, off_t at)
{
	if (faster)
		ask_disk();
	return __real_preadv(fd, v, n, at);
}

ssize_t __wrap_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	if (fd == 1 && faster)
		console->out_prod += 100;
	return __real_write(fd, data, n);
}

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
	if (!faster)
		return __real_send(fd, data, n, flags);
	channel->right.prod += 100;
	handed_over += n;
	return n;
}

static void send_frame(const uint8_t *frame, size_t len)
{
	net_receive(frame, len); /* an echo */
	if (faster)
		ask_net();
}

static void rings_that_are_never_empty(void)
{
	now = "a guest that is faster than the tender does not keep it";
	connect_devices();
	if (!channel_open(10, 11))
		failed("the channel does not connect");
	ask_disk();
	ask_net();
	console->out_prod = console->out_cons + 100;
	channel->right.prod = 100;
	faster = true;
	for (unsigned i = 0; i < 10; i++) {
		event(CONSOLE_PORT);
		event(FIRST_PORT);
		event(FIRST_PORT + 1);
		event(CHANNEL_PORT);
		turn();
	}
	if (blk->req_prod < 1000 || tx->req_prod < 1000 || channel->right.prod < 1000)
		failed("there were no requests");
	faster = false;
	turn();
	close_devices();
	passed();
}

static void the_rest_of_a_channel(void)
{
	char data[3000];
	ssize_t n, last = 0;

	now = "what the guest writes before it ends a channel arrives";
	faster = true;
	channel->right.prod += 100;
	channel->srv_live = 0;
	event(CHANNEL_PORT);
	turn();
	faster = false;
	turn();
	while ((n = recv(program, data, sizeof(data), 0)) > 0)
		last += n;
	if (n < 0)
		failed("the channel does not end");
	if (handed_over + last != channel->right.prod)
		failed("a part is lost");
	channel_close();
	passed();
}

static void hang_up(struct source *s)
{
	++*(int *)s->arg;
}

static void only_events_that_were_asked_for(void)
{
	int ends[2], calls = 0;
	struct source s = { .ready = hang_up, .arg = &calls };

	now = "a hang-up is for a source that waits for something";
	if (pipe(ends))
		failed("no pipe");
	close(ends[1]);
	s.fd = ends[0];
	source_add(&s);
	turn();
	if (calls)
		failed("it is called for no event");
	s.events = POLLIN;
	turn();
	if (calls != 1)
		failed("it is not called");
	source_remove(&s);
	close(ends[0]);
	passed();
}

/* ---- at random */

static uint32_t state;

static uint32_t below(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (uint64_t)(state ^ state >> 15) * n >> 32;
}

static uint32_t number(void)
{
	static const uint32_t some[] = { 0, 1, 7, 8, 11, 12, 64, 255, 256, 4095, 4096,
					 65535, 0x7fffffff, 0x80000000, 0xffffffff };

	switch (below(4)) {
	case 0:
		return below(0xffffffff);
	case 1:
		return below(300);
	default:
		return some[below(sizeof(some) / sizeof(*some))];
	}
}

static void scribble(void *at, size_t size)
{
	uint32_t *word = (uint32_t *)at + below(size / 4);

	*word = below(3) ? number() : *word + below(5) - 2;
}

static void random_disk_request(void)
{
	blkif_request_t r = { .operation = below(8), .nr_segments = below(14),
			      .sector_number = below(4) ? below(DISK_SECTORS) :
							  (uint64_t)number() << 32 | number() };

	for (unsigned i = 0; i < 11; i++)
		r.seg[i] = (struct blkif_request_segment){
			.gref = below(8) ? GRANT(below(FRAMES)) : number(),
			.first_sect = below(9), .last_sect = below(9) };
	if (r.operation == BLKIF_OP_INDIRECT) {
		blkif_request_indirect_t *i = (void *)&r;

		i->indirect_op = below(3);
		i->nr_segments = below(70);
		i->indirect_grefs[0] = below(8) ? GRANT(DATA) : number();
		for (unsigned k = 0; k < 64; k++)
			((struct blkif_request_segment *)(domain.ram + DATA * PAGE))[k] =
				r.seg[k % 11];
	}
	memcpy(&blk->ring[blk->req_prod % 32].req, &r, sizeof(r));
	blk->req_prod++;
	event(FIRST_PORT);
}

static void random_frame(void)
{
	netif_tx_request_t t = { .gref = below(8) ? GRANT(below(FRAMES)) : number(),
				 .offset = number(), .size = number(), .flags = below(32) };
	netif_rx_request_t r = { .gref = below(8) ? GRANT(below(FRAMES)) : number() };

	if (below(2)) {
		t.offset = below(PAGE);
		t.size = below(1600);
	}
	memcpy(&tx->ring[tx->req_prod++ % 256].req, &t, sizeof(t));
	memcpy(&rx->ring[rx->req_prod++ % 256].req, &r, sizeof(r));
	event(FIRST_PORT + 1);
}

static void random_request(void)
{
	static const char *const paths[] = {
		BLK "/state", VIF "/state", BLK "/ring-ref", BLK "/event-channel",
		VIF "/tx-ring-ref", VIF "/event-channel", "data/a", "data", "device", "/", "",
		HOME, HOME "/data/a/b/c", "@releaseDomain", "//", "data/\x01",
	};
	char data[XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg m = { .type = below(24), .tx_id = below(3) ? 0 : below(20) };
	size_t n = snprintf(data, sizeof(data), "%s%c", paths[below(16)], 0);

	n += snprintf(data + n, sizeof(data) - n, "%u", below(2) ? below(8) : number());
	m.len = n + below(3);
	store->rsp_cons = store->rsp_prod;
	put(&m, sizeof(m));
	put(data, m.len);
}

static void random_attack(bool on_store)
{
	static const unsigned pages[] = { CONSOLE, BLK_RING, TX_RING, RX_RING, CHANNEL, DATA };

	switch (below(13)) {
	case 0:
		scribble(domain.link, sizeof(*domain.link));
		break;
	case 1:
		scribble(domain.shared, PAGE);
		break;
	case 2:
		scribble(grants(), GRANT_FRAMES * PAGE / 16);
		break;
	case 3:
		scribble(domain.ram + pages[below(6)] * PAGE, PAGE);
		break;
	case 4: /* indices and events of the rings */
		scribble(domain.ram + pages[below(5)] * PAGE, 32);
		break;
	case 5:
		event(below(8) ? below(8) : below(PORTS));
		break;
	case 6:
		random_request();
		break;
	case 7:
		if (on_store)
			scribble(store, sizeof(*store));
		break;
	case 8:
		random_program();
		break;
	case 9:
	case 10:
		random_disk_request();
		break;
	default:
		random_frame();
	}
}

static void attacks(unsigned seed, unsigned rounds)
{
	static char text[80];

	snprintf(text, sizeof(text), "%u random attacks, seed %u", rounds, seed);
	now = text;
	state = seed;
	for (unsigned i = 0; i < rounds; i++) {
		if (i % 500 == 0) { /* the devices as they should be; the store may be broken */
			store->req_prod = store->req_cons;
			store->rsp_cons = store->rsp_prod;
			set_number(BLK, "state", XenbusStateClosed);
			set_number(VIF, "state", XenbusStateClosed);
			memset(domain.link, 0, sizeof(*domain.link));
			ports_init();
			if (program >= 0)
				channel_close();
			for (unsigned k = 0; k < FRAMES; k++)
				grant(GRANT(k), k);
			domain.link->grant_frames = GRANT_FRAMES;
			memset(domain.link->ports + FIRST_PORT, PORT_UNBOUND, 8);
			SHARED_RING_INIT(blk);
			SHARED_RING_INIT(tx);
			SHARED_RING_INIT(rx);
			set_number(BLK, "state", XenbusStateInitialising);
			set_number(VIF, "state", XenbusStateInitialising);
			set_number(BLK, "state", XenbusStateConnected);
			set_number(VIF, "state", XenbusStateConnected);
			channel_open(10 + below(3), 11 + below(8));
		}
		random_attack(i > rounds * 9ull / 10); /* it is broken then */
		turn();
	}
	passed();
}

static void start(void)
{
	static struct source awake = { .fd = -1, .prepare = no_sleep, .due = nothing };
	static char disk[] = "/tmp/tender_test-XXXXXX";
	int fd = mkstemp(disk);

	if (fd < 0 || ftruncate(fd, DISK_SECTORS * 512))
		failed("no disk");
	domain.frames = FRAMES;
	domain.shared_frame = FRAMES;
	domain.grant_frame = FRAMES + 1;
	domain.all_frames = domain.grant_frame + GRANT_FRAMES;
	domain.memory = memfd_create("test", 0);
	if (domain.memory < 0 || ftruncate(domain.memory, domain.all_frames * PAGE))
		failed("no memory");
	domain.ram = mmap(NULL, domain.all_frames * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  domain.memory, 0);
	domain.shared = (void *)(domain.ram + domain.shared_frame * PAGE);
	domain.link = aligned_alloc(PAGE, (sizeof(*domain.link) + PAGE - 1) & ~(PAGE - 1));
	memset(domain.link, 0, sizeof(*domain.link));
	domain.wakeup = eventfd(0, EFD_NONBLOCK);
	domain.store_frame = STORE;
	domain.console_frame = CONSOLE;
	store = (void *)(domain.ram + STORE * PAGE);
	console = (void *)(domain.ram + CONSOLE * PAGE);
	blk = (void *)(domain.ram + BLK_RING * PAGE);
	tx = (void *)(domain.ram + TX_RING * PAGE);
	rx = (void *)(domain.ram + RX_RING * PAGE);
	store_init();
	ports_init();
	console_init(false, false);
	disk_add(disk);
	disks_start();
	unlink(disk);
	net_add("yes");
	net_start();
	channel_init();
	source_add(&awake);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? atoi(argv[1]) : (unsigned)time(NULL);

	report = dup(1);
	if (!freopen("/dev/null", "w", stdout))
		return 1;
	signal(SIGALRM, hung);
	now = "start";
	start();
	grants_of_a_smaller_table();
	message_in_parts();
	transaction_without_end();
	rings_that_are_never_empty();
	the_rest_of_a_channel();
	only_events_that_were_asked_for();
	attacks(seed, argc > 2 ? atoi(argv[2]) : 20000);
	control_end();
	_exit(0); /* what the tender keeps until its end is no leak */
}
