/*-------------------------------------------------------------------------
 *
 * ask.c
 *	  A question to the deployment: one request, waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

/*
 * Send the request and wait for its answer; again, up to so many times, when
 * Convex was not there or too busy. argument: as cm_convex_read_answer().
 * Raises the run's error when the answer is fatal, unless its HTTP status is
 * 403 or 404: not every version of Convex has every route, and not every key
 * the right to ask. The caller releases the request.
 */
void
cm_ask(CmRun *run, CmRequest *request, const char *argument, int retries,
	   CmAnswer *answer)
{
	for (int attempts = 1;; attempts++)
	{
		TimestampTz again;

		cm_http_submit(run->http, request);
		while (cm_http_reap(run->http) == NULL)
			cm_http_wait(run->http, 1000);
		cm_convex_read_answer(request, argument, answer);
		if (answer->outcome == CM_OUTCOME_SUCCESS ||
			answer->outcome == CM_OUTCOME_FUNCTION_ERROR ||
			answer->outcome == CM_OUTCOME_TOO_LARGE ||
			request->status == 403 || request->status == 404)
			return;
		if (answer->outcome == CM_OUTCOME_FATAL || attempts > retries)
			cm_run_fail(run, answer->sqlstate, answer->message, answer->detail,
						answer->hint);
		cm_http_release(request);
		again = GetCurrentTimestamp() +
			INT64CONST(1000) * cm_retry_delay(attempts, answer->retry_after);
		while (GetCurrentTimestamp() < again)
			cm_http_wait(run->http, 1000);
	}
}
