/*-------------------------------------------------------------------------
 *
 * spi.c
 *	  SPI: statements of ours, their results, and arrays for their parameters.
 *
 * Everything runs inside SPI_connect(). SPI's own functions switch to a context
 * that lives until SPI_finish(); these leave the current memory context alone.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

/* Owner of a relation. */
Oid
cm_spi_relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Require the result code of an SPI call (SPI_OK_...). */
static void
require_code(int code, int expected, const char *what)
{
	if (code != expected)
		elog(ERROR, "SPI returned %s, not %s, for: %s",
			 SPI_result_code_string(code), SPI_result_code_string(expected),
			 what);
}

/*
 * Run one statement with parameters (none: nargs 0) and require its result
 * code. Returns the number of rows; a result set is in SPI_tuptable. Unlike
 * SPI's own functions, which switch to a context that lives until
 * SPI_finish(), this one leaves the current memory context alone.
 */
uint64
cm_spi_execute(const char *sql, int expected, bool read_only, int nargs,
			   Oid *types, Datum *values)
{
	MemoryContext context = CurrentMemoryContext;

	require_code(SPI_execute_with_args(sql, nargs, types, values, NULL,
									   read_only, 0),
				 expected, sql);
	MemoryContextSwitchTo(context);
	return SPI_processed;
}

/*
 * The same with the rights of another role: that of the extension's own
 * tables, which are granted to nobody. The statement must be ours alone.
 */
void
cm_spi_execute_as(Oid role, const char *sql, int expected, int nargs,
				  Oid *types, Datum *values)
{
	Oid			caller;
	int			security_context;

	GetUserIdAndSecContext(&caller, &security_context);
	SetUserIdAndSecContext(role,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	(void) cm_spi_execute(sql, expected, false, nargs, types, values);
	SetUserIdAndSecContext(caller, security_context);
}

/* A plan for a statement with parameters (none: nargs 0). */
SPIPlanPtr
cm_spi_prepare(const char *sql, int nargs, Oid *types)
{
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

	MemoryContextSwitchTo(context);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * A read-only cursor over the plan, with values for its parameters, none of
 * them null. It reads with the snapshot that is active now.
 */
Portal
cm_spi_open_cursor(SPIPlanPtr plan, Datum *values)
{
	MemoryContext context = CurrentMemoryContext;
	Portal		portal = SPI_cursor_open(NULL, plan, values, NULL, true);

	MemoryContextSwitchTo(context);
	return portal;
}

/* The cursor's next rows, at most so many; the caller frees them. */
SPITupleTable *
cm_spi_fetch(Portal portal, int most)
{
	MemoryContext context = CurrentMemoryContext;

	SPI_cursor_fetch(portal, true, most);
	MemoryContextSwitchTo(context);
	return SPI_tuptable;
}

/* A column of a row of SPI_tuptable that is never null. */
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
