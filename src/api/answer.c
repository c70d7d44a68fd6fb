/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  From the answer to a request to a CmAnswer: whether it succeeded, and the
 *	  pairs of old keys and new ids that a function returned.
 *
 * Protocol: one of the functions below for a request that was reaped, before
 * cm_http_release(). JSON trees and all that a CmAnswer points to belong to
 * the memory context that is current: a caller reads an answer in a
 * short-lived one. Nothing here throws for what Convex answers; errors are for
 * error.c to class.
 *
 * Rules: crates/local_backend/src/public_api.rs of convex-backend.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include <limits.h>
#include <math.h>

#include "common/shortest_dec.h"

/*
 * A function failed. Deployments of today answer 200 for that as well, but
 * Convex's own client still knows this status (npm-packages/convex,
 * src/browser/http_client.ts).
 */
#define STATUS_FUNCTION_FAILED 560

/*
 * A key as the function gave it back: a text, or a number printed; NULL when
 * it is neither. It stays in UTF-8, as it was sent: not every character
 * survives the way to the database's encoding and back.
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

/* What became of a key that is to be removed; what is wrong with it, or NULL. */
static const char *
read_removed(const cJSON *item, CmPair *pair)
{
	const cJSON *removed = cJSON_GetObjectItemCaseSensitive(item, "removed");

	if (!cJSON_IsBool(removed))
		return "An element of the function's result has neither \"removed\" nor \"error\".";
	pair->removed = cJSON_IsTrue(removed);
	return NULL;
}

/* The document of a record; what is wrong with it, or NULL. */
static const char *
read_document(const cJSON *item, CmPair *pair)
{
	pair->convex_id = cm_json_text(item, "convexId");
	if (pair->convex_id == NULL || *pair->convex_id == '\0')
		return "An element of the function's result has neither \"convexId\" nor \"error\".";
	pair->inserted = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "inserted"));
	return NULL;
}

/* One pair, which is all zero; what is wrong with it, or NULL. */
static const char *
read_pair(const cJSON *item, const CmCall *call, CmPair *pair)
{
	char	   *error = cm_json_text(item, "error");

	pair->key = pair_key(cJSON_GetObjectItemCaseSensitive(item, "supabaseId"));
	if (pair->key == NULL)
		return "An element of the function's result has no \"supabaseId\".";
	if (error == NULL)
		return call->removes ? read_removed(item, pair) : read_document(item, pair);
	pair->error = cm_errortext_first_line(cm_errortext_own_words(error));
	return NULL;
}

/* What the function of the call returned: a pair for each record or key. */
static void
read_pairs(const cJSON *value, const CmCall *call, CmAnswer *answer)
{
	const cJSON *item;

	if (!cJSON_IsArray(value))
	{
		cm_error_set_protocol(answer, "The function did not return an array of {supabaseId, convexId}.");
		return;
	}
	answer->pairs = palloc0((cJSON_GetArraySize(value) + 1) * sizeof(CmPair));
	cJSON_ArrayForEach(item, value)
	{
		const char *problem = read_pair(item, call, &answer->pairs[answer->npairs++]);

		if (problem != NULL)
		{
			cm_error_set_protocol(answer, problem);
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
	answer->retries = INT_MAX;
	answer->retry_after = request->retry_after;
	if (request->delivery != CM_DELIVERY_ANSWERED)
		cm_error_read_delivery(request, answer);
	else if (request->status != 200 && request->status != STATUS_FUNCTION_FAILED)
		cm_error_read_status(request, answer);
}

/*
 * The same for a call of a function, whose answer's body says whether it
 * succeeded. argument: the name of the argument with the array, whose elements
 * may be blamed for an error, or NULL. Returns the function's value; NULL
 * unless it succeeded.
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
		cm_error_read_function(body, argument, answer);
	else if (status == NULL || strcmp(status, "success") != 0)
		cm_error_set_protocol(answer, "The answer is not the JSON of a function's result.");
	return cJSON_GetObjectItemCaseSensitive(body, "value");
}

/* What came of a call of a function; its value is for deployed.c to read. */
void
cm_answer_read_result(const CmRequest *request, CmAnswer *answer)
{
	(void) read_result(request, NULL, answer);
}

/*
 * What came of a call whose function is given an array, of records or of keys,
 * and returns a pair for each.
 */
void
cm_answer_read_pairs(const CmRequest *request, const CmCall *call,
					 CmAnswer *answer)
{
	const cJSON *value = read_result(request, call->argument, answer);

	if (answer->outcome == CM_OUTCOME_SUCCESS)
		read_pairs(value, call, answer);
}
