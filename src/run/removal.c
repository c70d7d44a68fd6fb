/*-------------------------------------------------------------------------
 *
 * removal.c
 *	  Documents are removed, by their keys.
 *
 * Protocol: cm_removal_of_keys() for some keys, no more than CM_REMOVED_AT_ONCE, or
 * cm_removal_of_all() for those of a relation of keys.c. Nothing else may be under
 * way (ask.c). Inside SPI; the functions of the deployment are generated ones. A call
 * whose answer was lost is sent again: a document that is gone is none that fails.
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* The call of "remove" for keys of the table. */
static CmCall
call_remove(CmRun *run, CmTable *table)
{
	StringInfoData extra;

	initStringInfo(&extra);
	appendStringInfoString(&extra, "\"table\":");
	cm_writer_append_string(&extra, table->target, strlen(table->target));
	return (CmCall) {
		.path = psprintf("%s:remove", run->server->functions),
		.argument = "keys",
		.extra = extra.data,
		.removes = true
	};
}

/* Count what became of the keys. */
static void
count_pairs(CmRun *run, const CmAnswer *answer, CmRemoved *removed)
{
	for (int i = 0; i < answer->npairs; i++)
	{
		const CmPair *pair = &answer->pairs[i];

		if (pair->removed)
			removed->documents++;
		if (pair->error == NULL)
			continue;
		if (removed->refused++ == 0)
			removed->first = MemoryContextStrdup(run->context,
												 psprintf("%s: %s", pair->key, pair->error));
	}
}

/* The body of the call with these keys. */
static void
append_keys(StringInfo body, const CmCall *call, List *keys)
{
	ListCell   *lc;

	cm_call_open_body(body, call);
	foreach(lc, keys)
	{
		char	   *key = lfirst(lc);
		int			length = strlen(key);
		const char *sent = cm_utf8_from_database(key, &length);

		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(body, ',');
		cm_writer_append_string(body, sent ? sent : "", sent ? length : 0);
	}
	cm_call_close_body(body);
}

/*
 * Remove the documents of the table's Convex table with these keys, char *; in halves
 * when that is too much at once. Adds to *removed what became of them.
 */
void
cm_removal_of_keys(CmRun *run, CmTable *table, List *keys, CmRemoved *removed)
{
	CmCall		call = call_remove(run, table);
	int			count = list_length(keys);
	StringInfoData body;
	CmRequest	request;
	CmAnswer	answer;

	initStringInfo(&body);
	append_keys(&body, &call, keys);
	request = cm_call_request(CM_ROUTE_MUTATION, &body);
	cm_ask_result(run, &request, run->server->max_retries, &answer);
	if (answer.outcome == CM_OUTCOME_SUCCESS)
		cm_answer_read_pairs(&request, &call, &answer);
	cm_http_release(&request);
	if (answer.outcome == CM_OUTCOME_SUCCESS)
	{
		count_pairs(run, &answer, removed);
		return;
	}
	if (count == 1)
		cm_run_fail(run, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
					psprintf("function \"%s\" failed", call.path),
					answer.reason.text ? answer.reason.text : answer.detail,
					"Deploy the text of convex_functions() again.");
	cm_removal_of_keys(run, table, list_truncate(list_copy(keys), count / 2), removed);
	cm_removal_of_keys(run, table, list_copy_tail(keys, count / 2), removed);
}

/* The keys of the rows that were fetched. */
static List *
fetched_keys(void)
{
	List	   *keys = NIL;

	for (uint64 row = 0; row < SPI_processed; row++)
		keys = lappend(keys, TextDatumGetCString(cm_spi_value(row, 1)));
	return keys;
}

/* Remove all documents of the table's Convex table whose keys are in the relation
 * (NULL: none is). Adds to *removed what became of them. */
void
cm_removal_of_all(CmRun *run, CmTable *table, const char *relation,
				  CmRemoved *removed)
{
	MemoryContext context;
	MemoryContext old;
	SPIPlanPtr	plan;
	Portal		portal;
	bool		done = relation == NULL;

	if (done)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "convex_migrate removal",
									ALLOCSET_DEFAULT_SIZES);
	plan = cm_spi_prepare(cm_vet_create(),
						  psprintf("SELECT DISTINCT k.key FROM %s AS k", relation), 0, NULL);
	cm_run_push_snapshot(run);
	portal = cm_spi_open_cursor(plan, NULL);
	PopActiveSnapshot();
	old = MemoryContextSwitchTo(context);
	while (!done)
	{
		SPITupleTable *rows = cm_spi_fetch(portal, CM_REMOVED_AT_ONCE);
		List	   *keys = fetched_keys();

		SPI_freetuptable(rows);
		done = keys == NIL;
		if (!done)
			cm_removal_of_keys(run, table, keys, removed);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	MemoryContextDelete(context);
}

/* WARNING of keys whose documents are still there. */
void
cm_removal_warn(CmTable *table, const CmRemoved *removed)
{
	if (removed->refused > 0)
		ereport(WARNING,
				(errmsg("%s: documents of %s keys could not be removed", table->name,
						cm_text_figure(removed->refused)),
				 errdetail("%s", removed->first),
				 errhint("Of several documents with one key, remove in the dashboard those that are too many.")));
}
