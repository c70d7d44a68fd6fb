/*-------------------------------------------------------------------------
 *
 * plan_text.c
 *	  convex_plan_text(): the plan to be read, in lines that a terminal has.
 *
 * What convex_plan() says of a table does not fit beside each other on a screen.
 * Here a table is some lines below each other, none longer than CM_WIDTH unless
 * a single name is; statements in them can be pasted, with their line breaks.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_class.h"
#include "mb/pg_wchar.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Columns of a line: 120, without psql's margins. */
#define CM_WIDTH 118

/* Put one line into the result. */
static void
put_line(ReturnSetInfo *rsinfo, const char *line)
{
	Datum		value = CStringGetTextDatum(line);
	bool		isnull = false;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
}

/* The length of the next word of the text, the blanks before it included. */
static int
word_length(const char *text)
{
	int			blanks = strspn(text, " ");

	return blanks + strcspn(text + blanks, " ");
}

/* Put the text, broken at blanks; its first line has this indentation, and the
 * others 2 more. */
static void
put_wrapped(ReturnSetInfo *rsinfo, const char *text, int indent)
{
	StringInfoData line;
	int			margin = indent;

	initStringInfo(&line);
	appendStringInfoSpaces(&line, indent);
	while (*text != '\0')
	{
		int			length = word_length(text);

		if (line.len > margin &&
			pg_mbstrlen(line.data) + pg_mbstrlen_with_len(text, length) > CM_WIDTH)
		{
			put_line(rsinfo, line.data);
			margin = indent + 2;
			resetStringInfo(&line);
			appendStringInfoSpaces(&line, margin);
			length -= strspn(text, " ");
			text += strspn(text, " ");
		}
		appendBinaryStringInfo(&line, text, length);
		text += length;
	}
	put_line(rsinfo, line.data);
}

/* What the table is, in one line: names, kind, key, and how large it is about. */
static char *
headline(CmTable *table)
{
	StringInfoData out;
	List	   *key = cm_plan_key(table);

	initStringInfo(&out);
	appendStringInfo(&out, "%s -> %s",
					 quote_qualified_identifier(table->schema, table->name),
					 table->target);
	if (table->relkind != RELKIND_RELATION)
		appendStringInfo(&out, ", %s", cm_table_relkind_name(table->relkind));
	if (key == NIL)
		appendStringInfoString(&out, ", no key");
	else
		appendStringInfo(&out, ", key %s", cm_text_join(key, ", "));
	if (table->estimated_rows >= 0)
		appendStringInfo(&out, ", about %s rows", cm_text_figure((int64) table->estimated_rows));
	return out.data;
}

/* Put the lines of one table. */
static void
put_table(ReturnSetInfo *rsinfo, const CmServer *server, CmTable *table)
{
	List	   *references = cm_plan_references(table);
	ListCell   *lc;

	put_wrapped(rsinfo, headline(table), 2);
	if (references != NIL)
		put_wrapped(rsinfo, cm_text_join(references, ", "), 6);
	foreach(lc, cm_plan_notes(server, table))
		put_wrapped(rsinfo, lfirst(lc), 6);
}

/*
 * Put the plan as lines into the result of rsinfo, which must be ready for it.
 * Nothing is locked.
 */
void
cm_plan_text_show(const CmArguments *arguments, ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(CurrentMemoryContext, arguments, CM_PURPOSE_PLAN);
	int			level = -1;
	ListCell   *lc;

	cm_unreferenced_read(run->catalog);
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (table->level != level)
			put_line(rsinfo, psprintf("level %d", table->level));
		level = table->level;
		put_table(rsinfo, run->server, table);
	}
	cm_report_left_behind(run);
	cm_run_close(run);
}
