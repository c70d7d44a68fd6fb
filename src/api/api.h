/*-------------------------------------------------------------------------
 *
 * api.h
 *	  Convex's HTTP API: bodies out, answers in.
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
} CmCall;

typedef enum CmOutcome
{
	CM_OUTCOME_SUCCESS,			/* value is there */
	CM_OUTCOME_FUNCTION_ERROR,	/* the function failed: nothing written */
	CM_OUTCOME_RETRY,			/* not executed, try again later */
	CM_OUTCOME_AMBIGUOUS,		/* may or may not have been executed */
	CM_OUTCOME_TOO_LARGE,		/* send less at once */
	CM_OUTCOME_FATAL			/* nothing like it will ever work */
} CmOutcome;

typedef struct CmPair
{
	char	   *key;			/* supabaseId, in UTF-8 */
	char	   *convex_id;		/* NULL: refused */
	char	   *error;			/* why */
} CmPair;

typedef struct CmAnswer
{
	CmOutcome	outcome;
	int			sqlstate;		/* FATAL, and RETRY/AMBIGUOUS when patience
								 * ends */
	char	   *message;		/* primary message for an ERROR */
	char	   *detail;			/* or NULL */
	char	   *hint;			/* or NULL */
	int			retry_after;	/* milliseconds, or -1 */

	/* SUCCESS of a migrate function */
	int			npairs;
	CmPair	   *pairs;

	/* FUNCTION_ERROR */
	CmReason	reason;
	int			culprit;		/* index of the record it blames, or -1 */
} CmAnswer;

/* What the deployment said of itself before the first batch. */
typedef struct CmFunctionSpec
{
	char	   *identifier;		/* "migrate:migrateContacts" */
	bool		mutation;
	char	   *argument;		/* its only argument, or NULL when it takes
								 * none, several or is not validated */
	CmValidator *record;		/* element of that argument, an array, or NULL */
	bool		any_arguments;	/* arguments are not validated */
} CmFunctionSpec;

/* A table of the deployed schema. */
typedef struct CmDeployedTable
{
	char	   *name;
	List	   *indexes;		/* char *, their names */
	CmValidator *document;
} CmDeployedTable;

/* in call.c */
extern CmHttp *cm_call_connect(MemoryContext context, CmServer *server);
extern void cm_call_open_body(StringInfo body, const CmCall *call);
extern void cm_call_close_body(StringInfo body);
extern CmRequest cm_call_request(const char *route, const StringInfoData *body);
extern CmRequest cm_call_query_request(const char *path);

/* in answer.c */
extern void cm_answer_read(const CmRequest *request, CmAnswer *answer);
extern void cm_answer_read_result(const CmRequest *request, CmAnswer *answer);
extern void cm_answer_read_pairs(const CmRequest *request, const char *argument,
								 CmAnswer *answer);

/* in deployed.c */
extern List *cm_deployed_read_functions(const char *json, size_t length);
extern CmFunctionSpec *cm_deployed_find_function(List *specs,
												 const char *identifier);
extern char *cm_deployed_read_about(const char *json, size_t length);
extern List *cm_deployed_read_schema(const char *json, size_t length);

/* in json.c */
extern const char *cm_json_library_version(void);

#endif							/* CM_API_H */
