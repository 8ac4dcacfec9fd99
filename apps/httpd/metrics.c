/* SPDX-License-Identifier: ISC */
/*
 * /metrics: the values of /.status.json in Prometheus' text format 0.0.4.
 *
 * The lines of a metric must be contiguous, for all devices. So there is a table of
 * metrics, and each one searches the guest's statistics for its values.
 */
#include "apps/httpd/log.h"
#include "apps/httpd/server.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define GUEST_MAX 65536
#define TEXT_MAX (256 * 1024)

enum type { GAUGE, COUNTER };

/* ---- JSON that is known to be valid: the guest's own */

static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

/* Returns the place behind the value at p. */
static const char *skip(const char *p)
{
	int depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		p++;
	} while (depth > 0 || (depth == 0 && *p && !strchr(",]}", *p)));
	return p;
}

/* Returns the value of a member, or NULL. */
static const char *member(const char *object, const char *name, size_t len)
{
	const char *p = object;

	if (!p || *p != '{')
		return NULL;
	for (p++; *p == '"' || *p == ','; ) {
		const char *key = p + (*p == ',') + 1, *end = skip_string(key - 1);

		if ((size_t)(end - key) == len + 1 && memcmp(key, name, len) == 0)
			return end + 1;
		p = skip(end + 1);
	}
	return NULL;
}

static const char *named(const char *object, const char *name)
{
	return member(object, name, strlen(name));
}

/* ---- lines */

/* Writes a label's value; p is at its quote, or at a number. */
static void put_label(struct text *t, const char *p)
{
	const char *end = skip(p);

	if (*p == '"')
		p++, end--;
	for (; p < end; p++) {
		if (*p == '\\' && p[1] != '"' && p[1] != '\\')
			put_char(t, '\\');	/* JSON's other escapes stay readable */
		else if (*p == '\\')
			put_char(t, *p++);
		put_char(t, *p);
	}
}

static void put_head(struct text *t, const char *name, enum type type, const char *help)
{
	put_literal(t, "# HELP ");
	put_string(t, name);
	put_char(t, ' ');
	put_string(t, help);
	put_literal(t, "\n# TYPE ");
	put_string(t, name);
	put_string(t, type == COUNTER ? " counter\n" : " gauge\n");
}

static void put_ratio(struct text *t, uint64_t n, uint64_t unit)
{
	put_number(t, n / unit);
	if (unit == 1)
		return;
	put_char(t, '.');
	for (n %= unit; unit > 1; n %= unit)
		put_char(t, '0' + n / (unit /= 10));
}

/* ---- the server's own */

static void put_count(struct text *t, const char *name, enum type type, const char *help,
		      uint64_t n)
{
	put_head(t, name, type, help);
	put_string(t, name);
	put_char(t, ' ');
	put_number(t, n);
	put_char(t, '\n');
}

static void put_one(struct text *t, const char *name, const char *label, const char *value,
		    uint64_t n)
{
	put_string(t, name);
	put_char(t, '{');
	put_string(t, label);
	put_literal(t, "=\"");
	put_string(t, value);
	put_literal(t, "\"} ");
	put_number(t, n);
	put_char(t, '\n');
}

