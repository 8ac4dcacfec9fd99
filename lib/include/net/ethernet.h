/* SPDX-License-Identifier: ISC */
/* Frames of Ethernet, as in glibc. */
#ifndef XENOLITH_NET_ETHERNET_H
#define XENOLITH_NET_ETHERNET_H

#include <stdint.h>
#include <sys/types.h>

#define ETH_ALEN	6
#define ETH_HLEN	14
#define ETH_ZLEN	60
#define ETH_DATA_LEN	1500
#define ETH_FRAME_LEN	1514
#define ETH_P_IP	0x0800
#define ETH_P_ARP	0x0806
#define ETH_P_8021Q	0x8100
#define ETH_P_IPV6	0x86dd
#define ETH_P_ALL	0x0003

#define ETHERTYPE_IP	ETH_P_IP
#define ETHERTYPE_ARP	ETH_P_ARP
#define ETHERTYPE_REVARP 0x8035
#define ETHERTYPE_VLAN	ETH_P_8021Q
#define ETHERTYPE_IPV6	ETH_P_IPV6
#define ETHERTYPE_LOOPBACK 0x9000

#define ETHER_ADDR_LEN	ETH_ALEN
#define ETHER_TYPE_LEN	2
#define ETHER_CRC_LEN	4
#define ETHER_HDR_LEN	ETH_HLEN
#define ETHER_MIN_LEN	(ETH_ZLEN + ETHER_CRC_LEN)
#define ETHER_MAX_LEN	(ETH_FRAME_LEN + ETHER_CRC_LEN)
#define ETHERMTU	ETH_DATA_LEN

struct ether_addr {
	uint8_t ether_addr_octet[ETH_ALEN];
} __attribute__((packed));

struct ether_header {
	uint8_t ether_dhost[ETH_ALEN], ether_shost[ETH_ALEN];
	uint16_t ether_type;		/* in network byte order */
} __attribute__((packed));

struct ethhdr {
	unsigned char h_dest[ETH_ALEN], h_source[ETH_ALEN];
	uint16_t h_proto;
} __attribute__((packed));

#endif
