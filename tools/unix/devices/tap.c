/* SPDX-License-Identifier: ISC */
/* A TAP device by its name: one that exists and that the user may open, or a new one for root. */
#include "devices/net.h"
#include "tender.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAMES 64 /* read at once */

static struct source tap;
static bool gone;

static void send_frame(const uint8_t *frame, size_t len)
{
	if (!gone && write(tap.fd, frame, len) < 0 && errno != EAGAIN && errno != EIO)
		warn("TAP device: %s", strerror(errno));
}

static void ready(struct source *s)
{
	uint8_t frame[FRAME_MAX + 4];

	for (int i = 0; i < FRAMES && net_may_receive(); i++) {
		ssize_t n = read(s->fd, frame, sizeof(frame));

		if (n <= 0 && errno != EAGAIN && errno != EINTR) { /* it was removed */
			warn("TAP device: %s", strerror(errno));
			source_remove(s);
			gone = true;
		}
		if (n <= 0)
			break;
		net_receive(frame, n);
	}
}

static void prepare(struct source *s)
{
	s->events = net_may_receive() ? POLLIN : 0;
}

struct carrier tap_open(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (strlen(name) >= sizeof(r.ifr_name))
		die(2, "--net tap=%s: the name is too long", name);
	strcpy(r.ifr_name, name);
	tap = (struct source){
		.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
		.ready = ready,
		.prepare = prepare,
	};
	if (tap.fd < 0)
		die(1, "/dev/net/tun: %s", strerror(errno));
	if (ioctl(tap.fd, TUNSETIFF, &r))
		die(1, "TAP device %s: %s", name, strerror(errno));
	source_add(&tap);
	return (struct carrier){ .send = send_frame };
}
