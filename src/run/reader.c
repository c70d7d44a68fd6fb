/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  All documents of Convex tables, read back: several ranges of keys at once.
 *
 * Protocol: cm_reader_create(); for each range of keys cm_reader_add(), of any
 * tables (quantiles.c adds a whole table, in parts); cm_reader_read(), which returns
 * when every document was taken by the callback; cm_reader_free(), or the deletion of
 * the context that it was made in. It can be filled and read again.
 *
 * A range is read page by page, one after the other, since each has the cursor of the
 * next; so what is under way at once are pages of different ranges, as many as
 * pace.c allows. Documents of a range come in the order of their keys; what comes of
 * two ranges is in no order. Pages are not one snapshot: a document that changes
 * meanwhile is seen before or after, and one whose key changes twice or not at all.
 *
 * A query changes nothing, so it is asked again whenever its answer is lost. What is
 * too much for one call is asked for in smaller pages. Nothing else may be under way.
 *
 * Memory: no more than the pages under way; they are smaller where many are.
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "utils/memutils.h"

/*
 * A page: documents and bytes. A query may read 32,000 documents and 16 MiB
 * (crates/database/src/reads.rs) and run for a second, of which pages of this size
 * take little; and larger ones are no faster.
 */
#define CM_PAGE_ITEMS		1000
#define CM_PAGE_BYTES		(2 * 1024 * 1024)

/* Bytes of all pages under way, about. */
#define CM_PAGES_BYTES		(16 * 1024 * 1024)

/* A table of which ranges are read. */
typedef struct CmReadTable
{
	CmTable    *table;
	CmLeg		leg;
	int			ranges;			/* that are not read to their end */
	bool		begun;
} CmReadTable;

/* A range that is being read, or will be. */
typedef struct CmStretch
{
	MemoryContext context;		/* of the cursor, the key, the body */
	CmReadTable *of;
	CmRange		range;
	char	   *last_key;		/* of the documents so far, or NULL */
	StringInfoData body;
	CmRequest	request;
	int			attempts;		/* at this page that failed */
	TimestampTz sent_at;
	TimestampTz not_before;
} CmStretch;

struct CmReader
{
	CmRun	   *run;
	MemoryContext context;
	MemoryContext answer_context;	/* reset after every page */
	bool		keys_only;
	bool		shows_progress;
	CmTakeDocument take;
	void	   *arg;
	const char *path;			/* of the query */
	List	   *tables;			/* CmReadTable * */
	List	   *waiting;		/* CmStretch *, to be sent */
	int			in_flight;
	int			items;			/* of a page; fewer after one was too much */
	int			bytes;
	CmJob		pace;			/* what pace.c keeps of calls */
};

/*
 * A reader of documents, or of their keys and ids alone, which gives them to the
 * callback. Lives in a context below the current one.
 */
CmReader *
cm_reader_create(CmRun *run, bool keys_only, CmTakeDocument take, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate reader",
												  ALLOCSET_DEFAULT_SIZES);
	CmReader   *reader = MemoryContextAllocZero(context, sizeof(CmReader));

	reader->run = run;
	reader->context = context;
	reader->answer_context = AllocSetContextCreate(context, "convex_migrate page",
												   ALLOCSET_DEFAULT_SIZES);
	reader->keys_only = keys_only;
	reader->take = take;
	reader->arg = arg;
	reader->path = MemoryContextStrdup(context,
									   psprintf("%s:range", run->server->functions));
	reader->items = CM_PAGE_ITEMS;
	reader->bytes = Min(CM_PAGE_BYTES, CM_PAGES_BYTES / run->server->concurrency);
	reader->pace.run = run;
	return reader;
}

/* Have others see how far it is: a pass over each of its tables. */
void
cm_reader_show_progress(CmReader *reader)
{
	reader->shows_progress = true;
}

/* What the reader has of the table. */
static CmReadTable *
read_table(CmReader *reader, CmTable *table)
{
	CmReadTable *of = reader->tables != NIL ? llast(reader->tables) : NULL;

	if (of != NULL && of->table == table)
		return of;
	of = palloc0(sizeof(CmReadTable));
	of->table = table;
	reader->tables = lappend(reader->tables, of);
	return of;
}

/*
 * Add the range of keys of the table above the first, up to the second, both in
 * UTF-8; NULL: from the beginning, to the end. Documents without a key come before
 * all others, those whose key is no text before or behind. Ranges of a table are
 * added one after the other.
 */
