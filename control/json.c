/* SPDX-License-Identifier: ISC */
#include "control/json.h"
#include "kernel/log.h"

#include <errno.h>
#include <string.h>

/* ---- UTF-8 */

/* The length of the character at s in bytes, 0 if it is invalid (RFC 3629). */
static size_t utf8(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		   p[0] < 0xf5 ? 4 : 0;

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool json_utf8(const char *s, size_t len)
{
	for (size_t n; len; s += n, len -= n) {
		n = utf8(s, len);
		if (!n)
			return false;
	}
	return true;
}

static size_t utf8_put(char to[4], uint32_t c)
{
	if (c < 0x80) {
		to[0] = c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = 0xc0 | c >> 6;
		to[1] = 0x80 | (c & 0x3f);
		return 2;
	}
	if (c < 0x10000) {
		to[0] = 0xe0 | c >> 12;
		to[1] = 0x80 | (c >> 6 & 0x3f);
		to[2] = 0x80 | (c & 0x3f);
		return 3;
	}
	to[0] = 0xf0 | c >> 18;
	to[1] = 0x80 | (c >> 12 & 0x3f);
	to[2] = 0x80 | (c >> 6 & 0x3f);
	to[3] = 0x80 | (c & 0x3f);
	return 4;
}

/* ---- writing */

static void put(struct json *j, const char *text, size_t len)
{
	if (j->len < j->size)
		memcpy(j->to + j->len, text, len < j->size - j->len ? len : j->size - j->len);
	j->len += len;
}

/* Bytes that are written as they are. */
static size_t plain(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

static void put_string(struct json *j, const char *s, size_t len)
{
	char code[8];

	put(j, "\"", 1);
	while (len) {
		unsigned char c = *s;
		size_t n = plain(s, len);

		if (n) {
			put(j, s, n);
			s += n;
			len -= n;
			continue;
		}
		n = utf8(s, len);
		if (c == '"' || c == '\\') {
			code[0] = '\\';
			code[1] = c;
			put(j, code, 2);
		} else if (c < 0x20 || c == 0x7f) {
			put(j, code, format(code, sizeof(code), "\\u%04x", c));
		} else {
			put(j, n ? s : "\xef\xbf\xbd", n ? n : 3);
		}
		s += n ? n : 1;
		len -= n ? n : 1;
	}
	put(j, "\"", 1);
}

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		put(j, ",", 1);
	if (key) {
		put_string(j, key, strlen(key));
		put(j, ":", 1);
	}
	j->comma = true;
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	put(j, &bracket, 1);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	put(j, &bracket, 1);
	j->comma = true;
}

void json_number(struct json *j, const char *key, int64_t value)
{
	char text[24];

	begin(j, key);
	put(j, text, format(text, sizeof(text), "%lld", (long long)value));
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void json_chars(struct json *j, const char *key, const char *value, size_t len)
{
	begin(j, key);
	put_string(j, value, len);
}

void json_string(struct json *j, const char *key, const char *value)
{
	json_chars(j, key, value, strlen(value));
}

void json_members(struct json *j, struct json_value object)
{
	const char *p = object.at + 1, *end = object.at + object.len - 1;

	while (p < end && end[-1] <= ' ')
		end--;
	while (p < end && *p <= ' ')
		p++;
	if (p == end)
		return;
	begin(j, NULL);
	put(j, p, end - p);
}

bool json_fits(const struct json *j)
{
	return j->len <= j->size;
}

/*
 * ---- reading: each function returns the text behind the value, or NULL if it is
 * invalid
 */

static const char *blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static const char *digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

static const char *number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else
		p = digits(p, end);
	if (p && p < end && *p == '.')
		p = digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = digits(p, end);
	}
	return p;
}

static int hex(const char *p, const char *end, uint32_t *to)
{
	if (end - p < 4)
		return -EINVAL;
	*to = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i] | 0x20;

		if (p[i] >= '0' && p[i] <= '9')
			*to = *to << 4 | (p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			*to = *to << 4 | (c - 'a' + 10);
		else
			return -EINVAL;
	}
	return 0;
}

/*
 * Decodes the character at *p of a string, escaped or not, to n bytes.  Returns NULL if
 * it is invalid.
 */
static const char *character(const char *p, const char *end, char to[4], size_t *n)
{
	static const char escapes[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *which;
	uint32_t c, low;

	if (*p != '\\') {
		*n = (unsigned char)*p < 0x20 ? 0 : utf8(p, end - p);
		memcpy(to, p, *n);
		return *n ? p + *n : NULL;
	}
	if (++p == end)
		return NULL;
	if (*p != 'u') {
		which = *p ? strchr(escapes, *p) : NULL;
		if (!which)
			return NULL;
		*to = means[which - escapes];
		*n = 1;
		return p + 1;
	}
	if (hex(++p, end, &c))
		return NULL;
	p += 4;
	if (c >= 0xd800 && c < 0xdc00) {	/* the first half of a pair */
		if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || hex(p + 2, end, &low) ||
		    low < 0xdc00 || low > 0xdfff)
			return NULL;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	} else if (c >= 0xdc00 && c < 0xe000) {
		return NULL;
	}
	*n = utf8_put(to, c);
	return p;
}

