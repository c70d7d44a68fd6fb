/*-------------------------------------------------------------------------
 *
 * planning.c
 *	  Queries over users' tables: planned with the caller's search_path, and
 *	  executed under the eyes of trust.c.
 *
 * What a statement of ours means is settled under the pinned search_path, and
 * it is executed under that. But the planner also looks at expressions that
 * belong to the tables, of indexes, extended statistics, partitions and
 * generated columns, and puts the body of an SQL function in its place there.
 * Such bodies often name others without a schema, which every other query of
 * the caller finds. So for the time of planning alone the caller has its own
 * search_path back: by a hook around PostgreSQL's planner that is there while
 * one plan is made.
 *
 * The caller's own SELECT from the table does the same, but executes whatever
 * there is; here trust.c looks at each function before.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "utils/guc.h"

/* The hook that ours stands in front of; meaningful while ours is set. */
static planner_hook_type next_hook = NULL;

/*
 * Plan a query with the caller's search_path. This is for the plan that was
 * asked for only: queries of functions that are evaluated meanwhile are their
 * own affair, so the hook is taken away first.
 */
static PlannedStmt *
plan_as_caller(Query *query, const char *text, int cursor_options,
			   ParamListInfo parameters)
{
	PlannedStmt *plan;
	int			nestlevel = NewGUCNestLevel();

	planner_hook = next_hook;
	(void) set_config_option("search_path", cm_session_caller_path(),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	plan = planner(query, text, cursor_options, parameters);
	AtEOXact_GUC(true, nestlevel);
	return plan;
}

/* From now on the next query to be planned is planned so, and what it calls is
 * looked at. */
static void
set_hooks(void)
{
	cm_trust_begin();
	next_hook = planner_hook;
	planner_hook = plan_as_caller;
}

/* The end of that. */
static void
take_hooks_away(void)
{
	planner_hook = next_hook;
	cm_trust_end();
}

/*
 * SPI_cursor_open() for reading, except that the query is planned, if that is
 * done now, with the caller's search_path.
 */
Portal
cm_planning_open_cursor(SPIPlanPtr plan, Datum *values)
{
	Portal volatile portal;

	set_hooks();
	PG_TRY();
	{
		portal = SPI_cursor_open(NULL, plan, values, NULL, true);
	}
	PG_FINALLY();
	{
		take_hooks_away();
	}
	PG_END_TRY();
	return portal;
}

/* SPI_cursor_fetch(), forward, of such a cursor. */
void
cm_planning_fetch(Portal portal, int most)
{
	cm_trust_begin();
	PG_TRY();
	{
		SPI_cursor_fetch(portal, true, most);
	}
	PG_FINALLY();
	{
		cm_trust_end();
	}
	PG_END_TRY();
}

/* SPI_execute_plan(), as cm_planning_open_cursor(). */
int
cm_planning_execute(SPIPlanPtr plan, Datum *values, bool read_only)
{
	volatile int code;

	set_hooks();
	PG_TRY();
	{
		code = SPI_execute_plan(plan, values, NULL, read_only, 0);
	}
	PG_FINALLY();
	{
		take_hooks_away();
	}
	PG_END_TRY();
	return code;
}