void
cm_reader_add(CmReader *reader, CmTable *table, const char *after,
			  const char *up_to)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	CmStretch  *stretch = palloc0(sizeof(CmStretch));

	stretch->of = read_table(reader, table);
	stretch->of->ranges++;
	stretch->range = (CmRange) {
		.path = reader->path,
		.table = table->target,
		.after = after ? pstrdup(after) : NULL,
		.up_to = up_to ? pstrdup(up_to) : NULL,
		.keys_only = reader->keys_only
	};
	reader->waiting = lappend(reader->waiting, stretch);
	MemoryContextSwitchTo(old);
}

/* Put the range, of which there is more to read, before those that are to come. */
static void
wait_first(CmReader *reader, CmStretch *stretch)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);

	reader->waiting = lcons(stretch, reader->waiting);
	MemoryContextSwitchTo(old);
}

/* Ask for the next page of the range. */
static void
launch(CmReader *reader, CmStretch *stretch)
{
	CmRun	   *run = reader->run;
	MemoryContext old;

	if (stretch->context == NULL)
		stretch->context = AllocSetContextCreate(reader->context,
												 "convex_migrate range",
												 ALLOCSET_SMALL_SIZES);
	if (reader->shows_progress && !stretch->of->begun)
		cm_progress_enter(run, &stretch->of->leg, stretch->of->table, CM_PASS_ROWS);
	stretch->of->begun = true;
	old = MemoryContextSwitchTo(stretch->context);
	initStringInfo(&stretch->body);
	stretch->range.items = reader->items;
	stretch->range.bytes = reader->bytes;
	stretch->request = cm_range_request(&stretch->range, &stretch->body);
	MemoryContextSwitchTo(old);
	stretch->request.owner = stretch;
	stretch->sent_at = GetCurrentTimestamp();
	cm_pace_sent(run->pace, stretch->sent_at, stretch->body.len);
	cm_http_submit(run->http, &stretch->request);
	reader->in_flight++;
}

/* Ask for what is due. Returns milliseconds until the next is, or -1. */
static int
launch_due(CmReader *reader)
{
	CmPace	   *pace = reader->run->pace;
	TimestampTz now = GetCurrentTimestamp();
	CmOverdue	overdue = {0};
	int			next = -1;
	ListCell   *lc;

	cm_pace_look(pace, now, &overdue);
	foreach(lc, reader->waiting)
	{
		CmStretch  *stretch = lfirst(lc);
		int			delay = cm_pace_delay(pace, now);

		if (reader->in_flight >= cm_pace_window(pace))
			return -1;
		if (delay > 0)
			return delay;
		if (stretch->not_before > now)
		{
			int			wait = (stretch->not_before - now) / 1000 + 1;

			next = next < 0 ? wait : Min(next, wait);
			continue;
		}
		reader->waiting = foreach_delete_current(reader->waiting, lc);
		launch(reader, stretch);
	}
	return next;
}

/* End the run: the query does not do what it is for. */
static void
fail_query(CmReader *reader, CmStretch *stretch, const CmAnswer *answer)
{
	CmRun	   *run = reader->run;

	cm_run_fail(run, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
				psprintf("function \"%s\" failed for Convex table \"%s\"", reader->path,
						 stretch->range.table),
				answer->reason.text ? answer->reason.text : answer->detail,
				psprintf("Write convex/%s.ts again by convex_functions(), then run \"%s\".",
						 run->server->functions, run->server->deploy_command));
}

/* The page was too much at once: smaller ones from now on. */
static void
shrink_pages(CmReader *reader, CmStretch *stretch, const CmAnswer *answer)
{
	if (stretch->range.items <= 1)
		fail_query(reader, stretch, answer);
	reader->items = Min(reader->items, Max(1, stretch->range.items / 2));
	reader->bytes = Min(reader->bytes, Max(CM_MAX_DOCUMENT / 16, stretch->range.bytes / 2));
	wait_first(reader, stretch);
}

/* The page did not come: ask again later, or give up. */
static void
retry(CmReader *reader, CmStretch *stretch, const CmAnswer *answer)
{
	CmRun	   *run = reader->run;
	int64		wait;

	if (++stretch->attempts > Min(run->server->max_retries, answer->retries))
		cm_run_fail(run, answer->sqlstate, answer->message,
					psprintf("%s\nGave up after %d attempts at a page of Convex table \"%s\".",
							 answer->detail ? answer->detail : "", stretch->attempts,
							 stretch->range.table),
					"Call it again later. Option \"max_retries\" of the server says how patient it is.");
	run->total.retries++;
	if (!cm_pace_retry(run->pace, answer, stretch->sent_at, stretch->attempts, &wait))
		cm_run_fail_impatient(run, answer, wait);
	stretch->not_before = answer->busy ? 0 :
		GetCurrentTimestamp() + INT64CONST(1000) * wait;
	if (answer->smaller && stretch->range.items > 1)
		shrink_pages(reader, stretch, answer);
	else
		wait_first(reader, stretch);
}

