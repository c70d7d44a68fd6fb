/*-------------------------------------------------------------------------
 *
 * report.c
 *	  What a run says of itself: counts, progress, the rows of its result.
 *
 * All counting is here, so that one file shows why the figures are right: a
 * row that is read is migrated or failed in the end. One whose references
 * cannot be set in the link pass was migrated, and then fails after all.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Tables that an ERROR says something of, so that many do not hide it. */
#define CM_SHOWN_TABLES 20

/* With more tables than these, one that is done without failures is not worth a
 * NOTICE of its own. */
#define CM_MANY_TABLES 50

/* Columns of the result of convex_migrate(). */
#define CM_REPORT_COLUMNS 11

/* convex_migrate.progress_interval, milliseconds; -1: off */
static int	progress_interval = 2000;

/* Define the setting; for _PG_init(). */
void
cm_report_define_settings(void)
{
	DefineCustomIntVariable("convex_migrate.progress_interval",
							"Sets the time between two NOTICEs about the progress of convex_migrate().",
							"0 means one for every batch, -1 turns them off.",
							&progress_interval,
							2000, -1, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
}

/* The table's tally, in the run's memory. */
CmTally *
cm_report_tally(CmRun *run, CmTable *table)
{
	MemoryContext old;
	CmTally    *tally;
	ListCell   *lc;

	foreach(lc, run->tallies)
	{
		tally = lfirst(lc);
		if (tally->table == table)
			return tally;
	}
	old = MemoryContextSwitchTo(run->context);
	tally = palloc0(sizeof(CmTally));
	tally->table = table;
	run->tallies = lappend(run->tallies, tally);
	MemoryContextSwitchTo(old);
	return tally;
}

/* A row was read. Rows of the link pass were read before. */
void
cm_report_count_read(CmJob *job)
{
	if (job->pass != CM_PASS_ROWS)
		return;
	job->tally->rows_read++;
	job->run->total.rows_read++;
}

/* A row failed; in the link pass it counts as migrated so far. */
void
cm_report_count_rejected(CmJob *job)
{
	int			taken_back = job->pass == CM_PASS_LINKS ? 1 : 0;

	job->tally->failed++;
	job->tally->migrated -= taken_back;
	job->run->total.failed++;
	job->run->total.migrated -= taken_back;
}

/* A row was encoded: count the references that it has to do without. Where
 * orphans are rejected, its reject says so. */
void
cm_report_count_orphans(CmJob *job, const CmScanned *scanned)
{
	int			lost = bms_num_members(scanned->lost);

	if (job->run->server->orphans == CM_ORPHANS_REJECT)
		return;
	job->tally->orphans += lost;
	job->run->total.orphans += lost;
}

/* Convex executed a batch of so many bytes, and accepted so many records. */
void
cm_report_count_accepted(CmJob *job, int records, int bytes)
{
	CmTally    *tallies[] = {job->tally, &job->run->total};

	for (int i = 0; i < (int) lengthof(tallies); i++)
	{
		if (job->pass == CM_PASS_ROWS)
			tallies[i]->migrated += records;
		else
			tallies[i]->linked += records;
		tallies[i]->batches++;
		tallies[i]->bytes += bytes;
	}
	cm_progress_count(job->run, &job->leg, records);
}

/* A record will not get into Convex: no more is done about it in this pass.
 * (One that gets there in part is a reject all the same.) */
void
cm_report_count_dropped(CmJob *job)
{
	cm_progress_count(job->run, &job->leg, 1);
}

/* A row was written into the file, of so many bytes; in_part: what it lacks is
 * among those that failed. */
void
cm_report_count_exported(CmJob *job, bool in_part, int bytes)
{
	CmTally    *tallies[] = {job->tally, &job->run->total};

	for (int i = 0; i < (int) lengthof(tallies); i++)
	{
		if (!in_part)
			tallies[i]->migrated++;
		tallies[i]->documents++;
		tallies[i]->bytes += bytes;
	}
	cm_progress_count(job->run, &job->leg, 1);
}

/* A batch will be sent again. */
void
cm_report_count_retry(CmJob *job)
{
	job->tally->retries++;
	job->run->total.retries++;
}

/* The run is about to write; say so. */
void
cm_report_begin(CmRun *run)
{
	int			count = list_length(run->catalog->ordered);

	run->last_progress = GetCurrentTimestamp();
	if (progress_interval >= 0 && run->purpose == CM_PURPOSE_EXPORT)
		ereport(NOTICE,
				(errmsg_plural("exporting %d table", "exporting %d tables",
							   count, count)));
	else if (progress_interval >= 0)
		ereport(NOTICE,
				(errmsg_plural("migrating %d table into deployment \"%s\"",
							   "migrating %d tables into deployment \"%s\"",
							   count, count, run->server->deployment)));
}

/* NOTICE of tables that stay behind though nobody has said so, or must. */
void
cm_report_left_behind(CmRun *run)
{
	char	   *too_many = cm_outside_too_many_text(run->catalog);
	char	   *bookkeeping = cm_outside_bookkeeping_text(run->catalog);
	char	   *schemas = run->catalog->named ? NULL :
		cm_outside_schemas_text(run->server);

	if (too_many != NULL)
		ereport(NOTICE,
				(errmsg("there are more tables than Convex takes"),
				 errdetail("%s", too_many)));
	if (schemas != NULL)
		ereport(NOTICE,
				(errmsg("not all tables of the database are migrated"),
				 errdetail("%s", schemas)));
	if (bookkeeping != NULL)
		ereport(NOTICE,
				(errmsg("tables of migration tools are not migrated"),
				 errdetail("%s", bookkeeping)));
}

/* ", n failed", or nothing. */
static char *
failures(CmTally *tally)
{
	return tally->failed > 0 ? psprintf(", %s failed", cm_text_figure(tally->failed)) :
		"";
}

/* What was done to rows. */
static const char *
done(CmJob *job)
{
	return job->run->purpose == CM_PURPOSE_EXPORT ? "exported" :
		job->run->purpose == CM_PURPOSE_IMPORT ? "prepared" : "migrated";
}

/*
 * ", so many rows/s, so long to the end of the run", or nothing. Where every
 * batch has a NOTICE, these are a protocol and no measurement.
 */
static char *
pace(CmRun *run)
{
	double		seconds;
	double		rate = cm_progress_rate(run, &seconds);

	if (progress_interval == 0 || rate < 1)
		return "";
	return psprintf(", %s rows/s%s", cm_text_figure((int64) rate),
					seconds < 0 ? "" :
					psprintf(", about %s to the end of the run",
							 cm_text_duration(seconds)));
}

/* How far the job is, if it is time for a NOTICE. */
void
cm_report_progress(CmJob *job)
{
	CmTally    *tally = job->tally;
	TimestampTz now = GetCurrentTimestamp();

	if (progress_interval < 0 ||
		!TimestampDifferenceExceeds(job->run->last_progress, now,
									progress_interval))
		return;
	job->run->last_progress = now;
	if (job->pass == CM_PASS_LINKS)
		ereport(NOTICE,
				(errmsg("%s: deferred references of %s rows set so far%s%s",
						tally->table->name, cm_text_figure(tally->linked),
						failures(tally), pace(job->run))));
	else if (tally->table->estimated_rows > tally->migrated + tally->failed)
		ereport(NOTICE,
				(errmsg("%s: %s of about %s %s%s%s", tally->table->name,
						cm_text_figure(tally->migrated),
						cm_text_figure((int64) tally->table->estimated_rows),
						done(job), failures(tally), pace(job->run))));
	else
		ereport(NOTICE,
				(errmsg("%s: %s %s so far%s%s", tally->table->name,
						cm_text_figure(tally->migrated), done(job),
						failures(tally), pace(job->run))));
}

/*
 * The same where no answer has come: rows that are rejected without being sent
 * bring none. With a NOTICE for every batch there is nothing to say.
 */
void
cm_report_idle(CmJob *job)
{
	if (progress_interval > 0)
		cm_report_progress(job);
}

/* What Convex says of how far it is (or NULL), if it is time for a NOTICE. */
void
cm_report_server(CmRun *run, const char *text)
{
	TimestampTz now = GetCurrentTimestamp();

	if (text == NULL || progress_interval <= 0 ||
		!TimestampDifferenceExceeds(run->last_progress, now, progress_interval))
		return;
	run->last_progress = now;
	ereport(NOTICE, (errmsg("Convex: %s", text)));
}

/* Whether the end of the job is to be reported: of very many tables only those
 * with failures, and one in every interval. */
static bool
is_worth_a_notice(CmJob *job, TimestampTz now)
{
	if (progress_interval <= 0)
		return progress_interval == 0;
	return list_length(job->run->catalog->ordered) <= CM_MANY_TABLES ||
		job->tally->failed > 0 ||
		TimestampDifferenceExceeds(job->run->last_progress, now, progress_interval);
}

/* The job is done: count its time, and say so. */
void
cm_report_done(CmJob *job)
{
	CmTally    *tally = job->tally;
	TimestampTz now = GetCurrentTimestamp();

	tally->elapsed += now - job->started;
	tally->jobs--;
	cm_progress_leave(job->run, &job->leg);
	if (!is_worth_a_notice(job, now))
		return;
	job->run->last_progress = now;
	if (job->pass == CM_PASS_LINKS)
		ereport(NOTICE,
				(errmsg("%s: done, deferred references of %s rows set%s",
						tally->table->name, cm_text_figure(tally->linked),
						failures(tally))));
	else
		ereport(NOTICE,
				(errmsg("%s: done, %s %s%s", tally->table->name,
						cm_text_figure(tally->migrated), done(job),
						failures(tally))));
}

/* One row of a result; source NULL for the total. sends: as of calls. */
static void
put_row(ReturnSetInfo *rsinfo, CmTally *tally, bool sends)
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
	values[i++] = Int64GetDatum(tally->orphans);
	values[i++] = Int64GetDatum(tally->bytes);
	if (sends)
	{
		values[i++] = Int64GetDatum(tally->batches);
		values[i++] = Int64GetDatum(tally->retries);
	}
	/* as the difference of two times: justified, for people */
	values[i++] = DirectFunctionCall2(timestamp_mi,
									  TimestampGetDatum(tally->elapsed),
									  TimestampGetDatum(0));
	values[i++] = CStringGetTextDatum(tally->failed > 0 ? "incomplete" :
									  "complete");
	Assert(i == rsinfo->setDesc->natts);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Order of two tallies: that of the tables in the run. */
static int
compare_tallies(const ListCell *a, const ListCell *b)
{
	return cm_order_compare(((CmTally *) lfirst(a))->table,
							((CmTally *) lfirst(b))->table);
}

/* The tallies of the tables, CmTally *, in the order of the run; a new list. */
List *
cm_report_tallies(CmRun *run)
{
	List	   *tallies = list_copy(run->tallies);

	list_sort(tallies, compare_tallies);
	return tallies;
}

/* A row per table and the total. */
static void
put_rows(CmRun *run, ReturnSetInfo *rsinfo, bool sends)
{
	ListCell   *lc;

	foreach(lc, cm_report_tallies(run))
		put_row(rsinfo, lfirst(lc), sends);
	run->total.elapsed = GetCurrentTimestamp() - run->started;
	put_row(rsinfo, &run->total, sends);
}

/* The result of convex_migrate(). */
void
cm_report_rows(CmRun *run, ReturnSetInfo *rsinfo)
{
	put_rows(run, rsinfo, true);
}

/* The result of convex_export(): no calls are made. */
void
cm_report_export(CmRun *run, ReturnSetInfo *rsinfo)
{
	put_rows(run, rsinfo, false);
}

/*
 * What is in Convex so far, a line per table, of many tables those under way and
 * the last ones; NULL: nothing was sent yet.
 */
char *
cm_report_what_is_in(CmRun *run)
{
	StringInfoData lines;
	int			shown_from = list_length(run->tallies) - CM_SHOWN_TABLES;
	int			skipped = 0;
	ListCell   *lc;

	/* of an import it is not known before all of it is */
	if (run->tallies == NIL || run->purpose == CM_PURPOSE_IMPORT)
		return NULL;
	initStringInfo(&lines);
	foreach(lc, run->tallies)
	{
		CmTally    *tally = lfirst(lc);

		if (foreach_current_index(lc) < shown_from && tally->jobs == 0)
			skipped++;
		else
			appendStringInfo(&lines, "%s%s: %s migrated, %s failed",
							 lines.len > 0 ? "\n" : "", tally->table->name,
							 cm_text_figure(tally->migrated), cm_text_figure(tally->failed));
	}
	return skipped == 0 ? lines.data :
		psprintf("%d tables are complete\n%s", skipped, lines.data);
}

/* The same, with the first rows that failed. */
char *
cm_report_state(CmRun *run)
{
	char	   *in = cm_report_what_is_in(run);
	char	   *first = run->rejects ? cm_rejects_first(run->rejects) : NULL;

	if (in == NULL || first == NULL)
		return in;
	return psprintf("%s\nFirst rows that failed:\n%s", in, first);
}
