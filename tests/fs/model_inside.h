/* SPDX-License-Identifier: ISC */
/* Shared by the files of the model. */
#ifndef TESTS_FS_MODEL_INSIDE_H
#define TESTS_FS_MODEL_INSIDE_H

#include "tests/fs/model.h"

#include <stdlib.h>
#include <string.h>

static inline struct model_inode *model_at(struct model *m, uint32_t id)
{
	return &m->inodes[id];
}

static inline bool model_is(const struct model *m, uint32_t id, uint32_t type)
{
	return (m->inodes[id].mode & FS_IFMT) == type;
}

/* ---- Errors: those that apply are collected, and any of them may be returned. */

static inline void model_check(struct model *m)
{
	m->error_count = 0;
}

static inline void model_error(struct model *m, int error)
{
	if (m->error_count < MODEL_ERRORS)
		m->errors[m->error_count++] = error;
}

static inline int model_result(struct model *m)
{
	return m->error_count ? -m->errors[0] : 0;
}

static inline void model_changed(struct model *m, uint32_t id, unsigned times)
{
	struct model_inode *i = model_at(m, id);

	if (times & MODEL_MTIME)
		i->mtime = m->now;
	i->ctime = m->now;
	i->vague &= ~(times | MODEL_CTIME);
	i->meta = m->number;
}

static inline void *model_duplicate(const void *from, size_t size)
{
	void *to = malloc(size + 1);

	if (size)
		memcpy(to, from, size);
	((char *)to)[size] = '\0';
	return to;
}

#endif
