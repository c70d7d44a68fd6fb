/*-------------------------------------------------------------------------
 *
 * import.c
 *	  Convex's import of a file: requests of an upload, and what an import says of
 *	  itself.
 *
 * A file is uploaded in parts, each of which has a token; then an import of it is
 * registered, which has an id. Everything else is told by queries. Tokens go back
 * as they came.
 *
 * Rules: crates/local_backend/src/snapshot_import.rs and
 * crates/model/src/snapshot_imports/types.rs of convex-backend.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include <ctype.h>

/* Convex's own time for a request (crates/common/src/knobs.rs), milliseconds. */
#define CM_SERVER_TIMEOUT (300 * 1000)

/* Bytes of an answer: tables of an import are told one by one. */
#define CM_IMPORT_ANSWER_BYTES (32 * 1024 * 1024)

/* Names of the states (crates/model/src/snapshot_imports/types.rs). */
static const char *const state_names[] = {
	[CM_IMPORT_UPLOADED] = "uploaded",
	[CM_IMPORT_WAITING] = "waiting_for_confirmation",
	[CM_IMPORT_IN_PROGRESS] = "in_progress",
	[CM_IMPORT_COMPLETED] = "completed",
	[CM_IMPORT_FAILED] = "failed"
};

/* Append a text as a value of a query string. */
static void
append_encoded(StringInfo out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (isalnum((unsigned char) *text) || strchr("-._~", *text) != NULL)
			appendStringInfoChar(out, *text);
		else
			appendStringInfo(out, "%%%02X", (unsigned char) *text);
	}
}

/* Append a text of Convex's, in UTF-8, as a JSON string. */
static void
append_text(StringInfo out, const char *text)
{
	cm_writer_append_string(out, text, strlen(text));
}

/* A request with a body in the form of JSON. */
static CmRequest
json_request(const char *path, const StringInfoData *body)
{
	CmRequest	request = cm_call_request(path, body);

	request.answer_limit = CM_IMPORT_ANSWER_BYTES;
	return request;
}

/* The request that begins an upload. */
CmRequest
cm_import_start_request(void)
{
	return (CmRequest) {
		.method = CM_METHOD_POST,
		.path = "/api/import/start_upload",
		.body = "",
		.answer_limit = CM_IMPORT_ANSWER_BYTES,
		.with_credentials = true
	};
}

/* The request with octets in its body, which gets all the time that Convex has. */
static CmRequest
octets_request(char *path, const char *bytes, int length)
{
	return (CmRequest) {
		.method = CM_METHOD_POST,
		.path = path,
		.content_type = "Content-Type: application/octet-stream",
		.body = bytes,
		.body_length = length,
		.timeout = CM_SERVER_TIMEOUT,
		.answer_limit = CM_IMPORT_ANSWER_BYTES,
		.with_credentials = true
	};
}

/* The request that uploads a part; numbers begin at 1. The bytes must stay. */
CmRequest
cm_import_part_request(const char *token, int number, const char *bytes,
					   int length)
{
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoString(&path, "/api/import/upload_part?uploadToken=");
	append_encoded(&path, token);
	appendStringInfo(&path, "&partNumber=%d", number);
	return octets_request(path.data, bytes, length);
}

/* The request that registers an import of the parts with these tokens. */
CmRequest
cm_import_finish_request(const char *token, const List *parts, const char *mode)
{
	StringInfoData body;
	ListCell   *lc;

	initStringInfo(&body);
	appendStringInfo(&body, "{\"import\":{\"format\":\"zip\",\"mode\":\"%s\"},\"uploadToken\":",
					 mode);
	append_text(&body, token);
	appendStringInfoString(&body, ",\"partTokens\":[");
	foreach(lc, parts)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(&body, ',');
		append_text(&body, lfirst(lc));
	}
	appendStringInfoString(&body, "]}");
	return json_request("/api/import/finish_upload", &body);
}

/* The request that imports a whole file, confirms that itself, and is answered when
 * it is done. The bytes must stay. */
CmRequest
cm_import_whole_request(const char *bytes, int length, const char *mode)
{
	return octets_request(psprintf("/api/import?format=zip&mode=%s", mode),
						  bytes, length);
}

/* A request about an import. */
static CmRequest
import_request(const char *path, const char *id)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"importId\":");
	append_text(&body, id);
	appendStringInfoChar(&body, '}');
	return json_request(path, &body);
}

/* The request that confirms an import: it does nothing in any other state than
 * CM_IMPORT_WAITING, and may be repeated. */
CmRequest
cm_import_perform_request(const char *id)
{
	return import_request("/api/perform_import", id);
}

/* The request that cancels an import. */
CmRequest
cm_import_cancel_request(const char *id)
{
	return import_request("/api/cancel_import", id);
}

/* The request that asks for an import. */
CmRequest
cm_import_query_request(const char *id)
{
	StringInfoData arguments;

	initStringInfo(&arguments);
	appendStringInfoString(&arguments, "{\"importId\":");
	append_text(&arguments, id);
	appendStringInfoChar(&arguments, '}');
	return cm_call_query_with_request("_system/cli/queryImport", arguments.data,
									  CM_IMPORT_ANSWER_BYTES);
}

