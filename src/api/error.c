/*-------------------------------------------------------------------------
 *
 * error.c
 *	  What it means when a call does not succeed: the only file that knows
 *	  Convex's status codes, error codes and texts of errors.
 *
 * One table, error_rules, says to which class an error belongs: by how far the
 * request came, by HTTP status and Convex's code, or, for errors of a function,
 * by the beginning of their text. An error of a function that is not in it is
 * the function's own, which is reported record by record.
 *
 * Nothing here throws for what Convex answers: it becomes a CmAnswer, in the
 * current memory context.
 *
 * Rules: crates/errors/src/lib.rs and crates/common/src/http/mod.rs of
 * convex-backend. Texts of function errors may be replaced by "Server Error"
 * in production deployments: they make a reason clearer or a culprit found
 * sooner, and nothing depends on them but that.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include <limits.h>

/* Characters of an error code, such as "TooManyConcurrentRequests", at most. */
#define CM_MAX_CODE 64

/* How often a request is sent again that was answered as nobody expects. */
#define CM_UNEXPECTED_RETRIES 3

/* What to do about the errors of a class, and the texts of the ERROR for when
 * it ends a run. Those of one that cannot end a run are NULL. */
typedef struct CmErrorClass
{
	CmOutcome	outcome;
	int			sqlstate;
	const char *message;
	const char *hint;			/* or NULL */
	bool		busy;			/* as in CmAnswer */
	bool		smaller;
	int			retries;		/* at most; 0: as many as the caller likes */
} CmErrorClass;

static const CmErrorClass key_refused = {
	.outcome = CM_OUTCOME_FATAL,
	.sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	.message = "Convex refused the deploy key",
	.hint = "Make a new deploy key for this deployment in the dashboard and set it in the user mapping."
};
static const CmErrorClass rights_missing = {
	.outcome = CM_OUTCOME_FATAL,
	.sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	.message = "the deploy key does not have the rights that are needed",
	.hint = "Make a new deploy key for this deployment in the dashboard and set it in the user mapping."
};
static const CmErrorClass request_too_large = {
	.outcome = CM_OUTCOME_TOO_LARGE,
	.sqlstate = ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	.message = "a request was refused as too large",
	.hint = "Look at what stands between PostgreSQL and the deployment: it takes requests of a few kilobytes only.",
	.busy = true,
	.retries = CM_UNEXPECTED_RETRIES
};
static const CmErrorClass overloaded = {
	.outcome = CM_OUTCOME_RETRY,
	.sqlstate = ERRCODE_CONNECTION_FAILURE,
	.message = "Convex is overloaded",
	.hint = "Try again later, or lower option \"concurrency\" of the server.",
	.busy = true
};
static const CmErrorClass conflicting = {
	.outcome = CM_OUTCOME_RETRY,
	.sqlstate = ERRCODE_CONNECTION_FAILURE,
	.message = "Convex is overloaded",
	.hint = "Something else writes the same documents all the time: try again when it does not."
};
static const CmErrorClass incomplete = {
	.outcome = CM_OUTCOME_AMBIGUOUS,
	.sqlstate = ERRCODE_CONNECTION_FAILURE,
	.message = "Convex could not complete a request",
	.hint = "Run it again when the deployment is well.",
	.busy = true
};
static const CmErrorClass took_too_long = {
	.outcome = CM_OUTCOME_AMBIGUOUS,
	.sqlstate = ERRCODE_CONNECTION_FAILURE,
	.message = "Convex could not complete a request",
	.hint = "Run it again when the deployment is well, or with less in one call: option \"batch_rows\" of the server.",
	.smaller = true
};
static const CmErrorClass answer_lost = {
	.outcome = CM_OUTCOME_AMBIGUOUS,
	.sqlstate = ERRCODE_CONNECTION_FAILURE,
	.message = "the answer from Convex was lost",
	.hint = "Run it again when the deployment is well.",
	.busy = true
};
static const CmErrorClass unreachable = {
	.outcome = CM_OUTCOME_FATAL,
	.sqlstate = ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	.message = "could not connect to Convex",
	.hint = "Check option \"url\" of the server, and that the deployment is running."
};
static const CmErrorClass unreachable_now = {
	.outcome = CM_OUTCOME_RETRY,
	.sqlstate = ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	.message = "could not connect to Convex",
	.hint = "Check option \"url\" of the server, and that the deployment is running.",
	.busy = true
};
static const CmErrorClass other_protocol = {
	.outcome = CM_OUTCOME_FATAL,
	.sqlstate = ERRCODE_PROTOCOL_VIOLATION,
	.message = "what answers at the URL of the server does not speak HTTP/1.1",
	.hint = "Requests are sent over HTTP/1.1, one on a connection at a time, so that a lost connection leaves one of them uncertain. Have the proxy accept HTTP/1.1, or set option \"url\" of the server to the URL of the deployment itself."
};
static const CmErrorClass not_convex = {
	.outcome = CM_OUTCOME_FATAL,
	.sqlstate = ERRCODE_PROTOCOL_VIOLATION,
	.message = "unexpected answer from Convex",
	.hint = "Check that option \"url\" of the server is the URL of a Convex deployment, and that the function returns what the documentation says."
};
static const CmErrorClass unexpected = {
	.outcome = CM_OUTCOME_AMBIGUOUS,
	.sqlstate = ERRCODE_PROTOCOL_VIOLATION,
	.message = "unexpected answer from Convex",
	.hint = "Check that option \"url\" of the server is the URL of a Convex deployment, and what stands between it and PostgreSQL.",
	.busy = true,
	.retries = CM_UNEXPECTED_RETRIES
};
static const CmErrorClass not_running = {
	.outcome = CM_OUTCOME_FATAL,
	.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	.message = "the deployment does not run functions",
	.hint = "The dashboard of the deployment shows why, and how it is resumed."
};
static const CmErrorClass transaction_too_large = {
	.outcome = CM_OUTCOME_TOO_LARGE
};

