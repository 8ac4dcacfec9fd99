/* SPDX-License-Identifier: ISC */
/*
 * Files of /etc that programs read: where neither the image nor a disk at "/" has them. They have
 * names, and are not listed.
 */
#include "lib/file/generated.h"
#include "lib/file/users_text.h"
#include "net/net.h"

#include <lwip/dns.h>
#include <unistd.h>

/* In images with a network. */
const ip_addr_t *dns_getserver(u8_t number) __attribute__((weak));
char *ipaddr_ntoa_r(const ip_addr_t *address, char *to, int size) __attribute__((weak));

static void passwd(struct text *t)
{
	text_add(t, "%s", users_text);
}

static void group(struct text *t)
{
	text_add(t, "%s", groups_text);
}

static void hosts(struct text *t)
{
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	text_add(t, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n127.0.1.1\t%s\n", name);
}

static void services(struct text *t)
{
	text_add(t, "ftp 21/tcp\nssh 22/tcp\ntelnet 23/tcp\nsmtp 25/tcp\ndomain 53/tcp\ndomain 53/udp\n"
		 "tftp 69/udp\nhttp 80/tcp\npop3 110/tcp\nntp 123/udp\nimap2 143/tcp\nsnmp 161/udp\n"
		 "https 443/tcp\nhttps 443/udp\nsyslog 514/udp\n");
}

static void resolv_conf(struct text *t)
{
	char address[IPADDR_STRLEN_MAX];

	for (u8_t i = 0; dns_getserver && ipaddr_ntoa_r && i < DNS_MAX_SERVERS; i++) {
		const ip_addr_t *server = dns_getserver(i);

		if (!ip_addr_isany(server))
			text_add(t, "nameserver %s\n", ipaddr_ntoa_r(server, address, sizeof(address)));
	}
}

const struct generated etc_files[] = {
	{ "etc", NULL }, { "etc/group", group }, { "etc/hosts", hosts }, { "etc/passwd", passwd },
	{ "etc/resolv.conf", resolv_conf }, { "etc/services", services },
	{ NULL, NULL },
};
