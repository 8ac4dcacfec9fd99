/* SPDX-License-Identifier: ISC */
#include "net/config.h"

#include "drivers/xenbus/xenstore.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "net/dhcp.h"
#include "net/dns_servers.h"
#include "net/lwip/hooks.h"
#include "net/netif.h"

#include <lwip/etharp.h>
#include <lwip/nd6.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>

#include <stdlib.h>
#include <string.h>

struct waitq config_changed;

static char *domain_name;

/* ---- the command line */

/* Copies the next word of a comma-separated list to word. Returns false at the end. */
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

static uint32_t in_host_order(const ip_addr_t *a)
{
	return lwip_ntohl(ip4_addr_get_u32(ip_2_ip4(a)));
}

/* Whether it can be the address of a host. */
static bool is_host(const ip_addr_t *a)
{
	if (IP_IS_V4(a))
		return route_is_host(in_host_order(a));
	return !ip6_addr_isany(ip_2_ip6(a)) && !ip6_addr_isloopback(ip_2_ip6(a)) &&
	       !ip6_addr_ismulticast(ip_2_ip6(a)) && !ip6_addr_isipv4mappedipv6(ip_2_ip6(a));
}

/* Returns NULL, or a message that describes the error and the correct form. */
static const char *parse_address(char *text, unsigned version, ip_addr_t *a)
{
	if (!ipaddr_aton(text, a) || IP_IS_V6(a) != (version == 6))
		return version == 4 ? "write an address as 10.0.0.2"
				    : "write an address as 2001:db8::2";
	if (!is_host(a))
		return "not the address of a host; use one that your network assigns";
	return NULL;
}

static const char *parse_prefix(char *text, unsigned version, struct ip_config *c)
{
	char *slash = strchr(text, '/'), *end;
	const char *wrong;
	unsigned long bits;

	if (!slash)
		return version == 4 ? "write ADDRESS/BITS, as 10.0.0.2/24"
				    : "write ADDRESS/BITS, as 2001:db8::2/64";
	*slash++ = '\0';
	bits = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end || bits < 1 || bits > (version == 4 ? 32 : 128))
		return version == 4 ? "the prefix length after / is 1 to 32"
				    : "the prefix length after / is 1 to 128";
	c->prefix = bits;
	wrong = parse_address(text, version, &c->address);
	if (!wrong && version == 4 && !route_is_host_in(in_host_order(&c->address), bits))
		wrong = "this is the address of the subnet or of its broadcast; use one between";
	return wrong;
}

const char *config_parse(const char *text, unsigned version, struct ip_config *c)
{
	const char *wrong;
	char word[80];

	*c = (struct ip_config){ .how = CONFIG_AUTO };
	if (!text || !strcmp(text, version == 4 ? "dhcp" : "auto"))
		return NULL;
	if (!strcmp(text, "off")) {
		c->how = CONFIG_OFF;
		return NULL;
	}
	c->how = CONFIG_STATIC;
	if (!next_word(&text, word, sizeof(word)))
		return "write ADDRESS/BITS[,gateway=A][,dns=A], or off";
	wrong = parse_prefix(word, version, c);
	while (*text && !wrong) {
		if (!next_word(&text, word, sizeof(word)))
			return "a value is too long";
		if (!strncmp(word, "gateway=", 8)) {
			wrong = parse_address(word + 8, version, &c->gateway);
			if (!wrong && ip_addr_eq(&c->gateway, &c->address))
				wrong = "the gateway must be another host";
			c->has_gateway = true;
		} else if (!strncmp(word, "dns=", 4) && c->dns_count == DNS_MAX_SERVERS) {
			wrong = "dns= is allowed three times";
		} else if (!strncmp(word, "dns=", 4)) {
			const ip_addr_t *dns = &c->dns[c->dns_count];

			/*
			 * 127.0.0.1 is allowed: the application may have its own DNS
			 * server.
			 */
			if (!ipaddr_aton(word + 4, &c->dns[c->dns_count]) ||
			    (!is_host(dns) && !ip_addr_isloopback(dns)))
				wrong = "dns= must be the address of a host";
			c->dns_count++;
		} else {
			wrong = "only gateway= and dns= may follow the address";
		}
	}
	return wrong;
}

static const char *wrong_ip4(const char *text)
{
	static struct ip_config c;

	return config_parse(text, 4, &c);
}
PARAM_CHECKED(ip, "[vifN.]ip=ADDRESS/BITS[,gateway=A][,dns=A]|dhcp|off", wrong_ip4);

