/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  Which rows convex_retry() sends: those that convex_rejects has, and those that
 *	  point to them.
 *
 * A row that points to one which was rejected went without the reference, or was
 * rejected as well, as option "orphans" says. Now that its parent may go, it is sent
 * again; those that point to this one in turn have its id.
 *
 * All else is a migration of fewer rows: what they point to is asked of the
 * deployment (resolve.c), so that must know its documents by their keys.
 *
 *-------------------------------------------------------------------------
 */
#include "run/ours.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* Keys that are fetched at once. */
#define CM_KEYS_AT_ONCE 1000

/* Add the keys of the next rejects, which are ordered by table; *table is the one of
 * the last. Returns whether there were any. */
static bool
load_next(CmRun *run, Portal portal, CmKeys *keys, CmTable **table)
{
	SPITupleTable *rows = cm_spi_fetch(portal, CM_KEYS_AT_ONCE);
	bool		any = rows->numvals > 0;

	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Oid			source = DatumGetObjectId(cm_spi_value(row, 1));
		char	   *key;

		if (*table != NULL && (*table)->relid != source)
			cm_keys_publish(keys, *table);
		*table = cm_table_find(run->catalog, source);
		key = TextDatumGetCString(cm_spi_value(row, 2));
		cm_keys_add(keys, key);
		pfree(key);
	}
	SPI_freetuptable(rows);
	return any;
}

/* Publish the keys of all rejects of the run's tables; cm_rejects_open() removes
 * them. */
static void
load_rejects(CmRun *run, CmKeys *keys)
{
	CmOurs		rows = cm_ours_open(run, "convex_reject_rows", AccessShareLock);
	Oid			types[] = {NAMEOID, OIDARRAYOID};
	Datum		values[2];
	NameData	server;
	SPIPlanPtr	plan;
	Portal		portal;
	CmTable    *table = NULL;

	namestrcpy(&server, run->server->name);
	values[0] = NameGetDatum(&server);
	values[1] = cm_table_relids(run->catalog->ordered);
	plan = cm_spi_prepare(rows.allowed,
						  psprintf("SELECT r.source::pg_catalog.oid, r.key FROM %s AS r"
								   " WHERE r.server OPERATOR(pg_catalog.=) $1"
								   " AND r.source::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($2)"
								   " ORDER BY 1", cm_text_relation_name(rows.relid)),
						  2, types);
	cm_run_push_snapshot(run);
	portal = cm_spi_open_cursor_as(rows.owner, plan, values);
	PopActiveSnapshot();
	while (load_next(run, portal, keys, &table))
		CHECK_FOR_INTERRUPTS();
	if (table != NULL)
		cm_keys_publish(keys, table);
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
}

/* Add all keys that the query gives to those of the table at hand. */
static void
add_keys(CmRun *run, const CmAllowed *allowed, const char *sql)
{
	cm_run_push_snapshot(run);
	cm_keys_add_all(run->again, allowed, sql);
	PopActiveSnapshot();
}

/* Choose the rows of the table. rejected: the relations with keys of rows that were
 * rejected. */
static void
choose_rows(CmRun *run, CmTable *table, char **rejected)
{
	CmAllowed  *nothing = cm_vet_create();
	ListCell   *lc;

	if (rejected[table->position] != NULL)
		add_keys(run, nothing,
				 psprintf("SELECT k.key FROM %s AS k", rejected[table->position]));
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		CmTable    *parent = reference->parent;

		if (parent->selected && rejected[parent->position] != NULL)
			add_keys(run, cm_chosen_allowed(table, reference),
					 cm_chosen_children(table, reference,
										rejected[parent->position]));
	}
	cm_keys_publish(run->again, table);
}

/* How many of the keys in the relation no row of the table has. */
static int64
count_gone(CmRun *run, CmTable *table, const char *keys)
{
	CmQueryOptions options = {.ids = CM_IDS_NONE};
	int64		gone;

	cm_run_push_snapshot(run);
	cm_spi_execute_over(cm_query_allowed(table, &options),
						psprintf("SELECT pg_catalog.count(*) FROM (%s) AS g",
								 cm_chosen_gone(table, keys)),
						SPI_OK_SELECT, true, 0, NULL, NULL);
	PopActiveSnapshot();
	gone = DatumGetInt64(cm_spi_value(0, 1));
	SPI_freetuptable(SPI_tuptable);
	return gone;
}

/* NOTICE of rejects that leave convex_rejects though no row is sent for them. */
static void
report_gone(CmRun *run, CmTable *table, const char *keys)
{
	int64		gone = count_gone(run, table, keys);

	if (gone > 0)
		ereport(NOTICE,
				(errmsg("%s: %s of the rows in convex_rejects are not there any more",
						table->name, cm_text_figure(gone)),
				 errdetail("They were deleted, have another key now, or are left out by a filter. They leave convex_rejects.")));
}

/*
 * Choose the rows of a run that sends rejected ones again, before anything is sent.
 * Returns false when there are none: convex_rejects has no row of the run's tables.
 */
bool
cm_retry_choose(CmRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	CmKeys	   *keys = cm_keys_create(run->catalog, "convex_rejected");
	char	  **rejected = cm_keys_names(keys);
	bool		any = false;
	ListCell   *lc;

	run->again = cm_keys_create(run->catalog, "convex_again");
	load_rejects(run, keys);
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (rejected[table->position] != NULL)
		{
			any = true;
			report_gone(run, table, rejected[table->position]);
		}
		choose_rows(run, table, rejected);
	}
	run->chosen = cm_keys_names(run->again);
	cm_keys_end(keys);
	MemoryContextSwitchTo(old);
	return any;
}
