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
 * Convex was not there or too busy. Raises the run's error when the answer is
 * fatal, unless its HTTP status is 403 or 404: not every version of Convex has
 * every route, and not every key the right to ask.
 */
static void
ask(CmRun *run, CmRequest *request, CmReadAnswer read_answer, int retries,
	CmAnswer *answer)
{
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
			request->status == 403 || request->status == 404)
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

/* Ask by a request that is no call: its status says whether it succeeded. */
void
cm_ask_status(CmRun *run, CmRequest *request, int retries, CmAnswer *answer)
{
	ask(run, request, cm_answer_read, retries, answer);
}
