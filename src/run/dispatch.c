/*-------------------------------------------------------------------------
 *
 * dispatch.c
 *	  Batches on their way: how many at once, when again, and what becomes of
 *	  each record.
 *
 * Protocol: while cm_dispatch_has_room(), make a batch, add records to it and
 * cm_dispatch_submit() it; else, and until cm_dispatch_idle(), call
 * cm_dispatch_work(), which waits for answers. Every record ends in exactly
 * one of two places: the id map, or convex_rejects.
 *
 * A batch that the server refuses as a whole goes again in parts, until the
 * culprit is alone. That is safe with any function: a mutation that fails
 * leaves nothing behind. A batch whose answer was lost may be in; it goes again
 * only where that cannot store it twice.
 *
 * Memory: a batch has its own context and dies with its answer; halves come
 * before new batches, so no more are alive than the server's option
 * "concurrency" times the depth of halving.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

/* Waiting before an overloaded server is asked again, in milliseconds. */
#define CM_FIRST_DELAY 500
#define CM_LONGEST_DELAY 30000

/* When this many records of a table, and no other, were refused: stop. */
#define CM_HOPELESS_RECORDS 100
#define CM_HOPELESS_BATCHES 3

/* Batches that must be taken before they may be larger again. */
#define CM_BATCHES_TO_GROW 16

/* A batch under way. */
typedef struct CmFlight
{
	CmRequest	request;
	CmBatch    *batch;			/* NULL: free */
} CmFlight;

struct CmDispatch
{
	CmRun	   *run;
	MemoryContext context;
	MemoryContext answer_context;	/* reset after every answer */
	List	   *waiting;		/* CmBatch *, to be sent */
	CmFlight   *flights;
	int			in_flight;
	int			window;			/* how many may be under way now */
	int			calm;			/* answers since the window last changed */

	/* of the table and pass at hand */
	CmTable    *table;
	CmPass		pass;
	int			batch_rows;		/* of a batch; shrinks when one is too large */
	int			taken;			/* batches taken since that last changed */
	bool		any_migrated;
	int			refused;		/* by the server */
	const char *refused_code;	/* NULL once codes differ */
};

/* A dispatch for the run; lives in the current memory context. */
CmDispatch *
cm_dispatch_create(CmRun *run)
{
	CmDispatch *dispatch = palloc0(sizeof(CmDispatch));

	dispatch->run = run;
	dispatch->context = CurrentMemoryContext;
	dispatch->answer_context = AllocSetContextCreate(CurrentMemoryContext,
													 "convex_migrate answer",
													 ALLOCSET_DEFAULT_SIZES);
	dispatch->flights = palloc0(run->server->concurrency * sizeof(CmFlight));
	dispatch->window = run->server->concurrency;
	return dispatch;
}

/* The records that follow are of this table. None may be under way. */
void
cm_dispatch_begin(CmDispatch *dispatch, CmTable *table, CmPass pass)
{
	Assert(cm_dispatch_idle(dispatch));
	dispatch->table = table;
	dispatch->pass = pass;
	dispatch->batch_rows = dispatch->run->server->batch_rows;
	dispatch->taken = 0;
	dispatch->any_migrated = false;
	dispatch->refused = 0;
	dispatch->refused_code = NULL;
}

