/* SPDX-License-Identifier: ISC */
/*
 * A vchan of the guest, and the program at the control socket that is its client.  It is included
 * by tender_test.c, whose guest it is.
 */
#define CHANNEL_PATH HOME "/data/control"
#define CHANNEL_PORT (FIRST_PORT + 2)

static struct vchan_interface *channel;
static int program = -1;
static char control_path[] = "/tmp/tender_test-XXXXXX";
static uint32_t handed_over; /* bytes for the program */

static void channel_init(void)
{
	int fd = mkstemp(control_path);

	if (fd < 0 || close(fd) || unlink(control_path))
		failed("no name for the socket");
	channel = (void *)(domain.ram + CHANNEL * PAGE);
	control_start(control_path);
}

/* The guest offers the channel, and the program asks for it.  Returns whether it is connected. */
static bool channel_open(unsigned left_order, unsigned right_order)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	static const char request[] = "vchan " CHANNEL_PATH "\n";
	char reply[100];
	ssize_t n;

	memset(channel, 0, sizeof(*channel));
	channel->left_order = left_order;
	channel->right_order = right_order;
	for (unsigned i = 0; i < 128; i++)
		channel->grants[i] = GRANT(DATA + i);
	channel->cli_live = 2;
	channel->srv_live = 1;
	domain.link->ports[CHANNEL_PORT] = PORT_UNBOUND;
	set_number(CHANNEL_PATH, "event-channel", CHANNEL_PORT);
	set_number(CHANNEL_PATH, "ring-ref", GRANT(CHANNEL));
	strcpy(a.sun_path, control_path);
	program = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (program < 0 || connect(program, (void *)&a, sizeof(a)) ||
	    __real_write(program, request, sizeof(request) - 1) < 0)
		failed("the control socket does not answer");
	for (int i = 0; i < 3; i++)
		turn();
	n = recv(program, reply, sizeof(reply), 0);
	return n == 5 && !memcmp(reply, "ok 0\n", 5);
}

/* The program ends, and the guest closes its port: the tender forgets both. */
static void channel_close(void)
{
	close(program);
	program = -1;
	domain.link->ports[CHANNEL_PORT] = PORT_FREE;
	event(CHANNEL_PORT);
	turn();
}

static void random_program(void)
{
	char data[3000];
	ssize_t n = recv(program, data, below(sizeof(data)), 0);

	if (n <= 0)
		memset(data, 'x', sizeof(data));
	__real_send(program, data, below(sizeof(data)), MSG_NOSIGNAL);
}
