/*-------------------------------------------------------------------------
 *
 * spi.c
 *	  SPI: statements of ours, their results, and arrays for their parameters.
 *
 * Everything runs inside SPI_connect(). SPI's own functions switch to a
 * context that lives until SPI_finish(); these leave the current memory
 * context alone. Rows that are fetched live until SPI_finish() as well,
 * however many: whoever asks for them calls SPI_freetuptable() when it has
 * read them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Require the result code of an SPI call (SPI_OK_...); what: the statement. */
static void
require_code(int code, int expected, const char *what)
{
	if (code != expected)
		elog(ERROR, "SPI returned %s, not %s, for: %s",
			 SPI_result_code_string(code), SPI_result_code_string(expected),
			 what);
}

/* SPI_prepare(), which leaves the current memory context alone. */
static SPIPlanPtr
prepare(const char *sql, int nargs, Oid *types)
{
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

	MemoryContextSwitchTo(context);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* A plan for a statement that uses what a user wrote: the caller vets it. */
SPIPlanPtr
cm_spi_prepare_unvetted(const char *sql)
{
	return prepare(sql, 0, NULL);
}

/*
 * A plan for a statement with parameters (none: nargs 0), until SPI_finish().
 * ERROR when it uses anything but PostgreSQL's own objects and those that are
 * allowed (NULL: none are).
 */
SPIPlanPtr
cm_spi_prepare(const CmAllowed *allowed, const char *sql, int nargs,
			   Oid *types)
{
	SPIPlanPtr	plan = prepare(sql, nargs, types);

	cm_vet_plan(plan, allowed);
	return plan;
}

/*
 * Execute a plan to its end, with values for its parameters, none of them null,
 * and require its result code. over_tables: it is one over users' tables.
 */
static void
execute(SPIPlanPtr plan, bool over_tables, Datum *values, bool read_only,
		int expected, const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	int			code = over_tables ?
		cm_planning_execute(plan, values, read_only) :
		SPI_execute_plan(plan, values, NULL, read_only, 0);

	MemoryContextSwitchTo(context);
	require_code(code, expected, sql);
}

/*
 * Run one statement with parameters (none: nargs 0), which are not null, and
 * require its result code. Returns the number of rows; a result set is in
 * SPI_tuptable. allowed: see cm_spi_prepare().
 */
uint64
cm_spi_execute_over(const CmAllowed *allowed, const char *sql, int expected,
					bool read_only, int nargs, Oid *types, Datum *values)
{
	SPIPlanPtr	plan = cm_spi_prepare(allowed, sql, nargs, types);

	execute(plan, allowed != NULL, values, read_only, expected, sql);
	SPI_freeplan(plan);
	return SPI_processed;
}

/* The same for a statement over system catalogs alone. */
uint64
cm_spi_execute(const char *sql, int expected, bool read_only, int nargs,
			   Oid *types, Datum *values)
{
	return cm_spi_execute_over(NULL, sql, expected, read_only, nargs, types,
							   values);
}

/*
 * The same with the rights of another role: the owner of the extension's own
 * tables, which are granted to nobody. It has these rights for the execution
 * of the plan alone, after that was vetted. The text of the statement must
 * contain nothing that a user wrote. It returns no rows. An ERROR gives the
 * caller its own rights back with the (sub)transaction.
 */
void
cm_spi_execute_as(Oid role, const CmAllowed *allowed, const char *sql,
				  int expected, int nargs, Oid *types, Datum *values)
{
	SPIPlanPtr	plan = cm_spi_prepare(allowed, sql, nargs, types);
	Oid			caller;
	int			security_context;

	GetUserIdAndSecContext(&caller, &security_context);
	SetUserIdAndSecContext(role,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	execute(plan, false, values, false, expected, sql);
	SetUserIdAndSecContext(caller, security_context);
	SPI_freeplan(plan);
}

/* Execute a plan that was vetted, with values for its parameters, none of them null,
 * and require its result code; leaves the current memory context alone. */
void
cm_spi_execute_plan(SPIPlanPtr plan, Datum *values, int expected)
{
	execute(plan, false, values, false, expected, "a plan");
}

/*
 * A read-only cursor over the plan, with values for its parameters, none of
 * them null. It reads with the snapshot that is active now. Queries over users'
 * tables are read so: see planning.c.
 */
Portal
cm_spi_open_cursor(SPIPlanPtr plan, Datum *values)
{
	MemoryContext context = CurrentMemoryContext;
	Portal		portal = cm_planning_open_cursor(plan, values);

	MemoryContextSwitchTo(context);
	return portal;
}

/* The same with the rights of another role to what the query reads, as in
 * cm_spi_execute_as(); its functions, PostgreSQL's own, run with the caller's. */
Portal
cm_spi_open_cursor_as(Oid role, SPIPlanPtr plan, Datum *values)
{
	Oid			caller;
	int			security_context;
	Portal		portal;

	GetUserIdAndSecContext(&caller, &security_context);
	SetUserIdAndSecContext(role,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	portal = cm_spi_open_cursor(plan, values);
	SetUserIdAndSecContext(caller, security_context);
	return portal;
}

/* The cursor's next rows, no more than that many; the caller frees them. */
SPITupleTable *
cm_spi_fetch(Portal portal, int most)
{
	MemoryContext context = CurrentMemoryContext;

	cm_planning_fetch(portal, most);
	MemoryContextSwitchTo(context);
	return SPI_tuptable;
}

/* The value of a column, counted from 1, that is never null, in a row of
 * SPI_tuptable; it points into that. */
Datum
cm_spi_value(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row],
									  SPI_tuptable->tupdesc, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d of a query", column);
	return value;
}

/* A text[] of a list of C strings; palloc'd. */
Datum
cm_spi_text_array(List *texts)
{
	Datum	   *elements = palloc((list_length(texts) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, texts)
		elements[n++] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* An oid[] of a list of OIDs; palloc'd. */
Datum
cm_spi_oid_array(List *oids)
{
	Datum	   *elements = palloc((list_length(oids) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, oids)
		elements[n++] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(elements, n, OIDOID, sizeof(Oid),
										   true, TYPALIGN_INT));
}