/* An empty batch for records of the table at hand. */
CmBatch *
cm_batch_create(CmDispatch *dispatch)
{
	MemoryContext context = AllocSetContextCreate(dispatch->context,
												  "convex_migrate batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmBatch    *batch = palloc0(sizeof(CmBatch));

	batch->context = context;
	initStringInfo(&batch->body);
	cm_convex_open_body(&batch->body, dispatch->table, dispatch->pass);
	batch->maxrecords = dispatch->batch_rows;
	batch->records = palloc(batch->maxrecords * sizeof(CmRecord));
	MemoryContextSwitchTo(old);
	return batch;
}

/*
 * What was appended to the body from the given offset on is a record with
 * this key. (A comma before it is the caller's to write.) rejected: the row is
 * in convex_rejects already, for a part of it, and must not be counted twice.
 */
void
cm_batch_add(CmBatch *batch, int offset, const char *key, bool rejected)
{
	CmRecord   *record = &batch->records[batch->nrecords++];
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	int			key_length = strlen(key);

	Assert(batch->nrecords <= batch->maxrecords);
	record->offset = offset;
	record->length = batch->body.len - offset;
	record->key = pstrdup(key);
	record->sent = cm_to_utf8(record->key, &key_length);
	record->answered = false;
	record->rejected = rejected;
	MemoryContextSwitchTo(old);
}

/* Put a batch that is whole into the queue, at its end or its head. */
static void
enqueue(CmDispatch *dispatch, CmBatch *batch, bool first)
{
	MemoryContext old = MemoryContextSwitchTo(dispatch->context);

	if (first)
		dispatch->waiting = lcons(batch, dispatch->waiting);
	else
		dispatch->waiting = lappend(dispatch->waiting, batch);
	MemoryContextSwitchTo(old);
}

/*
 * Send some records of a batch again, before anything else: those from "from"
 * to "to" (not included), but not the one at "except".
 */
static void
send_part(CmDispatch *dispatch, CmBatch *batch, int from, int to, int except)
{
	CmBatch    *copy = cm_batch_create(dispatch);

	copy->is_part = true;
	if (copy->maxrecords < to - from)
	{
		copy->maxrecords = to - from;
		copy->records = repalloc(copy->records,
								 copy->maxrecords * sizeof(CmRecord));
	}
	for (int i = from; i < to; i++)
	{
		CmRecord   *record = &batch->records[i];
		int			offset;

		if (i == except)
			continue;
		if (copy->nrecords > 0)
			appendStringInfoChar(&copy->body, ',');
		offset = copy->body.len;
		appendBinaryStringInfo(&copy->body, batch->body.data + record->offset,
							   record->length);
		cm_batch_add(copy, offset, record->key, record->rejected);
	}
	cm_convex_close_body(&copy->body);
	enqueue(dispatch, copy, true);
}

/* Send the batch. */
static void
launch(CmDispatch *dispatch, CmBatch *batch)
{
	CmFlight   *flight = dispatch->flights;

	while (flight->batch != NULL)
		flight++;
	flight->batch = batch;
	memset(&flight->request, 0, sizeof(CmRequest));
	flight->request.path = "/api/mutation";
	flight->request.body = batch->body.data;
	flight->request.body_length = batch->body.len;
	flight->request.with_key = true;
	flight->request.owner = flight;
	dispatch->in_flight++;
	cm_http_submit(dispatch->run->http, &flight->request);
}

/* Send what is due. Returns milliseconds until the next is, or -1. */
static int
launch_due(CmDispatch *dispatch)
{
	TimestampTz now = GetCurrentTimestamp();
	int			next = -1;
	ListCell   *lc;

	foreach(lc, dispatch->waiting)
	{
		CmBatch    *batch = lfirst(lc);

		if (dispatch->in_flight >= dispatch->window)
			return -1;
		if (batch->not_before > now)
		{
			int			wait = (batch->not_before - now) / 1000 + 1;

			next = next < 0 ? wait : Min(next, wait);
			continue;
		}
		dispatch->waiting = foreach_delete_current(dispatch->waiting, lc);
		launch(dispatch, batch);
	}
	return next;
}

/* Send the batch as soon as there is room. It belongs to the dispatch now. */
void
cm_dispatch_submit(CmDispatch *dispatch, CmBatch *batch)
{
	cm_convex_close_body(&batch->body);
	enqueue(dispatch, batch, false);
	(void) launch_due(dispatch);
}

/* Whether another batch is welcome. */
bool
cm_dispatch_has_room(CmDispatch *dispatch)
{
	return dispatch->waiting == NIL &&
		dispatch->in_flight < dispatch->window;
}

/* Whether everything that was submitted has found its end. */
bool
cm_dispatch_idle(CmDispatch *dispatch)
{
	return dispatch->waiting == NIL && dispatch->in_flight == 0;
}

/*
 * How long to wait before attempt number n + 1, in milliseconds: what the
 * server asks for, else exponentially longer, and never all at one time.
 */
int
cm_retry_delay(int attempts, int retry_after)
{
	int			delay = CM_LONGEST_DELAY;
	uint32		random;

	if (retry_after >= 0)
		return retry_after;
	if (attempts < 7)
		delay = Min(delay, CM_FIRST_DELAY << (attempts - 1));
	if (!pg_strong_random(&random, sizeof(random)))
		random = 0;
	return delay / 2 + random % (delay / 2 + 1);
}

/* The function that is called now. */
static const char *
function_at_hand(CmDispatch *dispatch)
{
	return dispatch->pass == CM_PASS_COMPLETE ? dispatch->table->complete :
		dispatch->table->function;
}

/* The record was refused by the server; stop when nothing else ever happens. */
static void
refuse(CmDispatch *dispatch, CmRecord *record, const CmReason *reason)
{
	CmRun	   *run = dispatch->run;
	int			enough = Min(CM_HOPELESS_RECORDS,
							 CM_HOPELESS_BATCHES * run->server->batch_rows);

	if (!record->rejected)
		cm_run_reject(run, dispatch->table, dispatch->pass, record->key, reason);
	if (dispatch->any_migrated)
		return;
	if (dispatch->refused++ == 0)
		dispatch->refused_code = reason->code;
	else if (dispatch->refused_code != NULL &&
			 strcmp(dispatch->refused_code, reason->code) != 0)
		dispatch->refused_code = NULL;
	if (dispatch->refused >= enough && dispatch->refused_code != NULL)
		cm_run_fail(run, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
					psprintf("Convex refuses every row of table \"%s\"",
							 dispatch->table->name),
					psprintf("The first %d were refused alike, the last with: %s: %s%s%s",
							 dispatch->refused, reason->code,
							 reason->path ? reason->path : "",
							 reason->path ? ": " : "", reason->text),
					psprintf("Compare the arguments of function \"%s\" and the schema of the deployment with the fields that convex_document() shows.",
							 function_at_hand(dispatch)));
}

/* Order of records by key, for matching pairs that are not in order. */
static int
compare_keys(const void *a, const void *b)
{
	return strcmp((*(CmRecord *const *) a)->sent,
				  (*(CmRecord *const *) b)->sent);
}

/* The record with this key, or NULL. Functions mostly answer in order. */
static CmRecord *
find_record(CmBatch *batch, int hint, const char *key, CmRecord ***sorted)
{
	CmRecord	wanted = {.sent = key};
	CmRecord   *pointer = &wanted;
	CmRecord  **found;

	if (hint < batch->nrecords && strcmp(batch->records[hint].sent, key) == 0)
		return &batch->records[hint];
	if (*sorted == NULL)
	{
		*sorted = palloc(batch->nrecords * sizeof(CmRecord *));
		for (int i = 0; i < batch->nrecords; i++)
			(*sorted)[i] = &batch->records[i];
		qsort(*sorted, batch->nrecords, sizeof(CmRecord *), compare_keys);
	}
	found = bsearch(&pointer, *sorted, batch->nrecords, sizeof(CmRecord *),
					compare_keys);
	return found ? *found : NULL;
}

/* The answer does not fit the batch: nobody knows what was stored. */
static void
fail_pairs(CmDispatch *dispatch, const char *what)
{
	cm_run_fail(dispatch->run, ERRCODE_PROTOCOL_VIOLATION,
				psprintf("unexpected answer from function \"%s\"",
						 function_at_hand(dispatch)),
				psprintf("It must return one {supabaseId, convexId} or {supabaseId, error} for each record: %s.",
						 what),
				"supabaseId is the field \"id\" of the record as it was sent.");
}

/* A batch was taken: store the ids, reject what the function refused. */
static void
handle_success(CmDispatch *dispatch, CmBatch *batch, CmAnswer *answer)
{
	CmRun	   *run = dispatch->run;
	Datum	   *keys = palloc(batch->nrecords * sizeof(Datum));
	Datum	   *ids = palloc(batch->nrecords * sizeof(Datum));
	CmRecord  **sorted = NULL;
	int			stored = 0;

	if (answer->npairs < batch->nrecords)
		fail_pairs(dispatch, psprintf("%d of %d are missing",
									  batch->nrecords - answer->npairs,
									  batch->nrecords));
	for (int i = 0; i < answer->npairs; i++)
	{
		CmPair	   *pair = &answer->pairs[i];
		CmRecord   *record = find_record(batch, i, pair->key, &sorted);

		if (record == NULL)
			fail_pairs(dispatch, "one is of a record that was not sent");
		if (record->answered)
			fail_pairs(dispatch, "one comes twice");
		record->answered = true;
		if (pair->convex_id == NULL)
			continue;
		keys[stored] = CStringGetTextDatum(record->key);
		ids[stored++] = CStringGetTextDatum(pair->convex_id);
	}
	if (stored > 0)
	{
		dispatch->any_migrated = true;
		if (dispatch->pass == CM_PASS_MIGRATE)
		{
			cm_idmap_add(run->idmap, dispatch->table, stored, keys, ids);
			run->tally->migrated += stored;
		}
		else
			run->tally->completed += stored;
	}
	sorted = NULL;
	for (int i = 0; i < answer->npairs; i++)
	{
		CmPair	   *pair = &answer->pairs[i];
		CmReason	reason;

		if (pair->convex_id != NULL)
			continue;
		cm_reason(&reason, "refused", "%s", pair->error);
		refuse(dispatch, find_record(batch, i, pair->key, &sorted), &reason);
	}
	run->tally->batches++;
	run->tally->bytes += batch->body.len;
}

/*
 * The batch failed as a whole: find who is to blame. A record that the error
 * names goes alone next, since the name is only a guess; without one, halves
 * go.
 */
static void
handle_refusal(CmDispatch *dispatch, CmBatch *batch, CmAnswer *answer)
{
	int			count = batch->nrecords;
	int			half = count / 2;
	int			culprit = answer->culprit;

	if (count == 1)
	{
		refuse(dispatch, &batch->records[0], &answer->reason);
		return;
	}
	if (culprit >= 0 && culprit < count)
	{
		send_part(dispatch, batch, 0, count, culprit);
		send_part(dispatch, batch, culprit, culprit + 1, -1);
		return;
	}
	/* one heavy record makes its parts fail too: only whole batches count */
	if (answer->outcome == CM_OUTCOME_TOO_LARGE && !batch->is_part)
	{
		dispatch->batch_rows = Max(1, Min(dispatch->batch_rows, half));
		dispatch->taken = 0;
	}
	send_part(dispatch, batch, half, count, -1);
	send_part(dispatch, batch, 0, half, -1);
}

/* First and last key of the batch, for a message. */
static char *
describe_batch(CmDispatch *dispatch, CmBatch *batch)
{
	return psprintf("%d rows of table \"%s\", keys \"%s\" to \"%s\"",
					batch->nrecords, dispatch->table->name,
					batch->records[0].key,
					batch->records[batch->nrecords - 1].key);
}

/* Send the batch again later, or give up. Returns true: the batch lives on. */
static bool
retry(CmDispatch *dispatch, CmBatch *batch, CmAnswer *answer)
{
	CmRun	   *run = dispatch->run;

	if (++batch->attempts > run->server->max_retries)
		cm_run_fail(run, answer->sqlstate, answer->message,
					psprintf("%s\nGave up after %d attempts at a batch: %s.",
							 answer->detail ? answer->detail : "",
							 batch->attempts, describe_batch(dispatch, batch)),
					"Run it again: with functions that upsert it carries on where it stopped. Option \"max_retries\" of the server says how patient it is.");
	run->tally->retries++;
	batch->not_before = GetCurrentTimestamp() +
		INT64CONST(1000) * cm_retry_delay(batch->attempts, answer->retry_after);
	dispatch->window = Max(1, dispatch->window / 2);
	dispatch->calm = 0;
	enqueue(dispatch, batch, false);
	return true;
}

/* The batch may be in or not. */
static bool
handle_ambiguous(CmDispatch *dispatch, CmBatch *batch, CmAnswer *answer)
{
	CmRun	   *run = dispatch->run;
	CmServer   *server = run->server;

	if (server->retry_ambiguous == CM_AMBIGUOUS_ON ||
		(server->retry_ambiguous == CM_AMBIGUOUS_AUTO && run->generated))
		return retry(dispatch, batch, answer);
	cm_run_fail(run, answer->sqlstate, answer->message,
				psprintf("%s\nOne batch may be in Convex or not: %s.",
						 answer->detail ? answer->detail : "",
						 describe_batch(dispatch, batch)),
				psprintf("Look for these keys in Convex table \"%s\". If the functions upsert, ALTER SERVER %s OPTIONS (ADD retry_ambiguous 'on') and run it again.",
						 dispatch->table->target, quote_identifier(server->name)));
}

/* The server is well: let more through, up to what was asked for. */
static void
grow_back(CmDispatch *dispatch)
{
	CmServer   *server = dispatch->run->server;

	if (dispatch->window < server->concurrency &&
		++dispatch->calm >= dispatch->window)
	{
		dispatch->window++;
		dispatch->calm = 0;
	}
	if (dispatch->batch_rows < server->batch_rows &&
		++dispatch->taken >= CM_BATCHES_TO_GROW)
	{
		dispatch->batch_rows = Min(server->batch_rows, 2 * dispatch->batch_rows);
		dispatch->taken = 0;
	}
}

/* Act on an answer. Returns true when the batch lives on. */
static bool
handle_answer(CmDispatch *dispatch, CmBatch *batch, CmAnswer *answer)
{
	switch (answer->outcome)
	{
		case CM_OUTCOME_SUCCESS:
			handle_success(dispatch, batch, answer);
			grow_back(dispatch);
			return false;
		case CM_OUTCOME_FUNCTION_ERROR:
		case CM_OUTCOME_TOO_LARGE:
			handle_refusal(dispatch, batch, answer);
			return false;
		case CM_OUTCOME_RETRY:
			return retry(dispatch, batch, answer);
		case CM_OUTCOME_AMBIGUOUS:
			return handle_ambiguous(dispatch, batch, answer);
		case CM_OUTCOME_FATAL:
			break;
	}
	cm_run_fail(dispatch->run, answer->sqlstate, answer->message,
				answer->detail, answer->hint);
}

/* Take the answer to a request and act on it. */
static void
settle(CmDispatch *dispatch, CmRequest *request)
{
	CmFlight   *flight = request->owner;
	CmBatch    *batch = flight->batch;
	CmAnswer	answer;

	cm_convex_read_answer(request,
						  cm_convex_argument(dispatch->table, dispatch->pass),
						  &answer);
	dispatch->in_flight--;
	if (!handle_answer(dispatch, batch, &answer))
		MemoryContextDelete(batch->context);
	flight->batch = NULL;
	cm_http_release(request);
	(void) launch_due(dispatch);
	cm_report_progress(dispatch->run);
}

/*
 * Act on the answers that came. wait: wait for something to happen first, for
 * a short tick at most. Serves interrupts either way.
 */
void
cm_dispatch_work(CmDispatch *dispatch, bool wait)
{
	CmHttp	   *http = dispatch->run->http;
	MemoryContext old = MemoryContextSwitchTo(dispatch->answer_context);
	int			next = launch_due(dispatch);
	CmRequest  *request;

	cm_http_wait(http, !wait ? 0 : next < 0 ? 1000 : next);
	while ((request = cm_http_reap(http)) != NULL)
	{
		settle(dispatch, request);
		MemoryContextReset(dispatch->answer_context);
	}
	/* rows that are rejected without being sent bring no answers */
	if (!wait && cm_progress_interval > 0)
		cm_report_progress(dispatch->run);
	MemoryContextSwitchTo(old);
	MemoryContextReset(dispatch->answer_context);
}
