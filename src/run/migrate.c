/*-------------------------------------------------------------------------
 *
 * migrate.c
 *	  A run of convex_migrate() with method mutation, and of convex_retry().
 *
 * One backend, one thread, one loop: a scan of a table, rows encoded straight
 * into the body of the next request, up to "concurrency" requests under way,
 * answers into the id map, to which the tables further on are joined. Rows whose
 * references had to wait (catalog/order.c) come once more, in the link pass.
 *
 * All tables are read with one snapshot, taken after they were locked.
 *
 *-------------------------------------------------------------------------
 */
#include "run/sender.h"

#include "nodes/execnodes.h"
#include "utils/snapmgr.h"

/* Scans that are kept from the time when they are tried to that of their pass: the
 * plan of each takes some 100 kB. */
#define CM_KEPT_SCANS 100

/* Whether the mode, or NULL, is "mirror"; ERROR for one of another method. */
static bool
is_mirror(const char *mode)
{
	if (mode != NULL && strcmp(mode, "mirror") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"mode\" of method \"mutation\" must be \"mirror\""),
				 errdetail("It is \"%s\". Other modes are of method \"import\".", mode),
				 errhint("With \"mirror\" documents are removed whose row is gone; other modes need method => 'import'.")));
	return mode != NULL;
}

/* Error context: which table's rows an ERROR of the executor comes from. */
static void
describe_fetch(void *arg)
{
	CmJob	   *job = arg;

	errcontext("reading table \"%s\", " INT64_FORMAT " of its rows are in Convex",
			   job->table->name, job->tally->migrated);
}

/* Start and stop the scan of a pass. Returns the scan. */
static CmScan *
try_scan(CmRun *run, CmTable *table, CmPass pass)
{
	CmScan	   *scan = cm_job_prepare_scan(run, table, pass, false);

	cm_run_push_snapshot(run);
	cm_scan_start(scan, NULL);
	PopActiveSnapshot();
	cm_scan_stop(scan);
	return scan;
}

/*
 * Start and stop the scans of all passes, so that what the executor refuses at
 * its start (missing rights below a view, an unpopulated materialized view, an
 * order that there is not) is an ERROR before anything is sent. The scans of rows
 * are kept for the passes, if they are not so many that their plans take memory.
 */
static void
try_scans(CmRun *run)
{
	bool		keep = list_length(run->catalog->ordered) <= CM_KEPT_SCANS;
	ListCell   *lc;

	run->scans = palloc0(list_length(run->catalog->ordered) * sizeof(CmScan *));
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		CmScan	   *scan;

		if (!cm_run_sends(run, table))
			continue;
		scan = try_scan(run, table, CM_PASS_ROWS);
		if (keep)
			run->scans[table->position] = scan;
		else
			cm_scan_free(scan);
		if (cm_table_has_deferred(table))
			cm_scan_free(try_scan(run, table, CM_PASS_LINKS));
	}
}

/* The scan of the job: the one that was tried, or a new one. */
static CmScan *
scan_of_job(CmJob *job)
{
	CmScan	  **kept = &job->run->scans[job->table->position];
	CmScan	   *scan = job->pass == CM_PASS_ROWS ? *kept : NULL;

	if (scan == NULL)
		return cm_job_prepare_scan(job->run, job->table, job->pass, false);
	*kept = NULL;
	return scan;
}

/* Begin to read the rows of the job. */
static void
start_reading(CmSender *sender, CmJob *job)
{
	CmRun	   *run = job->run;

	sender->job = job;
	cm_idmap_prepare(job->table, job->pass);
	sender->scan = scan_of_job(job);
	cm_scan_on_error(sender->scan, describe_fetch, job);
	cm_progress_publish(run);	/* again, after ANALYZE */
	cm_run_push_snapshot(run);
	cm_scan_start(sender->scan, NULL);
	PopActiveSnapshot();
}

