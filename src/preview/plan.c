/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  convex_plan() and convex_plan_graph(): what a run would do, from the
 *	  catalogs alone.
 *
 * No table is read or locked, so both are cheap and need no rights on the
 * tables. Their order and levels, and which references are deferred, are those
 * of catalog/order.c; the notes are those of findings.c.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Columns of the result of convex_plan(). */
#define CM_PLAN_COLUMNS 9

/* What Mermaid draws unless it is told otherwise. */
#define CM_MERMAID_EDGES 500
#define CM_MERMAID_TEXT 50000

/* Names of the columns of the table's key: char *, the list is palloc'd. */
List *
cm_plan_key(CmTable *table)
{
	List	   *names = NIL;

	for (int i = 0; i < table->nkeys; i++)
		names = lappend(names, table->columns[table->keys[i]].name);
	return names;
}

/* "(tenant_id, created_by)", or nothing for a reference of one column. */
static const char *
column_names(CmTable *table, CmReference *reference)
{
	List	   *names = NIL;

	if (reference->ncolumns == 1)
		return "";
	for (int i = 0; i < reference->ncolumns; i++)
		names = lappend(names, table->columns[reference->columns[i]].name);
	return psprintf("(%s)", cm_text_join(names, ", "));
}

/* "field->Convex table" for each reference of the table, with its columns if it
 * has several, "field[]->Convex table" for an array of them, marked when it is
 * deferred: char *, palloc'd. */
List *
cm_plan_references(CmTable *table)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		texts = lappend(texts, psprintf("%s%s%s->%s%s", reference->field,
										reference->is_array ? "[]" : "",
										column_names(table, reference),
										reference->parent->target,
										reference->deferred ? " (deferred)" : ""));
	}
	return texts;
}

/* What is to be known of the table, sentences: char *, palloc'd. */
List *
cm_plan_notes(const CmServer *server, CmTable *table)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, cm_findings_of_table(server, table))
	{
		CmFinding  *finding = lfirst(lc);

		if (finding->in_plan)
			texts = lappend(texts, finding->text);
	}
	return texts;
}

/* Put the row of one table into the result. */
static void
put_table(ReturnSetInfo *rsinfo, const CmServer *server, CmTable *table)
{
	Datum		values[CM_PLAN_COLUMNS] = {0};
	bool		nulls[CM_PLAN_COLUMNS] = {0};
	int			i = 0;

	values[i++] = Int32GetDatum(table->level);
	values[i++] = ObjectIdGetDatum(table->relid);
	values[i++] = CStringGetTextDatum(table->target);
	values[i++] = CStringGetTextDatum(cm_table_relkind_name(table->relkind));
	values[i++] = cm_spi_text_array(cm_plan_key(table));
	values[i++] = cm_spi_text_array(cm_plan_references(table));
	nulls[i] = table->estimated_rows < 0;
	values[i++] = Int64GetDatum((int64) table->estimated_rows);
	nulls[i] = table->estimated_bytes < 0;
	values[i++] = Int64GetDatum((int64) table->estimated_bytes);
	values[i++] = cm_spi_text_array(cm_plan_notes(server, table));
	Assert(i == CM_PLAN_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Append the tables of one level as a row. */
static void
append_level(StringInfo out, CmCatalog *catalog, int level)
{
	ListCell   *lc;

	appendStringInfo(out, "  subgraph level%d [\"level %d\"]\n    direction LR\n",
					 level, level);
	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (table->level != level)
			continue;
		appendStringInfo(out, "    t%d[\"%s\"]\n", table->position,
						 table->target);
	}
	appendStringInfoString(out, "  end\n");
}

/* Append an arrow for each reference to a table that is in the picture; returns
 * how many. */
static int
append_arrows(StringInfo out, CmTable *table)
{
	int			arrows = 0;
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->parent->selected)
			continue;
		appendStringInfo(out, "  t%d %s|\"%s\"| t%d\n", table->position,
						 reference->deferred ? "-.->" : "-->",
						 reference->field, reference->parent->position);
		arrows++;
	}
	return arrows;
}

/*
 * A comment at the beginning when the graph is larger than what Mermaid draws by
 * default (config.schema.yaml: maxEdges, maxTextSize), and a NOTICE with the way
 * to draw a part of it.
 */
static char *
with_warning(CmCatalog *catalog, char *graph, int edges)
{
	CmTable    *last = llast(catalog->ordered);
	char	   *name;
	char	   *warning;

	if (edges <= CM_MERMAID_EDGES && strlen(graph) <= CM_MERMAID_TEXT)
		return graph;
	warning = psprintf("%s references and %s characters: by default Mermaid draws %s and %s",
					   cm_text_figure(edges), cm_text_figure(strlen(graph)),
					   cm_text_figure(CM_MERMAID_EDGES),
					   cm_text_figure(CM_MERMAID_TEXT));
	name = quote_literal_cstr(quote_qualified_identifier(last->schema, last->name));
	ereport(NOTICE,
			(errmsg("the graph is larger than what Mermaid draws by default"),
			 errdetail("%s.", warning),
			 errhint("Draw a part of it: SELECT convex_plan_graph(tables => ARRAY(SELECT source FROM convex_plan() WHERE level <= 1)); or a table with what it points to: SELECT convex_plan_graph(tables => ARRAY(SELECT confrelid::regclass FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f') || %s::regclass); or set maxEdges and maxTextSize.",
					 name, name)));
	return psprintf("%%%% %s.\n%s", warning, graph);
}

/* The plan of an ordered catalog as a Mermaid flowchart; palloc'd. */
static char *
print_graph(CmCatalog *catalog)
{
	StringInfoData out;
	int			levels = 0;
	int			edges = 0;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfoString(&out, "flowchart BT\n");
	foreach(lc, catalog->ordered)
		levels = Max(levels, ((CmTable *) lfirst(lc))->level + 1);
	for (int level = 0; level < levels; level++)
		append_level(&out, catalog, level);
	foreach(lc, catalog->ordered)
		edges += append_arrows(&out, lfirst(lc));
	return with_warning(catalog, out.data, edges);
}

/*
 * Put the plan into the result of rsinfo, which must be ready for it: a row
 * per selected table, parents first. Nothing is locked.
 */
void
cm_plan_show(const CmArguments *arguments, ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(CurrentMemoryContext, arguments, CM_PURPOSE_PLAN);
	ListCell   *lc;

	cm_unreferenced_read(run->catalog);
	foreach(lc, run->catalog->ordered)
		put_table(rsinfo, run->server, lfirst(lc));
	cm_report_left_behind(run);
	cm_run_close(run);
}

/* The plan as a Mermaid flowchart, in the current memory context. */
char *
cm_plan_graph(const CmArguments *arguments)
{
	MemoryContext caller = CurrentMemoryContext;
	CmRun	   *run = cm_run_open(caller, arguments, CM_PURPOSE_PLAN);
	char	   *graph = MemoryContextStrdup(caller, print_graph(run->catalog));

	cm_run_close(run);
	return graph;
}
