/*-------------------------------------------------------------------------
 *
 * dispatch.c
 *	  Batches on their way: how many at once, and when again.
 *
 * Protocol: while cm_dispatch_has_room(), fill a batch and cm_dispatch_submit()
 * it; else, and until its job has none that is unsettled, call
 * cm_dispatch_work(), which waits for answers. settle.c says what each means, and
 * this file acts on it; pace.c says how many may be under way, and when the next
 * may be sent. Batches of several jobs may be under way at once.
 *
 * Answers come in bursts, as batches went. So as many batches are made ready while
 * the calls are under way as may be under way, and the next one goes before what an
 * answer brings is kept.
 *
 * Memory: a batch is freed with its answer; parts of a batch come before new
 * batches, so no more are alive than three times the server's option "concurrency",
 * times the depth of halving; of those that are ready no more than
 * CM_READY_BYTES, and one.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "utils/memutils.h"

/* Bytes of batches that are made ready. */
#define CM_READY_BYTES (8 * 1024 * 1024)

/* A look at the connections without waiting costs something for each: microseconds
 * until the next one. */
#define CM_LOOK_AGAIN INT64CONST(1000)

/* A batch under way, or whose answer is being read. */
typedef struct CmFlight
{
	CmRequest	request;
	CmBatch    *batch;			/* NULL: free */
	bool		landed;			/* the answer is there */
} CmFlight;

struct CmDispatch
{
	CmRun	   *run;
	MemoryContext context;
	MemoryContext answer_context;	/* reset after every answer */
	List	   *waiting;		/* CmBatch *, to be sent */
	CmFlight   *flights;
	int			in_flight;
	TimestampTz looked_at;		/* for answers, last */
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
	/* one more: while an answer is read, another batch is under way already */
	dispatch->flights = palloc0((run->server->concurrency + 1) * sizeof(CmFlight));
	return dispatch;
}

/* Put a batch into the queue, at its end or its head. */
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

/* A batch that was filled joins the queue. */
static void
take_in(CmDispatch *dispatch, CmBatch *batch, bool first)
{
	cm_call_close_body(&batch->body);
	batch->job->unsettled++;
	enqueue(dispatch, batch, first);
}

/* Send the batch. */
static void
launch(CmDispatch *dispatch, CmBatch *batch)
{
	CmFlight   *flight = dispatch->flights;

	while (flight->batch != NULL)
		flight++;
	flight->batch = batch;
	flight->landed = false;
	flight->request = cm_call_request(CM_ROUTE_MUTATION, &batch->body);
	flight->request.owner = flight;
	dispatch->in_flight++;
	batch->sent_at = GetCurrentTimestamp();
	cm_pace_sent(dispatch->run->pace, batch->sent_at, batch->body.len);
	cm_http_submit(dispatch->run->http, &flight->request);
}

/* Tell the pace how long the calls under way take. */
static void
look_at_flights(CmDispatch *dispatch, TimestampTz now)
{
	CmOverdue	overdue = {0};

	for (int i = 0; i <= dispatch->run->server->concurrency; i++)
	{
		CmFlight   *flight = &dispatch->flights[i];

		if (flight->batch != NULL && !flight->landed)
			cm_rate_count_overdue(flight->batch->job, now,
								  flight->batch->sent_at, &overdue);
	}
	cm_pace_look(dispatch->run->pace, now, &overdue);
}