/*
 * The first row that fits counts. An error has a status from "first" to "last"
 * and Convex's code (NULL: any, or none), as {"code": ..., "message": ...}
 * (crates/errors/src/lib.rs) or whatever a proxy makes of it; or no status, but
 * words of a function, which begin so; or neither, but an end of its delivery.
 */
typedef struct CmErrorRule
{
	int			first;			/* 0: not by status */
	int			last;
	const char *code;
	const char *words;
	CmDelivery	delivery;
	const CmErrorClass *class;
} CmErrorRule;

#define DELIVERY(how, which) {.delivery = how, .class = &which}
#define STATUS(from, to, which) {.first = from, .last = to, .class = &which}
#define CODE(status, name, which) \
	{.first = status, .last = status, .code = name, .class = &which}
#define WORDS(begin, which) {.words = begin, .class = &which}

static const CmErrorRule error_rules[] = {
	/* it was not sent: nothing happened. A host that is not there yet, or not
	 * any more, may come back; a certificate or a name does not */
	DELIVERY(CM_DELIVERY_NOT_SENT_YET, unreachable_now),
	DELIVERY(CM_DELIVERY_NOT_SENT, unreachable),
	DELIVERY(CM_DELIVERY_OTHER_PROTOCOL, other_protocol),
	/* it was sent, and no answer came: executed or not */
	DELIVERY(CM_DELIVERY_LOST, answer_lost),

	/* not a key of this deployment (crates/authentication/src/
	 * application_auth.rs), and one without the right to call functions that
	 * are internal (crates/roles/src/eval.rs) */
	STATUS(401, 401, key_refused),
	STATUS(403, 403, rights_missing),

	/* a body above the limit, to a proxy and to Convex, which reads it no
	 * further and finds that it is not JSON (crates/common/src/http/
	 * extract.rs) */
	STATUS(413, 413, request_too_large),
	CODE(400, "BadJsonBody", request_too_large),

	/* the same request is refused again: a path or a form that Convex cannot
	 * read, or a host that is not the deployment's (crates/errors/src/lib.rs) */
	STATUS(400, 400, not_convex),
	STATUS(421, 421, not_convex),

	/* a proxy that wants another protocol: 464 is that of AWS */
	STATUS(426, 426, other_protocol),
	STATUS(464, 464, other_protocol),
	STATUS(505, 505, other_protocol),

	/* not executed: the deployment is starting, or at a limit of its plan */
	STATUS(425, 425, overloaded),
	STATUS(429, 429, overloaded),
	CODE(503, "RateLimited", overloaded),
	CODE(503, "TooManyWrites", overloaded),
	CODE(503, "TooManyConcurrentRequests", overloaded),

	/* not executed: not begun, since too much waits to be committed or indexed
	 * (crates/database/src/metrics.rs and transaction.rs) */
	CODE(503, "CommitterFullError", overloaded),
	CODE(503, "TextIndexTooLarge", overloaded),
	CODE(503, "VectorIndexTooLarge", overloaded),
	CODE(503, "SearchIndexTooLarge", overloaded),

	/* not executed: nothing was free to run it (crates/isolate/src/
	 * metrics.rs), or the deployment counts its tables after a start
	 * (crates/database/src/table_summary.rs) */
	CODE(503, "ExpiredInQueue", overloaded),
	CODE(503, "WorkerOverloaded", overloaded),
	CODE(503, "IsolateNotClean", overloaded),
	CODE(503, "InitialPermitTimeoutError", overloaded),
	CODE(503, "ExecuteFullError", overloaded),
	CODE(503, "TableSummariesUnavailable", overloaded),

	/* not executed: rolled back for another mutation that wrote what it read,
	 * after Convex's own attempts. That is between the two of them: other
	 * batches need not wait */
	CODE(503, "OptimisticConcurrencyControlFailure", conflicting),

	/* executed or not: Convex's time for a request was over (300 s,
	 * crates/common/src/http/mod.rs), which less work at once may not need */
	STATUS(408, 408, took_too_long),

	/* executed or not: it crashed, or a proxy did not get its answer */
	STATUS(500, INT_MAX, incomplete),

	/* a deployment that was made just now is not known everywhere (404, which
	 * Convex's own client repeats for that reason: npm-packages/convex,
	 * src/cli/lib/utils/utils.ts), or something new, or a proxy's: perhaps it
	 * passes */
	STATUS(400, 499, unexpected),

	/* no status of Convex's */
	STATUS(1, 399, not_convex),

	/* the deployment accepts no calls at all (crates/udf/src/validation.rs) */
	WORDS("You have exceeded the free plan limits", not_running),
	WORDS("You have exceeded your spending limits", not_running),
	WORDS("This deployment has been disabled", not_running),
	WORDS("Cannot run functions while this deployment is ", not_running),
	WORDS("Your projects are disabled", not_running),

	/* the key lacks the operation: on the routes of queries and mutations that
	 * is no HTTP status (crates/errors/src/lib.rs) */
	WORDS("You do not have permission to perform this operation", rights_missing),

	/* nothing was written, and the same in smaller pieces may pass: limits of
	 * one transaction (crates/database/src/{reads,writes}.rs), of arguments
	 * (crates/udf/src/helpers.rs), of time and memory
	 * (crates/isolate/src/termination.rs) */
	WORDS("Too many ", transaction_too_large),
	WORDS("Arguments for ", transaction_too_large),
	WORDS("Function execution timed out", transaction_too_large),
	WORDS("Your request timed out performing too many system operations", transaction_too_large),
	WORDS("JavaScript execution ran out of memory", transaction_too_large),
};

