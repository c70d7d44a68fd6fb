/*-------------------------------------------------------------------------
 *
 * convex.c
 *	  What Convex says and how it wants to be asked: the only file that knows
 *	  cJSON and the meaning of Convex's status codes and error codes.
 *
 * Requests are written by hand into the buffer that is sent; cJSON reads
 * answers. A cJSON tree is owned by the memory context that was current when
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
#include "convex_migrate.h"

#include <math.h>
#include <cjson/cJSON.h>

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

/* cJSON_Delete in the form that own.c calls. */
static void
delete_tree(void *tree)
{
	cJSON_Delete(tree);
}

/* The JSON as a tree owned by the current memory context, or NULL. */
static cJSON *
parse(const char *json, size_t length)
{
	CmOwned    *owned = cm_own(CurrentMemoryContext, delete_tree);
	cJSON	   *tree = cJSON_ParseWithLength(json, length);

	cm_own_set(owned, tree);
	return tree;
}

/* The text of a member in the encoding of the database, or NULL when it is not
 * there or not a text. */
static char *
member_text(const cJSON *object, const char *name)
{
	char	   *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text == NULL ? NULL : cm_from_utf8(text);
}

/* Name of the argument that carries the records of a call. */
const char *
cm_convex_argument(CmTable *table, CmPass pass)
{
	return pass == CM_PASS_COMPLETE ? "records" : table->target;
}

/* Begin the body of a call with records of the table. */
void
cm_convex_open_body(StringInfo body, CmTable *table, CmPass pass)
{
	const char *function = pass == CM_PASS_COMPLETE ? table->complete :
		table->function;
	const char *argument = cm_convex_argument(table, pass);

	appendStringInfoString(body, "{\"path\":");
	cm_json_string(body, function, strlen(function));
	appendStringInfoString(body, ",\"format\":\"json\",\"args\":{");
	if (pass == CM_PASS_COMPLETE)
	{
		appendStringInfoString(body, "\"table\":");
		cm_json_string(body, table->target, strlen(table->target));
		appendStringInfoChar(body, ',');
	}
	cm_json_string(body, argument, strlen(argument));
	appendStringInfoString(body, ":[");
}

/* End it. */
void
cm_convex_close_body(StringInfo body)
{
	appendStringInfoString(body, "]}}");
}

/* The body of a query without arguments. */
char *
cm_convex_query_body(const char *path)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"path\":");
	cm_json_string(&body, path, strlen(path));
	appendStringInfoString(&body, ",\"format\":\"json\",\"args\":{}}");
	return body.data;
}

/* The body of a call of the function "resolve" with keys (char *), in UTF-8. */
char *
cm_convex_resolve_body(const char *function, const char *target, List *keys)
{
	StringInfoData body;
	ListCell   *lc;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"path\":");
	cm_json_string(&body, function, strlen(function));
	appendStringInfo(&body, ",\"format\":\"json\",\"args\":{\"table\":\"%s\",\"keys\":[",
					 target);
	foreach(lc, keys)
	{
		if (lc != list_head(keys))
			appendStringInfoChar(&body, ',');
		cm_json_string(&body, lfirst(lc), strlen(lfirst(lc)));
	}
	appendStringInfoString(&body, "]}}");
	return body.data;
}

/* Fill in an answer that is not a success; returns false for its callers. */
static bool
fail(CmAnswer *answer, CmOutcome outcome, int sqlstate, char *message,
	 char *detail, char *hint)
{
	answer->outcome = outcome;
	answer->sqlstate = sqlstate;
	answer->message = message;
	answer->detail = detail;
	answer->hint = hint;
	return false;
}

/* An answer that no Convex deployment gives. */
static bool
fail_protocol(CmAnswer *answer, const char *detail)
{
	return fail(answer, CM_OUTCOME_FATAL, ERRCODE_PROTOCOL_VIOLATION,
				"unexpected answer from Convex", pstrdup(detail),
				"Check that option \"url\" of the server is the URL of a Convex deployment, and that the function returns what the documentation says.");
}