/* All rows of the job are in batches, of which some may be under way. */
static void
stop_reading(CmSender *sender)
{
	cm_scan_stop(sender->scan);
	cm_scan_free(sender->scan);
	*sender = (CmSender) {0};
}

/*
 * All passes, in the order of schedule.c: one is read at a time, and the next
 * begins while answers for earlier ones are still to come.
 */
static void
run_passes(CmRun *run)
{
	CmSchedule *schedule = cm_schedule_create(run);
	CmSender	sender = {0};

	for (;;)
	{
		CmJob	   *next = sender.job ? NULL : cm_schedule_next(schedule);

		if (next != NULL)
			start_reading(&sender, next);
		if (sender.job == NULL && cm_schedule_is_idle(schedule))
			break;
		cm_sender_work(&sender, run);
		if (sender.job != NULL && sender.job->all_read)
			stop_reading(&sender);
		cm_schedule_settle(schedule);
	}
	cm_rejects_flush(run->rejects);
}

/* Migrate, and put the report into the result of rsinfo. */
static void
migrate(CmRun *run, ReturnSetInfo *rsinfo)
{
	run->http = cm_call_connect(run->context, run->server);
	run->pace = cm_pace_create(run->server);
	cm_progress_begin(run);
	cm_preflight_ask(run);
	if (run->again != NULL)
		cm_preflight_require_generated(run, "convex_retry()",
									   "run convex_migrate() once more");
	if (run->mirrors)
	{
		cm_preflight_require_generated(run, "mode \"mirror\"", NULL);
		cm_mirror_find(run);
	}
	cm_report_begin(run);
	cm_report_left_behind(run);
	run->idmap = cm_idmap_open(run->server->identity, run->catalog);
	cm_progress_publish(run);	/* again, after CREATE INDEX */
	try_scans(run);
	run->rejects = cm_rejects_open(run);
	run->history = cm_history_open(run);
	cm_sources_remember(run);
	run->dispatch = cm_dispatch_create(run);
	cm_resolve_parents(run);
	run_passes(run);
	if (run->mirrors)
		cm_mirror_remove(run);
	cm_report_rows(run, rsinfo);
	cm_history_write(run->history, run);
}

/* Have the run, which is open, do what it is for; what it leaves is logged if it
 * fails. */
static void
migrate_and_close(CmRun *run, ReturnSetInfo *rsinfo)
{
	PG_TRY();
	{
		migrate(run, rsinfo);
	}
	PG_CATCH();
	{
		cm_history_log_failure(run);
		PG_RE_THROW();
	}
	PG_END_TRY();
	cm_run_close(run);
}

/*
 * Run a migration and put its report into the result of rsinfo, which must be
 * ready for it. method and mode are parameters of convex_migrate() (NULL: not
 * given). ERROR for all that ends a run; see run.c.
 */
void
cm_migrate_tables(const CmArguments *arguments, const char *method,
				  const char *mode, ReturnSetInfo *rsinfo)
{
	CmRun	   *run;
	bool		mirrors;

	if (cm_options_method(method, arguments->server_name,
						  arguments->extension_schema) == CM_BY_IMPORT)
	{
		cm_import_tables(arguments, mode, rsinfo);
		return;
	}
	mirrors = is_mirror(mode);
	run = cm_run_open(rsinfo->econtext->ecxt_per_query_memory, arguments,
					  CM_PURPOSE_MIGRATE);
	run->mirrors = mirrors;
	run->mode = mode;
	migrate_and_close(run, rsinfo);
}

/*
 * The same with the rows that convex_rejects has, and those that point to them. The
 * deployment is not asked for anything if there are none.
 */
void
cm_migrate_rejects(const CmArguments *arguments, ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(rsinfo->econtext->ecxt_per_query_memory,
								  arguments, CM_PURPOSE_MIGRATE);

	run->mode = "retry";
	if (cm_retry_choose(run))
		migrate_and_close(run, rsinfo);
	else
	{
		cm_report_rows(run, rsinfo);
		cm_run_close(run);
	}
}
