/*-------------------------------------------------------------------------
 *
 * clear.c
 *	  convex_clear(): what runs have stored is taken back, as after a rehearsal.
 *
 * Documents with a key go, whoever has written them, from the Convex tables of the
 * selected tables; others are the app's, stay, and are counted. Children go before
 * parents. The caller says the name of the deployment, so that nobody clears one by
 * its habit of another.
 *
 * What the session's id map and convex_rejects have of the tables goes as well.
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Columns of the result. */
#define CM_CLEAR_COLUMNS 5

/* What became of the documents of a table. */
typedef struct CmCleared
{
	CmTable    *table;			/* NULL: of all */
	CmRemoved	removed;
	int64		kept;			/* without a key */
} CmCleared;

/* ERROR unless this is the deployment that the caller means. */
static void
check_deployment(const CmServer *server, const char *deployment)
{
	if (deployment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"deployment\" must not be null"),
				 errdetail("It says whose documents are to be removed, so that no other deployment is cleared by mistake.")));
	if (strcmp(deployment, server->deployment) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("server \"%s\" is not deployment \"%s\"",
						server->name, deployment),
				 errdetail("It is deployment \"%s\". Nothing was removed.",
						   server->deployment)));
}

/* Remove the documents of the table that have a key. */
static void
clear_table(CmRun *run, CmCleared *cleared)
{
	CmTable    *table = cleared->table;
	CmKeys	   *keys = cm_keys_create(run->catalog, "convex_stored");

	(void) cm_stored_keys_read(run, table, keys, &cleared->kept);
	cm_removal_of_all(run, table, cm_keys_names(keys)[table->position],
					  &cleared->removed);
	cm_keys_end(keys);
	cm_removal_warn(table, &cleared->removed);
}

/* A row of the result. */
static void
put_row(ReturnSetInfo *rsinfo, const CmCleared *cleared)
{
	CmTable    *table = cleared->table;
	Datum		values[CM_CLEAR_COLUMNS];
	bool		nulls[CM_CLEAR_COLUMNS] = {table == NULL, table == NULL};

	Assert(rsinfo->setDesc->natts == CM_CLEAR_COLUMNS);
	values[0] = ObjectIdGetDatum(table ? table->relid : InvalidOid);
	values[1] = table ? CStringGetTextDatum(table->target) : (Datum) 0;
	values[2] = Int64GetDatum(cleared->removed.documents);
	values[3] = Int64GetDatum(cleared->kept);
	values[4] = Int64GetDatum(cleared->removed.refused);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Clear all tables of the run, the last one first. */
static void
clear_all(CmRun *run, ReturnSetInfo *rsinfo)
{
	List	   *tables = run->catalog->ordered;
	CmCleared	all = {0};

	for (int i = list_length(tables) - 1; i >= 0; i--)
	{
		CmCleared	cleared = {.table = list_nth(tables, i)};

		clear_table(run, &cleared);
		put_row(rsinfo, &cleared);
		all.removed.documents += cleared.removed.documents;
		all.removed.refused += cleared.removed.refused;
		all.kept += cleared.kept;
	}
	put_row(rsinfo, &all);
}

/*
 * Remove the documents with a key of the tables and put what became of them into the
 * result of rsinfo, which must be ready for it. deployment: a parameter of
 * convex_clear(), or NULL. ERROR for all that ends a run; what is removed stays so.
 */
void
cm_clear_tables(const CmArguments *arguments, const char *deployment,
				ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(rsinfo->econtext->ecxt_per_query_memory,
								  arguments, CM_PURPOSE_MIGRATE);

	check_deployment(run->server, deployment);
	run->http = cm_call_connect(run->context, run->server);
	run->pace = cm_pace_create(run->server);
	cm_progress_begin(run);
	cm_preflight_ask(run);
	cm_preflight_require_generated(run, "convex_clear()", NULL);
	ereport(NOTICE,
			(errmsg("removing documents from deployment \"%s\"",
					run->server->deployment)));
	cm_idmap_discard(run->server->identity, run->catalog);
	run->rejects = cm_rejects_open(run);
	clear_all(run, rsinfo);
	cm_run_close(run);
}
