/* SPDX-License-Identifier: ISC */
/*
 * Frames of all sizes, in chains of 1 to 64 pieces, with the real backend; the peer is
 * dom0/packets.
 *
 *	netframe send LEAST MOST	sends
 *	netframe receive LEAST MOST	receives
 *	netframe leave ROUNDS 0		sends while the device is detached and attached
 *	netframe cost FRAMES 0		measures netfront_send()
 */
#include "drivers/netfront.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/xen/netframe/frame.h"
#include "tests/xen/test.h"

#include <errno.h>

#define LENT (1 << 20)
#define PIECES 64
#define PATIENCE (20 * NSEC_PER_SEC)

static uint8_t lent[LENT] __attribute__((aligned(4096)));
static uint8_t plain[65536];
static struct waitq news;
static struct netfront *device;
static volatile bool is_up, has_room;
static volatile uint32_t acked, received, done_calls;
static uint32_t least, most;
static const char *wrong;

static uint32_t gather(uint8_t *to, struct rx_page *frame, size_t room)
{
	uint32_t len = 0;

	for (struct rx_page *p = frame; p; p = p->next) {
		if (len + p->len > room)
			return UINT32_MAX;
		memcpy(to + len, p->data, p->len);
		len += p->len;
	}
	return len;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void send_ack(uint32_t n)
{
	uint8_t ack[60];
	struct piece piece = { ack, sizeof(ack) };

	frame_make(ack, n, sizeof(ack), ETHERTYPE_ACK);
	if (netfront_send(device, &piece, 1, NULL, nothing, NULL))
		wrong = "an ack could not be sent";
}

static void receive(void *user, struct rx_page *frame, const struct offload *o)
{
	static uint8_t got[65536], should[65536];
	uint32_t len = gather(got, frame, sizeof(got)), size;

	(void)user;
	(void)o;
	netfront_free(frame);
	if (len < HEADER || got[12] != ETHERTYPE >> 8)
		return;
	if (got[13] == (ETHERTYPE_ACK & 0xff)) {
		memcpy((void *)&acked, got + HEADER, sizeof(acked));
		wake(&news);
	} else if (got[13] == (ETHERTYPE & 0xff)) {
		size = frame_size(received, least, most);
		frame_make(should, received, size, ETHERTYPE);
		if (len != size && !wrong)
			wrong = "the size";
		else if (memcmp(got, should, size) && !wrong)
			wrong = "the content";
		if (++received % (WINDOW / 2) == 0)
			send_ack(received);
		wake(&news);
	}
}

static void all_received(void *user)
{
	(void)user;
	netfront_push(device);
}

static void room(void *user)
{
	(void)user;
	has_room = true;
	wake(&news);
}

static void changed(void *user)
{
	struct netfront_info info;

	(void)user;
	if (device) {
		netfront_info(device, &info);
		is_up = info.up;
	}
	wake(&news);
}

static void done(void *arg)
{
	(void)arg;
	done_calls++;
	wake(&news);
}

static const struct netfront_user user = { receive, all_received, room, changed };

/* A frame as a chain: some of it lent, some not, pieces of any size, 0 too. */
static size_t chain(struct piece *pieces, uint8_t *at, uint32_t number, uint32_t size)
{
	static uint8_t whole[65536];
	size_t count = 1 + number % PIECES, left = size, n = 0;

	frame_make(whole, number, size, ETHERTYPE);
	while (left) {
		uint32_t random = frame_random(number * PIECES + n);
		size_t len = n + 1 >= count ? left : random % (2 * size / count + 1);
		uint8_t *to = random >> 31 || (number & 64) ? at + (size - left) :
			      plain + (size - left);

		len = len < left ? len : left;
		memcpy(to, whole + (size - left), len);
		pieces[n++] = (struct piece){ to, len };
		left -= len;
	}
	return n;
}

static void send_all(void)
{
	uint32_t total = most - least + 1, next = 0;
	struct piece pieces[PIECES + 1];
	uint8_t *slot = lent;
	int rc;

	while (next < total) {
		uint32_t size = frame_size(next, least, most);

		if (!wait_until_deadline(&news, clock_now() + PATIENCE, next - acked < WINDOW))
			break;
		/* Lent memory is used again when all of it is through. */
		if (slot + size > lent + LENT) {
			if (!wait_until_deadline(&news, clock_now() + PATIENCE,
						 done_calls == next))
				break;
			slot = lent;
		}
		has_room = false;
		rc = netfront_send(device, pieces, chain(pieces, slot, next, size), NULL,
				   done, NULL);
		netfront_push(device);
		if (rc == -EAGAIN) {
			if (!wait_until_deadline(&news, clock_now() + PATIENCE, has_room))
				break;
			continue;
		}
		expect_equal(rc, 0);
		slot += size;
		next++;
	}
	wait_until_deadline(&news, clock_now() + PATIENCE, done_calls == next);
	printf("sent %u of %u, acknowledged %u, done %u\n", next, total, acked, done_calls);
	expect(next == total && done_calls == next);
}

static void receive_all(void)
{
	uint32_t total = most - least + 1, before;

	do {
		before = received;
		wait_until_deadline(&news, clock_now() + PATIENCE, received >= total || wrong ||
								   received > before + 5000);
	} while (received < total && received != before && !wrong);
	printf("received %u of %u\n", received, total);
	expect_equal(received, total);
}

static void nothing_more(void *arg)
{
	(void)arg;
}

static int send_once(size_t len)
{
	const struct piece pieces[] = { { plain, 66 }, { lent + 66, len - 66 } };
	int rc = netfront_send(device, pieces, len > 66 ? 2 : 1, NULL, nothing_more, NULL);

	if (rc == -EAGAIN) {
		netfront_push(device);
		wait_until_deadline(&news, clock_now() + PATIENCE, has_room || !is_up);
	}
	return rc;
}

/*
 * Frames are accepted while the device exists; then senders get an error and do not hang.
 */
static void leave(int rounds)
{
	for (int i = 0; i <= rounds; i++) {
		expect(wait_until_deadline(&news, clock_now() + 3 * PATIENCE, is_up));
		printf("round %d: up\n", i);
		for (uint32_t n = 0; is_up && (i < rounds || n < 2000); n++) {
			has_room = false;
			int rc = send_once(frame_size(n, 67, 60000));

			expect(rc == 0 || rc == -EAGAIN || rc == -ENETDOWN);
			if (n % 16 == 0) {
				netfront_push(device);
				thread_sleep(clock_now() + NSEC_PER_MSEC);
			}
		}
		printf("round %d: over\n", i);
	}
}

static void cost(uint32_t frames)
{
	static const size_t sizes[] = { 60, 1514, 16384, 65535 };
	struct netfront_stats s;

	memcpy(plain, "\xfe\xff\xff\xff\xff\xfe\0\x16\x3e\0\0\1\x88\xb7", 14);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t spent = 0;

		for (uint32_t n = 0; n < frames;) {
			uint64_t start = clock_now();

			has_room = false;
			if (send_once(sizes[i]) == 0) {
				spent += clock_now() - start;
				n++;
			}
		}
		netfront_push(device);
		netfront_stats(device, &s);
		printf("%zu bytes: %llu ns each, %llu errors\n", sizes[i],
		       (unsigned long long)(spent / frames), (unsigned long long)s.tx_errors);
	}
}

