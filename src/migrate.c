/*-------------------------------------------------------------------------
 *
 * migrate.c
 *	  A run of convex_migrate() with method mutation.
 *
 * One backend, one thread, one loop: a cursor per table, rows encoded straight
 * into the body of the next request, up to "concurrency" requests under way,
 * answers into the id map, to which the tables further on are joined.
 *
 * All tables are read with one snapshot, taken after they were locked, under
 * a copy that also sees the run's own rows of the id map.
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

/* Rows fetched at a time: large values stay where they are stored until they
 * are encoded, so this is little memory. */
#define CM_FETCH_ROWS 500

/* Above this a deployment of the smallest class, which runs 16 mutations at a
 * time, is short of them for the live app. */
#define CM_MODEST_CONCURRENCY 8

/* Rows of one table as they come. */
typedef struct CmReader
{
	MemoryContext context;		/* of the table at hand */
	SPIPlanPtr	plan;
	Portal		portal;
	CmEncoder  *encoder;		/* made with the first rows */
	MemoryContext row_context;	/* reset for every row */
	SPITupleTable *rows;		/* NULL: fetch */
	uint64		count;
	uint64		next;
	bool		done;
	CmBatch    *batch;			/* being filled, or NULL */
} CmReader;

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

/* Open a cursor over the table's rows. */
static void
open_reader(CmRun *run, CmTable *table, CmReader *reader)
{
	MemoryContext old;
	char	   *query;

	memset(reader, 0, sizeof(CmReader));
	reader->context = AllocSetContextCreate(run->context,
											"convex_migrate table",
											ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(reader->context);
	reader->row_context = AllocSetContextCreate(reader->context,
												"convex_migrate row",
												ALLOCSET_DEFAULT_SIZES);
	query = cm_source_query(table, cm_source_from(table), true,
							run->server->orphans == CM_ORPHANS_KEEP, true);

	/* the run's snapshot, but with our rows of the id map */
	CommandCounterIncrement();
	PushCopiedSnapshot(run->snapshot);
	UpdateActiveSnapshotCommandId();
	reader->plan = SPI_prepare(query, 0, NULL);
	if (reader->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	reader->portal = SPI_cursor_open(NULL, reader->plan, NULL, NULL, true);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}

/* Forget the table. */
static void
close_reader(CmReader *reader)
{
	SPI_cursor_close(reader->portal);
	SPI_freeplan(reader->plan);
	MemoryContextDelete(reader->context);
}

/* The row at hand, or NULL at the end. Stays until next_row(). */
static HeapTuple
current_row(CmRun *run, CmTable *table, CmReader *reader)
{
	MemoryContext context = CurrentMemoryContext;

	if (reader->rows == NULL && !reader->done)
	{
		SPI_cursor_fetch(reader->portal, true, CM_FETCH_ROWS);
		MemoryContextSwitchTo(context); /* SPI leaves its own */
		reader->rows = SPI_tuptable;
		reader->count = SPI_processed;
		reader->next = 0;
		reader->done = reader->count == 0;
		if (reader->encoder == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(reader->context);

			reader->encoder = cm_encoder_create(table, reader->rows->tupdesc,
												run->server->orphans);
			MemoryContextSwitchTo(old);
		}
		if (reader->done)
			SPI_freetuptable(reader->rows);
	}
	return reader->done ? NULL : reader->rows->vals[reader->next];
}

/* Go on to the next row. */
static void
next_row(CmReader *reader)
{
	if (++reader->next == reader->count)
	{
		SPI_freetuptable(reader->rows);
		reader->rows = NULL;
	}
}

/* What came of putting a row into a batch. */
typedef enum CmFit
{
	CM_FIT_ADDED,
	CM_FIT_REJECTED,
	CM_FIT_FULL					/* it begins the next batch */
} CmFit;

/* Append the row's record to the batch, or reject it. */
static CmFit
add_row(CmRun *run, CmTable *table, CmReader *reader, CmBatch *batch,
		HeapTuple row)
{
	MemoryContext old = MemoryContextSwitchTo(reader->row_context);
	int			end = batch->body.len;
	CmFit		fit = CM_FIT_ADDED;
	CmReason	reason;
	char	   *key;
	int			start;

	if (batch->nrecords > 0)
		appendStringInfoChar(&batch->body, ',');
	start = batch->body.len;
	if (!cm_encode_row(reader->encoder, row, &batch->body, &key, &reason))
	{
		cm_reject(run->rejects, table, key, &reason);
		fit = CM_FIT_REJECTED;
	}
	else if (batch->nrecords > 0 &&
			 batch->body.len > run->server->batch_bytes)
		fit = CM_FIT_FULL;
	else
		cm_batch_add(batch, start, key);

	if (fit != CM_FIT_ADDED)
	{
		batch->body.len = end;
		batch->body.data[end] = '\0';
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return fit;
}

/*
 * Encode rows into a batch and send it when it is full. Stops at the end of
 * what was fetched too: rows that are rejected fill no batch, and meanwhile
 * answers want to be read. False at the end of the rows.
 */
static bool
send_batch(CmRun *run, CmTable *table, CmReader *reader)
{
	bool		full = false;
	HeapTuple	row = NULL;

	if (reader->batch == NULL)
		reader->batch = cm_batch_create(run->dispatch);
	do
	{
		CmFit		fit;

		row = current_row(run, table, reader);
		if (row == NULL)
			break;
		fit = add_row(run, table, reader, reader->batch, row);
		full = fit == CM_FIT_FULL ||
			reader->batch->nrecords == reader->batch->maxrecords;
		if (fit == CM_FIT_FULL)
			break;
		run->tally->rows_read++;
		if (fit == CM_FIT_REJECTED)
			run->tally->failed++;
		next_row(reader);
	} while (!full && reader->rows != NULL);

	if (full || reader->done)
	{
		if (reader->batch->nrecords > 0)
			cm_dispatch_submit(run->dispatch, reader->batch);
		else
			MemoryContextDelete(reader->batch->context);
		reader->batch = NULL;
	}
	return !reader->done;
}

/* Move the rows of one table. */
static void
migrate_table(CmRun *run, CmTable *table)
{
	CmReader	reader;
	bool		more = true;

	cm_report_table(run, table);
	cm_dispatch_begin_table(run->dispatch, table);
	open_reader(run, table, &reader);
	while (more || !cm_dispatch_idle(run->dispatch))
	{
		bool		room = more && cm_dispatch_has_room(run->dispatch);

		if (room)
			more = send_batch(run, table, &reader);
		if (!room || reader.rows == NULL)
			cm_dispatch_work(run->dispatch, !room);
	}
	close_reader(&reader);
	cm_rejects_flush(run->rejects);
	if (table->has_children)
		cm_idmap_analyze();
	run->tally->finished = GetCurrentTimestamp();
	cm_report_progress(run, true);
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
	run->idmap = cm_idmap_open(run->server->url, run->catalog->ordered);
	run->rejects = cm_rejects_open(run);
	run->dispatch = cm_dispatch_create(run);
	run->last_progress = GetCurrentTimestamp();
	foreach(lc, run->catalog->ordered)
		migrate_table(run, lfirst(lc));
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
	run->extension_schema = extension_schema;
	run->started = GetCurrentTimestamp();
	cm_guard_transaction();
	run->server = cm_server_load(server);
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
