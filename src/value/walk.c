/*-------------------------------------------------------------------------
 *
 * walk.c
 *	  JSON that is read where it stands, a value at a time, without a tree.
 *
 * For answers that are as large as the documents in them, and for texts of which
 * nothing may be lost: numbers stay as they are written, and a string that no text
 * of PostgreSQL can be is told from others. Whoever walks knows what comes: a
 * function that finds something else sets "bad", and from then on there is nothing
 * more to find.
 *
 * Protocol: a CmWalk over a text that ends in a NUL. An array or object is
 * entered; then cm_walk_next() says, before each element, whether there is one,
 * and moves behind the closing bracket when there is none. A field is a string and
 * cm_walk_colon().
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "miscadmin.h"

/* Nothing but space may have been skipped: the byte at hand; 0 at the end. */
char
cm_walk_peek(CmWalk *walk)
{
	while (walk->p < walk->end &&
		   (*walk->p == ' ' || *walk->p == '\n' || *walk->p == '\r' || *walk->p == '\t'))
		walk->p++;
	return walk->bad || walk->p >= walk->end ? '\0' : *walk->p;
}

/* What comes is not what is expected. */
static bool
go_bad(CmWalk *walk)
{
	walk->bad = true;
	walk->p = walk->end;
	return false;
}

/* Move behind the character, which must come next. */
static bool
take(CmWalk *walk, char c)
{
	if (cm_walk_peek(walk) != c)
		return go_bad(walk);
	walk->p++;
	return true;
}

/* Enter an array ('[') or an object ('{'). *first is for cm_walk_next(). */
bool
cm_walk_enter(CmWalk *walk, char bracket, bool *first)
{
	*first = true;
	return take(walk, bracket);
}

/* Whether another element, or field, comes; else the bracket, ']' or '}', that
 * closes the array or object is behind. */
bool
cm_walk_next(CmWalk *walk, char bracket, bool *first)
{
	bool		is_first = *first;

	*first = false;
	if (cm_walk_peek(walk) == bracket)
	{
		walk->p++;
		return false;
	}
	if (!is_first && !take(walk, ','))
		return false;
	/* after a comma something has to come */
	return cm_walk_peek(walk) != '\0' && cm_walk_peek(walk) != bracket ?
		true : go_bad(walk);
}

/* A string comes: *text is what stands between its quotation marks, escapes and
 * all. Returns its length in bytes; -1: it is none. */
int
cm_walk_string(CmWalk *walk, const char **text)
{
	const char *p;

	if (!take(walk, '"'))
		return -1;
	*text = p = walk->p;
	while (p < walk->end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	if (p >= walk->end)
	{
		(void) go_bad(walk);
		return -1;
	}
	walk->p = p + 1;
	return p - *text;
}

/* The name of a field comes, and its colon; the name has no escapes to anybody who
 * looks for one. Returns its length, or -1. */
int
cm_walk_field(CmWalk *walk, const char **name)
{
	int			length = cm_walk_string(walk, name);

	return length >= 0 && take(walk, ':') ? length : -1;
}

/* A word or a number comes: where it begins; returns its length, 0: none. */
int
cm_walk_word(CmWalk *walk, const char **text)
{
	(void) cm_walk_peek(walk);
	*text = walk->p;
	while (walk->p < walk->end && strchr(",]}: \n\r\t\"[{", *walk->p) == NULL)
		walk->p++;
	if (walk->p == *text)
		(void) go_bad(walk);
	return walk->p - *text;
}

/* Move behind the value that comes, whatever it is. */
bool
cm_walk_skip(CmWalk *walk)
{
	char		c = cm_walk_peek(walk);
	const char *text;
	bool		first;

	check_stack_depth();
	if (c == '"')
		return cm_walk_string(walk, &text) >= 0;
	if (c != '[' && c != '{')
		return cm_walk_word(walk, &text) > 0;
	(void) cm_walk_enter(walk, c, &first);
	while (cm_walk_next(walk, c == '[' ? ']' : '}', &first))
	{
		if (c == '{' && cm_walk_field(walk, &text) < 0)
			return false;
		if (!cm_walk_skip(walk))
			return false;
	}
	return !walk->bad;
}

/*
 * A string comes, as it is stored by PostgreSQL, palloc'd and with a NUL; *length
 * bytes. NULL: it is none, or it is one that no text of PostgreSQL can be, and
 * cm_walk_string() would show it as it is written.
 */
char *
cm_walk_text(CmWalk *walk, int *length)
{
	const char *raw;
	int			raw_length = cm_walk_string(walk, &raw);
	char	   *text;

	if (raw_length < 0)
		return NULL;
	text = palloc(raw_length + 1);
	*length = cm_unescape_string(raw, raw + raw_length, text);
	if (*length < 0)
	{
		pfree(text);
		return NULL;
	}
	text[*length] = '\0';
	return text;
}
