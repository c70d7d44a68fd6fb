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
#include "base/base.h"

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
