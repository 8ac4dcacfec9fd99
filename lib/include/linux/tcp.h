/* SPDX-License-Identifier: ISC */
#include <netinet/tcp.h>
