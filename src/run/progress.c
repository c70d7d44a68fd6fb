/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  How far a run is, for other sessions: what convex_progress shows.
 *
 * Every backend has a place in shared memory where commands such as COPY tell
 * of their progress: a command, a table, 20 integers. Any session can read it
 * (pg_stat_get_progress_info()), with the rights that PostgreSQL asks for; it
 * needs no preloading and no lock; and PostgreSQL clears it when a
 * (sub)transaction aborts and when the process ends, however it does. A run is
 * published there, as a COPY of a query: whoever looks at pg_stat_progress_copy
 * sees a COPY TO with rows and bytes. The slots that COPY does not use have the
 * rest, and the last one a number by which the view knows us.
 *
 * There is no better place. Rows of a table are not seen before the run commits.
 * A segment of shared memory whose handle is published here could hold texts,
 * but we would have to say who may read it, and when it may go. Integers are
 * enough: names of the foreign server and of tables are looked up by who reads,
 * so that those of other databases are seen by nobody.
 *
 * The place is not ours alone. ANALYZE and CREATE INDEX, of the id map, put their
 * own progress there; a function of the user that catches an ERROR clears it.
 * So it is looked at every time, and taken again. (A COPY around the call of
 * convex_migrate() loses its own; it has nothing to tell until that returns.)
 *
 * Protocol: cm_progress_begin() when the catalogs are read; for each pass
 * cm_progress_enter(), cm_progress_count(), cm_progress_leave(), of several at
 * once if need be; cm_progress_publish() often: it costs less than a
 * microsecond; cm_progress_end(), or an ERROR. A row is done when it needs no
 * more work in its pass. One that comes again in the link pass counts twice, in
 * what is done and in what is expected, since it is work twice.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include <float.h>

#include "commands/progress.h"
#include "pgstat.h"
#include "utils/backend_status.h"

/* The rate is that of the last seconds, more or less. */
#define CM_RATE_SECONDS 10.0

/* "Convex" and the version of this layout. The view looks for it. */
#define CM_PUBLISHED INT64CONST(0x436F6E7665780001)

/* What is in which slot; the view's param1 is slot 0. Those of COPY mean what
 * they mean there. "A pair" is two figures, the first in the upper half. */
enum
{
	SLOT_BYTES = PROGRESS_COPY_BYTES_PROCESSED,
	SLOT_DONE = PROGRESS_COPY_TUPLES_PROCESSED,
	SLOT_FAILED = PROGRESS_COPY_TUPLES_EXCLUDED,
	SLOT_COMMAND = PROGRESS_COPY_COMMAND,
	SLOT_TYPE = PROGRESS_COPY_TYPE,
	SLOT_SERVER = 7,			/* OID */
	SLOT_STARTED,				/* TimestampTz */
	SLOT_TABLES,				/* a pair: all, those whose rows are done */
	SLOT_PASS,					/* a pair: CmPurpose, CmPass + 1 (0: none) */
	SLOT_LEGS,					/* passes under way */
	SLOT_SOURCE,				/* OID of the table at hand, or 0 */
	SLOT_SOURCE_DONE,			/* of the pass over it */
	SLOT_SOURCE_TOTAL,			/* the same; -1: unknown */
	SLOT_TOTAL,					/* -1: unknown */
	SLOT_RETRIES,
	SLOT_CALLS,					/* a pair: how many may be in flight, are */
	SLOT_RATE,					/* rows in 1,000 seconds */
	SLOT_PUBLISHED				/* CM_PUBLISHED */
};

StaticAssertDecl(SLOT_PUBLISHED == PGSTAT_NUM_PROGRESS_PARAM - 1,
				 "the last slot tells whose progress it is");

struct CmProgress
{
	double	   *expected;		/* rows of each pass of each table; -1: unknown */
	double		total;			/* rows of all passes, as far as it is known */
	int			unknown;		/* passes to come of which it is not known */
	int64		done;			/* rows */
	int			tables_done;
	List	   *legs;			/* CmLeg *, under way */
	int			in_flight;		/* calls */
	int			window;			/* how many may be; 0: none was made yet */

