/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The caller's session: settings pinned for a run, SPI, and arrays for
 *	  its parameters.
 *
 * Whatever text PostgreSQL prints while a run encodes rows depends on
 * settings that the caller may have changed. cm_session_pin() sets them in a
 * GUC nest level; an ERROR undoes that level with the (sub)transaction, so
 * there is nothing to clean up.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"

/* What is pinned, and to what. */
static const struct
{
	const char *name;
	const char *value;			/* NULL: the session's reset value */
}			pinned_settings[] =
{
	{"search_path", "pg_catalog, pg_temp"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "iso_8601"},
	{"TimeZone", "UTC"},
	{"extra_float_digits", "3"},
	{"bytea_output", "hex"},
	{"lc_monetary", NULL},
	{"standard_conforming_strings", "on"},
	/* compiling costs more than it gives for queries that wait for HTTP */
	{"jit", "off"},
	/* rows must never be left out silently: guard.c refuses first */
	{"row_security", "off"},
};

/* Pin the settings; the result is for cm_session_unpin(). */
int
cm_session_pin(void)
{
	int			nestlevel = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(pinned_settings); i++)
	{
		const char *value = pinned_settings[i].value;

		if (value == NULL)
			value = GetConfigOptionResetString(pinned_settings[i].name);
		(void) set_config_option(pinned_settings[i].name, value,
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	return nestlevel;
}

/* Give the session its own settings back. */
void
cm_session_unpin(int nestlevel)
{
	AtEOXact_GUC(true, nestlevel);
}

/* schema.name, quoted for SQL. */
char *
cm_qualified_name(const char *schema, const char *name)
{
	return quote_qualified_identifier(schema, name);
}

/* Owner of a relation. */
Oid
cm_relation_owner(Oid relid)
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
cm_text_array(List *texts)
{
	Datum	   *elements = palloc((list_length(texts) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, texts)
		elements[n++] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* An oid[] of the relations of a list of CmTable; palloc'd. */
Datum
cm_relid_array(List *tables)
{
	Datum	   *elements = palloc((list_length(tables) + 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, tables)
		elements[n++] = ObjectIdGetDatum(((CmTable *) lfirst(lc))->relid);
	return PointerGetDatum(construct_array(elements, n, OIDOID, sizeof(Oid),
										   true, TYPALIGN_INT));
}
