/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  convex_verify(): whether every row is in Convex, as it should be.
 *
 * All documents of the tables are read back (reader.c, found.c). Then the rows are
 * read as a migration reads them, but with the ids of the documents that were found,
 * and become what should be stored of them; by key and hash they are compared
 * (suspects.c). What is not the same is read again (reread.c) and becomes a difference
 * (differences.c). A reference that waits for the link pass is part of its document,
 * so tables with such are read twice: which rows go must be known of all tables first.
 *
 * Level "keys" reads no documents but their keys, and compares these; level "counts"
 * asks how many there are.
 *
 *-------------------------------------------------------------------------
 */
#include "run/verify.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Columns of the result of convex_verify(). */
#define CM_VERIFY_COLUMNS 13

/* Levels, in the order of what they read. */
typedef enum CmLevel
{
	CM_LEVEL_COUNTS,
	CM_LEVEL_KEYS,
	CM_LEVEL_CONTENT
} CmLevel;

/* The level of this name; ERROR when there is none. */
static CmLevel
level_of(const char *name)
{
	static const char *const names[] = {"counts", "keys", "content"};

	for (int i = 0; name != NULL && i < (int) lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name == NULL ? errmsg("parameter \"level\" must not be null") :
			 errmsg("invalid value for parameter \"level\": \"%s\"", name),
			 errhint("Levels are \"counts\", \"keys\" and \"content\".")));
}

/* Error context: which table's rows an ERROR of the executor comes from. */
static void
describe_fetch(void *arg)
{
	errcontext("reading table \"%s\" to verify it", ((CmTable *) arg)->name);
}

/*
 * Read the rows of the table, and compare them. first: which of them go is not known
 * yet; last: all references can be read.
 */
