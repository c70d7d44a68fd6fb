/*-------------------------------------------------------------------------
 *
 * history.c
 *	  What is known of runs when they are over: convex_runs, and the server's log.
 *
 * Protocol: cm_history_open() before anything is sent; cm_history_write() when all is
 * done; or cm_history_log_failure() while the ERROR that ended the run is caught,
 * since the transaction takes all rows back.
 *
 * The table behind the view is granted to nobody. It is written with the rights of its
 * owner, by statements that were vetted, as in rejects.c.
 *
 *-------------------------------------------------------------------------
 */
#include "run/ours.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Runs of a server that are kept. */
#define CM_RUNS_KEPT 1000

/* Figures of a table. */
#define CM_FIGURES 8

/* Parameters of the statement before them; of these the first that is an array. */
#define CM_BEFORE_FIGURES 10
#define CM_FIRST_ARRAY 9

struct CmHistory
{
	CmOurs		rows;			/* convex_run_rows */
};

/*
 * Where the run will be kept. Lives in the current memory context; must run inside
 * SPI.
 */
CmHistory *
cm_history_open(CmRun *run)
{
	CmHistory  *history = palloc0(sizeof(CmHistory));

	history->rows = cm_ours_open(run, "convex_run_rows", RowExclusiveLock);
	return history;
}

/* Remove the runs of the server that are more than are kept. */
static void
forget(CmHistory *history, Datum server)
{
	Oid			types[] = {NAMEOID};
	char	   *name = cm_text_relation_name(history->rows.relid);

	cm_ours_execute(&history->rows,
					psprintf("DELETE FROM %s WHERE server OPERATOR(pg_catalog.=) $1"
							   " AND run OPERATOR(pg_catalog.<=)"
							   " (SELECT r.run FROM %s AS r WHERE r.server OPERATOR(pg_catalog.=) $1"
							   " AND r.source IS NULL ORDER BY r.run DESC OFFSET %d LIMIT 1)",
							   name, name, CM_RUNS_KEPT),
					  SPI_OK_DELETE, 1, types, &server);
}

/* An array of so many values of the type; those that nulls (or NULL) says are null. */
static Datum
array_of(Datum *values, bool *nulls, int count, Oid type)
{
	int			lower = 1;
	int16		length;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &length, &byval, &align);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower,
											  type, length, byval, align));
}

/* The names of the tables, and of their targets; of the total, which comes last: null. */
static void
name_tables(List *tallies, Datum *sources, Datum *targets)
{
	int			count = list_length(tallies);
	Datum	   *names = palloc0(count * sizeof(Datum));
	Datum	   *others = palloc0(count * sizeof(Datum));
	bool	   *nulls = palloc0(count * sizeof(bool));
	ListCell   *lc;

	foreach(lc, tallies)
	{
		CmTable    *table = ((CmTally *) lfirst(lc))->table;
		int			i = foreach_current_index(lc);

		nulls[i] = table == NULL;
		if (nulls[i])
			continue;
		names[i] = CStringGetTextDatum(quote_qualified_identifier(table->schema,
																  table->name));
		others[i] = CStringGetTextDatum(table->target);
	}
	*sources = array_of(names, nulls, count, TEXTOID);
	*targets = array_of(others, nulls, count, TEXTOID);
}

/* The figures, in the order of the columns; the time in microseconds. */
static void
get_figures(const CmTally *tally, int64 *figures)
{
	int			i = 0;

	figures[i++] = tally->rows_read;
	figures[i++] = tally->migrated;
	figures[i++] = tally->failed;
	figures[i++] = tally->orphans;
	figures[i++] = tally->bytes;
	figures[i++] = tally->batches;
	figures[i++] = tally->retries;
	figures[i++] = tally->elapsed;
	Assert(i == CM_FIGURES);
}

/* An array for each figure, of all tables. */
static void
make_figures(List *tallies, Datum *arrays)
{
	int			count = list_length(tallies);
	Datum	   *columns = palloc(CM_FIGURES * count * sizeof(Datum));
	ListCell   *lc;

	foreach(lc, tallies)
	{
		int64		figures[CM_FIGURES];

		get_figures(lfirst(lc), figures);
		for (int i = 0; i < CM_FIGURES; i++)
			columns[i * count + foreach_current_index(lc)] = Int64GetDatum(figures[i]);
	}
	for (int i = 0; i < CM_FIGURES; i++)
		arrays[i] = array_of(&columns[i * count], NULL, count, INT8OID);
}

