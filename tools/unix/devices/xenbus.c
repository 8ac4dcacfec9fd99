/* SPDX-License-Identifier: ISC */
#include "devices/xenbus.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/io/xenbus.h>

static struct device *devices;

void device_set(const struct device *d, const char *key, const char *fmt, ...)
{
	char path[160], value[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s", d->back, key);
	store_set(path, "%s", value);
}

static void set_state(const struct device *d, enum xenbus_state state)
{
	device_set(d, "state", "%d", state);
}

static void disconnect(struct device *d)
{
	if (d->connected)
		d->disconnect(d);
	d->connected = false;
}

static void follow(struct device *d)
{
	long state = store_number(d->front, "state", XenbusStateUnknown);

	switch (state) {
	case XenbusStateInitialising:
		disconnect(d);
		set_state(d, XenbusStateInitWait);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		if (d->connected)
			break;
		d->connected = d->connect(d);
		if (!d->connected)
			warn("%s %u: the guest's ring is invalid", d->kind, d->id);
		set_state(d, d->connected ? XenbusStateConnected : XenbusStateClosing);
		break;
	case XenbusStateClosing:
		disconnect(d);
		set_state(d, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		disconnect(d);
		set_state(d, XenbusStateClosed);
		break;
	}
}

static void changed(const char *path)
{
	size_t n = strlen(path);

	for (struct device *d = devices; d; d = d->next)
		if (n == strlen(d->front) + 6 && !strncmp(path, d->front, n - 6) &&
		    !strcmp(path + n - 6, "/state"))
			follow(d);
}

void device_add(struct device *d)
{
	char path[160];

	if (!devices)
		store_watch(HOME "/device", changed);
	d->next = devices;
	devices = d;
	snprintf(d->front, sizeof(d->front), HOME "/device/%s/%u", d->kind, d->id);
	snprintf(d->back, sizeof(d->back), DOM0 "/backend/%s/%d/%u", d->kind, GUEST_DOMID,
		 d->id);
	snprintf(path, sizeof(path), "%s/backend", d->front);
	store_set(path, "%s", d->back);
	snprintf(path, sizeof(path), "%s/backend-id", d->front);
	store_set(path, "0");
	snprintf(path, sizeof(path), "%s/handle", d->front);
	store_set(path, "%u", d->id);
	snprintf(path, sizeof(path), "%s/state", d->front);
	store_set(path, "%d", XenbusStateInitialising);
	device_set(d, "frontend", "%s", d->front);
	device_set(d, "frontend-id", "%d", GUEST_DOMID);
	device_set(d, "online", "1");
	set_state(d, XenbusStateInitWait);
}

void unmap_grants(void *address, const grant_ref_t *refs, unsigned n)
{
	munmap(address, n * PAGE);
	for (unsigned i = 0; i < n; i++)
		grant_end(refs[i], true);
}

void *map_grants(const grant_ref_t *refs, unsigned n)
{
	uint8_t *to = mmap(NULL, n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (to == MAP_FAILED)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *page = grant_begin(refs[i], true);

		if (!page) {
			unmap_grants(to, refs, i);
			munmap(to + i * PAGE, (n - i) * PAGE);
			return NULL;
		}
		if (mmap(to + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, domain.memory,
			 page - domain.ram) == MAP_FAILED)
			die(1, "out of memory for mappings");
	}
	return to;
}

void *device_ring(struct device *d, const char *name, grant_ref_t *refs, unsigned pages,
		  bool numbered)
{
	char key[32];

	for (unsigned i = 0; i < pages; i++) {
		long ref;

		snprintf(key, sizeof(key), numbered ? "%s%u" : "%s", name, i);
		ref = store_number(d->front, key, -1);
		if (ref < 0 || ref > UINT32_MAX)
			return NULL;
		refs[i] = ref;
	}
	return map_grants(refs, pages);
}
