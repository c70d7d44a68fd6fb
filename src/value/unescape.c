/*-------------------------------------------------------------------------
 *
 * unescape.c
 *	  Strings of JSON text without their escapes.
 *
 * PostgreSQL keeps a json value as it was written and has seen to it that the
 * escapes are those of JSON (RFC 8259, section 7), but not that they stand for
 * characters: that is found out here. Text is UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "mb/pg_wchar.h"

/* The number that four hexadecimal digits from p on stand for, or -1. */
static int
read_hex(const char *p, const char *end)
{
	int			code = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = p[i];

		if (c >= '0' && c <= '9')
			code = code * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return code;
}

/*
 * Read the \u escape, or the two of a surrogate pair, whose digits begin at
 * *p, and move *p behind. Returns the character; -1 when it is one that text
 * in PostgreSQL cannot have, U+0000 or half of a pair.
 */
static int
read_unicode_escape(const char **p, const char *end)
{
	int			code = read_hex(*p, end);
	int			second;

	if (code <= 0 || is_utf16_surrogate_second(code))
		return -1;
	*p += 4;
	if (!is_utf16_surrogate_first(code))
		return code;
	if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	second = read_hex(*p + 2, end);
	if (second < 0 || !is_utf16_surrogate_second(second))
		return -1;
	*p += 6;
	return surrogate_pair_to_codepoint(code, second);
}

/* What a backslash and this letter stand for, or 0. */
static char
plain_escape(char c)
{
	switch (c)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case '"':
		case '\\':
		case '/':
			return c;
		default:
			return 0;
	}
}

/*
 * Write the string between text and end, its quotation marks aside, to the
 * buffer, which must have as much room: no escape is shorter than what it
 * stands for. Returns the length, which has no NUL; -1 when the string has
 * \u0000 or half of a surrogate pair, or is not one of JSON.
 */
int
cm_unescape_string(const char *text, const char *end, char *buffer)
{
	char	   *to = buffer;

	while (text < end)
	{
		char		plain;
		int			code;

		if (*text != '\\')
		{
			*to++ = *text++;
			continue;
		}
		if (end - text < 2)
			return -1;
		plain = plain_escape(text[1]);
		if (plain != 0)
		{
			*to++ = plain;
			text += 2;
			continue;
		}
		if (text[1] != 'u')
			return -1;
		text += 2;
		code = read_unicode_escape(&text, end);
		if (code < 0)
			return -1;
		unicode_to_utf8(code, (unsigned char *) to);
		to += pg_utf_mblen((unsigned char *) to);
	}
	return to - buffer;
}
