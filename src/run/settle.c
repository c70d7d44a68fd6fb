/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  What an answer means for the batch that it answers.
 *
 * Every record ends in exactly one of two places: it is accepted, and its id is
 * in the id map, or it is in convex_rejects. Until that is so for all records of
 * a batch, the verdict says what to send again, and when; or the run fails.
 *
 * A batch that Convex refuses as a whole is sent again in parts, until the
 * culprit is alone. That is safe with any function: a mutation that fails
 * leaves nothing behind. A batch whose answer was lost may have been executed;
 * it is sent again only where that cannot store it twice.
 *
 * Runs in a memory context that is reset after every answer.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "utils/builtins.h"

/* The run stops when this many records of a job were refused for one reason
 * and none was accepted. */
#define CM_HOPELESS_RECORDS 100
#define CM_HOPELESS_BATCHES 3

/* Batches that must be accepted before they may be larger again. */
#define CM_BATCHES_TO_GROW 16

/* A batch that takes so many microseconds is too large for the deployment as it
 * is now. */
#define CM_SLOW_BATCH (10 * USECS_PER_SEC)

/* Bytes of a request that nothing refuses for its size: proxies take 1 MB and
 * more, Convex far more. */
#define CM_NEVER_TOO_LARGE (16 * 1024)

/* A record that Convex refused: reject it, and fail if there is no hope. */
static void
refuse_record(CmJob *job, CmRecord *record, const CmReason *reason)
{
	CmRun	   *run = job->run;
	int			enough = Min(CM_HOPELESS_RECORDS,
							 CM_HOPELESS_BATCHES * run->server->batch_rows);

	if (!record->counted)
		cm_run_reject(job, record->key, reason);
	cm_report_count_dropped(job);
	if (job->any_accepted)
		return;
	if (job->refused++ == 0)
		job->refused_code = reason->code;
	else if (job->refused_code != NULL &&
			 strcmp(job->refused_code, reason->code) != 0)
		job->refused_code = NULL;
	if (job->refused >= enough && job->refused_code != NULL)
		cm_run_fail(run, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
					psprintf("Convex refuses every row of table \"%s\"",
							 job->table->name),
					psprintf("The first %d were refused alike, the last with: %s",
							 job->refused, cm_reason_text(reason)),
					psprintf("Compare the arguments of function \"%s\" and the schema of the deployment with the fields that convex_document() shows.",
							 job->call.path));
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
find_record(CmBatch *batch, int likely, const char *key, CmRecord ***sorted)
{
	CmRecord	wanted = {.sent = key};
	CmRecord   *pointer = &wanted;
	CmRecord  **found;

	if (likely < batch->nrecords &&
		strcmp(batch->records[likely].sent, key) == 0)
		return &batch->records[likely];
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
fail_pairs(CmJob *job, const char *what)
{
	cm_run_fail(job->run, ERRCODE_PROTOCOL_VIOLATION,
				psprintf("unexpected answer from function \"%s\"",
						 job->call.path),
				psprintf("It must return one {supabaseId, convexId} or {supabaseId, error} for each record: %s.",
						 what),
				"supabaseId is the field \"id\" of the record as it was sent.");
}

/* The record of each pair, in their order; each record has one pair. */
static CmRecord **
match_pairs(CmBatch *batch, const CmAnswer *answer)
{
	CmRecord  **records = palloc((answer->npairs + 1) * sizeof(CmRecord *));
	CmRecord  **sorted = NULL;

	if (answer->npairs < batch->nrecords)
		fail_pairs(batch->job, psprintf("%d of %d are missing",
										batch->nrecords - answer->npairs,
										batch->nrecords));
	for (int i = 0; i < answer->npairs; i++)
	{
		records[i] = find_record(batch, i, answer->pairs[i].key, &sorted);
		if (records[i] == NULL)
			fail_pairs(batch->job, "one is of a record that was not sent");
		if (records[i]->answered)
			fail_pairs(batch->job, "one comes twice");
		records[i]->answered = true;
	}
	return records;
}

/* Keep the ids of the records that were accepted; returns how many were. */
static int
store_ids(CmBatch *batch, const CmAnswer *answer, CmRecord **records)
{
	CmJob	   *job = batch->job;
	Datum	   *keys = palloc(batch->nrecords * sizeof(Datum));
	Datum	   *ids = palloc(batch->nrecords * sizeof(Datum));
	int			accepted = 0;

	for (int i = 0; i < answer->npairs; i++)
	{
		if (answer->pairs[i].error != NULL)
			continue;
		if (job->pass == CM_PASS_ROWS)
		{
			keys[accepted] = CStringGetTextDatum(records[i]->key);
			ids[accepted] = CStringGetTextDatum(answer->pairs[i].convex_id);
		}
		accepted++;
	}
	if (accepted > 0 && job->pass == CM_PASS_ROWS)
		cm_idmap_add(job->run->idmap, job->table, accepted, keys, ids);
	return accepted;
}

/* From now on so many records in a batch, at least 1, or fewer. */
static void
shrink_batches(CmJob *job, int rows)
{
	job->batch_rows = Max(1, Min(job->batch_rows, rows));
	job->accepted_batches = 0;
}

/* A batch was executed: keep the ids, reject what the function refused. */
static void
settle_pairs(CmBatch *batch, const CmAnswer *answer)
{
	CmJob	   *job = batch->job;
	CmRecord  **records = batch->matched;
	int			accepted = store_ids(batch, answer, records);

	job->any_accepted = job->any_accepted || accepted > 0;
	cm_report_count_accepted(job, accepted, batch->body.len);
	for (int i = 0; i < answer->npairs; i++)
	{
		CmReason	reason;

		if (answer->pairs[i].error == NULL)
			continue;
		cm_reason_set(&reason, "refused", "%s", answer->pairs[i].error);
		refuse_record(job, records[i], &reason);
	}
	if (GetCurrentTimestamp() - batch->sent_at > CM_SLOW_BATCH)
		shrink_batches(job, batch->nrecords / 2);
	else if (job->batch_rows < job->run->server->batch_rows &&
			 ++job->accepted_batches >= CM_BATCHES_TO_GROW)
	{
		job->batch_rows = Min(job->run->server->batch_rows, 2 * job->batch_rows);
		job->accepted_batches = 0;
	}
}

/*
 * The batch was too much at once: send it in halves, and from now on fewer
 * records in one. A single heavy record makes the parts that it is in fail too:
 * only whole batches count.
 */
static CmVerdict
halve(CmBatch *batch)
{
	int			half = batch->nrecords / 2;

	if (!batch->is_part)
		shrink_batches(batch->job, half);
	return (CmVerdict) {CM_VERDICT_SPLIT, half};
}

/* Send the batch again later, or give up. */
static CmVerdict
settle_retry(CmBatch *batch, const CmAnswer *answer)
{
	CmRun	   *run = batch->job->run;
	int64		wait;

	if (++batch->attempts > Min(run->server->max_retries, answer->retries))
		cm_run_fail(run, answer->sqlstate, answer->message,
					psprintf("%s\nGave up after %d attempts at a batch: %s.",
							 answer->detail ? answer->detail : "",
							 batch->attempts, cm_batch_describe(batch)),
					"Run it again: with functions that upsert it carries on where it stopped. Option \"max_retries\" of the server says how patient it is.");
	cm_report_count_retry(batch->job);
	if (!cm_pace_retry(run->pace, answer, batch->sent_at, batch->attempts, &wait))
		cm_run_fail_impatient(run, answer, wait);
	/* a deployment that has no room holds all batches back: this one goes with them */
	batch->not_before = answer->busy ? 0 :
		GetCurrentTimestamp() + INT64CONST(1000) * wait;
	return (CmVerdict) {CM_VERDICT_LATER, 0};
}

/*
 * The batch failed as a whole: find who is to blame. A record that the error
 * names is sent alone next, since the name is only a guess; without one, halves
 * are.
 */
static CmVerdict
settle_refusal(CmBatch *batch, const CmAnswer *answer)
{
	CmJob	   *job = batch->job;

	if (batch->nrecords == 1)
	{
		/* the row is not to blame: whatever answered so, it may not do it again */
		if (answer->body_too_large && batch->body.len <= CM_NEVER_TOO_LARGE)
			return settle_retry(batch, answer);
		if (answer->unexplained)
			cm_suspect_note(job);
		refuse_record(job, &batch->records[0], &answer->reason);
		return (CmVerdict) {CM_VERDICT_DONE, 0};
	}
	if (answer->culprit >= 0 && answer->culprit < batch->nrecords)
		return (CmVerdict) {CM_VERDICT_ISOLATE, answer->culprit};
	if (answer->outcome == CM_OUTCOME_TOO_LARGE)
		return halve(batch);
	return (CmVerdict) {CM_VERDICT_SPLIT, batch->nrecords / 2};
}

/* The batch may have been executed or not. */
static CmVerdict
settle_ambiguous(CmBatch *batch, const CmAnswer *answer)
{
	CmRun	   *run = batch->job->run;
	CmServer   *server = run->server;

	if (server->retry_ambiguous == CM_AMBIGUOUS_ON ||
		(server->retry_ambiguous == CM_AMBIGUOUS_AUTO && run->generated))
	{
		CmVerdict	verdict = settle_retry(batch, answer);

		return answer->smaller && batch->nrecords > 1 ? halve(batch) : verdict;
	}
	cm_run_fail(run, answer->sqlstate, answer->message,
				psprintf("%s\nOne batch may be in Convex or not: %s.",
						 answer->detail ? answer->detail : "",
						 cm_batch_describe(batch)),
				psprintf("Look for these keys in Convex table \"%s\". If the functions upsert, ALTER SERVER %s OPTIONS (ADD retry_ambiguous 'on') and run it again.",
						 batch->job->table->target,
						 quote_identifier(server->name)));
}

/* Whether the batch was executed; then ERROR unless the answer is one to it. */
bool
cm_settle_executed(CmBatch *batch, const CmAnswer *answer)
{
	if (answer->outcome != CM_OUTCOME_SUCCESS)
		return false;
	batch->matched = match_pairs(batch, answer);
	return true;
}

/* What is to be done with the batch, now that it was answered and
 * cm_settle_executed() was called. */
CmVerdict
cm_settle_batch(CmBatch *batch, CmAnswer *answer)
{
	switch (answer->outcome)
	{
		case CM_OUTCOME_SUCCESS:
			cm_suspect_clear(batch->job->run);
			cm_pace_accepted(batch->job->run->pace, batch->job, batch->sent_at,
							 batch->body.len);
			settle_pairs(batch, answer);
			return (CmVerdict) {CM_VERDICT_DONE, 0};
		case CM_OUTCOME_FUNCTION_ERROR:
		case CM_OUTCOME_TOO_LARGE:
			return settle_refusal(batch, answer);
		case CM_OUTCOME_RETRY:
			return settle_retry(batch, answer);
		case CM_OUTCOME_AMBIGUOUS:
			return settle_ambiguous(batch, answer);
		case CM_OUTCOME_FATAL:
			break;
	}
	cm_run_fail(batch->job->run, answer->sqlstate, answer->message,
				answer->detail, answer->hint);
}