static const char *wrong_ip6(const char *text)
{
	static struct ip_config c;

	return config_parse(text, 6, &c);
}
PARAM_CHECKED(ip6, "[vifN.]ip6=ADDRESS/BITS[,gateway=A][,dns=A]|auto|off", wrong_ip6);

static void from_command_line(const struct vif *l, unsigned version, struct ip_config *c)
{
	const char *what = version == 4 ? "ip" : "ip6", *text, *wrong;
	char key[32];

	format(key, sizeof(key), "vif%u.%s", l->id, what);
	text = param(key);
	if (!text && l->id == 0)
		text = param(what);
	wrong = config_parse(text, version, c);
	if (!wrong)
		return;
	log_error("vif%u: option %s=%s ignored: %s; no address is configured", l->id, what, text,
		  wrong);
	*c = (struct ip_config){ .how = CONFIG_OFF };
}

/* ---- logging of addresses */

static void log_ip4(struct vif *l)
{
	const ip4_addr_t *a = netif_ip4_addr(&l->netif), *gw = netif_ip4_gw(&l->netif);
	char address[16], gateway[16];
	unsigned bits = 0;

	if (l->ip4 == ip4_addr_get_u32(a))
		return;
	l->ip4 = ip4_addr_get_u32(a);
	if (!l->ip4) {
		log_some(&l->log, LOG_INFO, "vif%u: IPv4 address removed", l->id);
		return;
	}
	bits = __builtin_popcount(ip4_addr_get_u32(netif_ip4_netmask(&l->netif)));
	ip4addr_ntoa_r(a, address, sizeof(address));
	ip4addr_ntoa_r(gw, gateway, sizeof(gateway));
	log_some(&l->log, LOG_INFO, "vif%u: %s/%u%s%s%s", l->id, address, bits,
		 ip4_addr_isany(gw) ? "" : ", gateway ", ip4_addr_isany(gw) ? "" : gateway,
		 l->dhcp ? ", by DHCP" : "");
}

/* In the format of RFC 5952. */
static void write_ip6(const ip6_addr_t *a, char *to, size_t size)
{
	ip6addr_ntoa_r(a, to, size);
	for (; *to; to++)
		if (*to >= 'A' && *to <= 'F')
			*to += 'a' - 'A';
}

static void log_ip6(struct vif *l)
{
	char address[48];

	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		uint8_t is = netif_ip6_addr_state(&l->netif, i), was = l->ip6_state[i];

		l->ip6_state[i] = is;
		write_ip6(netif_ip6_addr(&l->netif, i), address, sizeof(address));
		if (ip6_addr_ispreferred(is) && !ip6_addr_isvalid(was))
			log_some(&l->log, LOG_INFO, "vif%u: %s", l->id, address);
		else if (ip6_addr_isduplicated(is) && !ip6_addr_isduplicated(was))
			log_some(&l->log, LOG_WARNING, "vif%u: another host has %s", l->id, address);
	}
}

void config_address(struct vif *l)
{

	vif_mtu(l);
	log_ip4(l);
	log_ip6(l);
	dhcp_update_dns(l);
	wake(&config_changed);
}

/* lwIP's status callback. */
static void status(struct netif *netif)
{
	config_address((struct vif *)netif);
}

/* ---- devices */

const char *config_name(void)
{
	const char *given = param("hostname");

	return given ? given : domain_name;
}

/* Sleeps; dhcp.c may not. */
static void read_host_name(void)
{
	char name[DHCP_NAME_MAX + 1];

	if (!param("hostname") && !domain_name && xs_read(NULL, "name", &domain_name) < 0)
		domain_name = NULL;
	if (config_name() && (!dhcp_name(config_name(), name) || strcmp(name, config_name())))
		log_info("net: the host name is %s for DHCP servers: RFC 1123 allows letters, "
			 "digits, hyphens and dots, at most %d",
			 dhcp_name(config_name(), name) ? "shortened" : "omitted", DHCP_NAME_MAX);
}

