/*-------------------------------------------------------------------------
 *
 * filter.c
 *	  convex_tables.filter: an SQL expression of the user that chooses rows.
 *
 * It stands between parentheses in queries of ours, so it must be one
 * expression and no more: that is decided by PostgreSQL's own grammar, when
 * the choice is applied (cm_filter_check). Whether it is a condition over the
 * columns of its table is found out by planning a query with it, when those
 * are known (cm_filter_try). The position of an ERROR in either is one in the
 * filter, not in the caller's query.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

/* What an error in a filter is reported with. */
typedef struct CmFilterError
{
	CmTable    *table;
	const char *filter;
} CmFilterError;

/* Error callback: say that the error is in the filter, and where in it. */
static void
on_filter_error(void *arg)
{
	CmFilterError *error = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(error->filter);
	}
	errcontext("filter of table \"%s\" in convex_tables", error->table->name);
}

/* Whether what the grammar makes of "SELECT ..." is a list of one expression
 * without a name, and nothing that may follow it in a SELECT. */
static bool
is_one_expression(List *trees)
{
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, trees)->stmt;

	return list_length(trees) == 1 && IsA(select, SelectStmt) &&
		list_length(select->targetList) == 1 &&
		linitial_node(ResTarget, select->targetList)->name == NULL &&
		select->distinctClause == NIL && select->fromClause == NIL &&
		select->whereClause == NULL && select->groupClause == NIL &&
		select->havingClause == NULL && select->windowClause == NIL &&
		select->sortClause == NIL && select->limitOffset == NULL &&
		select->limitCount == NULL && select->lockingClause == NIL &&
		select->op == SETOP_NONE;
}

/* ERROR unless the filter chosen for the table is one SQL expression. */
void
cm_filter_check(CmTable *table, const char *filter)
{
	CmFilterError error = {table, filter};
	ErrorContextCallback callback = {error_context_stack, on_filter_error, &error};

	error_context_stack = &callback;
	if (!is_one_expression(raw_parser(filter, RAW_PARSE_PLPGSQL_EXPR)))
		cm_choices_invalid(table, "convex_tables.filter",
						   "A filter is one SQL expression.");
	error_context_stack = callback.previous;
}

/*
 * Plan a query that reads the table, and forget it. What the filter uses is
 * kept: it is a name that its author wrote, and must not mean anything else
 * when the rows are read.
 */
static void
plan_query(CmTable *table)
{
	SPIPlanPtr	plan = cm_spi_prepare_unvetted(psprintf("SELECT FROM %s AS t",
														cm_table_from(table)));
	CmAllowed  *uses = cm_vet_create();

	cm_vet_collect(plan, uses);
	cm_vet_require(uses, RelationRelationId, table->relid);
	table->filter_uses = table->filter != NULL ? uses : NULL;
	SPI_freeplan(plan);
}

/*
 * ERROR when the filter of a selected table is not a condition over it, before
 * rows are sent. Planning it also locks the tables that a filter or a view
 * reads, which a run needs before it takes its snapshot. Inside SPI.
 */
void
cm_filter_try(CmTable *table)
{
	CmFilterError error = {table, table->filter};
	ErrorContextCallback callback = {error_context_stack, on_filter_error, &error};

	if (!table->selected)
		return;
	if (table->filter != NULL)
	{
		error_context_stack = &callback;
		plan_query(table);
		error_context_stack = callback.previous;
	}
	else if (table->relkind == RELKIND_VIEW)
		plan_query(table);
}
