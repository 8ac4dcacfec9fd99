/* SPDX-License-Identifier: ISC */
/* The server as a function: main() of apps/httpd calls it without TLS, that of apps/httpsd with it. */
#include "apps/httpd/httpd.h"

#include "apps/httpd/log.h"
#include "apps/httpd/server.h"
#include "apps/httpd/stream.h"
#include "apps/httpd/tls.h"
#include "apps/httpd/upload.h"

#include <signal.h>
#include <stdio.h>

static bool tls_start(void)
{
	if (!server.tls) {
		fprintf(stderr, "httpd: tls=: this image has no TLS; apps/httpsd is the same server with it\n");
		return false;
	}
	if (!stream_start()) {
		fprintf(stderr, "httpd: not enough memory\n");
		return false;
	}
	return server.tls->start(&server.options);
}

int httpd(int argc, char **argv, const struct tls_methods *tls)
{
	struct timespec now;

	if (!options_read(&server.options, argc, argv))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_REALTIME, &now);
	server.tls = tls;
	server.site.mtime = now.tv_sec;	/* files without a date get the time of the start */
	server.site.keep = server.options.keep;
	server.site.index = server.options.index;
	if (server.options.tls && !tls_start())
		return 1;
	if (site_open(&server.site, server.options.root))
		return 1;
	if (server.options.upload &&
	    !upload_open(server.options.upload, server.options.root, server.options.upload_limit))
		return 1;
	if (!reply_init() || (server.options.log && !log_start())) {
		fprintf(stderr, "httpd: not enough memory\n");
		return 1;
	}
	return server_run();
}
