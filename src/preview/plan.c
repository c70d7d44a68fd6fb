/*-------------------------------------------------------------------------
 *
 * showplan.c
 *	  convex_plan() and convex_plan_graph(): what a run would do, from the
 *	  catalogs alone.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* Columns of the result of convex_plan(). */
#define CM_PLAN_COLUMNS 9

/* Names of the key's columns. */
static List *
key_names(CmTable *table)
{
	List	   *names = NIL;

	for (int i = 0; i < table->nkeys; i++)
		names = lappend(names, table->columns[table->keys[i]].name);
	return names;
}

/* field->Convex table, for each reference; deferred ones say so. */
static List *
reference_texts(CmTable *table)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		texts = lappend(texts, psprintf("%s->%s%s", reference->field,
										reference->parent->target,
										reference->deferred ? " (deferred)" : ""));
	}
	return texts;
}

/* What one should know of the table. */
static List *
notes(CmTable *table)
{
	List	   *texts = NIL;
	ListCell   *lc;

	if (table->nkeys == 0)
		texts = lappend(texts, "no key: a row is known by its content, so that a changed row becomes another document");
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field != NULL && strcmp(column->name, column->field) != 0)
			texts = lappend(texts, psprintf("column \"%s\" becomes field \"%s\"",
											column->name, column->field));
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->parent->selected)
			texts = lappend(texts, psprintf("table \"%s\" is not among the tables: ids come from this session's convex_id_map",
											reference->parent->name));
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->deferred && reference->not_null)
			texts = lappend(texts, psprintf("field \"%s\" must be optional in Convex: it is set in a second pass",
											reference->field));
	}
	if (table->creation_time != NULL)
		texts = lappend(texts, psprintf("rows go in order of %s",
										table->creation_time->name));
	return texts;
}

/* Put the row of one table into the result. */
static void
put_table(ReturnSetInfo *rsinfo, CmTable *table)
{
	Datum		values[CM_PLAN_COLUMNS] = {0};
	bool		nulls[CM_PLAN_COLUMNS] = {0};
	int			i = 0;

	values[i++] = Int32GetDatum(table->level);
	values[i++] = ObjectIdGetDatum(table->relid);
	values[i++] = CStringGetTextDatum(table->target);
	values[i++] = CStringGetTextDatum(cm_relkind_name(table->relkind));
	values[i++] = cm_text_array(key_names(table));
	values[i++] = cm_text_array(reference_texts(table));
	nulls[i] = table->estimated_rows < 0;
	values[i++] = Int64GetDatum((int64) table->estimated_rows);
	nulls[i] = table->estimated_bytes < 0;
	values[i++] = Int64GetDatum((int64) table->estimated_bytes);
	values[i++] = cm_text_array(notes(table));
	Assert(i == CM_PLAN_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * The catalog with the order of the tables, in the current memory context, for
 * a caller who wants to look only: nothing is locked. ERROR as
 * cm_catalog_read().
 */
static CmCatalog *
read_plan(const char *server, ArrayType *tables, Oid extension_schema)
{
	CmServer   *settings = cm_server_load(server, extension_schema);
	MemoryContext context = CurrentMemoryContext;
	int			nestlevel = cm_session_pin();
	CmCatalog  *catalog;

	SPI_connect();
	catalog = cm_catalog_read(settings, tables, context);
	SPI_finish();
	cm_session_unpin(nestlevel);
	cm_plan_order(catalog);
	return catalog;
}

/*
 * Put the plan into the result of rsinfo, which must be ready for it: a row
 * per selected table, parents first.
 */
void
cm_show_plan(const char *server, ArrayType *tables, Oid extension_schema,
			 ReturnSetInfo *rsinfo)
{
	CmCatalog  *catalog = read_plan(server, tables, extension_schema);
	ListCell   *lc;

	foreach(lc, catalog->ordered)
		put_table(rsinfo, lfirst(lc));
}

/* The plan as a Mermaid flowchart; palloc'd. */
char *
cm_show_plan_graph(const char *server, ArrayType *tables, Oid extension_schema)
{
	return cm_plan_graph(read_plan(server, tables, extension_schema));
}
