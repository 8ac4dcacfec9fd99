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

static int add(struct list *l, const struct dirent *entry)
{
	struct dirent *copy = malloc(sizeof(*copy)), **more;

	if (!copy)
		return -1;
	if (l->count == l->room) {
		more = realloc(l->names, (2 * l->room + 16) * sizeof(*more));
		if (!more) {
			free(copy);
			return -1;
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
	int rc = 0;

	if (!dir)
		return -1;
	while (!rc && (entry = readdir(dir)))
		if (!wanted || wanted(entry))
			rc = add(&list, entry);
	closedir(dir);
	if (rc) {
		while (list.count)
			free(list.names[--list.count]);
		free(list.names);
		errno = ENOMEM;
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
