/*-------------------------------------------------------------------------
 *
 * contents.c
 *	  What the tables of an import have in Convex already, and whether its mode allows that.
 *
 * An import changes all tables or none, but it changes them for good: the tables are
 * swapped with all that the app has put into them. So what is not expected there is an
 * ERROR that names it, and only mode "replace!" takes it away.
 *
 * What is known of a table's documents: how many the last import of this extension has
 * left (convex_targets), or, when its transaction did not live to note it, how many the
 * deployment says that an import has written.
 *
 *-------------------------------------------------------------------------
 */
#include "run/import.h"

/* How many documents the Convex table has. */
static int64
size_of(CmRun *run, CmTable *table)
{
	CmRequest	request = cm_call_table_size_request(table->target);
	int64		size;

	cm_ask_for_import(run, "_system/frontend/tableSize", &request);
	if (!cm_deployed_read_count(request.answer, request.answer_length, &size))
		size = -1;
	cm_http_release(&request);
	return size;
}

/* How many documents an import has left in the table, as far as the latest ones say; -1:
 * they say nothing of it. */
static int64
size_after_import(const List *imports, const char *target)
{
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, imports)
	{
		CmImport   *import = lfirst(lc);

		foreach(lt, import->tables)
		{
			CmImportTable *table = lfirst(lt);

			if (import->state == CM_IMPORT_COMPLETED &&
				strcmp(table->name, target) == 0)
				return table->written;
		}
	}
	return -1;
}

/* Note the fields of documents, by an object of their validator, that are not from
 * PostgreSQL. */
static void
add_fields(CmLines *found, CmRun *run, CmTable *table, const CmValidator *document)
{
	List	   *ours = cm_fields_of_table(run->catalog, table);
	ListCell   *lc;

	foreach(lc, document->members)
		add_fields(found, run, table, lfirst(lc));
	foreach(lc, document->fields)
	{
		CmField    *field = lfirst(lc);

		if (cm_accepts_find_field(ours, field->name) == NULL &&
			strcmp(field->name, run->server->key_field) != 0)
			cm_text_add_line(found, psprintf("Table \"%s\": field \"%s\", which table \"%s\" does not have.",
									 table->target, field->name, table->name));
	}
}

/* Note what is in the table that the app has created, as far as it can be known. */
static void
add_created(CmLines *found, CmRun *run, CmTable *table, int64 size,
			const List *imports)
{
	CmDeployedTable *deployed = cm_deployed_find_table(run->deployed, table->target);
	int64		known;
	CmIdOrigin	origin = cm_sources_documents(run, table, &known);
	ListCell   *lc;

	if (deployed != NULL)
	{
		foreach(lc, deployed->staged)
			cm_text_add_line(found, psprintf("Table \"%s\": index \"%s\", which is staged.",
									 table->target, (char *) lfirst(lc)));
	}
	if (size == 0)
		return;
	if (deployed != NULL)
		add_fields(found, run, table, deployed->document);
	if (known < 0)
		known = size_after_import(imports, table->target);
	if (origin == CM_IDS_OF_OTHERS)
		cm_text_add_line(found, psprintf("Table \"%s\": %s documents, which are of another table's rows, or by another key.",
								 table->target, cm_text_figure(size)));
	else if (origin == CM_IDS_BY_CONVEX)
		cm_text_add_line(found, psprintf("Table \"%s\": ids of documents, which Convex has made for rows that method \"mutation\" sent.",
								 table->target));
	else if (known < 0)
		cm_text_add_line(found, psprintf("Table \"%s\": %s documents, of which no import is known.",
								 table->target, cm_text_figure(size)));
	else if (size != known)
		cm_text_add_line(found, psprintf("Table \"%s\": %s documents, where the last import has left %s.",
								 table->target, cm_text_figure(size),
								 cm_text_figure(known)));
}

/* Note the tables that have documents. */
static void
add_filled(CmLines *found, CmTable *table, int64 size)
{
	if (size != 0)
		cm_text_add_line(found, psprintf("Table \"%s\": %s documents.", table->target,
								 cm_text_figure(size)));
}

/* ERROR when there is something in the targets that the mode does not allow. imports: the
 * latest ones, or NIL when nobody tells. */
void
cm_contents_check(CmRun *run, CmImportMode mode, const List *imports)
{
	CmLines		found = {0};
	ListCell   *lc;

	if (mode == CM_IMPORT_APPEND || mode == CM_IMPORT_REPLACE_ALL_IN_THEM)
		return;
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		int64		size = size_of(run, table);

		if (mode == CM_IMPORT_REQUIRE_EMPTY)
			add_filled(&found, table, size);
		else
			add_created(&found, run, table, size, imports);
	}
	if (found.count == 0)
		return;
	if (mode == CM_IMPORT_REQUIRE_EMPTY)
		cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					psprintf("tables of deployment \"%s\" are not empty",
							 run->server->deployment),
					cm_text_lines(&found),
					"With mode => 'replace' the rows take the place of documents that earlier imports have left.");
	cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
				psprintf("mode \"replace\" would take away what was created in deployment \"%s\"",
						 run->server->deployment),
				cm_text_lines(&found),
				"Method \"mutation\" keeps all of it. With mode => 'replace!' it is taken away: the tables will have the rows of PostgreSQL and nothing else.");
}
