/*-------------------------------------------------------------------------
 *
 * numbers.c
 *	  The numbers of Convex tables, which the ids of their documents have.
 *
 * The deployment knows them: a schema that is deployed gives every table one. An
 * import may bring numbers for tables that are not there, and a file may be made
 * for a deployment that cannot be reached; then they are what the server would
 * choose itself, from 10001 on in alphabetical order (crates/database/src/
 * bootstrap_model/table.rs).
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "utils/memutils.h"

/* The first number of a table that is not the server's own. */
#define CM_FIRST_NUMBER 10001

/* Entries of the answer at most: more tables are not told. */
#define CM_MOST_NUMBERS 1000

/* Tables that a WARNING names. */
#define CM_SHOWN_TABLES 5

/* What the deployment answered. */
typedef struct CmTold
{
	bool		told;
	List	   *numbers;		/* CmNumber * */
	char	   *why_not;		/* a sentence */
} CmTold;

/* What the deployment is called, for people. */
static const char *
deployment_name(CmServer *server)
{
	return server->deployment ? server->deployment : server->url;
}

/* Ask the deployment, over the connections of the run. */
static CmTold
ask_numbers(CmRun *run)
{
	CmTold		told = {.told = false};
	CmRequest	request;
	CmAnswer	answer;

	if (!cm_preflight_reach(run, &answer))
	{
		told.why_not = psprintf("It cannot be reached: %s.", answer.message);
		return told;
	}
	cm_preflight_identify(run);
	cm_preflight_query(run, "_system/frontend/getTableMapping", &request, &answer);
	told.told = answer.outcome == CM_OUTCOME_SUCCESS;
	if (told.told)
		told.numbers = cm_deployed_read_numbers(request.answer,
												request.answer_length);
	else
		told.why_not = "It does not tell them, or not with this deploy key.";
	cm_http_release(&request);
	return told;
}

/* Ask the deployment, if there is a key for it; the connections are closed
 * again. */
static CmTold
find_out(CmRun *run)
{
	MemoryContext context;
	CmTold		told = {.told = false};

	if (!cm_deploykey_is_there(run->server))
	{
		told.why_not = "There is no user mapping with a deploy key.";
		return told;
	}
	context = AllocSetContextCreate(run->context, "convex_migrate questions",
									ALLOCSET_DEFAULT_SIZES);
	cm_deploykey_load(run->server);
	run->http = cm_call_connect(context, run->server);
	run->pace = cm_pace_create(run->server);
	told = ask_numbers(run);
	run->http = NULL;
	run->pace = NULL;
	MemoryContextDelete(context);
	return told;
}

/* For list_sort(): tables by the names of their Convex tables. */
static int
compare_targets(const ListCell *a, const ListCell *b)
{
	return strcmp(((CmTable *) lfirst(a))->target,
				  ((CmTable *) lfirst(b))->target);
}

/* The least number from this one on that no table of the deployment has. */
static uint32
next_free(const List *numbers, uint32 number)
{
	ListCell   *lc;

	foreach(lc, numbers)
	{
		if (((CmNumber *) lfirst(lc))->number == number)
			/* what came before it may be taken by the next one as well */
			return next_free(numbers, number + 1);
	}
	return number;
}

/* Give numbers to tables that have none; all is whether also to those whose
 * number is not needed. Returns the targets that were. */
static List *
give_numbers(CmRun *run, List *tables, const List *taken, bool all)
{
	List	   *given = NIL;
	List	   *needed = cm_table_with_parents(run->catalog);
	uint32		next = CM_FIRST_NUMBER;
	ListCell   *lc;

	foreach(lc, tables)
	{
		CmTable    *table = lfirst(lc);

		if (!table->configured || table->number != 0 ||
			!(all || list_member_ptr(needed, table)))
			continue;
		table->number = next_free(taken, next);
		next = table->number + 1;
		given = lappend(given, table->target);
	}
	return given;
}

