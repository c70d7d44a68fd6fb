/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The caller's session: settings that are pinned for a run.
 *
 * The text that PostgreSQL prints for a value depends on settings that the
 * caller may have changed, as does the meaning of the SQL that is run.
 * cm_session_pin() sets them in a GUC nest level, cm_session_unpin() ends it.
 * An ERROR between the two undoes the level with the (sub)transaction, so
 * there is nothing to clean up.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "utils/guc.h"
#include "utils/memutils.h"

/* What is pinned, and to what. */
static const struct
{
	const char *name;
	const char *value;			/* NULL: the session's reset value */
}			pinned_settings[] =
{
	/* names in our SQL mean PostgreSQL's own objects; pg_temp, unless it is
	 * named, would come first */
	{"search_path", "pg_catalog, pg_temp"},
	/* texts of values: the same in every session */
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "iso_8601"},
	{"TimeZone", "UTC"},
	{"extra_float_digits", "3"},
	{"bytea_output", "hex"},
	{"lc_monetary", NULL},
	/* how string literals in our SQL are read */
	{"standard_conforming_strings", "on"},
	/* compiling costs more than it gives for queries that wait for HTTP */
	{"jit", "off"},
	/* rows must never be left out silently: guard.c refuses first */
	{"row_security", "off"},
};

/*
 * The search_path that the session had when it was pinned last. It outlives an
 * ERROR, and is freed when the next one is kept.
 */
static char *caller_path = NULL;

/* Keep the search_path that the session has now. */
static void
keep_caller_path(void)
{
	char	   *previous = caller_path;

	caller_path = MemoryContextStrdup(TopMemoryContext,
									  GetConfigOption("search_path", false, false));
	if (previous != NULL)
		pfree(previous);
}

/* The search_path of the caller, whose session is pinned. */
const char *
cm_session_caller_path(void)
{
	Assert(caller_path != NULL);
	return caller_path;
}

/* Pin the settings; the result is for cm_session_unpin(). */
int
cm_session_pin(void)
{
	int			nestlevel = NewGUCNestLevel();

	keep_caller_path();
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