/* The range is read. */
static void
finish(CmReader *reader, CmStretch *stretch)
{
	if (--stretch->of->ranges == 0 && reader->shows_progress)
		cm_progress_leave(reader->run, &stretch->of->leg);
	MemoryContextDelete(stretch->context);
	pfree(stretch);
}

/* Whether the document has the key of the one before it; ERROR when it comes in
 * another order than that of keys. */
static bool
is_repeated(CmReader *reader, CmStretch *stretch, const CmDocument *document)
{
	int			order;

	if (document->key == NULL)
		return false;
	order = stretch->last_key ? strcmp(document->key, stretch->last_key) : 1;
	if (order < 0)
		cm_run_fail(reader->run, ERRCODE_PROTOCOL_VIOLATION,
					"unexpected answer from Convex",
					psprintf("Function \"%s\" answered with documents that are not in the order of their keys.",
							 reader->path),
					"Deploy the text of convex_functions() again.");
	if (order == 0)
		return true;
	if (stretch->last_key != NULL)
		pfree(stretch->last_key);
	stretch->last_key = MemoryContextStrdup(stretch->context, document->key);
	return false;
}

/* Give the documents of the page to the callback, and go on behind them. */
static void
take_page(CmReader *reader, CmStretch *stretch, CmPage *page)
{
	CmRun	   *run = reader->run;
	CmAnswer	answer = {.outcome = CM_OUTCOME_SUCCESS};
	CmDocument	document;
	int64		documents = 0;

	while (cm_range_next(page, &document, &answer))
	{
		reader->take(reader->arg, stretch->of->table, &document,
					 is_repeated(reader, stretch, &document));
		documents++;
	}
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, answer.sqlstate, answer.message, answer.detail, answer.hint);
	if (reader->shows_progress)
		cm_progress_count(run, &stretch->of->leg, documents);
	run->total.bytes += stretch->request.answer_length;
	run->total.batches++;
	stretch->attempts = 0;
	if (page->is_last)
	{
		cm_http_release(&stretch->request);
		finish(reader, stretch);
		return;
	}
	stretch->range.cursor = MemoryContextStrdup(stretch->context, page->cursor);
	cm_http_release(&stretch->request);
	wait_first(reader, stretch);
}

/* Act on what came of a request, in a context that is reset. */
static void
land(CmReader *reader, CmRequest *request)
{
	CmStretch  *stretch = request->owner;
	CmAnswer	answer;
	CmPage		page;

	reader->in_flight--;
	cm_range_read(request, &answer, &page);
	if (answer.outcome == CM_OUTCOME_SUCCESS)
	{
		cm_pace_accepted(reader->run->pace, &reader->pace, stretch->sent_at,
						 stretch->body.len);
		/* the next pages are on their way while this one is taken */
		(void) launch_due(reader);
		take_page(reader, stretch, &page);
		return;
	}
	cm_http_release(request);
	switch (answer.outcome)
	{
		case CM_OUTCOME_TOO_LARGE:
			shrink_pages(reader, stretch, &answer);
			break;
		case CM_OUTCOME_FUNCTION_ERROR:
			/* a limit that a deployment does not name */
			if (!answer.unexplained)
				fail_query(reader, stretch, &answer);
			shrink_pages(reader, stretch, &answer);
			break;
		case CM_OUTCOME_RETRY:
		case CM_OUTCOME_AMBIGUOUS:
			retry(reader, stretch, &answer);
			break;
		default:
			cm_run_fail(reader->run, answer.sqlstate, answer.message, answer.detail,
						answer.hint);
	}
}

/* Read all ranges that were added to their end. Serves interrupts. */
void
cm_reader_read(CmReader *reader)
{
	CmRun	   *run = reader->run;
	MemoryContext old = MemoryContextSwitchTo(reader->answer_context);

	Assert(run->dispatch == NULL || cm_dispatch_is_quiet(run->dispatch));
	while (reader->waiting != NIL || reader->in_flight > 0)
	{
		int			next = launch_due(reader);
		CmRequest  *request;

		cm_http_wait(run->http, next < 0 ? 1000 : next);
		while ((request = cm_http_reap(run->http)) != NULL)
		{
			land(reader, request);
			(void) launch_due(reader);
			MemoryContextReset(reader->answer_context);
		}
		cm_progress_calls(run, reader->in_flight, cm_pace_window(run->pace));
		cm_progress_publish(run);
	}
	MemoryContextSwitchTo(old);
}

/* The reader, which has read all that it was to read, and all that it has. */
void
cm_reader_free(CmReader *reader)
{
	Assert(reader->in_flight == 0);
	MemoryContextDelete(reader->context);
}