static const char *string(const char *p, const char *end)
{
	char to[4];
	size_t n;

	if (p == end || *p++ != '"')
		return NULL;
	while (p && p < end && *p != '"')
		p = character(p, end, to, &n);
	return p && p < end ? p + 1 : NULL;
}

static const char *word(const char *p, const char *end, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(end - p) >= len && !memcmp(p, text, len) ? p + len : NULL;
}

static const char *scalar(const char *p, const char *end)
{
	if (p == end)
		return NULL;
	switch (*p) {
	case '"':
		return string(p, end);
	case 't':
		return word(p, end, "true");
	case 'f':
		return word(p, end, "false");
	case 'n':
		return word(p, end, "null");
	default:
		return number(p, end);
	}
}

/* "key": of a member of an object. */
static const char *name(const char *p, const char *end)
{
	p = string(blanks(p, end), end);
	if (!p)
		return NULL;
	p = blanks(p, end);
	return p < end && *p == ':' ? p + 1 : NULL;
}

/*
 * Checks one value of any kind, with blanks before and behind it.  A bit for each open
 * bracket tells its kind.  There is no recursion, since the stack is small and the text
 * is not trusted.
 */
static const char *value(const char *p, const char *end, unsigned max, int *error)
{
	uint32_t objects = 0;
	unsigned depth = 0;

	*error = -EINVAL;
	for (;;) {
		p = blanks(p, end);
		if (p == end)
			return NULL;
		if (*p == '{' || *p == '[') {
			bool object = *p == '{';

			if (depth == max) {
				*error = -E2BIG;
				return NULL;
			}
			depth++;
			objects = objects << 1 | object;
			p = blanks(p + 1, end);
			if (p == end)
				return NULL;
			if (*p != (object ? '}' : ']')) {
				p = object ? name(p, end) : p;
				if (!p)
					return NULL;
				continue;
			}
		} else {
			p = scalar(p, end);
			if (!p)
				return NULL;
		}
		/* Behind a value, or at the end of an empty array or object. */
		for (p = blanks(p, end); depth; p = blanks(p, end)) {
			if (p == end)
				return NULL;
			if (*p == ',') {
				p = objects & 1 ? name(p + 1, end) : p + 1;
				if (!p)
					return NULL;
				break;
			}
			if (*p++ != (objects & 1 ? '}' : ']'))
				return NULL;
			objects >>= 1;
			depth--;
		}
		if (depth == 0)
			return p;
	}
}

int json_check(const char *text, size_t len, unsigned depth)
{
	int error;
	const char *end = value(text, text + len, depth, &error);

	if (!end)
		return error;
	return end == text + len ? 0 : -EINVAL;
}

char json_kind(struct json_value v)
{
	const char *p = blanks(v.at, v.at + v.len);

	return p < v.at + v.len && strchr("{[\"tfn", *p) ? *p : 0;
}

bool json_member(struct json_value v, const char *key, struct json_value *member)
{
	const char *end = v.at + v.len, *p = blanks(v.at, end);
	char is[64];
	int ignored;

	if (json_kind(v) != '{')
		return false;
	for (p = blanks(p + 1, end); *p != '}'; p = blanks(p + 1, end)) {
		const char *start = p, *behind = string(p, end);
		int len = json_get_string((struct json_value){ start, behind - start }, is,
					  sizeof(is));

		start = blanks(name(p, end), end);
		p = behind = value(start, end, 32, &ignored);
		/* The bracket follows the last value without a comma. */
		while (blanks(p - 1, p) == p)
			p--;
		*member = (struct json_value){ start, p - start };
		if (len >= 0 && !strcmp(is, key))
			return true;
		p = behind;
		if (*p == '}')
			return false;
	}
	return false;
}

int json_get_string(struct json_value v, char *to, size_t size)
{
	const char *end = v.at + v.len, *p = blanks(v.at, end);
	size_t len = 0;

	if (p == end || *p != '"')
		return -EINVAL;
	for (p++; *p != '"';) {
		char c[4];
		size_t n;

		p = character(p, end, c, &n);
		if (!p || (n == 1 && !c[0]))
			return -EINVAL;
		if (len + n >= size)
			return -E2BIG;
		memcpy(to + len, c, n);
		len += n;
	}
	to[len] = '\0';
	return len;
}

int json_get_integer(struct json_value v, int64_t *to)
{
	const char *end = v.at + v.len, *p = blanks(v.at, end);
	bool negative = p < end && *p == '-';
	int64_t n = 0;

	p += negative;
	if (p == end || *p < '0' || *p > '9')
		return -EINVAL;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, negative ? '0' - *p : *p - '0', &n))
			return -EINVAL;
	*to = n;
	return blanks(p, end) == end ? 0 : -EINVAL;
}
