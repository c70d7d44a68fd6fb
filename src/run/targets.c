/*-------------------------------------------------------------------------
 *
 * targets.c
 *	  What an import would meet in the deployment, asked before anything is written.
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

/* The first day of servers that know the form of our files (crates/shape_inference/src/
 * export_context.rs). */
#define CM_UNIFORM_SINCE "2026-03-11"

/* Tables, and things that are found, that a message names. */
#define CM_SHOWN 10

/* Bytes of what the deployment says of all its tables. */
#define CM_MAX_MAPPING_BYTES (32 * 1024 * 1024)

/* What a deploy key may: as roles name it, which people see, and as servers may name it
 * as well (crates/roles/src/types.rs). */
typedef struct CmRight
{
	const char *name;
	const char *other;
} CmRight;

static const CmRight may_import = {"deployment:backups:import", "ImportBackups"};
static const CmRight may_watch = {"deployment:backups:view", "ViewBackups"};
static const CmRight may_look = {"deployment:data:view", "ViewData"};

/* Lines of what was found, of which a message shows the first. */
typedef struct CmLines
{
	StringInfoData lines;
	int			count;
} CmLines;

/* Note a line. */
static void
add_line(CmLines *found, const char *line)
{
	if (found->lines.data == NULL)
		initStringInfo(&found->lines);
	if (found->count++ < CM_SHOWN)
		appendStringInfo(&found->lines, "%s%s", found->lines.len > 0 ? "\n" : "", line);
}

/* The lines, and how many more there are. */
static char *
lines_of(CmLines *found)
{
	if (found->count > CM_SHOWN)
		appendStringInfo(&found->lines, "\nAnd %d more.", found->count - CM_SHOWN);
	return found->lines.data;
}

/* Ask for something that admins are told; false: this server does not tell it. The
 * request is the caller's to release. */
static bool
ask_admin(CmRun *run, const char *route, CmRequest *request)
{
	CmAnswer	answer;

	*request = cm_call_admin_request(route);
	cm_ask_status(run, request, run->server->max_retries, &answer);
	if (answer.outcome != CM_OUTCOME_SUCCESS && request->status != 404)
		cm_run_fail(run, answer.sqlstate, answer.message, answer.detail, answer.hint);
	return answer.outcome == CM_OUTCOME_SUCCESS;
}

/* Whether the right is among those that the key has. */
static bool
has_right(const List *allowed, const CmRight *right)
{
	return cm_text_is_among(allowed, right->name) ||
		cm_text_is_among(allowed, right->other);
}

/* ERROR unless the deploy key allows what an import needs. Returns whether it allows to
 * watch one. */
static bool
check_rights(CmRun *run)
{
	CmRequest	request;
	List	   *allowed = NIL;
	List	   *missing = NIL;

	if (ask_admin(run, "/api/check_admin_key", &request))
		allowed = cm_deployed_read_operations(request.answer, request.answer_length);
	cm_http_release(&request);
	if (allowed == NIL)
		return true;
	if (!has_right(allowed, &may_import))
		missing = lappend(missing, unconstify(char *, may_import.name));
	if (!has_right(allowed, &may_look))
		missing = lappend(missing, unconstify(char *, may_look.name));
	if (missing != NIL)
		cm_run_fail(run, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
					"the deploy key does not have the rights that are needed",
					psprintf("An import needs these as well: %s.",
							 cm_text_join(missing, ", ")),
					psprintf("Make a deploy key that has them in the dashboard, and \"%s\" to watch the import; or use method \"mutation\".",
							 may_watch.name));
	return has_right(allowed, &may_watch);
}

/* ERROR when the server is too old to know the form of the file. */
static void
check_version(CmRun *run)
{
	CmRequest	request = cm_call_plain_request("/version");
	CmAnswer	answer;
	char	   *day = NULL;

	cm_ask_status(run, &request, run->server->max_retries, &answer);
	if (answer.outcome == CM_OUTCOME_SUCCESS)
		day = cm_deployed_read_day(request.answer, request.answer_length);
	cm_http_release(&request);
	if (day != NULL && strcmp(day, CM_UNIFORM_SINCE) < 0)
		cm_run_fail(run, ERRCODE_FEATURE_NOT_SUPPORTED,
					psprintf("the Convex server of deployment \"%s\" is too old for method \"import\"",
							 run->server->deployment),
					psprintf("It is of %s. Files that keep all types apart are known since %s.",
							 day, CM_UNIFORM_SINCE),
					"Update the Convex server (the image convex-backend of a deployment that you host yourself); or use method \"mutation\".");
}

