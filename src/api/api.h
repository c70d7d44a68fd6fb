/*-------------------------------------------------------------------------
 *
 * api.h
 *	  Convex's HTTP API: bodies out, answers in.
 *
 * The only folder that knows routes, formats, status codes and error codes of
 * Convex. What to do about them is decided above.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_API_H
#define CM_API_H

#include "base/http.h"
#include "settings/settings.h"

/* Routes of calls, by the kind of function. */
#define CM_ROUTE_MUTATION	"/api/mutation"
#define CM_ROUTE_QUERY		"/api/query"

/* How a deployed function is called that takes an array. */
typedef struct CmCall
{
	const char *path;			/* of the function, "migrate:migrateContacts" */
	const char *argument;		/* name of the argument with the array */
	const char *extra;			/* the arguments before it, as fields of JSON,
								 * or NULL when there are none */
	bool		removes;		/* its answers say "removed" instead of an id */
} CmCall;

/* What an answer asks the caller to do. */
typedef enum CmOutcome
{
	CM_OUTCOME_SUCCESS,			/* use the value */
	CM_OUTCOME_FUNCTION_ERROR,	/* nothing was written: find the record that
								 * the function fails for */
	CM_OUTCOME_RETRY,			/* not executed: send it again later */
	CM_OUTCOME_AMBIGUOUS,		/* executed or not: send it again if that does
								 * no harm */
	CM_OUTCOME_TOO_LARGE,		/* nothing was written: send less at once */
	CM_OUTCOME_FATAL			/* nothing like it will ever work: end the run */
} CmOutcome;

/* What became of one record, or one key. */
typedef struct CmPair
{
	char	   *key;			/* supabaseId, in UTF-8 */
	char	   *error;			/* why it was refused, or NULL */
	char	   *convex_id;		/* of its document; NULL: refused, or the call
								 * removes */
	bool		inserted;		/* the document is new; not every function says
								 * so */
	bool		removed;		/* there was a document, and the call removed it */
} CmPair;

/* An answer, read; all of it in the memory context that was current. */
typedef struct CmAnswer
{
	CmOutcome	outcome;

	/* the ERROR, should the caller give up: after FATAL, RETRY, AMBIGUOUS */
	int			sqlstate;
	const char *message;		/* primary message */
	char	   *detail;
	const char *hint;			/* or NULL */

	bool		busy;			/* it is the deployment that cannot: everything
								 * should wait, not this request alone */
	bool		smaller;		/* it took too long: send less at once */
	int			retries;		/* at most that many, if it is sent again */
	int64		retry_after;	/* milliseconds to wait that Convex asks for,
								 * or -1 */

	/* after SUCCESS of a function that is given records or keys */
	int			npairs;
	CmPair	   *pairs;

	/* after FUNCTION_ERROR and TOO_LARGE: for the record, if it was the only
	 * one */
	CmReason	reason;
	int			culprit;		/* index of the record that is blamed, from 0,
								 * or -1 */
	bool		unexplained;	/* the error has no text: see run/suspect.c */
	bool		body_too_large; /* TOO_LARGE is the request, not what the
								 * function did with it */
} CmAnswer;

/* Which table of PostgreSQL the documents of a Convex table are from. */
typedef struct CmSource
{
	char	   *target;			/* the Convex table */
	char	   *name;			/* schema.table, quoted where SQL needs it */
	List	   *key;			/* char *, its columns; NIL: rows are known by
								 * their content */
	uint32		number;			/* of the Convex table, when ids were computed
								 * with it; 0: they were not */
	int64		documents;		/* that the last import left; -1: there was none */
} CmSource;

/* What is asked of a Convex table: a page of the documents with keys in a range. */
typedef struct CmRange
{
	const char *path;			/* of the query, "migrate:range" */
	const char *table;			/* the Convex table */
	const char *after;			/* keys above this one, in UTF-8; NULL: from the
								 * beginning, those without a key first */
	const char *up_to;			/* and up to this one; NULL: to the end */
	const char *cursor;			/* of the page before, or NULL */
	int			items;			/* documents of a page, at most */
	int			bytes;			/* in Convex's measure, about */
	bool		keys_only;		/* without the documents themselves */
} CmRange;

/* A page of documents, while it is read. */
typedef struct CmPage
{
	CmWalk		walk;			/* before the next document */
	bool		first;
	bool		is_last;		/* of the range */
	char	   *cursor;			/* of the next one */
} CmPage;

/* A document that was found. */
typedef struct CmDocument
{
	char	   *key;			/* in UTF-8; NULL: it has none that a row can have */
	bool		has_odd_key;	/* it has one all the same */
	char	   *convex_id;
	const char *json;			/* all of it, in Convex's encoding; NULL where only
								 * keys were asked for */
	int			length;			/* of that, in bytes */
} CmDocument;

/* What the query "about" answers. */
typedef struct CmAbout
{
	bool		generated;		/* by convex_functions() */
	int			contract;		/* their CM_CONTRACT */
	char	   *fingerprint;	/* of the tables that they were written for */
	List	   *sources;		/* CmSource *, these tables */
} CmAbout;

/* What the deployment says about one of its functions. */
typedef struct CmFunctionSpec
{
	char	   *identifier;		/* "migrate:migrateContacts" */
	bool		mutation;		/* else a query or an action */
	char	   *argument;		/* its only argument, or NULL when it has none,
								 * several or does not validate them */
	CmValidator *record;		/* element of that argument, an array, or NULL */
	bool		any_arguments;	/* arguments are not validated */
} CmFunctionSpec;

