/*-------------------------------------------------------------------------
 *
 * error.c
 *	  What it means when a call does not succeed: the only file that knows
 *	  Convex's status codes, error codes and texts of errors.
 *
 * Two tables say to which class an error belongs: one for errors outside of a
 * function, by HTTP status and Convex's code, one for errors of a function, by
 * the beginning of their text. What is in neither is a protocol violation, or
 * an error of the function's own, which is reported record by record.
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

/* What to do about the errors of a class, and the texts of the ERROR for when
 * it ends a run. Those of one that cannot end a run are NULL. */
typedef struct CmErrorClass
{
	CmOutcome	outcome;
	int			sqlstate;
	const char *message;
	const char *hint;			/* or NULL */
} CmErrorClass;

static const CmErrorClass key_refused = {
	CM_OUTCOME_FATAL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"Convex refused the deploy key",
	"Make a new deploy key for this deployment in the dashboard and set it in the user mapping."
};
static const CmErrorClass rights_missing = {
	CM_OUTCOME_FATAL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"the deploy key does not have the rights that are needed",
	"Make a new deploy key for this deployment in the dashboard and set it in the user mapping."
};
static const CmErrorClass request_too_large = {
	CM_OUTCOME_TOO_LARGE, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	"the request is too large", NULL
};
static const CmErrorClass overloaded = {
	CM_OUTCOME_RETRY, ERRCODE_CONNECTION_FAILURE,
	"Convex is overloaded",
	"Try again later, or lower option \"concurrency\" of the server."
};
static const CmErrorClass incomplete = {
	CM_OUTCOME_AMBIGUOUS, ERRCODE_CONNECTION_FAILURE,
	"Convex could not complete a request",
	"Run it again when the deployment is well."
};
static const CmErrorClass answer_lost = {
	CM_OUTCOME_AMBIGUOUS, ERRCODE_CONNECTION_FAILURE,
	"the answer from Convex was lost",
	"Run it again when the deployment is well."
};
static const CmErrorClass unreachable = {
	CM_OUTCOME_FATAL, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"could not connect to Convex",
	"Check option \"url\" of the server, and that the deployment is running."
};
static const CmErrorClass unreachable_now = {
	CM_OUTCOME_RETRY, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"could not connect to Convex",
	"Check option \"url\" of the server, and that the deployment is running."
};
static const CmErrorClass not_convex = {
	CM_OUTCOME_FATAL, ERRCODE_PROTOCOL_VIOLATION,
	"unexpected answer from Convex",
	"Check that option \"url\" of the server is the URL of a Convex deployment, and that the function returns what the documentation says."
};
static const CmErrorClass not_running = {
	CM_OUTCOME_FATAL, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	"the deployment does not run functions",
	"The dashboard of the deployment shows why, and how it is resumed."
};
static const CmErrorClass transaction_too_large = {
	.outcome = CM_OUTCOME_TOO_LARGE
};

/*
 * Errors outside of a function: {"code": ..., "message": ...} with a status
 * (crates/errors/src/lib.rs), or what a proxy makes of it. The first row that
 * fits counts; an answer that fits none is not from Convex.
 */
static const struct
{
	int			first;			/* HTTP status, from ... */
	int			last;			/* ... to */
	const char *code;			/* Convex's code; NULL: any, or none */
	const CmErrorClass *class;
}			status_classes[] =
{
	/* not a key of this deployment (crates/authentication/src/
	 * application_auth.rs), and one without the right to call functions that
	 * are internal (crates/roles/src/eval.rs) */
	{401, 401, NULL, &key_refused},
	{403, 403, NULL, &rights_missing},

	/* a body above the limit, to a proxy and to Convex, which reads it no
	 * further and finds that it is not JSON (crates/common/src/http/
	 * extract.rs) */
	{413, 413, NULL, &request_too_large},
	{400, 400, "BadJsonBody", &request_too_large},

	/* not executed: the deployment is starting, or at a limit of its plan */
	{425, 425, NULL, &overloaded},
	{429, 429, NULL, &overloaded},
	{503, 503, "RateLimited", &overloaded},
	{503, 503, "TooManyWrites", &overloaded},
	{503, 503, "TooManyConcurrentRequests", &overloaded},

	/* not executed: rolled back for another mutation, after Convex's own
	 * attempts, or not begun since too much waits to be committed or indexed
	 * (crates/database/src/metrics.rs and transaction.rs) */
	{503, 503, "OptimisticConcurrencyControlFailure", &overloaded},
	{503, 503, "CommitterFullError", &overloaded},
	{503, 503, "TextIndexTooLarge", &overloaded},
	{503, 503, "VectorIndexTooLarge", &overloaded},
	{503, 503, "SearchIndexTooLarge", &overloaded},

	/* not executed: nothing was free to run it (crates/isolate/src/
	 * metrics.rs), or the deployment counts its tables after a start
	 * (crates/database/src/table_summary.rs) */
	{503, 503, "ExpiredInQueue", &overloaded},
	{503, 503, "WorkerOverloaded", &overloaded},
	{503, 503, "IsolateNotClean", &overloaded},
	{503, 503, "InitialPermitTimeoutError", &overloaded},
	{503, 503, "ExecuteFullError", &overloaded},
	{503, 503, "TableSummariesUnavailable", &overloaded},

	/* executed or not: Convex's time for a request was over, it crashed, or a
	 * proxy did not get its answer */
	{408, 408, NULL, &incomplete},
	{500, INT_MAX, NULL, &incomplete},
};