/* The request that asks for the latest imports. */
CmRequest
cm_import_list_request(void)
{
	return cm_call_query_request("_system/cli/queryImport:list",
								 CM_IMPORT_ANSWER_BYTES);
}

/* Text of a member as it is, in UTF-8, palloc'd; NULL: there is none. */
static char *
raw_text(const cJSON *object, const char *name)
{
	char	   *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? pstrdup(text) : NULL;
}

/* The token of an upload, or NULL. */
char *
cm_import_read_token(const CmRequest *request)
{
	return raw_text(cm_json_parse(request->answer, request->answer_length),
					"uploadToken");
}

/* The token of a part, or NULL. */
char *
cm_import_read_part(const CmRequest *request)
{
	char	   *text = cJSON_GetStringValue(cm_json_parse(request->answer,
														  request->answer_length));

	return text ? pstrdup(text) : NULL;
}

/* The id of the import that was registered, or NULL. */
char *
cm_import_read_id(const CmRequest *request)
{
	return raw_text(cm_json_parse(request->answer, request->answer_length),
					"importId");
}

/* How many rows a whole import has written; -1: it does not say. */
int64
cm_import_read_written(const CmRequest *request)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(cm_json_parse(request->answer,
																		 request->answer_length),
														   "numWritten");

	return cJSON_IsNumber(number) ? (int64) number->valuedouble : -1;
}

/*
 * What the token of an upload says (crates/storage/src/lib.rs,
 * crates/aws_s3/src/storage.rs): the key of the object that it makes, and whether its
 * parts are known by their numbers, so that one may be sent again. A token that says
 * neither is one whose parts are not sent again.
 */
char *
cm_import_token_object(const char *token, bool *numbered)
{
	const cJSON *json = cm_json_parse(token, strlen(token));

	*numbered = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "uploadId"));
	return raw_text(json, "objectKey");
}

/* An Int64, which is a text in the form that is asked for; -1: it is not there. */
static int64
read_int64(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (cJSON_IsString(item))
		return strtoll(item->valuestring, NULL, 10);
	return cJSON_IsNumber(item) ? (int64) item->valuedouble : -1;
}

/* What an import says of a table. */
static CmImportTable *
read_table(const cJSON *json)
{
	CmImportTable *table = palloc0(sizeof(CmImportTable));

	table->name = cm_json_text(json, "display_table_name");
	if (table->name == NULL)
		table->name = pstrdup("");
	table->written = read_int64(json, "num_rows_written");
	table->total = read_int64(json, "total_num_rows_to_write");
	table->existing = read_int64(json, "existing_rows_in_table");
	return table;
}

/* The lines of the text that says what an import will change: the table in it, not the
 * words about Convex's own tool at its end. */
static char *
read_changes(const char *text)
{
	StringInfoData lines;

	initStringInfo(&lines);
	while (text != NULL && *text != '\0' &&
		   strncmp(text, "Once the import has started", 27) != 0)
	{
		const char *end = strchr(text, '\n');

		appendStringInfo(&lines, "%s%s", lines.len > 0 ? "\n" : "",
						 cm_errortext_clean(text));
		text = end ? end + 1 : NULL;
	}
	return lines.data;
}

/* What Convex says of why an import failed; without the words that it puts before an
 * error that is not its own. The lines behind the first have row data. */
static char *
read_failure(const char *text)
{
	static const char head[] = "Hit an error while importing:\n";

	if (text == NULL)
		return pstrdup("");
	if (strncmp(text, head, strlen(head)) == 0)
		text += strlen(head);
	return cm_errortext_clean(text);
}

/* An import; NULL: it is none. */
static CmImport *
read_import(const cJSON *json)
{
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "state");
	char	   *name = raw_text(state, "state");
	char	   *progress = cm_json_text(state, "progress_message");
	CmImport   *import = palloc0(sizeof(CmImport));
	const cJSON *item;

	import->id = raw_text(json, "_id");
	if (import->id == NULL || name == NULL)
		return NULL;
	import->state = CM_IMPORT_UNKNOWN;
	for (int i = 0; i < (int) lengthof(state_names); i++)
	{
		if (strcmp(state_names[i], name) == 0)
			import->state = i;
	}
	import->object = cm_json_text(json, "fq_object_key");
	import->changes = read_changes(cm_json_text(state, "message_to_confirm"));
	import->progress = progress ? cm_errortext_clean(progress) : NULL;
	import->failure = read_failure(cm_json_text(state, "error_message"));
	import->written = read_int64(state, "num_rows_written");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "checkpoints"))
		import->tables = lappend(import->tables, read_table(item));
	return import;
}

/* The import that was asked for; NULL: there is none. */
CmImport *
cm_import_read(const CmRequest *request)
{
	return read_import(cJSON_GetObjectItemCaseSensitive(cm_json_parse(request->answer,
																	  request->answer_length),
														"value"));
}

/* The latest imports, newest first; CmImport *. */
List *
cm_import_read_list(const CmRequest *request)
{
	List	   *imports = NIL;
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(cm_json_parse(request->answer,
																			request->answer_length),
															  "value"))
	{
		CmImport   *import = read_import(item);

		if (import != NULL)
			imports = lappend(imports, import);
	}
	return imports;
}
