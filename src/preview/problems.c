/*-------------------------------------------------------------------------
 *
 * problems.c
 *	  The result of convex_check(): problems, collected, ordered, put out.
 *
 * The result must not depend on where rows are stored or when a problem is
 * found, so all problems are kept until the last one is known; their number
 * grows with tables and columns, not with rows. Errors come first. A kind of
 * warning or information that is there for very many tables is one line, so that
 * nothing is lost behind it.
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

/* Lines of one kind before they become one, and how many places that names. */
#define CM_MAX_OF_A_KIND 20
#define CM_SHOWN_TABLES 5

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

/* Order of severities. */
static int
severity_rank(const CmProblem *problem)
{
	return strcmp(problem->severity, "error") == 0 ? 0 :
		strcmp(problem->severity, "warning") == 0 ? 1 : 2;
}

/* Order of the result: by severity, then by table, those of the whole last, then
 * by code, column and hint. */
static int
compare_problems(const ListCell *a, const ListCell *b)
{
	const CmProblem *left = lfirst(a);
	const CmProblem *right = lfirst(b);
	int			order = severity_rank(left) - severity_rank(right);

	if (order != 0)
		return order;
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

/* Problems of one kind, of which lines of a result can become one. */
typedef struct CmProblemKind
{
	CmProblem  *first;
	List	   *problems;		/* CmProblem * */
} CmProblemKind;

/* The kind that the problem is of, added to the list where it is the first;
 * NULL: it stays a line of its own, as an error does, and what is about rows or
 * has a statement to be pasted. */
static CmProblemKind *
kind_of_problem(List **kinds, CmProblem *problem)
{
	CmProblemKind *kind;
	ListCell   *lc;

	if (problem->table == NULL || problem->rows >= 0 || problem->alone ||
		severity_rank(problem) == 0)
		return NULL;
	foreach(lc, *kinds)
	{
		kind = lfirst(lc);
		if (strcmp(problem->code, kind->first->code) == 0 &&
			severity_rank(problem) == severity_rank(kind->first))
			return kind;
	}
	kind = palloc0(sizeof(CmProblemKind));
	kind->first = problem;
	*kinds = lappend(*kinds, kind);
	return kind;
}

/* Make the first problem one line for all of its kind: how many, where the first
 * ones are, and the hint for the first. */
static void
merge_into(CmProblem *first, List *problems)
{
	StringInfoData hint;
	ListCell   *lc;

	initStringInfo(&hint);
	appendStringInfo(&hint, "%d times: ", list_length(problems));
	foreach(lc, problems)
	{
		CmProblem  *problem = lfirst(lc);

		if (foreach_current_index(lc) == CM_SHOWN_TABLES)
		{
			appendStringInfo(&hint, " and %d more",
							 list_length(problems) - CM_SHOWN_TABLES);
			break;
		}
		appendStringInfo(&hint, "%s%s%s%s",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 problem->table->name, problem->column ? "." : "",
						 problem->column ? problem->column : "");
	}
	appendStringInfo(&hint, ". The first: %s", first->hint);
	first->hint = hint.data;
	first->table = NULL;
	first->column = NULL;
}

/* The sorted problems, where a kind that is there too often is one line. */
static List *
merge_problems(List *problems)
{
	List	   *kinds = NIL;
	List	   *merged = NIL;
	ListCell   *lc;

	foreach(lc, problems)
	{
		CmProblemKind *kind = kind_of_problem(&kinds, lfirst(lc));

		if (kind != NULL)
			kind->problems = lappend(kind->problems, lfirst(lc));
		else
			merged = lappend(merged, lfirst(lc));
	}
	foreach(lc, kinds)
	{
		CmProblemKind *kind = lfirst(lc);

		if (list_length(kind->problems) <= CM_MAX_OF_A_KIND)
		{
			merged = list_concat(merged, kind->problems);
			continue;
		}
		merge_into(kind->first, kind->problems);
		merged = lappend(merged, kind->first);
	}
	return merged;
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

	list_sort(problems->list, compare_problems);	/* the first is the example */
	problems->list = merge_problems(problems->list);
	list_sort(problems->list, compare_problems);
	foreach(lc, problems->list)
		put_problem(rsinfo, lfirst(lc));
}