/* No answer came. */
static void
read_problem(CmRequest *request, CmAnswer *answer)
{
	if (request->delivery == CM_DELIVERY_LOST)
		fail(answer, CM_OUTCOME_AMBIGUOUS, ERRCODE_CONNECTION_FAILURE,
			 "the answer from Convex was lost", pstrdup(request->problem),
			 "Run it again when the deployment is well.");
	else
		fail(answer, request->refused ? CM_OUTCOME_RETRY : CM_OUTCOME_FATAL,
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
read_status(CmRequest *request, const cJSON *body, CmAnswer *answer)
{
	long		status = request->status;
	char	   *code = member_text(body, "code");
	char	   *detail = psprintf("HTTP status %ld%s%s.", status,
								  code ? ", " : "", code ? code : "");

	if (status == 401 || status == 403)
		fail(answer, CM_OUTCOME_FATAL,
			 ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
			 status == 401 ? "Convex refused the deploy key" :
			 "the deploy key does not have the rights that are needed",
			 detail,
			 "Make a new deploy key for this deployment in the dashboard and set it in the user mapping.");
	else if (status == 413 || (status == 400 && code != NULL &&
							   strcmp(code, "BadJsonBody") == 0))
	{
		fail(answer, CM_OUTCOME_TOO_LARGE, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			 "the request is too large", detail, NULL);
		cm_reason(&answer->reason, "request_too_large",
				  "the server does not take a request of this size");
	}
	else if (status == 425 || status == 429 ||
			 (status == 503 && says_not_executed(code)))
		fail(answer, CM_OUTCOME_RETRY, ERRCODE_CONNECTION_FAILURE,
			 "Convex is overloaded", detail,
			 "Try again later, or lower option \"concurrency\" of the server.");
	else if (status == 408 || status >= 500)
		fail(answer, CM_OUTCOME_AMBIGUOUS, ERRCODE_CONNECTION_FAILURE,
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

	cm_reason(&answer->reason, "argument_validation", "%s%s%s",
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
	char	   *message = member_text(body, "errorMessage");
	const char *words = own_words(message ? message : "");
	char	   *line = first_line(words);

	answer->outcome = CM_OUTCOME_FUNCTION_ERROR;
	answer->culprit = -1;
	if (begins_with_one(words, unavailable_texts, lengthof(unavailable_texts)))
		fail(answer, CM_OUTCOME_FATAL, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			 "the deployment does not run functions", line,
			 "Resume the deployment in the dashboard.");
	else if (begins_with_one(words, too_large_texts, lengthof(too_large_texts)))
	{
		answer->outcome = CM_OUTCOME_TOO_LARGE;
		cm_reason(&answer->reason, "transaction_limit", "%s", line);
	}
	else if (strncmp(words, "ArgumentValidationError", 23) == 0 &&
			 argument != NULL)
		blame_argument(words, argument, answer);
	else if (*line == '\0')
		cm_reason(&answer->reason, "function_error",
				  "Server Error (the deployment does not show why)");
	else
		cm_reason(&answer->reason, "function_error", "%s", line);
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

/* What a function that takes records returned: pairs of old keys and ids. */
static bool
read_pairs(const cJSON *value, CmAnswer *answer)
{
	cJSON	   *item;

	if (!cJSON_IsArray(value))
		return fail_protocol(answer, "The function did not return an array of {supabaseId, convexId}.");
	answer->pairs = palloc0((cJSON_GetArraySize(value) + 1) * sizeof(CmPair));
	cJSON_ArrayForEach(item, value)
	{
		CmPair	   *pair = &answer->pairs[answer->npairs++];

		pair->key = pair_key(cJSON_GetObjectItemCaseSensitive(item, "supabaseId"));
		pair->convex_id = member_text(item, "convexId");
		pair->error = member_text(item, "error");
		if (pair->key == NULL)
			return fail_protocol(answer, "An element of the function's result has no \"supabaseId\".");
		if (pair->error != NULL)
		{
			pair->convex_id = NULL;
			pair->error = first_line(own_words(pair->error));
		}
		else if (pair->convex_id == NULL || *pair->convex_id == '\0')
			return fail_protocol(answer, "An element of the function's result has neither \"convexId\" nor \"error\".");
	}
	return true;
}

/*
 * What the answer to a request means, in the current memory context. With the
 * name of an argument, which carried records, pairs are read.
 */
void
cm_convex_read_answer(CmRequest *request, const char *argument,
					  CmAnswer *answer)
{
	cJSON	   *body;
	char	   *status;

	memset(answer, 0, sizeof(CmAnswer));
	answer->culprit = -1;
	answer->retry_after = request->retry_after;
	if (request->delivery != CM_DELIVERY_ANSWERED)
	{
		read_problem(request, answer);
		return;
	}
	body = parse(request->answer, request->answer_length);
	if (request->status != 200 && request->status != STATUS_FUNCTION_FAILED)
	{
		read_status(request, body, answer);
		return;
	}
	answer->outcome = CM_OUTCOME_SUCCESS;
	if (request->body == NULL)
		return;
	status = member_text(body, "status");
	if (status != NULL && strcmp(status, "error") == 0)
		read_function_error(body, argument, answer);
	else if (status == NULL || strcmp(status, "success") != 0)
		fail_protocol(answer, "The answer is not the JSON of a function's result.");
	else if (argument != NULL)
		read_pairs(cJSON_GetObjectItemCaseSensitive(body, "value"), answer);
}

static CmValidator *read_validator(const cJSON *json);

/* Kinds of validators by their names (crates/common/src/schemas/json.rs). */
static const struct
{
	const char *name;
	CmValidatorKind kind;
}			validator_names[] =
{
	{"any", CM_VALIDATOR_ANY},
	{"null", CM_VALIDATOR_NULL},
	{"number", CM_VALIDATOR_NUMBER},
	{"bigint", CM_VALIDATOR_INT64},
	{"boolean", CM_VALIDATOR_BOOLEAN},
	{"string", CM_VALIDATOR_STRING},
	{"bytes", CM_VALIDATOR_BYTES},
	{"id", CM_VALIDATOR_ID},
	{"literal", CM_VALIDATOR_LITERAL},
	{"array", CM_VALIDATOR_ARRAY},
	{"record", CM_VALIDATOR_RECORD},
	{"object", CM_VALIDATOR_OBJECT},
	{"union", CM_VALIDATOR_UNION},
};

/* The text of a member, empty when there is none: for what is compared. */
static char *
member_or_empty(const cJSON *object, const char *name)
{
	char	   *text = member_text(object, name);

	return text ? text : pstrdup("");
}

/* {"fieldType": ..., "optional": ...} */
static CmField *
read_field(const cJSON *json)
{
	CmField    *field = palloc0(sizeof(CmField));

	/* an element of an array has no name */
	field->name = json->string ? cm_from_utf8(json->string) : pstrdup("");
	field->validator = read_validator(cJSON_GetObjectItemCaseSensitive(json, "fieldType"));
	field->optional = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "optional"));
	return field;
}

/* The validator that the JSON describes; one that is not known takes anything. */
static CmValidator *
read_validator(const cJSON *json)
{
	CmValidator *validator = cm_validator_create(CM_VALIDATOR_ANY);
	char	   *type = member_text(json, "type");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, "value");
	const cJSON *item;

	for (int i = 0; type != NULL && i < (int) lengthof(validator_names); i++)
	{
		if (strcmp(validator_names[i].name, type) == 0)
			validator->kind = validator_names[i].kind;
	}
	validator->text = member_or_empty(json, "tableName");
	if (validator->kind == CM_VALIDATOR_LITERAL)
	{
		validator->is_string = cJSON_IsString(value);
		validator->text = validator->is_string ? cm_from_utf8(value->valuestring) :
			cJSON_IsNumber(value) ? psprintf("%.17g", value->valuedouble) : pstrdup("");
	}
	else if (validator->kind == CM_VALIDATOR_RECORD)
		validator->members = list_make2(read_validator(cJSON_GetObjectItemCaseSensitive(json, "keys")),
										read_validator(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "values"), "fieldType")));
	else if (validator->kind == CM_VALIDATOR_ARRAY)
		validator->members = list_make1(read_validator(value));
	else if (validator->kind == CM_VALIDATOR_UNION)
	{
		cJSON_ArrayForEach(item, value)
			validator->members = lappend(validator->members, read_validator(item));
	}
	else if (validator->kind == CM_VALIDATOR_OBJECT)
	{
		cJSON_ArrayForEach(item, value)
			validator->fields = lappend(validator->fields, read_field(item));
	}
	return validator;
}

