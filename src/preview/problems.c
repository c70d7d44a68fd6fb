/*-------------------------------------------------------------------------
 *
 * problems.c
 *	  The result of convex_check(): problems, collected, ordered, put out.
 *
 * The result must not depend on where rows are stored or when a problem is
 * found, so all problems are kept until the last one is known; their number
 * grows with tables and columns, not with rows.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

/* Columns of the result of convex_check(). */
#define CM_CHECK_COLUMNS 7

/*
 * Note a problem, by default one that is not a matter of rows. table and column
 * may be NULL; the texts are copied into the list's context, but for severity
 * and code. Returns it.
 */
CmProblem *
cm_problems_add(CmProblems *problems, const char *severity, CmTable *table,
				const char *column, const char *code, const char *hint)
{
	MemoryContext old = MemoryContextSwitchTo(problems->context);
	CmProblem  *problem = palloc0(sizeof(CmProblem));

	problem->severity = severity;
	problem->table = table;
	problem->column = column ? pstrdup(column) : NULL;
	problem->code = code;
	problem->rows = -1;
	problem->hint = pstrdup(hint);
	problems->list = lappend(problems->list, problem);
	MemoryContextSwitchTo(old);
	return problem;
}

/* Order of two texts, NULL as an empty one. */
static int
compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Order of the result: by table, those of the whole last, then by code, column
 * and hint. */
static int
compare_problems(const ListCell *a, const ListCell *b)
{
	const CmProblem *left = lfirst(a);
	const CmProblem *right = lfirst(b);
	int			order;

	if (left->table != right->table)
	{
		if (left->table == NULL || right->table == NULL)
			return left->table == NULL ? 1 : -1;
		return left->table->position < right->table->position ? -1 : 1;
	}
	order = strcmp(left->code, right->code);
	if (order == 0)
		order = compare_texts(left->column, right->column);
	return order != 0 ? order : strcmp(left->hint, right->hint);
}

/* Put a problem into the result. */
static void
put_problem(ReturnSetInfo *rsinfo, CmProblem *problem)
{
	Datum		values[CM_CHECK_COLUMNS] = {0};
	bool		nulls[CM_CHECK_COLUMNS] = {0};
	int			i = 0;

	values[i++] = CStringGetTextDatum(problem->severity);
	nulls[i] = problem->table == NULL;
	values[i++] = ObjectIdGetDatum(problem->table ? problem->table->relid : InvalidOid);
	nulls[i] = problem->column == NULL;
	values[i++] = CStringGetTextDatum(problem->column ? problem->column : "");
	values[i++] = CStringGetTextDatum(problem->code);
	nulls[i] = problem->rows < 0;
	values[i++] = Int64GetDatum(problem->rows);
	nulls[i] = problem->example == NULL;
	values[i++] = CStringGetTextDatum(problem->example ? problem->example : "");
	values[i++] = CStringGetTextDatum(problem->hint);
	Assert(i == CM_CHECK_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Put all problems, in their order, into the result of rsinfo, which must be
 * ready for it. */
void
cm_problems_put(CmProblems *problems, ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	list_sort(problems->list, compare_problems);
	foreach(lc, problems->list)
		put_problem(rsinfo, lfirst(lc));
}