/* Send what is due. Returns milliseconds until the next is, or -1. */
static int
launch_due(CmDispatch *dispatch)
{
	CmPace	   *pace = dispatch->run->pace;
	TimestampTz now = GetCurrentTimestamp();
	int			next = -1;
	ListCell   *lc;

	if (cm_suspect_holds(dispatch->run))
		return -1;
	look_at_flights(dispatch, now);
	foreach(lc, dispatch->waiting)
	{
		CmBatch    *batch = lfirst(lc);
		int			delay = cm_pace_delay(pace, now);

		if (dispatch->in_flight >= cm_pace_window(pace))
			return -1;
		/* nothing is sent before the deployment has room again */
		if (delay > 0)
			return delay;
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

/*
 * Send the batch, which has a record at least, as soon as there is room. It
 * belongs to the dispatch now.
 */
void
cm_dispatch_submit(CmDispatch *dispatch, CmBatch *batch)
{
	Assert(batch->nrecords > 0);
	take_in(dispatch, batch, false);
	(void) launch_due(dispatch);
	cm_progress_calls(dispatch->run, dispatch->in_flight,
					  cm_pace_window(dispatch->run->pace));
}

/*
 * Whether another batch is welcome: as many are made ready as may be under way.
 * Batches that wait for a time of their own do not stop others, unless they are
 * many.
 */
bool
cm_dispatch_has_room(CmDispatch *dispatch)
{
	TimestampTz now = GetCurrentTimestamp();
	int			ready = 0;
	int64		bytes = 0;
	ListCell   *lc;

	foreach(lc, dispatch->waiting)
	{
		CmBatch    *batch = lfirst(lc);

		if (batch->not_before > now)
			continue;
		ready++;
		bytes += batch->body.len;
	}
	return ready < cm_pace_window(dispatch->run->pace) &&
		bytes < CM_READY_BYTES &&
		list_length(dispatch->waiting) - ready <= dispatch->run->server->concurrency &&
		!cm_suspect_holds(dispatch->run);
}

/* Whether it is time to look for answers: nothing more can be sent before one comes. */
bool
cm_dispatch_must_look(CmDispatch *dispatch)
{
	return dispatch->in_flight >= cm_pace_window(dispatch->run->pace) &&
		GetCurrentTimestamp() - dispatch->looked_at >= CM_LOOK_AGAIN;
}

/* Whether nothing is under way, though there may be what waits to be. */
bool
cm_dispatch_is_quiet(CmDispatch *dispatch)
{
	return dispatch->in_flight == 0;
}

/* Do with the batch what the verdict says. */
static void
act(CmDispatch *dispatch, CmBatch *batch, CmVerdict verdict)
{
	int			count = batch->nrecords;

	switch (verdict.kind)
	{
		case CM_VERDICT_LATER:
			/* before those that were made ready meanwhile: what stops it stops
			 * them as well */
			enqueue(dispatch, batch, true);
			return;
		case CM_VERDICT_SPLIT:
			take_in(dispatch, cm_batch_part(batch, verdict.at, count, -1), true);
			take_in(dispatch, cm_batch_part(batch, 0, verdict.at, -1), true);
			break;
		case CM_VERDICT_ISOLATE:
			take_in(dispatch, cm_batch_part(batch, 0, count, verdict.at), true);
			take_in(dispatch, cm_batch_part(batch, verdict.at, verdict.at + 1, -1),
					true);
			break;
		case CM_VERDICT_DONE:
			break;
	}
	batch->job->unsettled--;
	cm_batch_free(batch);
}

/* Take the answer to a request and act on it. If the batch was executed, the next one
 * goes before its ids are kept. */
static void
land(CmDispatch *dispatch, CmRequest *request)
{
	CmFlight   *flight = request->owner;
	CmBatch    *batch = flight->batch;
	CmJob	   *job = batch->job;
	CmAnswer	answer;
	CmVerdict	verdict;

	dispatch->in_flight--;
	flight->landed = true;
	cm_answer_read_pairs(request, &job->call, &answer);
	if (cm_settle_executed(batch, &answer))
		(void) launch_due(dispatch);
	verdict = cm_settle_batch(batch, &answer);
	act(dispatch, batch, verdict);
	flight->batch = NULL;
	cm_http_release(request);
	(void) launch_due(dispatch);
	cm_report_progress(job);
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
		land(dispatch, request);
		MemoryContextReset(dispatch->answer_context);
	}
	dispatch->looked_at = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
	MemoryContextReset(dispatch->answer_context);
	cm_progress_calls(dispatch->run, dispatch->in_flight,
					  cm_pace_window(dispatch->run->pace));
}
