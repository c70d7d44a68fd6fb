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

#include <limits.h>

#include "miscadmin.h"

/* Reads what came of a request: of api/answer.c. */
typedef void (*CmReadAnswer) (const CmRequest *request, CmAnswer *answer);

/* Send the request and wait until it is answered, or cannot be. Returns when it was
 * sent. */
static TimestampTz
send_and_wait(CmRun *run, CmRequest *request)
{
	TimestampTz sent_at = GetCurrentTimestamp();

	cm_http_submit(run->http, request);
	while (cm_http_reap(run->http) == NULL)
		cm_http_wait(run->http, 1000);
	return sent_at;
}

/* Wait before the request, which was sent then, is sent again; ERROR when the run is not
 * so patient. */
static void
wait_for_retry(CmRun *run, TimestampTz sent_at, int attempts,
			   const CmAnswer *answer)
{
	int64		wait;
	TimestampTz again;

	if (!cm_pace_retry(run->pace, answer, sent_at, attempts, &wait))
		cm_run_fail_impatient(run, answer, wait);
	again = GetCurrentTimestamp() + INT64CONST(1000) * wait;
	while (GetCurrentTimestamp() < again)
		cm_http_wait(run->http, 1000);
}

/*
 * How often a request with such an answer is repeated, if the caller allows so
 * many. An answer that no Convex is known to give may be one of a deployment that
 * was made just now; but only in Convex's cloud has the certificate shown who
 * answers. Nobody else is sent the key twice.
 */
static int
allowed_retries(CmRun *run, const CmAnswer *answer, int retries)
{
	if (answer->retries < INT_MAX && !run->server->cloud)
		return 0;
	return Min(retries, answer->retries);
}

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

	Assert(run->dispatch == NULL || cm_dispatch_is_quiet(run->dispatch));
	for (int attempts = 1;; attempts++)
	{
		TimestampTz sent_at = send_and_wait(run, request);
		bool		is_final;

		read_answer(request, answer);
		if (answer->outcome == CM_OUTCOME_SUCCESS ||
			answer->outcome == CM_OUTCOME_FUNCTION_ERROR ||
			answer->outcome == CM_OUTCOME_TOO_LARGE)
			return;
		is_final = answer->outcome == CM_OUTCOME_FATAL ||
			attempts > allowed_retries(run, answer, retries);
		if (is_final && !is_call &&
			request->delivery == CM_DELIVERY_ANSWERED &&
			(answer->outcome == CM_OUTCOME_FATAL || answer->retries < INT_MAX))
			return;
		if (is_final)
			cm_run_fail(run, answer->sqlstate, answer->message, answer->detail,
						answer->hint);
		cm_http_release(request);
		wait_for_retry(run, sent_at, attempts, answer);
	}
}

/*
 * Send the request once, and wait for its answer, whatever it is: for requests that must
 * not be repeated blindly. Returns when it was sent.
 */
TimestampTz
cm_ask_once(CmRun *run, CmRequest *request, CmAnswer *answer)
{
	TimestampTz sent_at = send_and_wait(run, request);

	cm_answer_read(request, answer);
	return sent_at;
}

/*
 * Whether a request that was answered so, the attempts-th time, may be sent again; if so,
 * when it is time for it. The answer is not a success. ERROR when the run is not so patient.
 */
bool
cm_ask_again(CmRun *run, TimestampTz sent_at, int attempts,
			 const CmAnswer *answer)
{
	if (answer->outcome == CM_OUTCOME_FATAL ||
		attempts > allowed_retries(run, answer, run->server->max_retries))
		return false;
	wait_for_retry(run, sent_at, attempts, answer);
	return true;
}

/*
 * Send a last request while an ERROR is on its way out, and wait for its answer, but no
 * longer than the given time, and whatever becomes of it. What else is under way is given
 * up, since it may have the only connection. Interrupts are not served.
 */
void
cm_ask_last(CmRun *run, CmRequest *request, int milliseconds)
{
	TimestampTz until = GetCurrentTimestamp() + INT64CONST(1000) * milliseconds;

	HOLD_INTERRUPTS();
	cm_http_abandon(run->http);
	cm_http_submit(run->http, request);
	while (cm_http_reap(run->http) == NULL && GetCurrentTimestamp() < until)
		cm_http_wait(run->http, milliseconds);
	RESUME_INTERRUPTS();
}

/*
 * Whether anybody answers, whatever it is, at the place where the request leads,
 * which is not sent more than retries times again. Else *answer says why not.
 * The request is released.
 */
bool
cm_ask_is_reached(CmRun *run, CmRequest *request, int retries,
				  CmAnswer *answer)
{
	for (int attempts = 1;; attempts++)
	{
		TimestampTz sent_at = send_and_wait(run, request);
		bool		answered;

		cm_answer_read(request, answer);
		answered = request->delivery == CM_DELIVERY_ANSWERED;
		cm_http_release(request);
		if (answered || answer->outcome == CM_OUTCOME_FATAL ||
			attempts > retries)
			return answered;
		wait_for_retry(run, sent_at, attempts, answer);
	}
}

/* Ask by a call of a function. */
void
cm_ask_result(CmRun *run, CmRequest *request, int retries, CmAnswer *answer)
{
	ask(run, request, cm_answer_read_result, retries, answer);
}

/* Ask by a request that is no call: its status, unless it is one of a deployment
 * that is not well, is the answer. */
void
cm_ask_status(CmRun *run, CmRequest *request, int retries, CmAnswer *answer)
{
	ask(run, request, cm_answer_read, retries, answer);
}

/*
 * Ask whether functions run at all, see suspect.c, when nothing is in flight any
 * more: by a call that has no rows. ERROR when they do not.
 */
void
cm_ask_whether_running(CmRun *run)
{
	CmJob	   *job = run->suspicion.job;
	StringInfoData body;
	CmRequest	request;
	CmAnswer	answer;

	initStringInfo(&body);
	cm_call_open_body(&body, &job->call);
	cm_call_close_body(&body);
	request = cm_call_request(CM_ROUTE_MUTATION, &body);
	cm_ask_result(run, &request, run->server->max_retries, &answer);
	cm_http_release(&request);
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					"the deployment does not run functions",
					psprintf("Function \"%s\" fails without any rows as well, and the deployment does not show why.",
							 job->call.path),
					CM_HINT_NOT_RUNNING);
	cm_suspect_clear(run);
}

/* What the deployment answers to a query that an import needs; ERROR when it does not. The request is the
 * caller's to release. */
void
cm_ask_for_import(CmRun *run, const char *path, CmRequest *request)
{
	CmAnswer	answer;

	cm_ask_result(run, request, run->server->max_retries, &answer);
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, ERRCODE_FEATURE_NOT_SUPPORTED,
					"the deployment does not tell what an import must know",
					psprintf("It does not have the function \"%s\", or does not run it.", path),
					"Update the Convex server; or use method \"mutation\".");
}