/* The statement that writes a row for each element of the arrays. */
static char *
insert_statement(CmHistory *history)
{
	StringInfoData arrays;

	initStringInfo(&arrays);
	for (int i = CM_FIRST_ARRAY; i <= CM_BEFORE_FIGURES + CM_FIGURES; i++)
		appendStringInfo(&arrays, "%spg_catalog.unnest($%d)", i > CM_FIRST_ARRAY ? ", " : "", i);
	return psprintf("INSERT INTO %s (run, role, server, deployment, began, ended, method, mode, source, target,"
					" rows_read, migrated, failed, orphans, bytes, batches, retries, elapsed)"
					" SELECT $1, $2, $3, $4, $5, $6, $7,"
					" CASE WHEN $8 OPERATOR(pg_catalog.<>) '' THEN $8 END, u.s, u.t, u.r, u.m, u.f, u.o, u.y, u.b, u.a,"
					" pg_catalog.make_interval(secs => u.e::pg_catalog.float8 OPERATOR(pg_catalog./) 1000000::pg_catalog.float8)"
					" FROM ROWS FROM (%s) AS u(s, t, r, m, f, o, y, b, a, e)",
					cm_text_relation_name(history->rows.relid), arrays.data);
}

/* The run is done: keep what it did. Its total is complete. */
void
cm_history_write(CmHistory *history, CmRun *run)
{
	Oid			types[CM_BEFORE_FIGURES + CM_FIGURES] = {
		INT8OID, NAMEOID, NAMEOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum		values[CM_BEFORE_FIGURES + CM_FIGURES];
	List	   *tallies = lappend(cm_report_tallies(run), &run->total);
	NameData	role;
	NameData	server;

	for (int i = 0; i < CM_FIGURES; i++)
		types[CM_BEFORE_FIGURES + i] = INT8ARRAYOID;
	namestrcpy(&role, GetUserNameFromId(GetUserId(), false));
	namestrcpy(&server, run->server->name);
	values[0] = Int64GetDatum(run->number);
	values[1] = NameGetDatum(&role);
	values[2] = NameGetDatum(&server);
	values[3] = CStringGetTextDatum(run->server->deployment);
	values[4] = TimestampTzGetDatum(run->started);
	values[5] = TimestampTzGetDatum(run->started + run->total.elapsed);
	values[6] = CStringGetTextDatum(run->purpose == CM_PURPOSE_IMPORT ?
									"import" : "mutation");
	values[7] = CStringGetTextDatum(run->mode ? run->mode : "");
	name_tables(tallies, &values[8], &values[9]);
	make_figures(tallies, &values[CM_BEFORE_FIGURES]);
	cm_ours_execute(&history->rows, insert_statement(history), SPI_OK_INSERT,
					 lengthof(types), types, values);
	forget(history, values[2]);
}

/* What a run that fails leaves in Convex, or NULL: nothing. */
static char *
left_in_convex(CmRun *run)
{
	if (run->purpose != CM_PURPOSE_IMPORT)
		return cm_report_what_is_in(run);
	return run->stage == CM_IMPORT_STAGE_PREPARED || run->stage == CM_IMPORT_STAGE_REFUSED ? NULL :
		psprintf("An import of %s documents, %s.",
				 cm_text_figure(run->total.documents), cm_run_stage(run));
}

/*
 * A LOG line with what a run that failed has left in Convex, if anything:
 * convex_runs does not have it.
 */
void
cm_history_log_failure(CmRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	char	   *left = left_in_convex(run);

	if (left != NULL)
		ereport(LOG,
				(errmsg("convex_migrate() into deployment \"%s\" failed after %s; what is in Convex stays there",
						run->server->deployment,
						cm_text_duration((GetCurrentTimestamp() - run->started) / (double) USECS_PER_SEC)),
				 errdetail("%s", left)));
	MemoryContextSwitchTo(old);
}