static void
verify_rows(CmVerify *verify, CmTable *table, bool first, bool last)
{
	CmRun	   *run = verify->run;
	CmVerified *verified = &verify->tables[table->position];
	MemoryContext context = AllocSetContextCreate(run->context, "convex_migrate verify",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StringInfo	record = makeStringInfo();
	StringInfo	canonical = makeStringInfo();
	CmScan	   *scan;
	CmExpected	expected;
	CmLeg		leg;

	cm_idmap_prepare(table, CM_PASS_ROWS);
	if (cm_table_has_deferred(table) && last)
		cm_idmap_prepare(table, CM_PASS_LINKS);
	scan = cm_stored_prepare_scan(verify, table, last, false);
	cm_scan_on_error(scan, describe_fetch, table);
	cm_progress_enter(run, &leg, table, CM_PASS_LINKS);
	cm_suspects_begin(verify->suspects);
	verified->rows = verified->expected = 0;
	cm_run_push_snapshot(run);
	cm_scan_start(scan, NULL);
	PopActiveSnapshot();
	while (cm_stored_next(verify, scan, table, record, canonical, &expected))
	{
		verified->rows++;
		verified->expected += expected.goes ? 1 : 0;
		cm_suspects_add_row(verify->suspects, expected.key,
							expected.goes ? expected.hash : NULL, expected.created);
		cm_progress_count(run, &leg, 1);
		if (cm_scan_must_fetch(scan))
		{
			CHECK_FOR_INTERRUPTS();
			cm_progress_publish(run);
		}
	}
	cm_scan_stop(scan);
	cm_scan_free(scan);
	verified->equal = verified->expected;
	cm_suspects_compare(verify->suspects, table, first, last);
	cm_progress_leave(run, &leg);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Read all documents of the tables. */
static void
read_documents(CmVerify *verify)
{
	CmRun	   *run = verify->run;
	CmReader   *reader = cm_reader_create(run, !verify->content, cm_found_take,
										  verify->found);
	ListCell   *lc;

	cm_reader_show_progress(reader);
	foreach(lc, run->catalog->ordered)
		cm_quantiles_add(reader, run, lfirst(lc));
	cm_reader_read(reader);
	cm_found_flush(verify->found);
	cm_reader_free(reader);
}

/* Compare rows with documents, and look again at what is not the same. */
static void
compare(CmVerify *verify)
{
	List	   *tables = verify->run->catalog->ordered;
	ListCell   *lc;

	foreach(lc, tables)
		verify_rows(verify, lfirst(lc), true, !cm_table_has_deferred(lfirst(lc)));
	foreach(lc, tables)
	{
		if (cm_table_has_deferred(lfirst(lc)))
			verify_rows(verify, lfirst(lc), false, true);
	}
	foreach(lc, tables)
		cm_reread_suspects(verify, lfirst(lc));
}

/*
 * NOTICE of what the read will be billed as: database I/O is what documents have of
 * bytes, whether all of them is sent back or only their keys. What is known before is
 * the size of the rows.
 */
static void
announce_cost(CmRun *run)
{
	double		rows = 0;
	double		bytes = 0;
	bool		known = true;
	ListCell   *lc;

	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		double		expected = cm_expected_rows(table, CM_PASS_ROWS);

		known = known && expected >= 0 && table->estimated_bytes >= 0;
		rows += Max(expected, 0);
		bytes += Max(table->estimated_bytes, 0);
	}
	ereport(NOTICE,
			(errmsg_plural("reading all documents of %d table of deployment \"%s\" back",
						   "reading all documents of %d tables of deployment \"%s\" back",
						   list_length(run->catalog->ordered),
						   list_length(run->catalog->ordered), run->server->deployment),
			 known ? errdetail("In Convex's database I/O that costs about %.0f MB for about %s documents, by the statistics of the tables; what is different is read again.",
							   ceil(bytes / 1e6), cm_text_figure((int64) rows)) :
			 errdetail("In Convex's database I/O that costs the size of all of them; how much it is the statistics of the tables do not say. What is different is read again.")));
}

/* Whether there is anything in the table that is not as it should be. */
static bool
fails(const CmVerified *verified, CmLevel level)
{
	if (level == CM_LEVEL_COUNTS)
		return verified->documents != verified->expected;
	return verified->different + verified->missing + verified->unexpected +
		verified->repeated > 0;
}

/* The row of a table, or the total (source null), in the result. */
static void
put_row(ReturnSetInfo *rsinfo, const CmVerified *verified, CmLevel level,
		bool failed)
{
	int64		figures[] = {verified->rows, verified->expected, verified->documents,
		verified->equal, verified->different, verified->missing, verified->unexpected,
		verified->repeated, verified->wrong_references, verified->without_key};
	Datum		values[CM_VERIFY_COLUMNS] = {0};
	bool		nulls[CM_VERIFY_COLUMNS] = {0};
	int			i = 0;

	nulls[0] = nulls[1] = verified->table == NULL;
	if (verified->table != NULL)
	{
		values[0] = ObjectIdGetDatum(verified->table->relid);
		values[1] = CStringGetTextDatum(verified->table->target);
	}
	for (i = 0; i < (int) lengthof(figures); i++)
	{
		values[2 + i] = Int64GetDatum(figures[i]);
		/* what counts do not show */
		nulls[2 + i] = level == CM_LEVEL_COUNTS && i > 2;
	}
	values[CM_VERIFY_COLUMNS - 1] = CStringGetTextDatum(failed ? "fail" : "pass");
	Assert(2 + i + 1 == CM_VERIFY_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Add the figures of a table to the total. */
static void
add_up(CmVerified *total, const CmVerified *verified)
{
	total->rows += verified->rows;
	total->expected += verified->expected;
	total->documents += verified->documents;
	total->equal += verified->equal;
	total->different += verified->different;
	total->missing += verified->missing;
	total->unexpected += verified->unexpected;
	total->repeated += verified->repeated;
	total->wrong_references += verified->wrong_references;
	total->without_key += verified->without_key;
}

/* A row for each table, and the total, which passes when all tables do: what is too
 * much in one may be what another lacks. */
static void
put_rows(CmVerify *verify, ReturnSetInfo *rsinfo, CmLevel level)
{
	CmVerified	total = {0};
	bool		any_failed = false;
	ListCell   *lc;

	foreach(lc, verify->run->catalog->ordered)
	{
		CmVerified *verified = &verify->tables[((CmTable *) lfirst(lc))->position];
		bool		failed = fails(verified, level);

		put_row(rsinfo, verified, level, failed);
		add_up(&total, verified);
		any_failed = any_failed || failed;
	}
	put_row(rsinfo, &total, level, any_failed);
}

/* How many rows the table has, whatever its filter says. */
static int64
count_rows(CmRun *run, CmTable *table, const char *from)
{
	CmQueryOptions options = {.ids = CM_IDS_NONE};
	int64		count;

	cm_run_push_snapshot(run);
	cm_spi_execute_over(cm_query_allowed(table, &options),
						psprintf("SELECT pg_catalog.count(*) FROM %s AS t", from),
						SPI_OK_SELECT, true, 0, NULL, NULL);
	PopActiveSnapshot();
	count = DatumGetInt64(cm_spi_value(0, 1));
	SPI_freetuptable(SPI_tuptable);
	return count;
}

/* Of tables with a filter count the rows that it does not let through as well. */
static void
count_filtered(CmVerify *verify)
{
	ListCell   *lc;

	foreach(lc, verify->run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (table->filter != NULL)
			verify->tables[table->position].rows =
				count_rows(verify->run, table, cm_table_plain_from(table));
	}
}

/* Level counts: how many rows and documents there are. */
static void
verify_counts(CmVerify *verify)
{
	CmRun	   *run = verify->run;
	ListCell   *lc;

	cm_preflight_identify(run);
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		CmVerified *verified = &verify->tables[table->position];
		CmRequest	request = cm_call_table_size_request(table->target);
		CmAnswer	answer;

		cm_ask_result(run, &request, run->server->max_retries, &answer);
		if (answer.outcome != CM_OUTCOME_SUCCESS ||
			!cm_deployed_read_count(request.answer, request.answer_length,
									&verified->documents))
			cm_run_fail(run, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
						psprintf("deployment \"%s\" does not say how many documents Convex table \"%s\" has",
								 run->server->deployment, table->target),
						answer.reason.text ? answer.reason.text : answer.detail,
						"Use level \"keys\".");
		cm_http_release(&request);
		verified->rows = verified->expected = count_rows(run, table, cm_table_from(table));
	}
}

/* Levels keys and content. */
static void
verify_documents(CmVerify *verify, bool repair)
{
	CmRun	   *run = verify->run;
	ListCell   *lc;

	cm_preflight_ask(run);
	cm_preflight_require_generated(run, "convex_verify()", "use level \"counts\"");
	foreach(lc, run->catalog->ordered)
		((CmTable *) lfirst(lc))->number = cm_sources_number(run, lfirst(lc));
	announce_cost(run);
	if (!pg_strong_random(verify->hash_key, CM_HASH_KEY_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	verify->differences = cm_differences_open(run);
	verify->suspects = cm_suspects_open(verify);
	verify->found = cm_found_open(verify);
	read_documents(verify);
	cm_resolve_parents(run);
	compare(verify);
	cm_differences_flush(verify->differences);
	if (repair)
		cm_repair_tables(verify);
	cm_suspects_drop(verify->suspects);
	cm_found_drop(verify->found);
}

/* ERROR when this transaction cannot do what is asked for. */
static void
check_transaction(CmLevel level, bool repair)
{
	PreventCommandIfReadOnly("convex_verify()");
	PreventCommandDuringRecovery("convex_verify()");
	if (!repair)
		return;
	if (level == CM_LEVEL_COUNTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level \"counts\" finds nothing that could be repaired"),
				 errhint("Use level \"content\".")));
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("convex_verify() cannot repair in a transaction that has already written"),
				 errdetail("Rows that are not committed would be sent, and stay in Convex after a rollback."),
				 errhint("Commit first, then call convex_verify().")));
}

