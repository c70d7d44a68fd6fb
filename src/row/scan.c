/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  The records of a table, one after the other.
 *
 * Protocol: cm_scan_prepare() once; then, as often as is needed,
 * cm_scan_start(), cm_scan_next() until it says CM_NO_ROW, cm_scan_stop(); at
 * the end cm_scan_free(), or the deletion of the context it was prepared in.
 * cm_scan_must_fetch() tells a caller with other things to do that the next
 * record has to be waited for.
 *
 * Memory: a scan has a context of its own below the current one, and in it one
 * for the query and one for the current row: what CmScanned points to is there
 * until the next call. The plan is the scan's own, and is freed with it, not by
 * SPI_finish(). What CmQueryOptions points to must live as long as the scan.
 *
 * Errors: whatever the executor raises; cm_scan_on_error() adds context to it.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "utils/inval.h"
#include "utils/memutils.h"

/*
 * Rows per fetch. Enough that the cost of a fetch is lost among that of its
 * rows, and few enough that a run which waits for the executor looks at its
 * answers often. Large values stay where they are stored until they are
 * encoded, so it is little memory.
 */
#define CM_FETCH_ROWS 500

struct CmScan
{
	MemoryContext context;
	MemoryContext row_context;	/* reset for every row */
	CmTable    *table;
	CmQueryOptions query_options;
	CmRecordOptions options;
	Oid			parameter;		/* type of the query's $1, or InvalidOid */

	/* in query_context */
	MemoryContext query_context;
	CmRowQuery *query;
	CmAllowed  *allowed;		/* to the plan */
	SPIPlanPtr	plan;
	CmEncoder  *encoder;		/* made with the first rows */

	void		(*describe) (void *);	/* adds error context, or NULL */
	void	   *describe_arg;

	/* while it is started */
	Portal		portal;
	SPITupleTable *rows;		/* fetched, or NULL */
	uint64		next;			/* of these */
	bool		done;
};

/* SPI_freeplan in the form that own.c calls. */
static void
free_plan(void *plan)
{
	(void) SPI_freeplan(plan);
}

/* Make the query, with the names that things have now, and a plan for it. */
static void
prepare_query(CmScan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(scan->query_context);
	CmOwned    *owned = cm_own_create(scan->query_context, free_plan);
	SPIPlanPtr	plan;

	AcceptInvalidationMessages();	/* else names may be cached ones */
	scan->query = cm_query_records(scan->table, &scan->query_options);
	scan->allowed = cm_query_allowed(scan->table, &scan->query_options);
	plan = cm_spi_prepare(scan->allowed, scan->query->sql,
						  OidIsValid(scan->parameter) ? 1 : 0,
						  &scan->parameter);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed: %s", SPI_result_code_string(SPI_result));
	cm_own_set(owned, plan);
	scan->plan = plan;
	MemoryContextSwitchTo(old);
}

/*
 * A scan of the table's records, in the current memory context. parameter: the
 * type of the query's parameter $1, which query->from uses, or InvalidOid.
 */
CmScan *
cm_scan_prepare(CmTable *table, const CmQueryOptions *query,
				const CmRecordOptions *options, Oid parameter)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate scan",
												  ALLOCSET_DEFAULT_SIZES);
	CmScan	   *scan = MemoryContextAllocZero(context, sizeof(CmScan));

	scan->context = context;
	scan->row_context = AllocSetContextCreate(context, "convex_migrate row",
											  ALLOCSET_DEFAULT_SIZES);
	scan->query_context = AllocSetContextCreate(context, "convex_migrate query",
												ALLOCSET_DEFAULT_SIZES);
	scan->table = table;
	scan->query_options = *query;
	scan->options = *options;
	scan->parameter = parameter;
	prepare_query(scan);
	return scan;
}

/* Have a function add its own line of context to errors of the executor. */
void
cm_scan_on_error(CmScan *scan, void (*describe) (void *), void *arg)
{
	scan->describe = describe;
	scan->describe_arg = arg;
}

/*
 * Make the query anew if anything that its plan depends on may have changed since,
 * such as the name of a schema: PostgreSQL would make the plan anew of the old
 * text, in which that name may be another's now.
 */
static void
renew_query(CmScan *scan)
{
	AcceptInvalidationMessages();
	if (scan->plan != NULL && SPI_plan_is_valid(scan->plan))
		return;
	scan->plan = NULL;			/* also after an ERROR in the middle of this */
	scan->encoder = NULL;
	MemoryContextReset(scan->query_context);
	prepare_query(scan);
}

/* Begin to read, with the snapshot that is active. parameter: as prepared. */
void
cm_scan_start(CmScan *scan, Datum *parameter)
{
	Assert(scan->portal == NULL);
	renew_query(scan);
	scan->portal = cm_spi_open_cursor(scan->plan, parameter);
	/* an invalidation may have come meanwhile, and the plan be a new one */
	cm_vet_plan(scan->plan, scan->allowed);
	scan->done = false;
}

/* Fetch the next rows; sets done when there are none. */
static void
fetch(CmScan *scan)
{
	ErrorContextCallback callback = {error_context_stack, scan->describe,
	scan->describe_arg};

	if (scan->describe != NULL)
		error_context_stack = &callback;
	scan->rows = cm_spi_fetch(scan->portal, CM_FETCH_ROWS);
	error_context_stack = callback.previous;
	scan->next = 0;
	if (scan->encoder == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(scan->query_context);

		scan->encoder = cm_record_create_encoder(scan->table, scan->query,
												 scan->rows->tupdesc,
												 &scan->options);
		MemoryContextSwitchTo(old);
	}
	if (scan->rows->numvals == 0)
	{
		SPI_freetuptable(scan->rows);
		scan->rows = NULL;
		scan->done = true;
	}
}

/*
 * Append the next row's record to out, which otherwise stays as it is.
 * *scanned says the rest of it, until the next call.
 */
CmEncoded
cm_scan_next(CmScan *scan, StringInfo out, CmScanned *scanned)
{
	MemoryContext old;
	CmEncoded	encoded;

	if (scan->rows == NULL && !scan->done)
		fetch(scan);
	if (scan->done)
		return CM_NO_ROW;
	MemoryContextReset(scan->row_context);
	old = MemoryContextSwitchTo(scan->row_context);
	encoded = cm_record_encode(scan->encoder, scan->rows->vals[scan->next],
							   out, scanned);
	MemoryContextSwitchTo(old);
	if (++scan->next == scan->rows->numvals)
	{
		SPI_freetuptable(scan->rows);
		scan->rows = NULL;
	}
	return encoded;
}

/* Whether cm_scan_next() will have to wait for the executor. */
bool
cm_scan_must_fetch(CmScan *scan)
{
	return scan->rows == NULL && !scan->done;
}

/* Stop reading; the scan can be started again. */
void
cm_scan_stop(CmScan *scan)
{
	if (scan->rows != NULL)
		SPI_freetuptable(scan->rows);
	scan->rows = NULL;
	SPI_cursor_close(scan->portal);
	scan->portal = NULL;
}

/* Free the scan, which is stopped, and its plan. */
void
cm_scan_free(CmScan *scan)
{
	Assert(scan->portal == NULL);
	MemoryContextDelete(scan->context);
}