/* What the deployment answers to a query; ERROR when it does not. The request is the
 * caller's to release. */
static void
must_query(CmRun *run, const char *path, CmRequest *request)
{
	CmAnswer	answer;

	cm_ask_result(run, request, run->server->max_retries, &answer);
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, ERRCODE_FEATURE_NOT_SUPPORTED,
					"the deployment does not tell what an import must know",
					psprintf("It does not have the function \"%s\", or does not run it.", path),
					"Update the Convex server; or use method \"mutation\".");
}

/* Take the numbers that the deployment's tables have: ERROR when one is not deployed. */
static void
take_numbers(CmRun *run)
{
	static const char path[] = "_system/frontend/getTableMapping";
	CmRequest	request = cm_call_query_request(path, CM_MAX_MAPPING_BYTES);

	must_query(run, path, &request);
	run->numbers = cm_deployed_read_numbers(request.answer, request.answer_length);
	cm_http_release(&request);
	cm_numbers_require(run, run->numbers);
}

/* The number of a Convex table as the deployment told it; for cm_conforms_prepare(). Two
 * of the server's tables have other names for people than for validators
 * (npm-packages/system-udfs/convex/_system/frontend/getTableMapping.ts). */
static uint32
number_of(const void *arg, const char *table)
{
	const CmNumber *number;

	if (strcmp(table, "_storage") == 0)
		table = "_file_storage";
	else if (strcmp(table, "_scheduled_functions") == 0)
		table = "_scheduled_jobs";
	number = cm_text_find_named(arg, table);
	return number ? number->number : 0;
}

/* Read the schema that is enforced: run->deployed. ERROR when it is one for other tables
 * than these. */
static void
read_schema(CmRun *run)
{
	static const char path[] = "_system/frontend/getSchemas";
	CmRequest	request = cm_call_query_request(path, CM_MAX_MAPPING_BYTES);
	ListCell   *lc;

	must_query(run, path, &request);
	run->deployed = cm_deployed_read_schema(request.answer, request.answer_length);
	cm_http_release(&request);
	cm_drift_check_schema(run, run->deployed);
	foreach(lc, run->deployed)
		cm_conforms_prepare(((CmDeployedTable *) lfirst(lc))->document, number_of,
							run->numbers);
}

/* The selected table whose Convex table has this name, or NULL. */
static CmTable *
find_target(CmRun *run, const char *name)
{
	ListCell   *lc;

	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (strcmp(table->target, name) == 0)
			return table;
	}
	return NULL;
}

/* ERROR when an index of a target is being made: Convex refuses the import then
 * (crates/database/src/bootstrap_model/index.rs). */
static void
check_indexes(CmRun *run)
{
	CmRequest	request;
	CmLines		found = {0};
	List	   *indexes = NIL;
	ListCell   *lc;

	if (ask_admin(run, "/api/get_indexes", &request))
		indexes = cm_deployed_read_indexes(request.answer, request.answer_length);
	cm_http_release(&request);
	foreach(lc, indexes)
	{
		CmIndexState *index = lfirst(lc);

		if (index->backfilling && !index->staged &&
			find_target(run, index->table) != NULL)
			add_line(&found, psprintf("Index \"%s\" of table \"%s\".", index->name,
									  index->table));
	}
	if (found.count > 0)
		cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					psprintf("indexes of deployment \"%s\" are still being made",
							 run->server->deployment),
					lines_of(&found),
					"Wait until they are done, which the dashboard shows, then run it again.");
}

/* WARNING of indexes that an import fills slowly, and, where nothing else says so, of
 * those that it takes away. */
static void
warn_of_indexes(CmRun *run, CmImportMode mode)
{
	CmLines		slow = {0};
	CmLines		lost = {0};
	ListCell   *lc;
	ListCell   *li;

	foreach(lc, run->deployed)
	{
		CmDeployedTable *deployed = lfirst(lc);

		if (find_target(run, deployed->name) == NULL)
			continue;
		foreach(li, deployed->searches)
			add_line(&slow, psprintf("Index \"%s\" of table \"%s\".",
									 (char *) lfirst(li), deployed->name));
		foreach(li, deployed->staged)
			add_line(&lost, psprintf("Index \"%s\" of table \"%s\".",
									 (char *) lfirst(li), deployed->name));
	}
	if (slow.count > 0)
		ereport(WARNING,
				(errmsg("the import fills indexes for searches, which is slow"),
				 errdetail("%s", lines_of(&slow)),
				 errhint("To have it faster, take them out of convex/schema.ts and run \"%s\" before; put them back afterwards.",
						 run->server->deploy_command)));
	if (lost.count > 0 && mode != CM_IMPORT_APPEND && mode != CM_IMPORT_REPLACE)
		ereport(WARNING,
				(errmsg("the import takes away staged indexes"),
				 errdetail("%s", lines_of(&lost)),
				 errhint("Run \"%s\" afterwards.", run->server->deploy_command)));
}

