/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  What an answer of Convex means: the only file that knows its status codes
 *	  and error codes.
 *
 * A cJSON tree is owned by the memory context that was current when
 * it was parsed (own.c), and what this file returns is palloc'd there too: a
 * caller reads an answer in a short-lived context. Nothing here throws for
 * what a server answers: it becomes a CmAnswer.
 *
 * Rules: crates/local_backend/src/public_api.rs, crates/errors/src/lib.rs and
 * crates/common/src/http/mod.rs of convex-backend. Texts of function errors
 * may be replaced by "Server Error" in production deployments: they make a
 * reason clearer or a culprit found sooner, and nothing depends on them but
 * that.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include <math.h>

#include "common/shortest_dec.h"

/* A function failed (crates/.../http: the status of old servers). */
#define STATUS_FUNCTION_FAILED 560

/* 503 answers that say the call was not executed: crates/isolate/src/
 * metrics.rs, crates/database/src/metrics.rs and table_summary.rs */
static const char *const not_executed_codes[] = {
	"OptimisticConcurrencyControlFailure", "CommitterFullError",
	"TextIndexTooLarge", "VectorIndexTooLarge", "SearchIndexTooLarge",
	"ExpiredInQueue", "WorkerOverloaded", "IsolateNotClean",
	"InitialPermitTimeoutError", "ExecuteFullError",
	"TableSummariesUnavailable", "RateLimited", "TooManyWrites",
	"TooManyConcurrentRequests",
};

/* Function errors that mean: the same again in smaller pieces. Limits of one
 * transaction (crates/database/src/{reads,writes}.rs), of arguments
 * (crates/udf/src/helpers.rs) and of time (crates/isolate/src/termination.rs). */
static const char *const too_large_texts[] = {
	"Too many ", "Arguments for ", "Function execution timed out",
	"JavaScript execution ran out of memory",
};

/* Function errors that say the deployment takes no calls at all:
 * crates/udf/src/validation.rs */
static const char *const unavailable_texts[] = {
	"Cannot run functions while this deployment is paused",
	"You have exceeded the free plan limits",
	"Your projects are disabled",
};

/* Fill in an answer that is not a success. */
static void
set_outcome(CmAnswer *answer, CmOutcome outcome, int sqlstate, char *message,
			char *detail, char *hint)
{
	answer->outcome = outcome;
	answer->sqlstate = sqlstate;
	answer->message = message;
	answer->detail = detail;
	answer->hint = hint;
}

/* An answer that no Convex deployment gives. */
static void
fail_protocol(CmAnswer *answer, const char *detail)
{
	set_outcome(answer, CM_OUTCOME_FATAL, ERRCODE_PROTOCOL_VIOLATION,
				"unexpected answer from Convex", pstrdup(detail),
				"Check that option \"url\" of the server is the URL of a Convex deployment, and that the function returns what the documentation says.");
}

/* No answer came. */
static void
read_problem(const CmRequest *request, CmAnswer *answer)
{
	if (request->delivery == CM_DELIVERY_LOST)
		set_outcome(answer, CM_OUTCOME_AMBIGUOUS, ERRCODE_CONNECTION_FAILURE,
					"the answer from Convex was lost", pstrdup(request->problem),
					"Run it again when the deployment is well.");
	else
		set_outcome(answer, request->transient ? CM_OUTCOME_RETRY : CM_OUTCOME_FATAL,
					ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
					"could not connect to Convex", pstrdup(request->problem),
					"Check option \"url\" of the server, and that the deployment is running.");
}

/* Whether the server's code says that it did not execute the call. */
static bool
says_not_executed(const char *code)
{
	for (int i = 0; code != NULL && i < (int) lengthof(not_executed_codes); i++)
	{
		if (strcmp(code, not_executed_codes[i]) == 0)
			return true;
	}
	return false;
}

