/* SPDX-License-Identifier: ISC */
/* scandir() and alphasort() (POSIX.1-2017). */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct dirent **names;
	size_t count, room;
};

/* 0 or an error number. */
static int add(struct list *l, const struct dirent *entry)
{
	struct dirent *copy = malloc(sizeof(*copy)), **more;

	if (!copy)
		return ENOMEM;
	if (l->count == l->room) {
		more = realloc(l->names, (2 * l->room + 16) * sizeof(*more));
		if (!more) {
			free(copy);
			return ENOMEM;
		}
		l->names = more;
		l->room = 2 * l->room + 16;
	}
	*copy = *entry;
	l->names[l->count++] = copy;
	return 0;
}

int scandir(const char *name, struct dirent ***names, int (*wanted)(const struct dirent *),
	    int (*compare)(const struct dirent **, const struct dirent **))
{
	DIR *dir = opendir(name);
	struct list list = { 0 };
	struct dirent *entry;
	int before = errno, error;

	if (!dir)
		return -1;
	do {
		errno = 0;		/* wanted() may have changed it */
		entry = readdir(dir);
		error = errno;
		if (entry)
			error = !wanted || wanted(entry) ? add(&list, entry) : 0;
	} while (entry && !error);
	closedir(dir);
	errno = error ? error : before;
	if (error) {
		while (list.count)
			free(list.names[--list.count]);
		free(list.names);
		return -1;
	}
	if (compare && list.count)
		qsort(list.names, list.count, sizeof(*list.names),
		      (int (*)(const void *, const void *))compare);
	*names = list.names;
	return list.count;
}

int alphasort(const struct dirent **a, const struct dirent **b)
{
	return strcoll((*a)->d_name, (*b)->d_name);
}