static void put_server(struct text *t)
{
	static const char *const phases[PHASES] = { "idle", "receiving", "uploading", "sending",
						"closing" };
	const struct counters *n = &server.count;

	put_head(t, "httpd_responses_total", COUNTER, "Responses, by status.");
	for (unsigned i = 100; i < 600; i++) {
		char code[4] = { '0' + i / 100, '0' + i / 10 % 10, '0' + i % 10 };

		if (n->status[i])
			put_one(t, "httpd_responses_total", "code", code, n->status[i]);
	}
	put_head(t, "httpd_connections", GAUGE, "Open connections by phase.");
	for (unsigned i = 0; i < PHASES; i++)
		put_one(t, "httpd_connections", "state", phases[i], server.phases[i].count);
	put_head(t, "httpd_timeouts_total", COUNTER, "Timeouts of connections by phase.");
	for (unsigned i = 0; i < SEND + 1; i++)
		put_one(t, "httpd_timeouts_total", "state", phases[i], n->timeouts[i]);
	put_count(t, "httpd_requests_total", COUNTER, "Requests.", n->requests);
	put_count(t, "httpd_connections_limit", GAUGE, "Maximum of open connections.",
		  server.options.connections);
	put_count(t, "httpd_connections_accepted_total", COUNTER, "Connections accepted.",
		  n->accepted);
	put_count(t, "httpd_connections_refused_total", COUNTER, "Connections refused.",
		  n->refused);
	put_count(t, "httpd_connections_evicted_total", COUNTER, "Connections closed for others.",
		  n->evicted);
	put_count(t, "httpd_sent_bytes_total", COUNTER, "Bytes sent.", n->sent);
	put_count(t, "httpd_received_bytes_total", COUNTER, "Bytes received.", n->received);
	put_count(t, "httpd_log_lines_dropped_total", COUNTER, "Log lines dropped: slow console.",
		  log_dropped);
	put_count(t, "httpd_start_time_seconds", GAUGE, "Start time in seconds since 1970.",
		  server.wall - (server.now - server.start) / 1000);
}

/* ---- the guest's */

/*
 * The path of a value: members separated by dots, and [] for an array, whose elements are
 * labelled by `label` with their member `by`. A row without help belongs to the metric of
 * the row before.
 */
