/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  Repair: what a verification found is written, or removed.
 *
 * Rows whose document is missing or another are sent as a migration sends them, by
 * their keys, parents before children: convex_found, which is the id map, has the ids
 * of all other rows. Then their deferred references are set. Then documents of rows
 * that are gone are removed, children before parents. What the functions cannot know
 * apart (two documents with one key) stays, and so does what has no key.
 *
 * A row that Convex refuses stays a difference: a WARNING has the first of them.
 *
 *-------------------------------------------------------------------------
 */
#include "run/sender.h"
#include "run/verify.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Keys of rows that are read at once. */
#define CM_WRITTEN_AT_ONCE 1000

/* Take the ids of the rows out of the map: they come anew. */
static void
forget_ids(CmTable *table, Datum keys)
{
	CmAllowed  *allowed = cm_vet_create();
	Oid			types[] = {OIDOID, TEXTARRAYOID};
	Datum		values[] = {ObjectIdGetDatum(table->relid), keys};

	cm_vet_allow(allowed, RelationRelationId, table->map_part);
	cm_spi_execute_over(allowed,
						psprintf("DELETE FROM pg_temp.%s WHERE source OPERATOR(pg_catalog.=) $1"
								 " AND key OPERATOR(pg_catalog.=) ANY ($2)",
								 get_rel_name(table->map_part)),
						SPI_OK_DELETE, false, lengthof(types), types, values);
}

/* Send the rows with these keys that the scan has. */
static void
send_rows(CmJob *job, CmScan *scan, Datum keys)
{
	CmRun	   *run = job->run;
	CmSender	sender = {.job = job,.scan = scan};

	job->all_read = false;
	cm_run_push_snapshot(run);
	cm_scan_start(scan, &keys);
	PopActiveSnapshot();
	while (!job->all_read)
		cm_sender_work(&sender, run);
	cm_scan_stop(scan);
	sender.job = NULL;
	while (job->unsettled > 0)
		cm_sender_work(&sender, run);
}

/* Send what is to be written of the table, in one pass. */
static void
write_table(CmVerify *verify, CmTable *table, CmPass pass)
{
	CmRun	   *run = verify->run;
	List	   *keys = cm_suspects_next_mends(verify->suspects, table, false, NULL,
											  CM_WRITTEN_AT_ONCE);
	CmJob	   *job;
	CmScan	   *scan;

	if (keys == NIL)
		return;
	job = cm_job_begin(run, table, pass);
	cm_idmap_prepare(table, pass);
	scan = cm_job_prepare_scan(run, table, pass, true);
	while (keys != NIL)
	{
		Datum		array = cm_spi_text_array(keys);

		if (pass == CM_PASS_ROWS)
			forget_ids(table, array);
		send_rows(job, scan, array);
		keys = cm_suspects_next_mends(verify->suspects, table, false, llast(keys),
									  CM_WRITTEN_AT_ONCE);
	}
	cm_scan_free(scan);
	cm_report_done(job);
}

/* Remove what is to be removed of the table. Returns how many documents. */
static int64
remove_table(CmVerify *verify, CmTable *table)
{
	CmRemoved	removed = {0};
	List	   *keys = NIL;

	do
	{
		keys = cm_suspects_next_mends(verify->suspects, table, true,
									  keys ? llast(keys) : NULL, CM_REMOVED_AT_ONCE);
		if (keys != NIL)
			cm_removal_of_keys(verify->run, table, keys, &removed);
	} while (keys != NIL);
	return removed.documents;
}

/* Do the same for all tables, in a context that is reset for each. */
static int64
remove_all(CmVerify *verify)
{
	List	   *tables = verify->run->catalog->ordered;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate repair",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		removed = 0;

	for (int i = list_length(tables) - 1; i >= 0; i--)
	{
		removed += remove_table(verify, list_nth(tables, i));
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return removed;
}

/* Say what was done. */
static void
report(CmRun *run, int64 removed)
{
	char	   *first = cm_rejects_first(run->rejects);

	ereport(NOTICE,
			(errmsg("repaired: %s rows written, %s documents removed",
					cm_text_figure(run->total.migrated), cm_text_figure(removed)),
			 errhint("Call convex_verify() again.")));
	if (first != NULL)
		ereport(WARNING,
				(errmsg("%s rows were refused and are as they were",
						cm_text_figure(run->total.failed)),
				 errdetail("%s", first)));
}

/* Repair what was found in the tables. Inside SPI; the snapshot of the run is that of
 * the last look at them. */
void
cm_repair_tables(CmVerify *verify)
{
	CmRun	   *run = verify->run;
	bool		writes = run->writes;
	int64		removed;
	ListCell   *lc;

	/* the rows of convex_rejects are those of the last run, and stay */
	run->writes = false;
	run->rejects = cm_rejects_open(run);
	run->writes = writes;
	run->dispatch = cm_dispatch_create(run);
	cm_idmap_distrust();
	cm_run_renew_snapshot(run);
	foreach(lc, run->catalog->ordered)
		write_table(verify, lfirst(lc), CM_PASS_ROWS);
	foreach(lc, run->catalog->ordered)
	{
		if (cm_table_has_deferred(lfirst(lc)))
			write_table(verify, lfirst(lc), CM_PASS_LINKS);
	}
	removed = remove_all(verify);
	report(run, removed);
}
