/*-------------------------------------------------------------------------
 *
 * migrate.c
 *	  A run of convex_migrate() with method mutation.
 *
 * One backend, one thread, one loop: a cursor per table, rows encoded straight
 * into the body of the next request, up to "concurrency" requests under way,
 * answers into the id map, to which the tables further on are joined. At the
 * end a second pass over rows whose references had to wait (plan.c).
 *
 * All tables are read with one snapshot, taken after they were locked.
 *
 * Everything hangs under one memory context below the query's own, made
 * before SPI_connect(): contexts of SPI live until ROLLBACK, with requests
 * under way. An ERROR anywhere closes the sockets at once.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Above this a deployment of the smallest class, which runs 16 mutations at a
 * time, is short of them for the live app. */
#define CM_MODEST_CONCURRENCY 8

/* Check parameters that choose how to migrate. */
static void
check_method(CmServer *server, const char *method, const char *mode)
{
	if (method != NULL)
		cm_options_check("method", method);
	if (mode != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"mode\" is for method \"import\""),
				 errhint("Leave it out.")));
	if (server->concurrency > CM_MODEST_CONCURRENCY)
		ereport(NOTICE,
				(errmsg("option \"concurrency\" is %d", server->concurrency),
				 errdetail("The smallest class of Convex deployments runs 16 mutations at a time and shares them with the live app.")));
}

/*
 * Lock the tables and read the catalogs under the snapshot of the run, until
 * what was locked is what is read.
 */
static void
lock_and_read(CmRun *run, ArrayType *tables)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	PushActiveSnapshot(GetTransactionSnapshot());
	run->catalog = cm_catalog_read(run->server, tables, run->context);
	cm_plan_order(run->catalog);
	PopActiveSnapshot();
	for (;;)
	{
		CmCatalog  *before = run->catalog;

		cm_guard_rights(before);
		cm_guard_lock(before);
		run->snapshot = RegisterSnapshot(GetTransactionSnapshot());
		PushActiveSnapshot(run->snapshot);
		run->catalog = cm_catalog_read(run->server, tables, run->context);
		cm_plan_order(run->catalog);
		PopActiveSnapshot();
		if (cm_guard_locked(before, run->catalog))
			break;
		UnregisterSnapshot(run->snapshot);
	}
	cm_guard_rights(run->catalog);
	cm_guard_rewrites(run);
	MemoryContextSwitchTo(old);
}

/* One pass over one table. */
static void
run_pass(CmRun *run, CmTable *table, CmPass pass)
{
	CmReader   *reader;
	bool		more = true;

	cm_report_begin(run, table, pass);
	cm_dispatch_begin(run->dispatch, table, pass);
	reader = cm_reader_open(run, table, pass);
	while (more || !cm_dispatch_idle(run->dispatch))
	{
		bool		room = more && cm_dispatch_has_room(run->dispatch);

		if (room)
			more = cm_reader_send(reader);
		if (!room || !cm_reader_has_fetched(reader))
			cm_dispatch_work(run->dispatch, !room);
	}
	cm_reader_close(reader);
	cm_rejects_flush(run->rejects);
	if (pass == CM_PASS_MIGRATE && table->has_children)
		cm_idmap_analyze();
	cm_report_done(run);
}

/*
 * Open and close the cursors of all passes, so that what the executor refuses
 * at its start (missing rights below a view, an unpopulated materialized view,
 * an order that there is not) is an ERROR before anything is sent.
 */
static void
try_cursors(CmRun *run)
{
	ListCell   *lc;

	foreach(lc, run->catalog->ordered)
	{
		cm_reader_close(cm_reader_open(run, lfirst(lc), CM_PASS_MIGRATE));
		if (cm_table_has_deferred(lfirst(lc)))
			cm_reader_close(cm_reader_open(run, lfirst(lc), CM_PASS_COMPLETE));
	}
}

/* Move all tables, and say so. */
static void
migrate_tables(CmRun *run)
{
	int			count = list_length(run->catalog->ordered);
	ListCell   *lc;

	if (cm_progress_interval >= 0)
		ereport(NOTICE,
				(errmsg_plural("migrating %d table into deployment \"%s\"",
							   "migrating %d tables into deployment \"%s\"",
							   count, count, run->server->deployment)));
	run->idmap = cm_idmap_open(run->server->url, run->catalog);
	try_cursors(run);
	run->rejects = cm_rejects_open(run);
	run->dispatch = cm_dispatch_create(run);
	run->last_progress = GetCurrentTimestamp();
	foreach(lc, run->catalog->ordered)
	{
		cm_resolve_parents(run, lfirst(lc));
		run_pass(run, lfirst(lc), CM_PASS_MIGRATE);
	}
	foreach(lc, run->catalog->ordered)
	{
		if (cm_table_has_deferred(lfirst(lc)))
			run_pass(run, lfirst(lc), CM_PASS_COMPLETE);
	}
}

/*
 * Run a migration and put its report into the result of rsinfo, which must be
 * ready for it. server and tables are the parameters of convex_migrate(),
 * as are method and mode (NULL: not given). extension_schema is where the
 * extension's own tables are. ERROR for all that ends a run; see report.c.
 */
void
cm_migrate(const char *server, ArrayType *tables, const char *method,
		   const char *mode, Oid extension_schema, ReturnSetInfo *rsinfo)
{
	MemoryContext context = AllocSetContextCreate(rsinfo->econtext->ecxt_per_query_memory,
												  "convex_migrate run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmRun	   *run = palloc0(sizeof(CmRun));
	int			nestlevel;

	run->context = context;
	run->started = GetCurrentTimestamp();
	cm_guard_transaction();
	run->server = cm_server_load(server, extension_schema);
	cm_server_require_active(run->server);
	check_method(run->server, method, mode);
	cm_server_authorize(run->server);

	nestlevel = cm_session_pin();
	SPI_connect();
	MemoryContextSwitchTo(context); /* not that of SPI */
	cm_guard_deployment(run->server);
	lock_and_read(run, tables);
	run->http = cm_http_create(context, run->server);
	cm_preflight(run);
	migrate_tables(run);
	UnregisterSnapshot(run->snapshot);
	SPI_finish();
	cm_session_unpin(nestlevel);

	MemoryContextSwitchTo(old);
	cm_report_rows(run, rsinfo);
	MemoryContextDelete(context);
}