	TimestampTz began;			/* the first leg */
	TimestampTz sampled;		/* when the rate was looked at */
	int64		sampled_done;
	double		rate;			/* rows per second */
};

/* Where it is kept how many rows the pass will have. */
static double *
expected_of(CmProgress *progress, CmTable *table, CmPass pass)
{
	return &progress->expected[2 * table->position + pass];
}

/* Add the rows of the pass to what is expected of the run. */
static void
expect(CmRun *run, CmProgress *progress, CmTable *table, CmPass pass)
{
	/* both passes of a verification are over all: documents, then rows */
	double		rows = run->again ? cm_keys_count(run->again, table) :
		cm_expected_rows(table, run->purpose == CM_PURPOSE_VERIFY ?
						 CM_PASS_ROWS : pass);

	*expected_of(progress, table, pass) = rows;
	if (rows < 0)
		progress->unknown++;
	else
		progress->total += rows;
}

/* The run, whose catalogs are read, can be seen from now on. */
void
cm_progress_begin(CmRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	List	   *tables = run->catalog->ordered;
	CmProgress *progress = palloc0(sizeof(CmProgress));
	ListCell   *lc;

	progress->expected = palloc0(2 * list_length(tables) * sizeof(double));
	foreach(lc, tables)
	{
		expect(run, progress, lfirst(lc), CM_PASS_ROWS);
		if (run->purpose == CM_PURPOSE_VERIFY ||
			(run->purpose != CM_PURPOSE_EXPORT && run->purpose != CM_PURPOSE_IMPORT &&
			 cm_table_has_deferred(lfirst(lc))))
			expect(run, progress, lfirst(lc), CM_PASS_LINKS);
	}
	run->progress = progress;
	MemoryContextSwitchTo(old);
	cm_progress_publish(run);
}

/* A pass over the table begins. The leg is the caller's, who keeps it until it
 * leaves. */
void
cm_progress_enter(CmRun *run, CmLeg *leg, CmTable *table, CmPass pass)
{
	CmProgress *progress = run->progress;
	MemoryContext old = MemoryContextSwitchTo(run->context);

	*leg = (CmLeg) {
		.table = table,
		.pass = pass,
		.expected = *expected_of(progress, table, pass)
	};
	progress->legs = lappend(progress->legs, leg);
	if (progress->began == 0)
		progress->began = progress->sampled = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
	cm_progress_publish(run);
}

/* So many more rows of the pass are done. */
void
cm_progress_count(CmRun *run, CmLeg *leg, int64 rows)
{
	leg->done += rows;
	run->progress->done += rows;
}

/* So many calls are in flight, and may be. */
void
cm_progress_calls(CmRun *run, int in_flight, int window)
{
	run->progress->in_flight = in_flight;
	run->progress->window = window;
}

/* The pass is over: what it had takes the place of what was expected. */
void
cm_progress_leave(CmRun *run, CmLeg *leg)
{
	CmProgress *progress = run->progress;

	progress->legs = list_delete_ptr(progress->legs, leg);
	if (leg->expected < 0)
		progress->unknown--;
	progress->total += leg->done - Max(leg->expected, 0);
	/* another pass over the same, where there is one, was not expected */
	*expected_of(progress, leg->table, leg->pass) = 0;
	if (leg->pass == CM_PASS_ROWS)
		progress->tables_done++;
	cm_progress_publish(run);
}

/* The caller may not read the table, and passes it over. */
void
cm_progress_skip(CmRun *run, CmTable *table)
{
	CmLeg		leg;

	cm_progress_enter(run, &leg, table, CM_PASS_ROWS);
	cm_progress_leave(run, &leg);
	if (!cm_table_has_deferred(table))
		return;
	cm_progress_enter(run, &leg, table, CM_PASS_LINKS);
	cm_progress_leave(run, &leg);
}

/*
 * Rows per second: at first the average since the beginning, later that of about
 * the last CM_RATE_SECONDS.
 */
static void
sample_rate(CmProgress *progress)
{
	TimestampTz now = GetCurrentTimestamp();
	double		passed = (now - progress->sampled) / 1e6;
	double		weight;

	if (progress->began == 0 || passed <= 0)
		return;
	weight = passed / Min((now - progress->began) / 1e6, CM_RATE_SECONDS);
	weight = Min(weight, 1);
	progress->rate += weight *
		((progress->done - progress->sampled_done) / passed - progress->rate);
	progress->sampled = now;
	progress->sampled_done = progress->done;
}

