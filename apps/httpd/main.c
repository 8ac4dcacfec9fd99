/* SPDX-License-Identifier: ISC */
/*
 * A web server for files: of the image (files/ in this folder), of a tar archive on a
 * disk, or of a folder of a file system, where clients may store files, too. docs/httpd.md describes its use.
 */
#include "apps/httpd/httpd.h"

#include <stddef.h>

int main(int argc, char **argv)
{
	return httpd(argc, argv, NULL);
}
