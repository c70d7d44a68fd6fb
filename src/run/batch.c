/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Batches: records that are sent in one call.
 *
 * Protocol: create a batch for a job; then for each record begin it, let the
 * record be appended to batch->body, and end it, drop it, or carry it over into
 * a batch that begins with it. A batch that was submitted belongs to
 * dispatch.c.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "utils/memutils.h"

/* A batch for at most so many records. */
static CmBatch *
create(CmJob *job, int maxrecords)
{
	MemoryContext context = AllocSetContextCreate(job->run->context,
												  "convex_migrate batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmBatch    *batch = palloc0(sizeof(CmBatch));

	batch->context = context;
	batch->job = job;
	initStringInfo(&batch->body);
	/* grown step by step, it would be copied as often */
	enlargeStringInfo(&batch->body, job->longest_body);
	cm_call_open_body(&batch->body, &job->call);
	batch->maxrecords = maxrecords;
	batch->records = palloc(maxrecords * sizeof(CmRecord));
	MemoryContextSwitchTo(old);
	return batch;
}

/* An empty batch for records of the job. */
CmBatch *
cm_batch_create(CmJob *job)
{
	return create(job, job->batch_rows);
}

/* The batch and all that it has. */
void
cm_batch_free(CmBatch *batch)
{
	MemoryContextDelete(batch->context);
}

/* What is appended to the body next is a record. */
void
cm_batch_begin_record(CmBatch *batch)
{
	if (batch->nrecords > 0)
		appendStringInfoChar(&batch->body, ',');
	batch->record_start = batch->body.len;
}

/*
 * The record that was begun is whole, and has this key. counted: the row is in
 * convex_rejects already, for a part of it, and must not be counted twice.
 */
void
cm_batch_end_record(CmBatch *batch, const char *key, bool counted)
{
	CmRecord   *record = &batch->records[batch->nrecords++];
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	int			key_length = strlen(key);

	Assert(batch->nrecords <= batch->maxrecords);
	record->offset = batch->record_start;
	record->length = batch->body.len - record->offset;
	batch->job->longest_body = Max(batch->job->longest_body, batch->body.len);
	record->key = pstrdup(key);
	record->sent = cm_utf8_from_database(record->key, &key_length);
	record->answered = false;
	record->counted = counted;
	MemoryContextSwitchTo(old);
}

/* Take the record that was begun back, whatever there is of it, and its comma. */
void
cm_batch_drop_record(CmBatch *batch)
{
	batch->body.len = batch->record_start - (batch->nrecords > 0 ? 1 : 0);
	batch->body.data[batch->body.len] = '\0';
}

/*
 * Take the record that was begun, which is whole, out of the batch, and make it the
 * first of another batch of the same job, which is the result.
 */
CmBatch *
cm_batch_carry_over(CmBatch *batch, const char *key, bool counted)
{
	CmBatch    *next = cm_batch_create(batch->job);

	cm_batch_begin_record(next);
	appendBinaryStringInfo(&next->body, batch->body.data + batch->record_start,
						   batch->body.len - batch->record_start);
	cm_batch_end_record(next, key, counted);
	cm_batch_drop_record(batch);
	return next;
}

/*
 * A batch of some of the records of another: those from "from" to "to" (not
 * included), but not the one at "except" (-1: all of them). It has failed as
 * often as that one.
 */
CmBatch *
cm_batch_part(CmBatch *batch, int from, int to, int except)
{
	CmBatch    *part = create(batch->job, to - from);

	part->is_part = true;
	part->attempts = batch->attempts;
	part->not_before = batch->not_before;
	for (int i = from; i < to; i++)
	{
		CmRecord   *record = &batch->records[i];

		if (i == except)
			continue;
		cm_batch_begin_record(part);
		appendBinaryStringInfo(&part->body, batch->body.data + record->offset,
							   record->length);
		cm_batch_end_record(part, record->key, record->counted);
	}
	return part;
}

/* How many records, of which table, with which first and last key; palloc'd. */
char *
cm_batch_describe(CmBatch *batch)
{
	return psprintf("%d rows of table \"%s\", keys \"%s\" to \"%s\"",
					batch->nrecords, batch->job->table->name,
					batch->records[0].key,
					batch->records[batch->nrecords - 1].key);
}
