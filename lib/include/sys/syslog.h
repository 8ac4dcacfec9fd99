/* SPDX-License-Identifier: ISC */
#include <syslog.h>
