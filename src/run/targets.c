/*-------------------------------------------------------------------------
 *
 * targets.c
 *	  Whether the deployment can take an import, asked before anything is written: rights,
 *	  the server's age, tables and their numbers, schema, indexes.
 *
 * What is in the tables already is the subject of contents.c.
 *
 *-------------------------------------------------------------------------
 */
#include "run/import.h"

/* The first day of servers that know the form of our files (crates/shape_inference/src/
 * export_context.rs). */
#define CM_UNIFORM_SINCE "2026-03-11"

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

/* Take the numbers that the deployment's tables have: ERROR when one is not deployed. */
static void
take_numbers(CmRun *run)
{
	static const char path[] = "_system/frontend/getTableMapping";
	CmRequest	request = cm_call_query_request(path, CM_MAX_MAPPING_BYTES);

	cm_ask_for_import(run, path, &request);
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

	cm_ask_for_import(run, path, &request);
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
			cm_text_add_line(&found, psprintf("Index \"%s\" of table \"%s\".", index->name,
									  index->table));
	}
	if (found.count > 0)
		cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					psprintf("indexes of deployment \"%s\" are still being made",
							 run->server->deployment),
					cm_text_lines(&found),
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
			cm_text_add_line(&slow, psprintf("Index \"%s\" of table \"%s\".",
									 (char *) lfirst(li), deployed->name));
		foreach(li, deployed->staged)
			cm_text_add_line(&lost, psprintf("Index \"%s\" of table \"%s\".",
									 (char *) lfirst(li), deployed->name));
	}
	if (slow.count > 0)
		ereport(WARNING,
				(errmsg("the import fills indexes for searches, which is slow"),
				 errdetail("%s", cm_text_lines(&slow)),
				 errhint("To have it faster, take them out of convex/schema.ts and run \"%s\" before; put them back afterwards.",
						 run->server->deploy_command)));
	if (lost.count > 0 && mode != CM_IMPORT_APPEND && mode != CM_IMPORT_REPLACE)
		ereport(WARNING,
				(errmsg("the import takes away staged indexes"),
				 errdetail("%s", cm_text_lines(&lost)),
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
			cm_text_add_line(&found, psprintf("Table \"%s\", which becomes \"%s\".",
									  table->name, table->target));
	}
	if (found.count > 0)
		cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					"rows point to tables that no import has filled",
					cm_text_lines(&found),
					"References to them would lead nowhere, since their documents have other ids or are not there. Import these tables in the same call, or before.");
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
	cm_contents_check(run, mode, imports);
	warn_of_indexes(run, mode);
	MemoryContextSwitchTo(old);
}