/*
 * The class of an error; the arguments that it does not have are 0 or NULL.
 * NULL: no rule is about it.
 */
static const CmErrorClass *
find_class(CmDelivery delivery, long status, const char *code, const char *words)
{
	for (int i = 0; i < (int) lengthof(error_rules); i++)
	{
		const CmErrorRule *rule = &error_rules[i];

		if (rule->delivery == delivery &&
			rule->first <= status && status <= rule->last &&
			(rule->code == NULL ||
			 (code != NULL && strcmp(code, rule->code) == 0)) &&
			(rule->words == NULL) == (words == NULL) &&
			(words == NULL ||
			 strncmp(words, rule->words, strlen(rule->words)) == 0))
			return rule->class;
	}
	return NULL;
}

/* Fill in an answer that is not a success; detail may be NULL. */
static void
set_class(CmAnswer *answer, const CmErrorClass *class, char *detail)
{
	answer->outcome = class->outcome;
	answer->sqlstate = class->sqlstate;
	answer->message = class->message;
	answer->detail = detail;
	answer->hint = class->hint;
	answer->busy = class->busy;
	answer->smaller = class->smaller;
	if (class->retries > 0)
		answer->retries = class->retries;
}

/* The answer is one that no Convex deployment gives. */
void
cm_error_set_protocol(CmAnswer *answer, const char *detail)
{
	set_class(answer, &not_convex, pstrdup(detail));
}