/* A table of the deployed schema. */
typedef struct CmDeployedTable
{
	char	   *name;
	List	   *indexes;		/* char *, their names */
	List	   *searches;		/* the same of those for texts and vectors */
	List	   *staged;			/* the same of those of any kind that are staged */
	CmValidator *document;		/* an object, a union of objects, or ANY; that where
								 * schemas are not enforced */
} CmDeployedTable;

/* A table of the deployment, and the number that its ids have. */
typedef struct CmNumber
{
	char	   *name;
	uint32		number;
} CmNumber;

/* An index of the deployment. */
typedef struct CmIndexState
{
	char	   *table;
	char	   *name;
	bool		backfilling;
	bool		staged;
} CmIndexState;

/* What an import of a file is at (crates/model/src/snapshot_imports/types.rs). */
typedef enum CmImportState
{
	CM_IMPORT_UPLOADED,			/* Convex reads the file */
	CM_IMPORT_WAITING,			/* to be confirmed */
	CM_IMPORT_IN_PROGRESS,
	CM_IMPORT_COMPLETED,
	CM_IMPORT_FAILED,
	CM_IMPORT_UNKNOWN			/* a state of a later version */
} CmImportState;

/* What an import says of a table; -1: it does not. */
typedef struct CmImportTable
{
	char	   *name;
	int64		written;		/* rows, so far */
	int64		total;			/* rows that it will write */
	int64		existing;		/* documents that were there */
} CmImportTable;

/* An import. Its texts are fit to be shown. */
typedef struct CmImport
{
	char	   *id;
	CmImportState state;
	char	   *object;			/* the file, or NULL */
	char	   *changes;		/* lines; of WAITING */
	char	   *progress;		/* or NULL; of IN_PROGRESS */
	char	   *failure;		/* of FAILED */
	int64		written;		/* rows; of COMPLETED, else -1 */
	List	   *tables;			/* CmImportTable *, when they are known */
} CmImport;

/* in import.c */
extern CmRequest cm_import_start_request(void);
extern CmRequest cm_import_part_request(const char *token, int number,
										const char *bytes, int length);
extern CmRequest cm_import_finish_request(const char *token, const List *parts,
										  const char *mode);
extern CmRequest cm_import_whole_request(const char *bytes, int length,
										 const char *mode);
extern CmRequest cm_import_perform_request(const char *id);
extern CmRequest cm_import_cancel_request(const char *id);
extern CmRequest cm_import_query_request(const char *id);
extern CmRequest cm_import_list_request(void);
extern char *cm_import_read_token(const CmRequest *request);
extern char *cm_import_read_part(const CmRequest *request);
extern char *cm_import_read_id(const CmRequest *request);
extern int64 cm_import_read_written(const CmRequest *request);
extern char *cm_import_token_object(const char *token, bool *numbered);
extern CmImport *cm_import_read(const CmRequest *request);
extern List *cm_import_read_list(const CmRequest *request);

/* in call.c */
extern CmHttp *cm_call_connect(MemoryContext context, CmServer *server);
extern void cm_call_open_body(StringInfo body, const CmCall *call);
extern void cm_call_close_body(StringInfo body);
extern CmRequest cm_call_request(const char *route, const StringInfoData *body);
extern CmRequest cm_call_query_request(const char *path, size_t answer_limit);
extern CmRequest cm_call_query_with_request(const char *path,
											const char *arguments,
											size_t answer_limit);
extern CmRequest cm_call_admin_request(const char *route);
extern CmRequest cm_call_first_document_request(const char *path,
												const char *table);
extern CmRequest cm_call_table_size_request(const char *table);
extern CmRequest cm_call_plain_request(const char *route);

/* in answer.c */
extern void cm_answer_read(const CmRequest *request, CmAnswer *answer);
extern void cm_answer_read_result(const CmRequest *request, CmAnswer *answer);
extern void cm_answer_read_pairs(const CmRequest *request, const CmCall *call,
								 CmAnswer *answer);

/* in range.c */
extern CmRequest cm_range_request(const CmRange *range, StringInfo body);
extern void cm_range_read(const CmRequest *request, CmAnswer *answer,
						  CmPage *page);
extern bool cm_range_next(CmPage *page, CmDocument *document, CmAnswer *answer);
extern char *cm_range_key(const CmDocument *document);
extern double cm_range_creation_time(const CmDocument *document);

/* in deployed.c */
extern List *cm_deployed_read_functions(const char *json, size_t length);
extern CmFunctionSpec *cm_deployed_find_function(List *specs,
												 const char *identifier);
extern CmAbout cm_deployed_read_about(const char *json, size_t length);
extern bool cm_deployed_read_is_empty(const char *json, size_t length);
extern bool cm_deployed_read_count(const char *json, size_t length, int64 *count);
extern List *cm_deployed_read_numbers(const char *json, size_t length);
extern List *cm_deployed_read_schema(const char *json, size_t length);
extern List *cm_deployed_read_indexes(const char *json, size_t length);
extern List *cm_deployed_read_operations(const char *json, size_t length);
extern char *cm_deployed_read_day(const char *text, size_t length);
extern CmDeployedTable *cm_deployed_find_table(List *tables,
											   const char *name);

/* in json.c */
extern const char *cm_json_library_version(void);

#endif							/* CM_API_H */