static void start_ip4(struct vif *l, const struct ip_config *c)
{
	ip4_addr_t mask, none = { 0 };

	if (c->how == CONFIG_STATIC) {
		mask.addr = lwip_htonl(route_mask(c->prefix));
		if (c->has_gateway)
			route_add(&l->routes, 0, 0, in_host_order(&c->gateway));
		netif_set_addr(&l->netif, ip_2_ip4(&c->address), &mask,
			       c->has_gateway ? ip_2_ip4(&c->gateway) : &none);
	} else if (c->how == CONFIG_AUTO) {
		if (dhcp_start(l))
			log_error("vif%u: no memory for DHCP", l->id);
	}
}

static void use_servers(const struct vif *l, const struct ip_config *c4,
			const struct ip_config *c6)
{
	ip_addr_t all[2 * DNS_MAX_SERVERS];

	memcpy(all, c4->dns, sizeof(c4->dns));
	memcpy(all + c4->dns_count, c6->dns, sizeof(c6->dns));
	dns_servers_set(DNS_SOURCE_COMMAND_LINE, l->id, all, c4->dns_count + c6->dns_count);
}

static void set_config6(struct vif *l, const struct ip_config *c)
{
	l->config6 = *c;
	if (c->has_gateway)		/* the gateway may be link-local */
		ip6_addr_assign_zone(ip_2_ip6(&l->config6.gateway), IP6_UNICAST, &l->netif);
}

void config_start(struct vif *l)
{
	struct ip_config c4, c6;

	from_command_line(l, 4, &c4);
	from_command_line(l, 6, &c6);
	use_servers(l, &c4, &c6);
	set_config6(l, &c6);
	netif_set_status_callback(&l->netif, status);
	read_host_name();
	netif_set_up(&l->netif);
	start_ip4(l, &c4);
	l->pending4 = c4.how != CONFIG_OFF;
	l->pending6 = c6.how != CONFIG_OFF;
	status(&l->netif);
}

void config_again(void)
{
	struct ip_config c4, c6;

	for (struct vif *l = vifs; l; l = l->next) {
		from_command_line(l, 4, &c4);
		from_command_line(l, 6, &c6);
		use_servers(l, &c4, &c6);
		if (c4.how == CONFIG_STATIC) {
			l->routes.count = 0;
			start_ip4(l, &c4);
		}
		if (c6.how == CONFIG_STATIC)
			set_config6(l, &c6);	/* config_link_up() uses it, for another MAC address */
		status(&l->netif);
	}
}

/*
 * A vif with another MAC address is another interface. Addresses from the command line
 * stay.
 */
static void remove_ip6(struct vif *l)
{
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		ip_addr_t was = l->netif.ip6_addr[i];

		if (ip6_addr_isinvalid(netif_ip6_addr_state(&l->netif, i)))
			continue;
		netif_ip6_addr_set_state(&l->netif, i, IP6_ADDR_INVALID);
		if (l->config6.how != CONFIG_STATIC ||
		    !ip6_addr_zoneless_eq(ip_2_ip6(&was), ip_2_ip6(&l->config6.address)))
			tcp_netif_ip_addr_changed(&was, NULL);
	}
}

/* The link-local address is derived from the MAC address, which is known only now. */
void config_link_up(struct vif *l)
{
	const struct ip_config *c = &l->config6;
	s8_t i = -1;

	dhcp_carrier(l, true);
	wake(&config_changed);		/* an address that existed before is usable again */
	if (c->how == CONFIG_OFF || (l->configured && !memcmp(l->mac, l->netif.hwaddr, 6)))
		return;
	if (l->configured)
		remove_ip6(l);
	l->configured = true;
	memcpy(l->mac, l->netif.hwaddr, sizeof(l->mac));
	netif_create_ip6_linklocal_address(&l->netif, 1);
	if (c->how == CONFIG_AUTO) {
		netif_set_ip6_autoconfig_enabled(&l->netif, 1);
		nd6_restart_netif(&l->netif);
	} else if (netif_add_ip6_address(&l->netif, ip_2_ip6(&c->address), &i) != ERR_OK) {
		log_error("vif%u: cannot add the IPv6 address: all %u are in use", l->id,
			  LWIP_IPV6_NUM_ADDRESSES);
	} else if (c->prefix != 64) {
		/*
		 * lwIP would accept only a 64-bit prefix as static; in_static_prefix()
		 * knows the real one.
		 */
		netif_ip6_addr_set_valid_life(&l->netif, i, IP6_ADDR_LIFE_INFINITE);
		netif_ip6_addr_set_pref_life(&l->netif, i, IP6_ADDR_LIFE_INFINITE);
	}
}