/* No answer came, or not all of it. */
void
cm_error_read_delivery(const CmRequest *request, CmAnswer *answer)
{
	Assert(request->delivery != CM_DELIVERY_ANSWERED);
	set_class(answer, find_class(request->delivery, 0, NULL, NULL),
			  cm_errortext_clean(request->problem));
}

/*
 * An HTTP status that is not that of a function's result. What Convex or a
 * proxy says about it is shown: an error of a class that is known has no need of
 * it, but the others are told apart by nothing else.
 */
void
cm_error_read_status(const CmRequest *request, CmAnswer *answer)
{
	const cJSON *body = cm_json_parse(request->answer, request->answer_length);
	char	   *code = cm_json_text(body, "code");
	char	   *message = cm_json_text(body, "message");
	const CmErrorClass *class;

	/* what is longer is no code of Convex's */
	if (code != NULL && strlen(code) > CM_MAX_CODE)
		code = NULL;
	message = message ? cm_errortext_clean(message) : "";
	class = find_class(CM_DELIVERY_ANSWERED, request->status, code, NULL);
	set_class(answer, class,
			  psprintf("HTTP status %ld%s%s%s%s", request->status,
					   code ? ", " : "", code ? cm_errortext_clean(code) : "",
					   *message ? ": " : ".", message));
	answer->body_too_large = class == &request_too_large;
	if (answer->body_too_large)
		cm_reason_set(&answer->reason, "request_too_large",
					  "the server does not take a request of this size");
}

/*
 * Which record an argument validation error blames, and the reason: the first
 * line of the text, the path and the validator. Only a guess, since a function
 * may call another one with records of its own.
 */
static void
blame_argument(const char *words, const char *argument, CmAnswer *answer)
{
	char	   *path = cm_errortext_labelled_line(words, "\nPath: .");
	char	   *validator = cm_errortext_labelled_line(words, "\nValidator: ");
	char	   *line = cm_errortext_first_line(words);
	char	   *colon = strstr(line, ": ");
	size_t		name = strlen(argument);
	int			consumed = 0;

	cm_reason_set(&answer->reason, "argument_validation", "%s%s%s",
				  colon ? colon + 2 : line, validator ? " Validator: " : "",
				  validator ? validator : "");
	if (path == NULL || strncmp(path, argument, name) != 0 ||
		sscanf(path + name, "[%d]%n", &answer->culprit, &consumed) != 1 ||
		consumed == 0)
	{
		answer->culprit = -1;
		return;
	}
	path += name + consumed;
	if (*path == '.')
		cm_reason_within(&answer->reason, path + 1);
}

/*
 * The function failed, or could not be called. Nothing was written. argument:
 * the name of the one that has the records, or NULL.
 */
void
cm_error_read_function(const cJSON *body, const char *argument,
					   CmAnswer *answer)
{
	char	   *message = cm_json_text(body, "errorMessage");
	const char *words = cm_errortext_own_words(message ? message : "");
	char	   *line = cm_errortext_first_line(words);
	const CmErrorClass *class = find_class(CM_DELIVERY_ANSWERED, 0, NULL, words);

	answer->outcome = CM_OUTCOME_FUNCTION_ERROR;
	answer->culprit = -1;
	if (class != NULL && class->outcome == CM_OUTCOME_TOO_LARGE)
	{
		set_class(answer, class, NULL);
		cm_reason_set(&answer->reason, "transaction_limit", "%s", line);
	}
	else if (class != NULL)
		set_class(answer, class, line);
	else if (argument != NULL &&
			 strncmp(words, "ArgumentValidationError", 23) == 0)
		blame_argument(words, argument, answer);
	else if (*line == '\0')
	{
		answer->unexplained = true;
		cm_reason_set(&answer->reason, "function_error",
					  "Server Error (the deployment does not show why)");
	}
	else
		cm_reason_set(&answer->reason, "function_error", "%s", line);
}
