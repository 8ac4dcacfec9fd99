/* SPDX-License-Identifier: ISC */
/* Internet addresses in the classes before CIDR (4.2BSD: inet_network, inet_makeaddr ...). */
#include <arpa/inet.h>

static in_addr_t host_part(in_addr_t address)
{
	return IN_CLASSA(address) ? IN_CLASSA_HOST : IN_CLASSB(address) ? IN_CLASSB_HOST :
	       IN_CLASSC_HOST;
}

static int shift(in_addr_t host)
{
	return __builtin_popcount(host);
}

/* "10.1" is 0xa01: the bytes that are given are the last ones. */
in_addr_t inet_network(const char *text)
{
	in_addr_t net = 0;

	for (int parts = 1; parts <= 4; parts++) {
		unsigned n = 0;

		if (*text < '0' || *text > '9')
			break;
		for (; *text >= '0' && *text <= '9' && n <= 255; text++)
			n = n * 10 + *text - '0';
		if (n > 255)
			break;
		net = net << 8 | n;
		if (!*text)
			return net;
		if (*text++ != '.')
			break;
	}
	return INADDR_NONE;
}

struct in_addr inet_makeaddr(in_addr_t net, in_addr_t host)
{
	int bits = net < 128 ? 24 : net < 65536 ? 16 : net < 1 << 24 ? 8 : 0;

	return (struct in_addr){ htonl(net << bits | (host & ((1u << bits) - 1))) };
}

in_addr_t inet_lnaof(struct in_addr from)
{
	in_addr_t address = ntohl(from.s_addr);

	return address & host_part(address);
}

in_addr_t inet_netof(struct in_addr from)
{
	in_addr_t address = ntohl(from.s_addr), host = host_part(address);

	return (address & ~host) >> shift(host);
}
