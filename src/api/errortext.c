/*-------------------------------------------------------------------------
 *
 * errortext.c
 *	  Texts of errors that come from a function: what of them may be shown.
 *
 * Convex puts the id of the request and words of its own in front
 * (crates/application/src/redaction.rs), and continues, on further lines, with
 * the value that was refused (crates/udf/src/validation.rs); a function may
 * pass such a text on. The value is row data, which no message may contain:
 * only the first line is shown, and lines whose label says that they contain
 * something else.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

/* Most bytes of a text from outside that are shown; of one that is not about a
 * row, and comes from nobody knows whom. */
#define CM_MAX_TEXT 1000
#define CM_MAX_FOREIGN_TEXT 300

/*
 * The function's own words in an error's text: without the request's id and
 * what Convex puts in front. Empty when the deployment redacts texts. Points
 * into the text.
 */
const char *
cm_errortext_own_words(const char *text)
{
	static const char *const fronts[] = {"Server Error\n", "Server Error",
	"Uncaught Error: ", "Uncaught ", "Error: "};

	if (strncmp(text, "[Request ID: ", 13) == 0 && strchr(text, ']'))
		text = strchr(text, ']') + 1;
	while (*text == ' ')
		text++;
	for (int i = 0; i < (int) lengthof(fronts); i++)
	{
		if (strncmp(text, fronts[i], strlen(fronts[i])) == 0)
			text += strlen(fronts[i]);
	}
	return text;
}

/* The text up to its first line break, cut when it is long; palloc'd. */
char *
cm_errortext_first_line(const char *text)
{
	int			length = strcspn(text, "\r\n");

	return pnstrdup(text, pg_encoding_mbcliplen(PG_UTF8, text, length,
												CM_MAX_TEXT));
}

/* The rest of the line after the label, or NULL; palloc'd. */
char *
cm_errortext_labelled_line(const char *text, const char *label)
{
	const char *found = strstr(text, label);

	if (found == NULL)
		return NULL;
	return cm_errortext_first_line(found + strlen(label));
}

/* Take out what looks like a deploy key ("dev:name|0123abcd"): whoever answers
 * may repeat what it was sent. */
static void
blot_keys(char *text)
{
	static const char within[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+/=:|%.";

	while (*text != '\0')
	{
		size_t		length = strspn(text, within);

		if (length > 1 && memchr(text, '|', length) != NULL)
			memset(text, '*', length);
		text += Max(length, 1);
	}
}

/*
 * The first line of a text that explains a status or a failure of the network,
 * fit to be shown: short, without control characters, and without anything that
 * looks like a deploy key; palloc'd.
 */
char *
cm_errortext_clean(const char *text)
{
	int			length = strcspn(text, "\r\n");
	int			most = Min(length, CM_MAX_FOREIGN_TEXT);
	char	   *clean = pnstrdup(text, pg_encoding_mbcliplen(PG_UTF8, text, length, most));

	for (char *c = clean; *c != '\0'; c++)
	{
		if (iscntrl((unsigned char) *c))
			*c = ' ';
	}
	blot_keys(clean);
	return clean;
}
