/* SPDX-License-Identifier: ISC */
#include "lib/file/users_text.h"

const char users_text[] =
	"root:x:0:0:root:/:/bin/sh\n"
	"daemon:x:1:1:daemon:/:/usr/sbin/nologin\n"
	"bin:x:2:2:bin:/bin:/usr/sbin/nologin\n"
	"sys:x:3:3:sys:/dev:/usr/sbin/nologin\n"
	"mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
	"www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
	"nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";

const char groups_text[] =
	"root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\nmail:x:8:\n"
	"www-data:x:33:\nnogroup:x:65534:\n";
