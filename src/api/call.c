/*-------------------------------------------------------------------------
 *
 * call.c
 *	  Calls of deployed functions: their bodies, and the connections that they
 *	  are sent over.
 *
 * Bodies are written by hand into the buffer that is sent. A call that carries
 * an array (of records, of keys) is opened, then the caller appends the
 * elements, with commas between them, then it is closed.
 *
 * Rules: crates/local_backend/src/public_api.rs of convex-backend.
 *
 *-------------------------------------------------------------------------
 */
#include "api/api.h"

/*
 * What an answer may have of bytes: it repeats keys, at most six bytes for one
 * of theirs, and says why records were refused, with parts of these. Whatever
 * is larger is not from Convex.
 */
#define CM_ANSWER_BYTES		(1024 * 1024)
#define CM_ANSWER_BYTES_PER_BYTE 6

/* Bytes of a list of all indexes of a deployment. */
#define CM_ADMIN_ANSWER_BYTES (32 * 1024 * 1024)

/* The header line of a JSON body. */
#define CONTENT_TYPE_JSON "Content-Type: application/json"

/*
 * Connections to the deployment of the foreign server. Wipes the deploy key
 * in the CmServer: from here on it is in a header line of http.c only. Lives
 * as long as the context.
 */
CmHttp *
cm_call_connect(MemoryContext context, CmServer *server)
{
	static const char *const headers[] = {
		"Accept: application/json",
		/* <name>-<version>, or Convex refuses the request; a name that it does
		 * not know is always accepted (crates/common/src/http/mod.rs) */
		"Convex-Client: convex_migrate-" CM_VERSION,
		NULL
	};
	char	   *authorization;
	CmHttp	   *http;
	CmHttpConfig config = {
		.url = server->url,
		.local = server->local,
		.pinned = server->pinned,
		.timeout = server->timeout,
		.slots = server->concurrency,
		.slots_hint = psprintf("Lower option \"concurrency\" of server \"%s\", or raise max_files_per_process.",
							   server->name),
		.headers = headers
	};

	Assert(server->deploy_key != NULL);
	authorization = cm_own_secret("Authorization: Convex ", server->deploy_key,
								  strlen(server->deploy_key));
	config.credentials = authorization;
	http = cm_http_create(context, &config);
	explicit_bzero(authorization, strlen(authorization));
	explicit_bzero(server->deploy_key, strlen(server->deploy_key));
	server->deploy_key = NULL;
	return http;
}

/*
 * Begin the body of a call, up to the elements of its array. The format is
 * that of the result; arguments are always in Convex's own (value/writer.c).
 */
void
cm_call_open_body(StringInfo body, const CmCall *call)
{
	appendStringInfoString(body, "{\"path\":");
	cm_writer_append_string(body, call->path, strlen(call->path));
	appendStringInfoString(body, ",\"format\":\"json\",\"args\":{");
	if (call->extra != NULL)
		appendStringInfo(body, "%s,", call->extra);
	cm_writer_append_string(body, call->argument, strlen(call->argument));
	appendStringInfoString(body, ":[");
}

/* End the body, behind the last element. */
void
cm_call_close_body(StringInfo body)
{
	appendStringInfoString(body, "]}}");
}

/* The request that calls a function, by the route of its kind (CM_ROUTE_...),
 * with the body, which must stay until the request is released. */
CmRequest
cm_call_request(const char *route, const StringInfoData *body)
{
	return (CmRequest) {
		.answer_limit = CM_ANSWER_BYTES + CM_ANSWER_BYTES_PER_BYTE * (size_t) body->len,
		.method = CM_METHOD_POST,
		.path = route,
		.content_type = CONTENT_TYPE_JSON,
		.body = body->data,
		.body_length = body->len,
		.with_credentials = true
	};
}

/*
 * The request that runs a query with arguments, an object of JSON, whose answer may
 * have so many bytes; its body is palloc'd.
 */
CmRequest
cm_call_query_with_request(const char *path, const char *arguments,
						   size_t answer_limit)
{
	StringInfoData body;
	CmRequest	request;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"path\":");
	cm_writer_append_string(&body, path, strlen(path));
	appendStringInfo(&body, ",\"format\":\"json\",\"args\":%s}", arguments);
	request = cm_call_request(CM_ROUTE_QUERY, &body);
	request.answer_limit = answer_limit;
	return request;
}

/* The same without arguments. */
CmRequest
cm_call_query_request(const char *path, size_t answer_limit)
{
	return cm_call_query_with_request(path, "{}", answer_limit);
}

/* The request that asks how many documents a Convex table has (npm-packages/
 * system-udfs, _system/frontend/tableSize); its body is palloc'd. */
CmRequest
cm_call_table_size_request(const char *table)
{
	StringInfoData arguments;

	initStringInfo(&arguments);
	appendStringInfoString(&arguments, "{\"tableName\":");
	cm_writer_append_string(&arguments, table, strlen(table));
	appendStringInfoChar(&arguments, '}');
	return cm_call_query_with_request("_system/frontend/tableSize", arguments.data,
									  CM_ANSWER_BYTES);
}

/* A request for what admins are told of the deployment. */
CmRequest
cm_call_admin_request(const char *route)
{
	CmRequest	request = cm_call_plain_request(route);

	request.answer_limit = CM_ADMIN_ANSWER_BYTES;
	request.with_credentials = true;
	return request;
}

/*
 * The request that asks the generated query "range", at this path, for the first
 * document of a Convex table; its body is palloc'd.
 */
CmRequest
cm_call_first_document_request(const char *path, const char *table)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"path\":");
	cm_writer_append_string(&body, path, strlen(path));
	appendStringInfoString(&body, ",\"format\":\"json\",\"args\":{\"table\":");
	cm_writer_append_string(&body, table, strlen(table));
	appendStringInfo(&body, ",\"after\":null,\"upTo\":null,\"cursor\":null,"
					 "\"numItems\":1,\"numBytes\":%d,\"keysOnly\":true}}",
					 CM_MAX_DOCUMENT);
	return cm_call_request(CM_ROUTE_QUERY, &body);
}

/* A request without the deploy key, that asks for no more than a word. */
CmRequest
cm_call_plain_request(const char *route)
{
	return (CmRequest) {
		.method = CM_METHOD_GET,
		.path = route,
		.answer_limit = CM_ANSWER_BYTES
	};
}