/*
 * Compare the tables with their documents and put what was found into the result of
 * rsinfo, which must be ready for it. level: a parameter of convex_verify(). ERROR for
 * all that ends a run; see run.c.
 */
void
cm_verify_tables(const CmArguments *arguments, const char *level, bool repair,
				 ReturnSetInfo *rsinfo)
{
	CmLevel		wanted = level_of(level);
	CmRun	   *run;
	CmVerify   *verify;
	ListCell   *lc;

	check_transaction(wanted, repair);
	run = cm_run_open(rsinfo->econtext->ecxt_per_query_memory, arguments,
					  CM_PURPOSE_VERIFY);
	verify = palloc0(sizeof(CmVerify));
	verify->run = run;
	verify->content = wanted == CM_LEVEL_CONTENT;
	verify->tables = palloc0((list_length(run->catalog->ordered) + 1) * sizeof(CmVerified));
	verify->names = palloc0((list_length(run->catalog->ordered) + 1) * sizeof(CmNames *));
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		verify->tables[table->position].table = table;
		verify->names[table->position] = cm_stored_make_names(run, table);
	}
	run->http = cm_call_connect(run->context, run->server);
	run->pace = cm_pace_create(run->server);
	cm_progress_begin(run);
	if (wanted == CM_LEVEL_COUNTS)
		verify_counts(verify);
	else
		verify_documents(verify, repair);
	count_filtered(verify);
	put_rows(verify, rsinfo, wanted);
	cm_run_close(run);
}
