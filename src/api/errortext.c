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

#include "mb/pg_wchar.h"

/* Most bytes of a text from outside that are shown. */
#define CM_MAX_TEXT 1000

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
