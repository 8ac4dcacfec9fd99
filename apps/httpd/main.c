/* SPDX-License-Identifier: ISC */
/*
 * A web server for files: of the image (files/ in this folder), of a tar archive on a
 * disk, or of a folder of a file system, where clients may store files, too. docs/httpd.md describes its use.
 */
#include "apps/httpd/log.h"
#include "apps/httpd/server.h"
#include "apps/httpd/upload.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct timespec now;

	if (!options_read(&server.options, argc, argv))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_REALTIME, &now);
	server.site.mtime = now.tv_sec;	/* files without a date get the time of the start */
	server.site.keep = server.options.keep;
	server.site.index = server.options.index;
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