void config_link_down(struct vif *l)
{
	dhcp_carrier(l, false);
	/* The new link may have other neighbors and routers. */
	etharp_cleanup_netif(&l->netif);
	nd6_cleanup_netif(&l->netif);
	wake(&config_changed);
}

/* ---- lwIP's hooks for IPv6: lwIP knows only 64-bit prefixes and one default netif */

static bool in_static_prefix(const struct vif *l, const ip6_addr_t *to)
{
	const struct ip_config *c = &l->config6;
	unsigned bits = c->how == CONFIG_STATIC ? c->prefix : 0;

	if (!bits)
		return false;
	for (unsigned i = 0; i < 4 && bits; i++) {
		unsigned n = bits < 32 ? bits : 32;

		if (lwip_ntohl(to->addr[i] ^ ip_2_ip6(&c->address)->addr[i]) & route_mask(n))
			return false;
		bits -= n;
	}
	return true;
}

unsigned config_prefix6(const struct netif *netif, int i)
{
	const struct ip_config *c = &((const struct vif *)netif)->config6;

	return c->how == CONFIG_STATIC &&
	       ip6_addr_zoneless_eq(netif_ip6_addr(netif, i), ip_2_ip6(&c->address)) ? c->prefix : 64;
}

/* Returns the next hop; NULL if lwIP is to choose a router. */
const ip6_addr_t *config_gateway6(struct netif *netif, const ip6_addr_t *to)
{
	struct vif *l = vifs;

	while (l && &l->netif != netif)
		l = l->next;
	if (l && in_static_prefix(l, to))
		return to;
	return l && l->config6.has_gateway ? ip_2_ip6(&l->config6.gateway) : NULL;
}

static bool has_address6(const struct vif *l, const ip6_addr_t *a)
{
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(&l->netif, i)) &&
		    ip6_addr_zoneless_eq(a, netif_ip6_addr(&l->netif, i)))
			return true;
	return false;
}

static int on_link6(const struct vif *l, const ip6_addr_t *to)
{
	if (has_address6(l, to) || (l->config6.has_gateway &&
				    ip6_addr_zoneless_eq(to, ip_2_ip6(&l->config6.gateway))))
		return 128;
	if (in_static_prefix(l, to))
		return l->config6.prefix;
	for (int i = 0; i < LWIP_ND6_NUM_PREFIXES; i++)
		if (prefix_list[i].netif == &l->netif && prefix_list[i].invalidation_timer &&
		    ip6_addr_net_eq(&prefix_list[i].prefix, to))
			return 64;
	return -1;
}

static bool has_router6(const struct vif *l)
{
	if (l->config6.has_gateway)
		return true;
	for (int i = 0; i < LWIP_ND6_NUM_ROUTERS; i++)
		if (default_router_list[i].neighbor_entry &&
		    default_router_list[i].neighbor_entry->netif == &l->netif)
			return true;
	return false;
}

/* As route_lookup() does for IPv4. */
struct netif *config_route6(const ip6_addr_t *from, const ip6_addr_t *to)
{
	struct vif *found = NULL;
	int most = -1;

	if (ip6_addr_isloopback(to))
		return NULL;
	for (struct vif *l = vifs; l; l = l->next) {
		bool source = has_address6(l, from);
		int bits = on_link6(l, to);

		if (!netif_is_up(&l->netif) || !netif_is_link_up(&l->netif))
			continue;
		if (bits < 0 && (has_router6(l) || ip6_addr_ismulticast(to)))
			bits = 0;
		if (bits > most ||
		    (bits == most && bits >= 0 && !has_address6(found, from) &&
		     (source || l->id < found->id))) {
			found = l;
			most = bits;
		}
	}
	return found ? &found->netif : NULL;
}

static bool has_ip6(const struct vif *l)
{
	for (int i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(&l->netif, i)))
			return true;
	return false;
}

bool config_up(unsigned version)
{
	for (const struct vif *l = vifs; l; l = l->next) {
		if (!netif_is_link_up(&l->netif))
			continue;
		if (version != 6 && !ip4_addr_isany(netif_ip4_addr(&l->netif)))
			return true;
		if (version != 4 && has_ip6(l))
			return true;
	}
	return false;
}

bool config_pending(unsigned version)
{
	for (const struct vif *l = vifs; l; l = l->next)
		if ((version != 6 && l->pending4) || (version != 4 && l->pending6))
			return true;
	return false;
}