int main(int argc, char **argv)
{
	struct netfront_stats s;

	if (argc != 4)
		test_skip("for test.py");
	least = atoi(argv[2]);
	most = atoi(argv[3]);
	kernel_enter();
	netfront_lend(lent, sizeof(lent));
	device = netfront_open(0, &user, NULL);
	expect(device);
	changed(NULL);
	expect(wait_until_deadline(&news, clock_now() + PATIENCE, is_up));
	printf("up\n");
	if (argv[1][0] == 's')
		send_all();
	else if (argv[1][0] == 'l')
		leave(least);
	else if (argv[1][0] == 'c')
		cost(least);
	else
		receive_all();
	netfront_stats(device, &s);
	printf("tx %llu frames, %llu slots, %llu copied, %llu full, %llu errors, %llu told\n"
	       "rx %llu frames, %llu slots, %llu errors, %llu dropped, %llu told, %u held\n"
	       "%llu events\n",
	       (unsigned long long)s.tx_frames, (unsigned long long)s.tx_slots,
	       (unsigned long long)s.tx_copied, (unsigned long long)s.tx_full,
	       (unsigned long long)s.tx_errors, (unsigned long long)s.tx_notified,
	       (unsigned long long)s.rx_frames, (unsigned long long)s.rx_slots,
	       (unsigned long long)s.rx_errors, (unsigned long long)s.rx_dropped,
	       (unsigned long long)s.rx_notified, s.rx_held, (unsigned long long)s.events);
	if (wrong)
		test_failure("%s of frame %u", wrong, received);
	expect(!s.tx_errors && !s.rx_errors && !s.rx_dropped);
	test_success();
}