/* Rows that the run will have had at its end, about; -1: unknown. */
static double
total_rows(CmProgress *progress)
{
	double		total = progress->total;
	ListCell   *lc;

	if (progress->unknown > 0)
		return -1;
	foreach(lc, progress->legs)
	{
		CmLeg	   *leg = lfirst(lc);

		total += Max(leg->done - leg->expected, 0);
	}
	return total;
}

/*
 * Rows per second, and in *seconds how long the run will take from now on, about;
 * -1: that is not known. A rate of 0 is none: too little was seen.
 */
double
cm_progress_rate(CmRun *run, double *seconds)
{
	CmProgress *progress = run->progress;
	double		total = total_rows(progress);

	*seconds = total < 0 || progress->rate <= 0 ? -1 :
		Max(total - progress->done, 0) / progress->rate;
	return progress->rate;
}

/* The leg under way that has most left, one of unknown length first; NULL: there
 * is none. */
static CmLeg *
longest_leg(CmProgress *progress)
{
	CmLeg	   *longest = NULL;
	double		most = 0;
	ListCell   *lc;

	foreach(lc, progress->legs)
	{
		CmLeg	   *leg = lfirst(lc);
		double		left = leg->expected < 0 ? DBL_MAX :
			leg->expected - leg->done;

		if (longest == NULL || left > most)
		{
			longest = leg;
			most = left;
		}
	}
	return longest;
}

/* Two figures in one slot. */
static int64
pair(uint32 upper, uint32 lower)
{
	return (int64) ((uint64) upper << 32 | lower);
}

/* What is published of the table at hand. */
static void
put_leg(int64 *values, CmPurpose purpose, const CmLeg *leg)
{
	values[SLOT_PASS] = pair(purpose, leg ? leg->pass + 1 : 0);
	if (leg == NULL)
		return;
	values[SLOT_SOURCE] = leg->table->relid;
	values[SLOT_SOURCE_DONE] = leg->done;
	values[SLOT_SOURCE_TOTAL] = leg->expected < 0 ? -1 :
		Max((int64) leg->expected, leg->done);
}

/* What is published of the run. */
static void
put_run(int64 *values, CmRun *run)
{
	CmProgress *progress = run->progress;

	values[SLOT_BYTES] = run->total.bytes;
	values[SLOT_DONE] = progress->done;
	values[SLOT_FAILED] = run->total.failed;
	values[SLOT_COMMAND] = PROGRESS_COPY_COMMAND_TO;
	values[SLOT_TYPE] = PROGRESS_COPY_TYPE_CALLBACK;
	values[SLOT_SERVER] = run->server->serverid;
	values[SLOT_STARTED] = run->started;
	values[SLOT_TABLES] = pair(list_length(run->catalog->ordered),
							   progress->tables_done);
	values[SLOT_LEGS] = list_length(progress->legs);
	values[SLOT_TOTAL] = total_rows(progress);
	values[SLOT_RETRIES] = run->total.retries;
	values[SLOT_CALLS] = pair(progress->window, progress->in_flight);
	values[SLOT_RATE] = progress->rate * 1000;
	values[SLOT_PUBLISHED] = CM_PUBLISHED;
}

/* Let others see how far the run is. */
void
cm_progress_publish(CmRun *run)
{
	int			slots[PGSTAT_NUM_PROGRESS_PARAM];
	int64		values[PGSTAT_NUM_PROGRESS_PARAM] = {0};

	sample_rate(run->progress);
	put_leg(values, run->purpose, longest_leg(run->progress));
	put_run(values, run);
	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		slots[i] = i;
	if (MyBEEntry->st_progress_command != PROGRESS_COMMAND_COPY ||
		MyBEEntry->st_progress_param[SLOT_PUBLISHED] != CM_PUBLISHED)
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, InvalidOid);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, slots, values);
}

/* The run is over, and not seen any more. */
void
cm_progress_end(CmRun *run)
{
	run->progress = NULL;
	pgstat_progress_end_command();
}