/* ERROR when rows point to a table that is not part of the run and whose documents have
 * other ids than those that are computed: references would lead nowhere. */
static void
check_parents(CmRun *run)
{
	CmLines		found = {0};
	ListCell   *lc;

	foreach(lc, cm_table_with_parents(run->catalog))
	{
		CmTable    *table = lfirst(lc);
		int64		ignored;

		if (!table->selected &&
			cm_sources_documents(run, table, &ignored) != CM_IDS_BY_US)
			add_line(&found, psprintf("Table \"%s\", which becomes \"%s\".",
									  table->name, table->target));
	}
	if (found.count > 0)
		cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					"rows point to tables that no import has filled",
					lines_of(&found),
					"References to them would lead nowhere, since their documents have other ids or are not there. Import these tables in the same call, or before.");
}

/* How many documents the Convex table has. */
static int64
size_of(CmRun *run, CmTable *table)
{
	CmRequest	request = cm_call_table_size_request(table->target);
	int64		size;

	must_query(run, "_system/frontend/tableSize", &request);
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
			add_line(found, psprintf("Table \"%s\": field \"%s\", which table \"%s\" does not have.",
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
			add_line(found, psprintf("Table \"%s\": index \"%s\", which is staged.",
									 table->target, (char *) lfirst(lc)));
	}
	if (size == 0)
		return;
	if (deployed != NULL)
		add_fields(found, run, table, deployed->document);
	if (known < 0)
		known = size_after_import(imports, table->target);
	if (origin == CM_IDS_OF_OTHERS)
		add_line(found, psprintf("Table \"%s\": %s documents, which are of another table's rows, or by another key.",
								 table->target, cm_text_figure(size)));
	else if (origin == CM_IDS_BY_CONVEX)
		add_line(found, psprintf("Table \"%s\": ids of documents, which Convex has made for rows that method \"mutation\" sent.",
								 table->target));
	else if (known < 0)
		add_line(found, psprintf("Table \"%s\": %s documents, of which no import is known.",
								 table->target, cm_text_figure(size)));
	else if (size != known)
		add_line(found, psprintf("Table \"%s\": %s documents, where the last import has left %s.",
								 table->target, cm_text_figure(size),
								 cm_text_figure(known)));
}

/* Note the tables that have documents. */
static void
add_filled(CmLines *found, CmTable *table, int64 size)
{
	if (size != 0)
		add_line(found, psprintf("Table \"%s\": %s documents.", table->target,
								 cm_text_figure(size)));
}

/* ERROR when there is something in the targets that the mode does not allow. imports: the
 * latest ones, or NIL when nobody tells. */
static void
check_contents(CmRun *run, CmImportMode mode, const List *imports)
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
					lines_of(&found),
					"With mode => 'replace' the rows take the place of documents that earlier imports have left.");
	cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
				psprintf("mode \"replace\" would take away what was created in deployment \"%s\"",
						 run->server->deployment),
				lines_of(&found),
				"Method \"mutation\" keeps all of it. With mode => 'replace!' it is taken away: the tables will have the rows of PostgreSQL and nothing else.");
}

/*
 * Ask the deployment all that must be known of it, and take the numbers of its tables and
 * its schema. ERROR when the import cannot succeed, or would take away what the mode does
 * not say. Sets run->watches: whether the deploy key allows to watch an import. Inside SPI.
 */
void
cm_targets_check(CmRun *run, CmImportMode mode)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	List	   *imports = NIL;

	run->watches = check_rights(run);
	check_version(run);
	if (run->watches)
		imports = cm_watch_others(run);
	take_numbers(run);
	read_schema(run);
	check_indexes(run);
	check_parents(run);
	check_contents(run, mode, imports);
	warn_of_indexes(run, mode);
	MemoryContextSwitchTo(old);
}
