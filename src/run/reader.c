/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  The rows of one table in one pass: from a cursor into batches.
 *
 * Protocol: cm_reader_open(), then cm_reader_send() whenever the dispatch has
 * room, until it says there are no more rows, then cm_reader_close(). Rows
 * are encoded straight into the body of the next batch; what does not fit
 * begins the one after. A row that cannot be encoded becomes a reject.
 *
 * The cursor runs under a copy of the run's snapshot that also sees the run's
 * own rows of the id map. A reader has a memory context of its own below the
 * run's; memory for a row is reset after it.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Rows fetched at a time: large values stay where they are stored until they
 * are encoded, so this is little memory. */
#define CM_FETCH_ROWS 500

struct CmReader
{
	CmRun	   *run;
	CmTable    *table;
	CmPass		pass;
	MemoryContext context;		/* of this reader */
	MemoryContext row_context;	/* reset for every row */
	SPIPlanPtr	plan;
	Portal		portal;
	CmEncoder  *encoder;		/* made with the first rows */
	SPITupleTable *rows;		/* NULL: fetch */
	uint64		count;
	uint64		next;
	bool		done;
	CmBatch    *batch;			/* being filled, or NULL */
};

/*
 * Make the run's snapshot the active one, as a copy that also sees what the
 * run itself has written: its rows of the id map.
 */
void
cm_run_push_snapshot(CmRun *run)
{
	CommandCounterIncrement();
	PushCopiedSnapshot(run->snapshot);
	UpdateActiveSnapshotCommandId();
}

/* Open a cursor over what the pass reads of the table. Must run inside SPI. */
CmReader *
cm_reader_open(CmRun *run, CmTable *table, CmPass pass)
{
	MemoryContext context = AllocSetContextCreate(run->context,
												  "convex_migrate table",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmReader   *reader = palloc0(sizeof(CmReader));
	int			orphans = run->server->orphans;
	char	   *query = pass == CM_PASS_COMPLETE ?
		cm_completion_query(table, orphans == CM_ORPHANS_KEEP) :
		cm_source_query(table, cm_source_from(table), true,
						orphans == CM_ORPHANS_KEEP, true);

	reader->run = run;
	reader->table = table;
	reader->pass = pass;
	reader->context = context;
	reader->row_context = AllocSetContextCreate(context, "convex_migrate row",
												ALLOCSET_DEFAULT_SIZES);
	cm_run_push_snapshot(run);
	reader->plan = SPI_prepare(query, 0, NULL);
	if (reader->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	reader->portal = SPI_cursor_open(NULL, reader->plan, NULL, NULL, true);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	return reader;
}

/* Close the cursor and free all. */
void
cm_reader_close(CmReader *reader)
{
	SPI_cursor_close(reader->portal);
	SPI_freeplan(reader->plan);
	MemoryContextDelete(reader->context);
}

/* Whether rows that were fetched wait to be encoded. */
bool
cm_reader_has_fetched(CmReader *reader)
{
	return reader->rows != NULL;
}

/* Error context: which table's rows an ERROR of the executor comes from. */
static void
fetch_context(void *arg)
{
	CmReader   *reader = arg;

	errcontext("reading table \"%s\", " INT64_FORMAT " of its rows are in Convex",
			   reader->table->name, reader->run->tally->migrated);
}

/* Fetch the next rows; sets done at the end of them. */
static void
fetch(CmReader *reader)
{
	ErrorContextCallback callback = {error_context_stack, fetch_context, reader};
	MemoryContext context = CurrentMemoryContext;

	error_context_stack = &callback;
	SPI_cursor_fetch(reader->portal, true, CM_FETCH_ROWS);
	error_context_stack = callback.previous;
	reader->rows = SPI_tuptable;
	reader->count = SPI_processed;
	reader->next = 0;
	MemoryContextSwitchTo(reader->context);
	if (reader->encoder == NULL)
		reader->encoder = cm_encoder_create(reader->table, reader->pass,
											reader->rows->tupdesc,
											reader->run->server,
											reader->run->server->orphans,
											CM_DIALECT_ARGUMENTS);
	MemoryContextSwitchTo(context);
	if (reader->count == 0)
	{
		SPI_freetuptable(reader->rows);
		reader->rows = NULL;
		reader->done = true;
	}
}

/* The row at hand, or NULL at the end. */
static HeapTuple
current_row(CmReader *reader)
{
	if (reader->rows == NULL && !reader->done)
		fetch(reader);
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
add_row(CmReader *reader, HeapTuple row)
{
	MemoryContext old = MemoryContextSwitchTo(reader->row_context);
	CmBatch    *batch = reader->batch;
	int			end = batch->body.len;
	CmFit		fit = CM_FIT_ADDED;
	CmEncoded	encoded;
	CmReason	reason;
	char	   *key;
	int			start;

	if (batch->nrecords > 0)
		appendStringInfoChar(&batch->body, ',');
	start = batch->body.len;
	encoded = cm_encode_row(reader->encoder, row, &batch->body, &key, &reason);
	if (encoded == CM_NOT_ENCODED)
		fit = CM_FIT_REJECTED;
	else if (batch->nrecords > 0 &&
			 batch->body.len > reader->run->server->batch_bytes)
		fit = CM_FIT_FULL;
	else
		cm_batch_add(batch, start, key, encoded != CM_ENCODED);
	if (encoded != CM_ENCODED && fit != CM_FIT_FULL)
		cm_run_reject(reader->run, reader->table, reader->pass, key, &reason);

	if (fit != CM_FIT_ADDED)
	{
		batch->body.len = end;
		batch->body.data[end] = '\0';
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return fit;
}

/* Send the batch at hand, if there is anything in it. */
static void
send_batch(CmReader *reader)
{
	if (reader->batch->nrecords > 0)
		cm_dispatch_submit(reader->run->dispatch, reader->batch);
	else
		MemoryContextDelete(reader->batch->context);
	reader->batch = NULL;
}

/*
 * Encode rows into a batch and send it when it is full. Stops at the end of
 * what was fetched too: rows that are rejected fill no batch, and meanwhile
 * answers want to be read. False at the end of the rows.
 */
bool
cm_reader_send(CmReader *reader)
{
	bool		full = false;
	HeapTuple	row;

	if (reader->batch == NULL)
		reader->batch = cm_batch_create(reader->run->dispatch);
	while (!full && (row = current_row(reader)) != NULL)
	{
		CmFit		fit = add_row(reader, row);

		if (fit == CM_FIT_FULL)
		{
			full = true;
			break;
		}
		if (reader->pass == CM_PASS_MIGRATE)
			reader->run->tally->rows_read++;
		full = reader->batch->nrecords == reader->batch->maxrecords;
		next_row(reader);
		if (reader->rows == NULL)
			break;
	}
	if (full || reader->done)
		send_batch(reader);
	return !reader->done;
}