/*
 * Errors of a function, by the beginning of their text. A function error
 * writes nothing. One that fits no row is the function's own.
 */
static const struct
{
	const char *begin;
	const CmErrorClass *class;
}			text_classes[] =
{
	/* the deployment accepts no calls at all (crates/udf/src/validation.rs) */
	{"You have exceeded the free plan limits", &not_running},
	{"You have exceeded your spending limits", &not_running},
	{"This deployment has been disabled", &not_running},
	{"Cannot run functions while this deployment is ", &not_running},
	{"Your projects are disabled", &not_running},

	/* the key lacks the operation: on the routes of queries and mutations that
	 * is no HTTP status (crates/errors/src/lib.rs) */
	{"You do not have permission to perform this operation", &rights_missing},

	/* the same in smaller pieces may pass: limits of one transaction
	 * (crates/database/src/{reads,writes}.rs), of arguments
	 * (crates/udf/src/helpers.rs), of time and memory
	 * (crates/isolate/src/termination.rs) */
	{"Too many ", &transaction_too_large},
	{"Arguments for ", &transaction_too_large},
	{"Function execution timed out", &transaction_too_large},
	{"Your request timed out performing too many system operations", &transaction_too_large},
	{"JavaScript execution ran out of memory", &transaction_too_large},
};

/* Fill in an answer that is not a success; detail may be NULL. */
static void
set_class(CmAnswer *answer, const CmErrorClass *class, char *detail)
{
	answer->outcome = class->outcome;
	answer->sqlstate = class->sqlstate;
	answer->message = class->message;
	answer->detail = detail;
	answer->hint = class->hint;
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
	set_class(answer,
			  request->delivery == CM_DELIVERY_LOST ? &answer_lost :
			  request->transient ? &unreachable_now : &unreachable,
			  pstrdup(request->problem));
}

/* The class of an HTTP status and Convex's code, which may be NULL. */
static const CmErrorClass *
class_of_status(long status, const char *code)
{
	for (int i = 0; i < (int) lengthof(status_classes); i++)
	{
		if (status < status_classes[i].first || status > status_classes[i].last)
			continue;
		if (status_classes[i].code == NULL ||
			(code != NULL && strcmp(code, status_classes[i].code) == 0))
			return status_classes[i].class;
	}
	return &not_convex;
}

/* An HTTP status that is not that of a function's result. */
void
cm_error_read_status(const CmRequest *request, CmAnswer *answer)
{
	const cJSON *body = cm_json_parse(request->answer, request->answer_length);
	char	   *code = cm_json_text(body, "code");
	char	   *detail;

	/* what is longer is no code of Convex's */
	if (code != NULL && strlen(code) > CM_MAX_CODE)
		code = NULL;
	detail = psprintf("HTTP status %ld%s%s.", request->status,
					  code ? ", " : "", code ? code : "");
	set_class(answer, class_of_status(request->status, code), detail);
	if (answer->outcome == CM_OUTCOME_TOO_LARGE)
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

/* The class that the text of a function's error belongs to, or NULL. */
static const CmErrorClass *
class_of_text(const char *words)
{
	for (int i = 0; i < (int) lengthof(text_classes); i++)
	{
		const char *begin = text_classes[i].begin;

		if (strncmp(words, begin, strlen(begin)) == 0)
			return text_classes[i].class;
	}
	return NULL;
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
	const CmErrorClass *class = class_of_text(words);

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
		cm_reason_set(&answer->reason, "function_error",
					  "Server Error (the deployment does not show why)");
	else
		cm_reason_set(&answer->reason, "function_error", "%s", line);
}