/* Take the numbers that the deployment told. */
static void
take_numbers(List *tables, List *numbers)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		CmTable    *table = lfirst(lc);
		CmNumber   *number = cm_text_find_named(numbers, table->target);

		if (number != NULL && table->configured)
			table->number = number->number;
	}
}

/* The first of the names, in quotes. */
static char *
some_names(const List *names)
{
	List	   *some = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		if (list_length(some) == CM_SHOWN_TABLES)
			return psprintf("%s, and %d more", cm_text_join(some, ", "),
							list_length(names) - CM_SHOWN_TABLES);
		some = lappend(some, psprintf("\"%s\"", (char *) lfirst(lc)));
	}
	return cm_text_join(some, ", ");
}

/* WARNING that no number is known. */
static void
warn_not_told(CmRun *run, const CmTold *told)
{
	ereport(WARNING,
			(errmsg("the numbers of the tables of deployment \"%s\" are not known",
					deployment_name(run->server)),
			 errdetail("%s The tables are numbered from %d on in alphabetical order, as those of a deployment that has no others. One that has may refuse the file, or take documents for those of another table.",
					   told->why_not, CM_FIRST_NUMBER),
			 errhint("Export again when the deployment can be asked.")));
}

/* ERROR when the deployment may have these tables, but has so many that it does not
 * tell. */
static void
fail_too_many(CmRun *run, const List *numbers, const List *names)
{
	if (list_length(numbers) >= CM_MOST_NUMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("deployment \"%s\" has too many tables to tell their numbers",
						deployment_name(run->server)),
				 errdetail("Convex tells those of %d, the server's own included; not among them: %s.",
						   CM_MOST_NUMBERS, some_names(names))));
}

/* WARNING, or ERROR, that the deployment does not have these tables. */
static void
warn_not_deployed(CmRun *run, const CmTold *told, const List *names)
{
	fail_too_many(run, told->numbers, names);
	ereport(WARNING,
			(errmsg("tables are not deployed in deployment \"%s\"",
					deployment_name(run->server)),
			 errdetail("They get numbers that are free now: %s.", some_names(names)),
			 errhint("Deploy convex/schema.ts first, then export again: tables that only an import makes have no indexes.")));
}

/*
 * Give every table that ids are computed for the number that the deployment told (a list
 * of CmNumber *): ERROR when it has told none, since a table that only an import makes
 * has no indexes.
 */
void
cm_numbers_require(CmRun *run, List *numbers)
{
	List	   *missing = NIL;
	ListCell   *lc;

	take_numbers(run->catalog->tables, numbers);
	foreach(lc, cm_table_with_parents(run->catalog))
	{
		CmTable    *table = lfirst(lc);

		if (table->number == 0)
			missing = lappend(missing, table->target);
	}
	if (missing == NIL)
		return;
	fail_too_many(run, numbers, missing);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("tables are not deployed in deployment \"%s\"",
					deployment_name(run->server)),
			 errdetail("%s. Tables that only an import makes have no indexes.",
					   some_names(missing)),
			 errhint("Write convex/schema.ts by convex_schema(), then run \"%s\"; or leave tables out with the parameter \"tables\"." CM_HINT_NEW_FILE,
					 run->server->deploy_command)));
}

/*
 * Give every table that ids are computed for its number. Returns whether all are
 * those that the deployment has; WARNING otherwise. Inside SPI.
 */
bool
cm_numbers_find(CmRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	CmTold		told = find_out(run);
	List	   *tables = list_copy(run->catalog->tables);
	List	   *given;

	list_sort(tables, compare_targets);
	take_numbers(tables, told.numbers);
	given = give_numbers(run, tables, told.numbers, !told.told);
	MemoryContextSwitchTo(old);
	if (!told.told)
		warn_not_told(run, &told);
	else if (given != NIL)
		warn_not_deployed(run, &told, given);
	return told.told && given == NIL;
}
