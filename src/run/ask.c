/*-------------------------------------------------------------------------
 *
 * ask.c
 *	  A question to the deployment: one request, waited for.
 *
 * Nothing else may be in flight: the answer is the next that comes. The caller
 * releases the request.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

/* Reads what came of a request: of api/answer.c. */
typedef void (*CmReadAnswer) (const CmRequest *request, CmAnswer *answer);

/*
 * Send the request and wait for its answer; again, up to so many times, when
 * Convex was not there or too busy. Raises the run's error when the answer to a
 * call is fatal. (A function that a version of Convex does not have, or a key
 * must not call, is an answer like others: CM_OUTCOME_FUNCTION_ERROR.)
 */
static void
ask(CmRun *run, CmRequest *request, CmReadAnswer read_answer, int retries,
	CmAnswer *answer)
{
	bool		is_call = read_answer == cm_answer_read_result;

	Assert(run->dispatch == NULL || cm_dispatch_is_idle(run->dispatch));
	for (int attempts = 1;; attempts++)
	{
		TimestampTz again;

		cm_http_submit(run->http, request);
		while (cm_http_reap(run->http) == NULL)
			cm_http_wait(run->http, 1000);
		read_answer(request, answer);
		if (answer->outcome == CM_OUTCOME_SUCCESS ||
			answer->outcome == CM_OUTCOME_FUNCTION_ERROR ||
			answer->outcome == CM_OUTCOME_TOO_LARGE ||
			(answer->outcome == CM_OUTCOME_FATAL && !is_call &&
			 request->delivery == CM_DELIVERY_ANSWERED))
			return;
		if (answer->outcome == CM_OUTCOME_FATAL || attempts > retries)
			cm_run_fail(run, answer->sqlstate, answer->message, answer->detail,
						answer->hint);
		cm_http_release(request);
		again = GetCurrentTimestamp() + INT64CONST(1000) *
			cm_settle_retry_delay(attempts, answer->retry_after);
		while (GetCurrentTimestamp() < again)
			cm_http_wait(run->http, 1000);
	}
}

/* Ask by a call of a function. */
void
cm_ask_result(CmRun *run, CmRequest *request, int retries, CmAnswer *answer)
{
	ask(run, request, cm_answer_read_result, retries, answer);
}

/* Ask by a request that is no call: its status, whatever it is, is the answer. */
void
cm_ask_status(CmRun *run, CmRequest *request, int retries, CmAnswer *answer)
{
	ask(run, request, cm_answer_read, retries, answer);
}
