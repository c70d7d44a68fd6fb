/*-------------------------------------------------------------------------
 *
 * job.c
 *	  Jobs: which function a pass over a table calls, and with what.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/pg_type.h"

/* How the function is called that accepts the records of the pass. */
static CmCall
call_of_pass(CmTable *table, CmPass pass)
{
	StringInfoData extra;

	if (pass == CM_PASS_ROWS)
		return (CmCall) {.path = table->function,.argument = table->target};
	initStringInfo(&extra);
	appendStringInfoString(&extra, "\"table\":");
	cm_writer_append_string(&extra, table->target, strlen(table->target));
	return (CmCall) {
		.path = table->link_function,
		.argument = "records",
		.extra = extra.data
	};
}

/*
 * Begin a pass over the table. The job lives as long as the run, since batches
 * of it may be under way when the next one begins.
 */
CmJob *
cm_job_begin(CmRun *run, CmTable *table, CmPass pass)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	CmJob	   *job = palloc0(sizeof(CmJob));

	job->run = run;
	job->table = table;
	job->pass = pass;
	job->tally = cm_report_tally(run, table);
	job->tally->jobs++;
	job->call = call_of_pass(table, pass);
	job->started = GetCurrentTimestamp();
	job->batch_rows = run->server->batch_rows;
	cm_progress_enter(run, &job->leg, table, pass);
	MemoryContextSwitchTo(old);
	return job;
}

/*
 * The scan that gives the records of the pass, prepared, in the current memory
 * context. only_keys: those of rows whose keys are in its parameter, a text[].
 */
CmScan *
cm_job_prepare_scan(CmRun *run, CmTable *table, CmPass pass, bool only_keys)
{
	CmQueryOptions query = {
		.pass = pass,
		.chosen = run->chosen,
		.ids = CM_IDS_OF_MAP,
		.old_keys = run->server->orphans == CM_ORPHANS_KEEP,
		.in_order = pass == CM_PASS_ROWS,
		.only_keys = only_keys
	};
	CmRecordOptions options = {
		.server = run->server,
		.orphans = run->server->orphans,
		.dialect = CM_DIALECT_ARGUMENTS
	};

	return cm_scan_prepare(table, &query, &options, only_keys ? TEXTARRAYOID : InvalidOid);
}
