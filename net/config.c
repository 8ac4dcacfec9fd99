/* SPDX-License-Identifier: ISC */
#include "net/config.h"

#include "drivers/xenstore.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "net/lwip/hooks.h"
#include "net/netif.h"

#include <lwip/dhcp.h>
#include <lwip/nd6.h>
#include <lwip/prot/dhcp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_MTU 26			/* RFC 2132 */
#define MTU_LEAST 576

struct waitq config_changed;

static struct ip_config static4, static6;	/* of vif0, for their servers */
static char *hostname;

/* ---- the command line */

/* The next word of a list with commas, in *word; false: there is none. */
static bool next_word(const char **text, char *word, size_t size)
{
	size_t len = strcspn(*text, ",");

	if (!**text || len >= size)
		return false;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len + ((*text)[len] == ',');
	return true;
}

static int parse_address(char *text, unsigned version, ip_addr_t *a)
{
	if (!ipaddr_aton(text, a) || IP_IS_V6(a) != (version == 6))
		return -EINVAL;
	return 0;
}

static int parse_prefix(char *text, unsigned version, struct ip_config *c)
{
	char *slash = strchr(text, '/'), *end;
	unsigned long bits;

	if (!slash)
		return -EINVAL;
	*slash++ = '\0';
	bits = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end)
		return -EINVAL;
	/* lwIP knows prefixes of 64 bits only. */
	if (version == 6 ? bits != 64 : bits < 1 || bits > 31)
		return -EINVAL;
	c->prefix = bits;
	return parse_address(text, version, &c->address);
}

int config_parse(const char *text, unsigned version, struct ip_config *c)
{
	char word[80];

	*c = (struct ip_config){ .how = CONFIG_AUTO };
	if (!text || !strcmp(text, version == 4 ? "dhcp" : "auto"))
		return 0;
	if (!strcmp(text, "off")) {
		c->how = CONFIG_OFF;
		return 0;
	}
	c->how = CONFIG_STATIC;
	if (!next_word(&text, word, sizeof(word)) || parse_prefix(word, version, c))
		return -EINVAL;
	while (*text) {
		int err;

		if (!next_word(&text, word, sizeof(word)))
			return -EINVAL;
		if (!strncmp(word, "gateway=", 8)) {
			err = parse_address(word + 8, version, &c->gateway);
			c->has_gateway = true;
		} else if (!strncmp(word, "dns=", 4) && c->dns_count < DNS_MAX_SERVERS) {
			err = ipaddr_aton(word + 4, &c->dns[c->dns_count++]) ? 0 : -EINVAL;
		} else {
			err = -EINVAL;
		}
		if (err)
			return err;
	}
	return 0;
}

static void from_command_line(const struct link *l, unsigned version, struct ip_config *c)
{
	const char *what = version == 4 ? "ip" : "ip6", *text;
	char key[32];

	format(key, sizeof(key), "vif%u.%s", l->id, what);
	text = param(key);
	if (!text && l->id == 0)
		text = param(what);
	if (!config_parse(text, version, c))
		return;
	log_error("vif%u: %s=%s: not understood, so there is no such address", l->id, what, text);
	c->how = CONFIG_OFF;
}

/* ---- what an address is when it comes */

static void use_servers(const struct ip_config *c, unsigned *n)
{
	for (unsigned i = 0; i < c->dns_count && *n < DNS_MAX_SERVERS; i++)
		dns_setserver((*n)++, &c->dns[i]);
}

static void say_ip4(struct link *l)
{
	const ip4_addr_t *a = netif_ip4_addr(&l->netif), *gw = netif_ip4_gw(&l->netif);
	char address[16], gateway[16];
	unsigned bits = 0;

	if (l->ip4 == ip4_addr_get_u32(a))
		return;
	l->ip4 = ip4_addr_get_u32(a);
	if (!l->ip4) {
		log_some(&l->log, LOG_INFO, "vif%u: the IPv4 address is gone", l->id);
		return;
	}
	bits = __builtin_popcount(ip4_addr_get_u32(netif_ip4_netmask(&l->netif)));
	ip4addr_ntoa_r(a, address, sizeof(address));
	ip4addr_ntoa_r(gw, gateway, sizeof(gateway));
	log_some(&l->log, LOG_INFO, "vif%u: %s/%u%s%s%s", l->id, address, bits,
		 ip4_addr_isany(gw) ? "" : ", gateway ", ip4_addr_isany(gw) ? "" : gateway,
		 l->dhcp ? ", by DHCP" : "");
}

/* As RFC 5952 has it. */
static void write_ip6(const ip6_addr_t *a, char *to, size_t size)
{
	ip6addr_ntoa_r(a, to, size);
	for (; *to; to++)
		if (*to >= 'A' && *to <= 'F')
			*to += 'a' - 'A';
}

static void say_ip6(struct link *l)
{
	char address[48];

	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		uint8_t is = netif_ip6_addr_state(&l->netif, i), was = l->ip6_state[i];

		l->ip6_state[i] = is;
		write_ip6(netif_ip6_addr(&l->netif, i), address, sizeof(address));
		if (ip6_addr_ispreferred(is) && !ip6_addr_isvalid(was))
			log_some(&l->log, LOG_INFO, "vif%u: %s", l->id, address);
		else if (ip6_addr_isduplicated(is) && !ip6_addr_isduplicated(was))
			log_some(&l->log, LOG_WARNING, "vif%u: somebody else has %s", l->id, address);
	}
}

