/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  Which pass over which table may begin, and when one is done.
 *
 * A pass that sends rows waits for nothing but the tables that its rows point to:
 * they are done when Convex has answered for all of their rows, so that the id map
 * knows every id there will be. The pass that sets deferred references waits for
 * the rows of its own table as well. So a table begins while the last answers for
 * others are under way, and small tables share the window of calls.
 *
 * Protocol: cm_schedule_next() begins a job, whose rows are then read; only one is
 * read at a time, which says "all_read" when it has no more. cm_schedule_settle()
 * after answers came: jobs that are done are reported, and what waits for them
 * may be next.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

/* How far the two passes over a table are. */
typedef struct CmPlace
{
	bool		begun[2];		/* by CmPass */
	bool		done[2];
} CmPlace;

struct CmSchedule
{
	CmRun	   *run;
	CmPlace    *places;			/* by CmTable.position */
	List	   *open;			/* CmJob *, begun and not done */
	int			first[2];		/* by CmPass: all of catalog->ordered before this
								 * one have begun, or have no such pass */
	bool		changed;		/* since nothing could begin */
};

/* Tables that have no rows to send are done. */
static void
skip_tables(CmSchedule *schedule)
{
	ListCell   *lc;

	foreach(lc, schedule->run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (cm_run_sends(schedule->run, table))
			continue;
		schedule->places[table->position] = (CmPlace) {
			.begun = {true, true},
			.done = {true, true}
		};
		cm_progress_skip(schedule->run, table);
	}
}

/* A schedule of all passes of the run; lives in the current memory context. */
CmSchedule *
cm_schedule_create(CmRun *run)
{
	CmSchedule *schedule = palloc0(sizeof(CmSchedule));

	schedule->run = run;
	schedule->places = palloc0(list_length(run->catalog->ordered) *
							   sizeof(CmPlace));
	schedule->changed = true;
	skip_tables(schedule);
	return schedule;
}

/* Whether the table has such a pass that has not begun. */
static bool
is_to_do(CmSchedule *schedule, CmTable *table, CmPass pass)
{
	return !schedule->places[table->position].begun[pass] &&
		(pass == CM_PASS_ROWS || cm_table_has_deferred(table));
}

/* Whether all rows that the pass needs the ids of are in Convex, or rejected. */
static bool
is_ready(CmSchedule *schedule, CmTable *table, CmPass pass)
{
	bool		links = pass == CM_PASS_LINKS;
	ListCell   *lc;

	if (links && !schedule->places[table->position].done[CM_PASS_ROWS])
		return false;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		CmTable    *parent = reference->parent;

		if (parent->selected && reference->deferred == links &&
			!schedule->places[parent->position].done[CM_PASS_ROWS])
			return false;
	}
	return true;
}

/* The first table, in the order of the run, whose pass may begin, or NULL. */
static CmTable *
first_ready(CmSchedule *schedule, CmPass pass)
{
	List	   *ordered = schedule->run->catalog->ordered;
	int		   *first = &schedule->first[pass];

	while (*first < list_length(ordered) &&
		   !is_to_do(schedule, list_nth(ordered, *first), pass))
		(*first)++;
	for (int i = *first; i < list_length(ordered); i++)
	{
		CmTable    *table = list_nth(ordered, i);

		if (is_to_do(schedule, table, pass) && is_ready(schedule, table, pass))
			return table;
	}
	return NULL;
}

/* Begin the pass. */
static CmJob *
begin_pass(CmSchedule *schedule, CmTable *table, CmPass pass)
{
	CmJob	   *job = cm_job_begin(schedule->run, table, pass);
	MemoryContext old = MemoryContextSwitchTo(schedule->run->context);

	schedule->places[table->position].begun[pass] = true;
	schedule->open = lappend(schedule->open, job);
	MemoryContextSwitchTo(old);
	return job;
}

/*
 * Begin a pass: of those that may begin the first in the order of the run, rows
 * before deferred references. NULL: each waits for answers, or all have begun.
 */
CmJob *
cm_schedule_next(CmSchedule *schedule)
{
	CmPass		passes[] = {CM_PASS_ROWS, CM_PASS_LINKS};

	if (!schedule->changed)
		return NULL;
	for (int i = 0; i < (int) lengthof(passes); i++)
	{
		CmTable    *table = first_ready(schedule, passes[i]);

		if (table != NULL)
			return begin_pass(schedule, table, passes[i]);
	}
	schedule->changed = false;
	return NULL;
}

/* Report the jobs that are done: all rows were read, and all batches answered. */
void
cm_schedule_settle(CmSchedule *schedule)
{
	ListCell   *lc;

	foreach(lc, schedule->open)
	{
		CmJob	   *job = lfirst(lc);

		if (!job->all_read || job->unsettled > 0)
			continue;
		schedule->places[job->table->position].done[job->pass] = true;
		schedule->open = foreach_delete_current(schedule->open, lc);
		schedule->changed = true;
		cm_report_done(job);
	}
}

/* Whether nothing is under way: if nothing could begin either, all is done. */
bool
cm_schedule_is_idle(CmSchedule *schedule)
{
	return schedule->open == NIL;
}