/* Note the only argument that the validator allows, if it allows only one. */
static void
read_argument(const cJSON *json, CmFunctionSpec *spec)
{
	CmValidator *validator = read_validator(json);
	CmField    *field;

	spec->any_arguments = validator->kind == CM_VALIDATOR_ANY;
	if (list_length(validator->fields) != 1)
		return;
	field = linitial(validator->fields);
	spec->argument = field->name;
	if (field->validator->kind == CM_VALIDATOR_ARRAY)
		spec->record = linitial(field->validator->members);
}

/*
 * The deployed functions, from the answer of _system/cli/modules:apiSpec, a
 * list of CmFunctionSpec; NIL when the answer is of another form.
 */
List *
cm_convex_function_specs(const char *json, size_t length)
{
	cJSON	   *functions = cJSON_GetObjectItemCaseSensitive(parse(json, length),
															 "value");
	List	   *specs = NIL;
	cJSON	   *item;

	cJSON_ArrayForEach(item, functions)
	{
		char	   *identifier = member_text(item, "identifier");
		char	   *type = member_text(item, "functionType");
		char	   *extension = identifier ? strstr(identifier, ".js:") : NULL;
		CmFunctionSpec *spec;

		if (identifier == NULL || type == NULL)
			continue;			/* an HTTP action */
		spec = palloc0(sizeof(CmFunctionSpec));
		spec->identifier = extension == NULL ? identifier :
			psprintf("%.*s%s", (int) (extension - identifier), identifier,
					 extension + 3);
		spec->mutation = strcmp(type, "Mutation") == 0;
		read_argument(cJSON_GetObjectItemCaseSensitive(item, "args"), spec);
		specs = lappend(specs, spec);
	}
	return specs;
}