/* lwIP's status callback: something about addresses is new. */
static void status(struct netif *netif)
{
	struct link *l = (struct link *)netif;
	unsigned n = 0;

	link_mtu(l);
	say_ip4(l);
	say_ip6(l);
	use_servers(&static4, &n);
	use_servers(&static6, &n);
	wake(&config_changed);
}

/* ---- DHCP: what lwIP has no word for */

/* To the list of what we ask for (RFC 2132, 9.8) one more. */
void config_dhcp_ask(uint8_t *options, size_t size, uint16_t *len)
{
	for (size_t at = 0; at + 2 <= *len; at += 2 + options[at + 1]) {
		size_t end = at + 2 + options[at + 1];

		if (options[at] != DHCP_OPTION_PARAMETER_REQUEST_LIST)
			continue;
		if (end > *len || *len + 2u > size)	/* there is an end mark to come */
			return;
		memmove(options + end + 1, options + end, *len - end);
		options[end] = OPTION_MTU;
		options[at + 1]++;
		(*len)++;
		return;
	}
}

/* RFC 2131, table 5: a server heeds only what is declined of its own. */
void config_dhcp_decline(const ip_addr_t *server, uint8_t *options, size_t size,
			 uint16_t *len)
{
	if (*len + 7u > size || !IP_IS_V4(server))
		return;
	options[*len] = DHCP_OPTION_SERVER_ID;
	options[*len + 1] = 4;
	memcpy(options + *len + 2, ip_2_ip4(server), 4);
	*len += 6;
}

void config_dhcp_answer(struct netif *netif, struct pbuf *p, unsigned option, unsigned len,
			unsigned offset)
{
	unsigned mtu;

	if (option != OPTION_MTU || len != 2 || offset + 2 > p->tot_len)
		return;
	mtu = pbuf_get_at(p, offset) << 8 | pbuf_get_at(p, offset + 1);
	for (struct link *l = links; l; l = l->next)
		if (&l->netif == netif && mtu >= MTU_LEAST)
			l->dhcp_mtu = mtu;	/* the lease's status callback uses it */
}

/* ---- devices */

static const char *our_name(void)
{
	const char *given = param("hostname");

	if (given)
		return given;
	if (!hostname && xs_read(NULL, "name", &hostname) < 0)
		hostname = NULL;
	return hostname;
}

static void start_ip4(struct link *l, const struct ip_config *c)
{
	ip4_addr_t mask, none = { 0 };

	if (c->how == CONFIG_STATIC) {
		mask.addr = lwip_htonl(~0u << (32 - c->prefix));
		netif_set_addr(&l->netif, ip_2_ip4(&c->address), &mask,
			       c->has_gateway ? ip_2_ip4(&c->gateway) : &none);
	} else if (c->how == CONFIG_AUTO) {
		l->dhcp = dhcp_start(&l->netif) == ERR_OK;
		if (!l->dhcp)
			log_error("vif%u: no memory for DHCP", l->id);
	}
}

void config_start(struct link *l)
{
	struct ip_config c4, c6;

	from_command_line(l, 4, &c4);
	from_command_line(l, 6, &c6);
	if (l->id == 0) {
		static4 = c4;
		static6 = c6;
	}
	l->config6 = c6;
	netif_set_status_callback(&l->netif, status);
	netif_set_hostname(&l->netif, our_name());
	netif_set_up(&l->netif);
	start_ip4(l, &c4);
	l->awaited4 = c4.how != CONFIG_OFF;
	l->awaited6 = c6.how != CONFIG_OFF;
	status(&l->netif);
}

/* Not before: the link-local address is made of the MAC address, which is known now. */
void config_link_up(struct link *l)
{
	const struct ip_config *c = &l->config6;
	s8_t i = -1;

	if (l->configured || c->how == CONFIG_OFF)
		return;
	l->configured = true;
	netif_create_ip6_linklocal_address(&l->netif, 1);
	if (c->how == CONFIG_AUTO) {
		netif_set_ip6_autoconfig_enabled(&l->netif, 1);
		nd6_restart_netif(&l->netif);
	} else if (netif_add_ip6_address(&l->netif, ip_2_ip6(&c->address), &i) != ERR_OK) {
		log_error("vif%u: no place for the IPv6 address", l->id);
	}
}

/* lwIP's hook for where to send what is not on the link. */
const ip6_addr_t *config_gateway6(struct netif *netif)
{
	struct link *l = links;

	while (l && &l->netif != netif)
		l = l->next;
	return l && l->config6.has_gateway ? ip_2_ip6(&l->config6.gateway) : NULL;
}

static bool has_ip6(const struct link *l)
{
	for (int i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(&l->netif, i)))
			return true;
	return false;
}

bool config_up(unsigned version)
{
	for (const struct link *l = links; l; l = l->next) {
		if (!netif_is_link_up(&l->netif))
			continue;
		if (version != 6 && !ip4_addr_isany(netif_ip4_addr(&l->netif)))
			return true;
		if (version != 4 && has_ip6(l))
			return true;
	}
	return false;
}

bool config_awaited(unsigned version)
{
	for (const struct link *l = links; l; l = l->next)
		if ((version != 6 && l->awaited4) || (version != 4 && l->awaited6))
			return true;
	return false;
}
