/*-------------------------------------------------------------------------
 *
 * rejects.c
 *	  Rows that could not be migrated: what convex_rejects shows.
 *
 * The table behind the view is one of ours.c. Rejects, of any tables, are collected and written some hundreds at a time;
 * cm_rejects_flush() before the end, or they are lost. A run removes what an
 * earlier one left on the same tables.
 *
 *-------------------------------------------------------------------------
 */
#include "run/ours.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Rejects that are collected before they are written. */
#define CM_REJECTS_AT_ONCE 500

/* Longest reason, in bytes, as the documentation says. */
#define CM_MAX_REASON 500

/* How many are kept to be shown when a run fails, which takes the rows back. */
#define CM_FIRST_REJECTS 5

struct CmRejects
{
	MemoryContext context;		/* of what is collected */
	MemoryContext work_context; /* reset after every reject */
	CmServer   *server;
	CmOurs		rows;			/* convex_reject_rows */
	int64		run;			/* number */
	int			count;			/* of those collected */
	Datum		sources[CM_REJECTS_AT_ONCE];
	Datum		keys[CM_REJECTS_AT_ONCE];
	Datum		reasons[CM_REJECTS_AT_ONCE];
	Datum		hints[CM_REJECTS_AT_ONCE];
	bool		no_hint[CM_REJECTS_AT_ONCE];
	int			nfirst;
	StringInfoData first;
};

/*
 * Where this run's rejects are kept; numbers the run. Removes earlier ones of the
 * selected tables. A run that writes nothing keeps the first of them only, to show them.
 * Lives in the current memory context; must run inside SPI.
 */
CmRejects *
cm_rejects_open(CmRun *run)
{
	CmRejects  *rejects = palloc0(sizeof(CmRejects));

	rejects->context = AllocSetContextCreate(CurrentMemoryContext,
											 "convex_migrate rejects",
											 ALLOCSET_DEFAULT_SIZES);
	rejects->work_context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate reject",
												  ALLOCSET_DEFAULT_SIZES);
	rejects->server = run->server;
	initStringInfo(&rejects->first);
	if (!run->writes)
		return rejects;
	rejects->rows = cm_ours_open(run, "convex_reject_rows", RowExclusiveLock);
	rejects->run = run->number = cm_ours_number_run(run);
	cm_ours_forget_tables(&rejects->rows, run);
	return rejects;
}

/* The text of the reason, cut to the longest that is kept. */
static char *
reason_text(const CmReason *reason)
{
	char	   *text = cm_reason_text(reason);
	int			length = strlen(text);
	int			encoding = GetDatabaseEncoding();

	/* what came from Convex is UTF-8 even in a SQL_ASCII database */
	encoding = encoding == PG_SQL_ASCII ? PG_UTF8 : encoding;
	text[Min(length, pg_encoding_mbcliplen(encoding, text, length, CM_MAX_REASON))] = '\0';
	return text;
}

/*
 * A row of the table cannot be migrated. Writes the rejects collected before
 * when there are enough of them.
 */
void
cm_rejects_add(CmRejects *rejects, CmTable *table, const char *key,
			   const CmReason *reason)
{
	MemoryContext old = MemoryContextSwitchTo(rejects->work_context);
	char	   *text = reason_text(reason);
	char	   *hint = cm_remedies_of_reason(rejects->server, table, reason);

	key = cm_utf8_readable(key);
	if (rejects->count == CM_REJECTS_AT_ONCE)
		cm_rejects_flush(rejects);
	if (rejects->nfirst < CM_FIRST_REJECTS)
		appendStringInfo(&rejects->first, "%s%s %s: %s",
						 rejects->nfirst++ > 0 ? "\n" : "", table->name, key,
						 text);
	if (OidIsValid(rejects->rows.relid))
	{
		MemoryContextSwitchTo(rejects->context);
		rejects->sources[rejects->count] = ObjectIdGetDatum(table->relid);
		rejects->keys[rejects->count] = CStringGetTextDatum(key);
		rejects->reasons[rejects->count] = CStringGetTextDatum(text);
		rejects->no_hint[rejects->count] = hint == NULL;
		rejects->hints[rejects->count] = hint ? CStringGetTextDatum(hint) : (Datum) 0;
		rejects->count++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(rejects->work_context);
}

/* Write what was collected. */
void
cm_rejects_flush(CmRejects *rejects)
{
	Oid			types[] = {NAMEOID, OIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, OIDOID, INT8OID, TEXTARRAYOID};
	Datum		values[7];
	int			lower = 1;
	NameData	server;
	MemoryContext old;

	if (rejects->count == 0)
		return;
	namestrcpy(&server, rejects->server->name);
	old = MemoryContextSwitchTo(rejects->context);
	values[0] = NameGetDatum(&server);
	values[1] = PointerGetDatum(construct_array(rejects->sources, rejects->count,
												OIDOID, sizeof(Oid), true,
												TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(rejects->keys, rejects->count,
												TEXTOID, -1, false, TYPALIGN_INT));
	values[3] = PointerGetDatum(construct_array(rejects->reasons, rejects->count,
												TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = ObjectIdGetDatum(GetUserId());
	values[5] = Int64GetDatum(rejects->run);
	values[6] = PointerGetDatum(construct_md_array(rejects->hints, rejects->no_hint,
												   1, &rejects->count, &lower,
												   TEXTOID, -1, false, TYPALIGN_INT));
	cm_ours_execute(&rejects->rows,
					psprintf("INSERT INTO %s (server, source, key, reason, hint, role, run)"
							   " SELECT $1, u.s, u.k, u.r, u.h, $5, $6"
							   " FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3),"
							   " pg_catalog.unnest($4), pg_catalog.unnest($7)) AS u(s, k, r, h)",
							   cm_text_relation_name(rejects->rows.relid)),
					  SPI_OK_INSERT, 7, types, values);
	rejects->count = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(rejects->context);
}

/* The first rejects of the run, a line each, or NULL; for its last words. */
char *
cm_rejects_first(CmRejects *rejects)
{
	return rejects->nfirst > 0 ? rejects->first.data : NULL;
}