/* The fingerprint in the answer of the query "about", if that is of generated
 * functions, else NULL. */
char *
cm_convex_read_about(const char *json, size_t length)
{
	cJSON	   *value = cJSON_GetObjectItemCaseSensitive(parse(json, length),
														 "value");
	char	   *generator = member_text(value, "generator");
	char	   *fingerprint = member_text(value, "fingerprint");

	if (generator == NULL || strcmp(generator, "convex_migrate") != 0)
		return NULL;
	return fingerprint ? fingerprint : pstrdup("");
}

/* One table of a deployed schema. */
static CmDeployedTable *
read_deployed_table(const cJSON *json)
{
	CmDeployedTable *table = palloc0(sizeof(CmDeployedTable));
	const cJSON *index;

	table->name = member_or_empty(json, "tableName");
	table->document = read_validator(cJSON_GetObjectItemCaseSensitive(json, "documentType"));
	cJSON_ArrayForEach(index, cJSON_GetObjectItemCaseSensitive(json, "indexes"))
		table->indexes = lappend(table->indexes,
								 member_or_empty(index, "indexDescriptor"));
	return table;
}

/*
 * The tables of the deployed schema, from the answer of
 * _system/frontend/getSchemas; NIL when there is no schema. CmDeployedTable *.
 */
List *
cm_convex_read_schema(const char *json, size_t length)
{
	cJSON	   *value = cJSON_GetObjectItemCaseSensitive(parse(json, length),
														 "value");
	char	   *schema = member_text(value, "active");
	List	   *tables = NIL;
	cJSON	   *table;

	if (schema == NULL)
		return NIL;
	cJSON_ArrayForEach(table, cJSON_GetObjectItemCaseSensitive(parse(schema, strlen(schema)),
															   "tables"))
		tables = lappend(tables, read_deployed_table(table));
	return tables;
}

/* Version of cJSON, for convex_version(). */
const char *
cm_convex_library_version(void)
{
	return cJSON_Version();
}
