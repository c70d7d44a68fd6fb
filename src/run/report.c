/*-------------------------------------------------------------------------
 *
 * report.c
 *	  What a run tells: progress, the rows of its result, its last words.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Columns of the result of convex_migrate(). */
#define CM_REPORT_COLUMNS 10

/* A count with commas between thousands. */
static char *
grouped(int64 number)
{
	char	   *digits = psprintf(INT64_FORMAT, number);
	int			length = strlen(digits);
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			appendStringInfoChar(&text, ',');
		appendStringInfoChar(&text, digits[i]);
	}
	return text.data;
}

/* Begin a pass over the table; run->tally is its tally. */
void
cm_report_begin(CmRun *run, CmTable *table, CmPass pass)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	ListCell   *lc;

	run->tally = NULL;
	foreach(lc, run->tallies)
	{
		if (((CmTally *) lfirst(lc))->table == table)
			run->tally = lfirst(lc);
	}
	if (run->tally == NULL)
	{
		run->tally = palloc0(sizeof(CmTally));
		run->tally->table = table;
		run->tallies = lappend(run->tallies, run->tally);
	}
	run->tally->pass = pass;
	run->tally->started = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
}

/* ", n failed", or nothing. */
static char *
failures(CmTally *tally)
{
	return tally->failed > 0 ? psprintf(", %s failed", grouped(tally->failed)) :
		"";
}

/* Say how far the table at hand is, if it is time for that. */
void
cm_report_progress(CmRun *run)
{
	CmTally    *tally = run->tally;
	TimestampTz now = GetCurrentTimestamp();

	if (cm_progress_interval < 0 ||
		!TimestampDifferenceExceeds(run->last_progress, now,
									cm_progress_interval))
		return;
	run->last_progress = now;
	if (tally->pass == CM_PASS_COMPLETE)
		ereport(NOTICE,
				(errmsg("%s: deferred references of %s rows set so far%s",
						tally->table->name, grouped(tally->completed),
						failures(tally))));
	else if (tally->table->estimated_rows > tally->migrated + tally->failed)
		ereport(NOTICE,
				(errmsg("%s: %s of about %s migrated%s", tally->table->name,
						grouped(tally->migrated),
						grouped((int64) tally->table->estimated_rows),
						failures(tally))));
	else
		ereport(NOTICE,
				(errmsg("%s: %s migrated so far%s", tally->table->name,
						grouped(tally->migrated), failures(tally))));
}

/* The pass over the table at hand is done: count its time, and say so. */
void
cm_report_done(CmRun *run)
{
	CmTally    *tally = run->tally;

	run->last_progress = GetCurrentTimestamp();
	tally->elapsed += run->last_progress - tally->started;
	if (cm_progress_interval < 0)
		return;
	if (tally->pass == CM_PASS_COMPLETE)
		ereport(NOTICE,
				(errmsg("%s: done, deferred references of %s rows set%s",
						tally->table->name, grouped(tally->completed),
						failures(tally))));
	else
		ereport(NOTICE,
				(errmsg("%s: done, %s migrated%s", tally->table->name,
						grouped(tally->migrated), failures(tally))));
}

/* One row of the result; source NULL for the total. */
static void
put_row(ReturnSetInfo *rsinfo, CmTally *tally)
{
	Datum		values[CM_REPORT_COLUMNS] = {0};
	bool		nulls[CM_REPORT_COLUMNS] = {0};
	int			i = 0;

	if (tally->table != NULL)
	{
		values[i++] = ObjectIdGetDatum(tally->table->relid);
		values[i++] = CStringGetTextDatum(tally->table->target);
	}
	else
	{
		nulls[i++] = true;
		nulls[i++] = true;
	}
	values[i++] = Int64GetDatum(tally->rows_read);
	values[i++] = Int64GetDatum(tally->migrated);
	values[i++] = Int64GetDatum(tally->failed);
	values[i++] = Int64GetDatum(tally->bytes);
	values[i++] = Int64GetDatum(tally->batches);
	values[i++] = Int64GetDatum(tally->retries);
	/* as the difference of two times: justified, for people */
	values[i++] = DirectFunctionCall2(timestamp_mi,
									  TimestampGetDatum(tally->elapsed),
									  TimestampGetDatum(0));
	values[i++] = CStringGetTextDatum(tally->failed > 0 ? "incomplete" :
									  "complete");
	Assert(i == CM_REPORT_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The result of the run: a row per table and the total. */
void
cm_report_rows(CmRun *run, ReturnSetInfo *rsinfo)
{
	CmTally		total = {0};
	ListCell   *lc;

	total.elapsed = GetCurrentTimestamp() - run->started;
	foreach(lc, run->tallies)
	{
		CmTally    *tally = lfirst(lc);

		total.rows_read += tally->rows_read;
		total.migrated += tally->migrated;
		total.failed += tally->failed;
		total.bytes += tally->bytes;
		total.batches += tally->batches;
		total.retries += tally->retries;
		put_row(rsinfo, tally);
	}
	put_row(rsinfo, &total);
}

/* What is in Convex so far, a line per table. */
static char *
what_is_in(CmRun *run)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, run->tallies)
	{
		CmTally    *tally = lfirst(lc);

		appendStringInfo(&text, "%s%s: %s migrated, %s failed",
						 text.len > 0 ? "\n" : "", tally->table->name,
						 grouped(tally->migrated), grouped(tally->failed));
	}
	return text.data;
}

/*
 * End the run with an ERROR. Since the transaction takes convex_rejects and
 * the report back, a WARNING says first what is in Convex, and shows the
 * first rejects. detail and hint may be NULL.
 */
void
cm_run_fail(CmRun *run, int sqlstate, const char *message,
			const char *detail, const char *hint)
{
	char	   *in = what_is_in(run);
	char	   *first = run->rejects ? cm_rejects_first(run->rejects) : NULL;

	if (run->tallies != NIL)
		ereport(WARNING,
				(errmsg("convex_migrate() stops; what is in Convex stays there"),
				 errdetail("%s%s%s", in, first ? "\nFirst rows that failed:\n" : "",
						   first ? first : "")));
	if (run->tallies != NIL)
		detail = psprintf("%s%s%s", detail ? detail : "", detail ? "\n" : "", in);
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("%s", message),
			 detail ? errdetail("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 errcontext("run into deployment \"%s\"",
						run->server->deployment)));
}