/* An HTTP status that is not that of a function's result. */
static void
read_status(const CmRequest *request, const cJSON *body, CmAnswer *answer)
{
	long		status = request->status;
	char	   *code = cm_json_text(body, "code");
	char	   *detail = psprintf("HTTP status %ld%s%s.", status,
								  code ? ", " : "", code ? code : "");

	if (status == 401 || status == 403)
		set_outcome(answer, CM_OUTCOME_FATAL,
					ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
					status == 401 ? "Convex refused the deploy key" :
					"the deploy key does not have the rights that are needed",
					detail,
					"Make a new deploy key for this deployment in the dashboard and set it in the user mapping.");
	else if (status == 413 || (status == 400 && code != NULL &&
							   strcmp(code, "BadJsonBody") == 0))
	{
		set_outcome(answer, CM_OUTCOME_TOO_LARGE, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
					"the request is too large", detail, NULL);
		cm_reason_set(&answer->reason, "request_too_large",
					  "the server does not take a request of this size");
	}
	else if (status == 425 || status == 429 ||
			 (status == 503 && says_not_executed(code)))
		set_outcome(answer, CM_OUTCOME_RETRY, ERRCODE_CONNECTION_FAILURE,
					"Convex is overloaded", detail,
					"Try again later, or lower option \"concurrency\" of the server.");
	else if (status == 408 || status >= 500)
		set_outcome(answer, CM_OUTCOME_AMBIGUOUS, ERRCODE_CONNECTION_FAILURE,
					"Convex could not complete a request", detail,
					"Run it again when the deployment is well.");
	else
		fail_protocol(answer, detail);
}

/* Whether the text begins with one of the texts. */
static bool
begins_with_one(const char *text, const char *const *begins, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strncmp(text, begins[i], strlen(begins[i])) == 0)
			return true;
	}
	return false;
}

/*
 * The function's own words in an errorMessage: without the request's id and
 * what the server puts in front. Empty when the deployment redacts texts.
 */
static const char *
own_words(const char *message)
{
	static const char *const fronts[] = {"Server Error\n", "Server Error",
	"Uncaught Error: ", "Uncaught ", "Error: "};

	if (strncmp(message, "[Request ID: ", 13) == 0 && strchr(message, ']'))
		message = strchr(message, ']') + 1;
	while (*message == ' ')
		message++;
	for (int i = 0; i < (int) lengthof(fronts); i++)
	{
		if (strncmp(message, fronts[i], strlen(fronts[i])) == 0)
			message += strlen(fronts[i]);
	}
	return message;
}

/*
 * The text up to its first line break. Convex's messages go on with the value
 * that was refused, and a function may pass them on: that is row data.
 */
static char *
first_line(const char *text)
{
	return pnstrdup(text, strcspn(text, "\r\n"));
}

/* The rest of the line after the label, or NULL; palloc'd. */
static char *
labelled_line(const char *text, const char *label)
{
	const char *found = strstr(text, label);

	if (found == NULL)
		return NULL;
	return first_line(found + strlen(label));
}

/*
 * Which record an argument validation error blames, and the reason: the first
 * line of the text, the path and the validator. Only a guess, since a function
 * may call another one with records of its own.
 */
static void
blame_argument(const char *words, const char *argument, CmAnswer *answer)
{
	char	   *path = labelled_line(words, "\nPath: .");
	char	   *validator = labelled_line(words, "\nValidator: ");
	char	   *line = first_line(words);
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

/* The function failed, or could not be called. Nothing was written. */
static void
read_function_error(const cJSON *body, const char *argument,
					CmAnswer *answer)
{
	char	   *message = cm_json_text(body, "errorMessage");
	const char *words = own_words(message ? message : "");
	char	   *line = first_line(words);

	answer->outcome = CM_OUTCOME_FUNCTION_ERROR;
	answer->culprit = -1;
	if (begins_with_one(words, unavailable_texts, lengthof(unavailable_texts)))
		set_outcome(answer, CM_OUTCOME_FATAL, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					"the deployment does not run functions", line,
					"Resume the deployment in the dashboard.");
	else if (begins_with_one(words, too_large_texts, lengthof(too_large_texts)))
	{
		answer->outcome = CM_OUTCOME_TOO_LARGE;
		cm_reason_set(&answer->reason, "transaction_limit", "%s", line);
	}
	else if (strncmp(words, "ArgumentValidationError", 23) == 0 &&
			 argument != NULL)
		blame_argument(words, argument, answer);
	else if (*line == '\0')
		cm_reason_set(&answer->reason, "function_error",
					  "Server Error (the deployment does not show why)");
	else
		cm_reason_set(&answer->reason, "function_error", "%s", line);
}

/*
 * A key as the function gave it back, in UTF-8: a text, or a number printed.
 * Not every character survives a way to the database's encoding and back.
 */
static char *
pair_key(const cJSON *item)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	double		number;

	if (cJSON_IsString(item))
		return item->valuestring;
	if (!cJSON_IsNumber(item))
		return NULL;
	number = item->valuedouble;
	if (fabs(number) <= CM_MAX_EXACT_INTEGER && number == rint(number))
		return psprintf(INT64_FORMAT, (int64) number);
	double_to_shortest_decimal_buf(number, text);
	return pstrdup(text);
}

