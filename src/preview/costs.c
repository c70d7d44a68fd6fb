/*-------------------------------------------------------------------------
 *
 * costs.c
 *	  What a migration takes of Convex's free plan, for convex_check().
 *
 * An estimate: documents, an index by the old key and one for each reference,
 * each of them billed as a copy of the table. The first run writes all of that;
 * another reads each document, to find it and to compare it, and what has changed
 * once more.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

/* What the free plan includes: npm-packages/docs, production/state/limits. */
#define CM_FREE_STORAGE (INT64CONST(512) * 1024 * 1024)
#define CM_FREE_IO (INT64CONST(1024) * 1024 * 1024)
#define CM_FREE_CALLS INT64CONST(1000000)

/* Count a row that can be migrated; size: of its document. */
void
cm_costs_add_row(CmCosts *costs, const CmTable *table, int64 size)
{
	costs->storage += size * (2 + list_length(table->references));
	costs->reads += size;
}

/* Count the calls that send the rows of a table. */
void
cm_costs_add_calls(CmCosts *costs, int64 rows, int batch_rows)
{
	costs->calls += (rows + batch_rows - 1) / batch_rows;
}

/* Note an amount that is half of what the free plan includes, or more. */
static void
check_amount(CmProblems *problems, const char *code, int64 amount,
			 int64 included, const char *what)
{
	if (amount >= included / 2)
		cm_problems_add(problems, "warning", NULL, NULL, code,
						psprintf("About " INT64_FORMAT " %s, %d %% of what the free plan of Convex includes.",
								 amount, what, (int) (amount * 100.0 / included)));
}

/* Note what takes much of the free plan. */
void
cm_costs_check(const CmCosts *costs, CmProblems *problems)
{
	check_amount(problems, "plan_storage", costs->storage, CM_FREE_STORAGE,
				 "bytes of storage, indexes included");
	check_amount(problems, "plan_io_first", costs->storage, CM_FREE_IO,
				 "bytes of database I/O in the first run");
	check_amount(problems, "plan_io_again", costs->reads, CM_FREE_IO,
				 "bytes of database I/O in a further run without changes");
	check_amount(problems, "plan_calls", costs->calls, CM_FREE_CALLS,
				 "function calls in every run");
}
