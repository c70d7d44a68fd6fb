/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  References to rows that an earlier run moved, in another session.
 *
 * A call that names its tables may leave out a table that they point to, and one
 * that sends some rows again leaves out those that are in Convex. What this
 * session's map does not know of them is asked of the generated function
 * "resolve", before any row is sent: nothing else may be in flight then (ask.c),
 * and no row of this run changes what it says. What it does not know either is an
 * orphan. Hand-written functions are not asked.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Keys in one call: each takes one of 4,096 index ranges that a query may read
 * (crates/common/src/knobs.rs). */
#define CM_RESOLVE_KEYS 1000

/* One reference whose missing parents are looked for. */
typedef struct CmResolve
{
	CmRun	   *run;
	CmTable    *parent;
	CmCall		call;			/* of "resolve" */
} CmResolve;

/* A key that is asked for. */
typedef struct CmAsked
{
	char	   *key;			/* as the map has it; NULL: answered */
	const char *sent;			/* in UTF-8, as the answer has it */
} CmAsked;

/* The key of the n that was sent as this, which then counts as answered; NULL
 * when it is not among them. */
static char *
take_key(CmAsked *asked, int n, const char *sent)
{
	for (int i = 0; i < n; i++)
	{
		if (asked[i].key != NULL && strcmp(asked[i].sent, sent) == 0)
		{
			char	   *key = asked[i].key;

			asked[i].key = NULL;
			return key;
		}
	}
	return NULL;
}

/* Take the pairs of an answer into the map. */
static void
add_pairs(CmResolve *resolve, CmAnswer *answer, CmAsked *asked, int n)
{
	Datum	   *known = palloc((answer->npairs + 1) * sizeof(Datum));
	Datum	   *ids = palloc((answer->npairs + 1) * sizeof(Datum));

	for (int i = 0; i < answer->npairs; i++)
	{
		CmPair	   *pair = &answer->pairs[i];
		char	   *key = take_key(asked, n, pair->key);

		if (pair->convex_id == NULL || key == NULL)
			cm_run_fail(resolve->run, ERRCODE_PROTOCOL_VIOLATION,
						"unexpected answer from Convex",
						psprintf("Function \"%s\" answered for a key that it was not asked for, or twice.",
								 resolve->call.path),
						"Deploy the text of convex_functions() again.");
		known[i] = CStringGetTextDatum(key);
		ids[i] = CStringGetTextDatum(pair->convex_id);
	}
	if (answer->npairs > 0)
		cm_idmap_add(resolve->run->idmap, resolve->parent, answer->npairs,
					 known, ids);
}

/* Ask for the ids of n keys; in halves when that is too much at once. */
static void
ask_keys(CmResolve *resolve, CmAsked *asked, int n)
{
	StringInfoData body;
	CmRequest	request;
	CmAnswer	answer;

	initStringInfo(&body);
	cm_call_open_body(&body, &resolve->call);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&body, ',');
		cm_writer_append_string(&body, asked[i].sent, strlen(asked[i].sent));
	}
	cm_call_close_body(&body);
	request = cm_call_request(CM_ROUTE_QUERY, &body);
	cm_ask_result(resolve->run, &request, resolve->run->server->max_retries,
				  &answer);
	if (answer.outcome == CM_OUTCOME_SUCCESS)
		cm_answer_read_pairs(&request, &resolve->call, &answer);
	cm_http_release(&request);
	if (answer.outcome == CM_OUTCOME_SUCCESS)
		add_pairs(resolve, &answer, asked, n);
	else if (answer.outcome == CM_OUTCOME_TOO_LARGE && n > 1)
	{
		ask_keys(resolve, asked, n / 2);
		ask_keys(resolve, asked + n / 2, n - n / 2);
	}
	else
		cm_run_fail(resolve->run, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
					psprintf("function \"%s\" failed", resolve->call.path),
					answer.reason.text ? answer.reason.text : answer.detail,
					"Deploy the text of convex_functions() again.");
}

/*
 * The keys of the rows that were fetched; returns how many. One that is not
 * UTF-8 cannot have gone to Convex.
 */
static int
read_keys(CmAsked *asked)
{
	int			n = 0;

	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *key = TextDatumGetCString(cm_spi_value(row, 1));
		int			length = strlen(key);
		const char *sent = cm_utf8_from_database(key, &length);

		if (sent != NULL)
			asked[n++] = (CmAsked) {key, sent};
	}
	return n;
}

/* Look for the rows that the reference points to and the map does not know. */
static void
resolve_reference(CmResolve *resolve, CmTable *table, CmReference *reference)
{
	MemoryContext context = AllocSetContextCreate(resolve->run->context,
												  "convex_migrate resolve",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmQueryOptions options = {.ids = CM_IDS_OF_MAP};
	SPIPlanPtr	plan = cm_spi_prepare(cm_query_allowed(table, &options),
									  cm_parentkeys_unknown(table, reference,
															resolve->run->chosen),
									  0, NULL);
	Portal		portal;

	cm_run_push_snapshot(resolve->run);
	portal = cm_spi_open_cursor(plan, NULL);
	PopActiveSnapshot();
	for (;;)
	{
		CmAsked		asked[CM_RESOLVE_KEYS];
		SPITupleTable *rows = cm_spi_fetch(portal, CM_RESOLVE_KEYS);
		bool		done = rows->numvals == 0;
		int			n = read_keys(asked);

		SPI_freetuptable(rows);
		if (done)
			break;
		if (n > 0)
			ask_keys(resolve, asked, n);
		MemoryContextReset(context);
	}
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* The call of "resolve" for keys of the table. */
static CmCall
call_resolve(CmRun *run, CmTable *table)
{
	return (CmCall) {
		.path = psprintf("%s:resolve", run->server->functions),
		.argument = "keys",
		.extra = psprintf("\"table\":\"%s\"", table->target)
	};
}

/* Complete the map for the references of the table that point to tables which
 * this run does not move, or not as a whole. */
static void
resolve_table(CmRun *run, CmTable *table)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		CmResolve	resolve = {.run = run,.parent = reference->parent};

		if (reference->parent->selected && run->chosen == NULL)
			continue;
		cm_idmap_part_prepare(reference->parent->map_part, table->estimated_rows);
		resolve.call = call_resolve(run, reference->parent);
		resolve_reference(&resolve, table, reference);
	}
}

/* Complete the map for all tables of the run. Inside SPI, before the first batch. */
void
cm_resolve_parents(CmRun *run)
{
	ListCell   *lc;

	if (!run->generated)
		return;
	foreach(lc, run->catalog->ordered)
	{
		if (cm_run_sends(run, lfirst(lc)))
			resolve_table(run, lfirst(lc));
	}
}
