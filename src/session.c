/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The caller's session: settings pinned for a run, and SPI.
 *
 * Whatever text PostgreSQL prints while a run encodes rows depends on
 * settings that the caller may have changed. cm_session_pin() sets them in a
 * GUC nest level; an ERROR undoes that level with the (sub)transaction, so
 * there is nothing to clean up.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

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

/*
 * Run one statement and require its result code (SPI_OK_…). Returns the
 * number of rows; a result set is in SPI_tuptable.
 */
uint64
cm_spi_execute(const char *sql, int expected, bool read_only)
{
	int			code = SPI_execute(sql, read_only, 0);

	if (code != expected)
		elog(ERROR, "SPI_execute returned %s, not %s, for: %s",
			 SPI_result_code_string(code), SPI_result_code_string(expected),
			 sql);
	return SPI_processed;
}

/*
 * Run one statement with the rights of another role: that of the extension's
 * own tables, which are granted to nobody. The statement must be ours alone.
 */
void
cm_spi_execute_as(Oid role, const char *sql, int expected, int nargs,
				  Oid *types, Datum *values)
{
	Oid			caller;
	int			security_context;
	int			code;

	GetUserIdAndSecContext(&caller, &security_context);
	SetUserIdAndSecContext(role,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	code = SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0);
	SetUserIdAndSecContext(caller, security_context);
	if (code != expected)
		elog(ERROR, "SPI_execute returned %s, not %s, for: %s",
			 SPI_result_code_string(code), SPI_result_code_string(expected),
			 sql);
}
