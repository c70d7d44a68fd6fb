/*-------------------------------------------------------------------------
 *
 * sender.c
 *	  Rows of a scan into batches, and answers to them.
 *
 * Protocol: cm_sender_work() again and again, until the job is "all_read"; then,
 * without a job, until it has nothing unsettled.
 *
 *-------------------------------------------------------------------------
 */
#include "run/sender.h"

/* Send the batch, if there is anything in it. */
static void
send_batch(CmSender *sender)
{
	if (sender->batch->nrecords > 0)
		cm_dispatch_submit(sender->job->run->dispatch, sender->batch);
	else
		cm_batch_free(sender->batch);
	sender->batch = NULL;
}

/*
 * Take the next row into the batch. What does not fit any more begins the next
 * one. Returns whether a batch was sent.
 */
static bool
take_row(CmSender *sender)
{
	CmJob	   *job = sender->job;
	CmBatch    *batch = sender->batch;
	CmBatch    *next = NULL;
	CmScanned	scanned;
	CmEncoded	encoded;

	cm_batch_begin_record(batch);
	encoded = cm_scan_next(sender->scan, &batch->body, &scanned);
	if (encoded == CM_NO_ROW)
	{
		cm_batch_drop_record(batch);
		job->all_read = true;
		send_batch(sender);
		return true;
	}
	cm_report_count_read(job);
	if (encoded != CM_ENCODED)
		cm_run_reject(job, scanned.key, &scanned.reason);
	if (encoded != CM_NOT_ENCODED)
		cm_report_count_orphans(job, &scanned);
	if (encoded == CM_NOT_ENCODED)
	{
		cm_report_count_dropped(job);
		cm_batch_drop_record(batch);
	}
	else if (batch->nrecords > 0 &&
			 batch->body.len > job->run->server->batch_bytes)
		next = cm_batch_carry_over(batch, scanned.key, encoded != CM_ENCODED);
	else
		cm_batch_end_record(batch, scanned.key, encoded != CM_ENCODED);
	if (next == NULL && batch->nrecords < batch->maxrecords)
		return false;
	send_batch(sender);
	sender->batch = next;
	return true;
}

/*
 * Take rows into a batch until it is sent, or until the next row has to be
 * waited for: rows that are rejected fill no batch, and meanwhile answers want
 * to be read.
 */
static void
fill_batch(CmSender *sender)
{
	bool		sent;

	if (sender->batch == NULL)
		sender->batch = cm_batch_create(sender->job);
	do
	{
		sent = take_row(sender);
	} while (!sent && !cm_scan_must_fetch(sender->scan));
}

/*
 * As long as there is room for another batch, fill one. Without room, or rows to
 * fill it with, wait for answers; and look at those that are there, without
 * waiting, when nothing can be sent before one comes, and before the executor is
 * asked for more rows, which may take long.
 */
void
cm_sender_work(CmSender *sender, CmRun *run)
{
	CmJob	   *job = sender->job;
	bool		room = job != NULL && cm_dispatch_has_room(run->dispatch);

	if (room)
		fill_batch(sender);
	if (!room)
		cm_dispatch_work(run->dispatch, true);
	else if (job->all_read || cm_scan_must_fetch(sender->scan) ||
			 cm_dispatch_must_look(run->dispatch))
	{
		cm_dispatch_work(run->dispatch, false);
		cm_report_idle(job);
	}
	cm_progress_publish(run);
	if (cm_suspect_holds(run) && cm_dispatch_is_quiet(run->dispatch))
		cm_ask_whether_running(run);
}
