/* SPDX-License-Identifier: ISC */
/*
 * kernel/param.c: arbitrary command lines, since others than the toolstack may set them.
 */
#include "kernel/log.h"
#include "kernel/param.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nothing(const char *text, size_t len, bool urgent)
{
	(void)text;
	(void)len;
	(void)urgent;
}

static void visit(const char *rest, const char *value)
{
	assert(strlen(rest) + strlen(value ? value : "") < 4096);
	param_size(rest, 1);
	param_duration(rest, 1);
	if (value)
		param_set("loglevel", value);
	log_debug("%s", rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);		/* so that a byte too far is seen */
	size_t length = 0;

	if (log_sink != nothing)
		log_init();
	log_sink = nothing;
	memcpy(line, data, size);
	line[size] = '\0';
	param_init(line);
	param_each("", visit);
	param_check();
	for (unsigned i = 1; i < param_argc(); i++) {
		char *word = param_argv()[i];

		assert(word >= line && word + strlen(word) <= line + size);
		length += strlen(word);
	}
	assert(length <= size && !param_argv()[param_argc()]);
	free(line);
	return 0;
}
