/* SPDX-License-Identifier: ISC */
/* Directory streams (POSIX.1-2017), for newlib's <dirent.h>. */
#ifndef XENOLITH_SYS_DIRENT_H
#define XENOLITH_SYS_DIRENT_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DT_UNKNOWN	0
#define DT_FIFO		1
#define DT_CHR		2
#define DT_DIR		4
#define DT_BLK		6
#define DT_REG		8
#define DT_LNK		10
#define DT_SOCK		12
/* From and to st_mode. */
#define IFTODT(mode)	(((mode) & 0170000) >> 12)
#define DTTOIF(type)	((type) << 12)

#define MAXNAMLEN	255

struct dirent {
	ino_t d_ino;
	unsigned char d_type;
	char d_name[256];
};

typedef struct __dir DIR;

DIR *opendir(const char *path);
struct dirent *readdir(DIR *dir);
int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result);
void rewinddir(DIR *dir);
long telldir(DIR *dir);
void seekdir(DIR *dir, long at);
int closedir(DIR *dir);

#ifdef __cplusplus
}
#endif

#endif
