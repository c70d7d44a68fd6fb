/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Small texts: figures as people read them, lists, and names of relations.
 *
 * Figures always have commas, whatever the locale: messages are in English,
 * and the same everywhere.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Of lines, how many a message shows. */
#define CM_SHOWN 10

/* An int64 as people write it, 1,234,567; palloc'd. */
char *
cm_text_figure(int64 number)
{
	char	   *digits = psprintf(INT64_FORMAT, number);
	int			length = strlen(digits);
	char	   *figure = palloc(2 * length + 1);
	char	   *end = figure;

	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = '\0';
	return figure;
}

/* A time as people say it, "29 s", "12 min", "3 h 5 min"; palloc'd. */
char *
cm_text_duration(double seconds)
{
	double		minutes = rint(seconds / 60);

	if (seconds < 99.5)
		return psprintf("%.0f s", seconds);
	if (minutes < 100)
		return psprintf("%.0f min", minutes);
	return psprintf("%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
}

/* The texts (char *) of the list with the separator between them; palloc'd. */
char *
cm_text_join(const List *texts, const char *separator)
{
	StringInfoData joined;
	ListCell   *lc;

	initStringInfo(&joined);
	foreach(lc, texts)
	{
		if (lc != list_head(texts))
			appendStringInfoString(&joined, separator);
		appendStringInfoString(&joined, lfirst(lc));
	}
	return joined.data;
}

/*
 * The first item of the list with this name, or NULL. Items are structures
 * whose first field is their name, a char *.
 */
void *
cm_text_find_named(const List *items, const char *name)
{
	ListCell   *lc;

	foreach(lc, items)
	{
		if (strcmp(*(char **) lfirst(lc), name) == 0)
			return lfirst(lc);
	}
	return NULL;
}

/* Whether the text is in the list (char *). */
bool
cm_text_is_among(const List *texts, const char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}

/* The text, or its beginning and "..." when that is longer than longest, in
 * bytes; palloc'd. */
char *
cm_text_shortened(const char *text, int longest)
{
	int			length = strlen(text);

	if (length <= longest)
		return pstrdup(text);
	return psprintf("%.*s...", pg_mbcliplen(text, length, longest), text);
}

/* The relation's qualified name, as it is called now, for SQL; palloc'd. */
char *
cm_text_relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* Add a line. */
void
cm_text_add_line(CmLines *lines, char *line)
{
	if (lines->count++ < CM_SHOWN)
		lines->shown = lappend(lines->shown, line);
}

/* The first lines, and how many more there are; palloc'd. */
char *
cm_text_lines(const CmLines *lines)
{
	char	   *shown = cm_text_join(lines->shown, "\n");

	if (lines->count <= CM_SHOWN)
		return shown;
	return psprintf("%s\nAnd %d more.", shown, lines->count - CM_SHOWN);
}