/* One pair; what is wrong with it, or NULL. */
static const char *
read_pair(const cJSON *item, CmPair *pair)
{
	pair->key = pair_key(cJSON_GetObjectItemCaseSensitive(item, "supabaseId"));
	pair->convex_id = cm_json_text(item, "convexId");
	pair->error = cm_json_text(item, "error");
	if (pair->key == NULL)
		return "An element of the function's result has no \"supabaseId\".";
	if (pair->error != NULL)
	{
		pair->convex_id = NULL;
		pair->error = first_line(own_words(pair->error));
	}
	else if (pair->convex_id == NULL || *pair->convex_id == '\0')
		return "An element of the function's result has neither \"convexId\" nor \"error\".";
	return NULL;
}

/* What a function that takes records returned: pairs of old keys and ids. */
static void
read_pairs(const cJSON *value, CmAnswer *answer)
{
	const cJSON *item;

	if (!cJSON_IsArray(value))
	{
		fail_protocol(answer, "The function did not return an array of {supabaseId, convexId}.");
		return;
	}
	answer->pairs = palloc0((cJSON_GetArraySize(value) + 1) * sizeof(CmPair));
	cJSON_ArrayForEach(item, value)
	{
		const char *problem = read_pair(item, &answer->pairs[answer->npairs++]);

		if (problem != NULL)
		{
			fail_protocol(answer, problem);
			return;
		}
	}
}

/*
 * What came of a request, in the current memory context: how far it got, and
 * its status. Right for every route, whatever its answers hold.
 */
void
cm_answer_read(const CmRequest *request, CmAnswer *answer)
{
	memset(answer, 0, sizeof(CmAnswer));
	answer->outcome = CM_OUTCOME_SUCCESS;
	answer->culprit = -1;
	answer->retry_after = request->retry_after;
	if (request->delivery != CM_DELIVERY_ANSWERED)
		read_problem(request, answer);
	else if (request->status != 200 && request->status != STATUS_FUNCTION_FAILED)
		read_status(request, cm_json_parse(request->answer, request->answer_length),
					answer);
}

/*
 * The same for a call of a function, whose answer says whether it succeeded.
 * argument: see cm_answer_read_pairs(), or NULL. Returns the function's value,
 * which belongs to the current memory context, or NULL unless it succeeded.
 */
static const cJSON *
read_result(const CmRequest *request, const char *argument, CmAnswer *answer)
{
	cJSON	   *body;
	char	   *status;

	cm_answer_read(request, answer);
	if (answer->outcome != CM_OUTCOME_SUCCESS)
		return NULL;
	body = cm_json_parse(request->answer, request->answer_length);
	status = cm_json_text(body, "status");
	if (status != NULL && strcmp(status, "error") == 0)
		read_function_error(body, argument, answer);
	else if (status == NULL || strcmp(status, "success") != 0)
		fail_protocol(answer, "The answer is not the JSON of a function's result.");
	return cJSON_GetObjectItemCaseSensitive(body, "value");
}

/* What a call of a function came to; its value is for api/deployed.c. */
void
cm_answer_read_result(const CmRequest *request, CmAnswer *answer)
{
	(void) read_result(request, NULL, answer);
}

/*
 * What a call came to whose function takes records or keys in the argument of
 * this name and returns a pair for each.
 */
void
cm_answer_read_pairs(const CmRequest *request, const char *argument,
					 CmAnswer *answer)
{
	const cJSON *value = read_result(request, argument, answer);

	if (answer->outcome == CM_OUTCOME_SUCCESS)
		read_pairs(value, answer);
}