static const struct row {
	const char *name, *help;
	enum type type;
	const char *path, *label, *by;
	const char *also;		/* further labels */
	uint64_t times, unit;		/* factor and divisor; 0: 1 */
	const char *is;	/* for a text: the value is 1 if it is this one, otherwise 0 */
} rows[] = {
#define ONE(n, h, t, p, ...) { .name = n, .help = h, .type = t, .path = p, __VA_ARGS__ }
#define EACH(n, h, t, p, l, ...) ONE(n, h, t, p, .label = l, .by = "name", __VA_ARGS__)
#define MORE(n, p, ...) { .name = n, .path = p, __VA_ARGS__ }

	ONE("xenolith_uptime_seconds", "Time since the guest's start.", GAUGE, "uptime",
	    .unit = 1000),

#define AREA(a) .also = "area=\"" a "\"", .times = 1024
	ONE("xenolith_memory_bytes", "Memory.", GAUGE, "memory.total", AREA("all")),
	MORE("xenolith_memory_bytes", "memory.heap", AREA("heap")),
	MORE("xenolith_memory_bytes", "memory.pages", AREA("pages")),
	MORE("xenolith_memory_bytes", "memory.free", AREA("free")),

	EACH("xenolith_thread_cpu_seconds_total", "CPU time of a thread.", COUNTER,
	     "threads[].cpu", "thread", .unit = 1000000),
	EACH("xenolith_thread_stack_used_bytes", "Maximum of its used stack.", GAUGE,
	     "threads[].stack_used", "thread"),

	ONE("xenolith_thread_switches_total", "Thread switches.", COUNTER, "xen.switches"),
	ONE("xenolith_preemptions_total", "Thread switches by preemption.", COUNTER,
	    "xen.preemptions"),
	ONE("xenolith_upcalls_total", "Event upcalls from Xen.", COUNTER, "xen.upcalls"),
	ONE("xenolith_idles_total", "Times the CPU was idle.", COUNTER, "xen.idles"),
#define GRANTS(a) "xen.grants." a, .also = "state=\"" a "\""
	ONE("xenolith_grants", "Grants.", GAUGE, GRANTS("used")),
	MORE("xenolith_grants", GRANTS("free")),
	MORE("xenolith_grants", GRANTS("quarantined")),
	MORE("xenolith_grants", GRANTS("mapped")),
	EACH("xenolith_events_total", "Events of a port.", COUNTER, "xen.ports[].count",
	     "channel"),

	EACH("xenolith_device_connected", "Whether a split device is connected.", GAUGE,
	     "xenbus[].state", "device", .is = "connected"),

#define NET(n, h, t, member) EACH("xenolith_net_" n, h, t, "net.devices[]." member, "device")
	NET("receive_frames_total", "Frames received.", COUNTER, "rx.frames"),
	NET("receive_bytes_total", "Bytes received.", COUNTER, "rx.bytes"),
	NET("receive_errors_total", "Frames received with errors.", COUNTER, "rx.errors"),
	NET("receive_dropped_total", "Received frames without a buffer.", COUNTER, "rx.dropped"),
	NET("transmit_frames_total", "Frames sent.", COUNTER, "tx.frames"),
	NET("transmit_bytes_total", "Bytes sent.", COUNTER, "tx.bytes"),
	NET("transmit_errors_total", "Frames that the backend refused.", COUNTER, "tx.errors"),
	NET("transmit_full_total", "Times the ring was full.", COUNTER, "tx.full"),
	NET("queue_packets", "Packets that wait for ring slots.", GAUGE, "queue.used"),
#define RING(n, h, member) \
	EACH("xenolith_net_ring_" n, h, GAUGE, "net.devices[].tx." member, "device", \
	     .also = "direction=\"transmit\""), \
	MORE("xenolith_net_ring_" n, "net.devices[].rx." member, .label = "device", \
	     .by = "name", .also = "direction=\"receive\"")
	RING("slots", "Slots of a ring.", "slots"),
	RING("used", "Slots held by the backend.", "used"),
	RING("most", "Maximum of slots held by the backend.", "most"),

#define STATE(a) "net.connections." a, .also = "state=\"" a "\""
	ONE("xenolith_connections", "TCP and UDP, by state.", GAUGE, STATE("established")),
	MORE("xenolith_connections", STATE("opening_or_closing")),
	MORE("xenolith_connections", STATE("listening")),
	MORE("xenolith_connections", STATE("time_wait")),
	MORE("xenolith_connections", STATE("udp")),
#define WHY(a) "net.dropped." a, .also = "why=\"" a "\""
	ONE("xenolith_net_dropped_total", "Packets dropped.", COUNTER, WHY("received")),
	MORE("xenolith_net_dropped_total", WHY("send_queue_full")),
	MORE("xenolith_net_dropped_total", WHY("send_errors")),
	MORE("xenolith_net_dropped_total", WHY("ip")),
	MORE("xenolith_net_dropped_total", WHY("tcp")),
	MORE("xenolith_net_dropped_total", WHY("udp")),
	MORE("xenolith_net_dropped_total", WHY("bad_checksum")),

#define DISK(n, h, t, member) EACH("xenolith_disk_" n, h, t, "block[]." member, "disk")
	DISK("size_bytes", "Size of a disk.", GAUGE, "size_bytes"),
	DISK("reads_total", "Read requests.", COUNTER, "reads"),
	DISK("writes_total", "Write requests.", COUNTER, "writes"),
	DISK("flushes_total", "Flush requests.", COUNTER, "flushes"),
	DISK("read_bytes_total", "Bytes read.", COUNTER, "read_bytes"),
	DISK("written_bytes_total", "Bytes written.", COUNTER, "written_bytes"),
	DISK("errors_total", "Failed requests.", COUNTER, "errors"),
	DISK("ring_slots", "Slots of its ring.", GAUGE, "ring.slots"),
	DISK("ring_used", "Slots held by the backend.", GAUGE, "ring.used"),

#define FS(n, h, t, member) EACH("xenolith_fs_" n, h, t, "fs[]." member, "path")
	FS("size_bytes", "Size of a file system.", GAUGE, "size_bytes"),
	FS("free_bytes", "Free for files.", GAUGE, "free_bytes"),
	FS("inodes_free", "Files that can be created.", GAUGE, "inodes_free"),
	FS("dirty_bytes", "To be written, of all disks.", GAUGE, "dirty_bytes"),
	FS("commits_total", "Commits of the journal.", COUNTER, "commits"),
	FS("flushes_total", "Flushes.", COUNTER, "flushes"),
	FS("read_bytes_total", "Bytes read.", COUNTER, "read_bytes"),
	FS("written_bytes_total", "Bytes written.", COUNTER, "written_bytes"),
	FS("misses_total", "Pages of files read from the disk.", COUNTER, "misses"),
	FS("errors_total", "I/O errors and invalid contents.", COUNTER, "errors"),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static uint64_t value_of(const struct row *r, const char *p)
{
	size_t n = r->is ? strlen(r->is) : 0;

	if (!r->is)
		return *p == '-' ? 0 : strtoull(p, NULL, 10) * (r->times ?: 1);
	return strncmp(p + 1, r->is, n) == 0 && p[1 + n] == '"';
}

/* element: of the array, or NULL. */
static void put_line(struct text *t, const struct row *r, const char *element, const char *p)
{
	const char *label = element ? named(element, r->by) : NULL;
	const char *id = element ? named(element, "id") : NULL;
	const char *port = element ? named(element, "port") : NULL;
	char comma = '{';

	put_string(t, r->name);
	if (label) {
		put_char(t, comma);
		put_string(t, r->label);
		put_literal(t, "=\"");
		put_label(t, label);
		put_char(t, '"');
		comma = ',';
	}
	if (id || port) {
		put_char(t, comma);
		put_string(t, id ? "id=\"" : "port=\"");
		put_label(t, id ? id : port);
		put_char(t, '"');
		comma = ',';
	}
	if (r->also) {
		put_char(t, comma);
		put_string(t, r->also);
		comma = ',';
	}
	put_string(t, comma == ',' ? "} " : " ");
	put_ratio(t, value_of(r, p), r->unit ?: 1);
	put_char(t, '\n');
}

static void put_row(struct text *t, const struct row *r, const char *path, const char *element,
		    const char *p)
{
	while (p && *path) {
		size_t n = strcspn(path, ".[");

		p = member(p, path, n);
		path += n;
		if (p && *path == '[') {
			path += 2 + (path[2] == '.');
			for (p++; *p == '{' || *p == ','; p = skip(p + (*p == ',')))
				put_row(t, r, path, p + (*p == ','), p + (*p == ','));
			return;
		}
		path += *path == '.';
	}
	if (p)
		put_line(t, r, element, p);
}

static void put_guest(struct text *t, const char *guest)
{
	for (size_t i = 0; i < ROWS; i++) {
		char *before;
		size_t family = text_len(t);

		if (rows[i].help)
			put_head(t, rows[i].name, rows[i].type, rows[i].help);
		before = t->at;
		for (;; i++) {
			put_row(t, &rows[i], rows[i].path, NULL, guest);
			if (i + 1 == ROWS || rows[i + 1].help)
				break;
		}
		if (t->at == before)	/* omit a metric without values */
			t->at = t->start + family;
	}
}

/* Reads the guest's statistics, with a terminating NUL; "" outside of a guest. */
static void read_guest(char *to)
{
	int fd = open("/proc/xenolith", O_RDONLY);
	size_t len = 0;
	ssize_t n = 0;

	while (fd >= 0 && len < GUEST_MAX && (n = read(fd, to + len, GUEST_MAX - len)) > 0)
		len += n;
	if (fd >= 0)
		close(fd);
	to[n < 0 || len == GUEST_MAX ? 0 : len] = '\0';
}

struct representation *metrics(void)
{
	char *data = malloc(TEXT_MAX), *guest = malloc(GUEST_MAX + 1), *fitting;
	struct text t = text_in(data, TEXT_MAX);
	struct representation *r = NULL;

	if (data && guest) {
		read_guest(guest);
		put_server(&t);
		put_guest(&t, guest);
		fitting = text_whole(&t) ? realloc(data, text_len(&t)) : NULL;
		data = fitting ? fitting : data;
	}
	free(guest);
	if (data && guest && text_whole(&t))
		r = representation_new(
			&(struct body){ .data = data, .fd = -1, .size = t.at - t.start },
			"text/plain; version=0.0.4; charset=utf-8", "Cache-Control: no-store\r\n",
			0, -1);
	if (!r)
		free(data);
	return r;
}
