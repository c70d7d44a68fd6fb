/*-------------------------------------------------------------------------
 *
 * convex_migrate.h
 *	  Structures and prototypes shared by the files of convex_migrate.
 *
 * Dependency goes one way: convex_migrate.c (the SQL-callable functions) ->
 * migrate, check, showplan, document -> reader, dispatch, preflight, guard ->
 * source, encode, idmap, rejects, report, convex -> catalog (with settings,
 * reference, names), plan, value (with times, containers, jsonb, jsontext) ->
 * mapping, options -> writer, number, utf8, http, session -> own.
 * Prototypes are grouped by the file that defines them.
 *
 * Memory: unless a comment says otherwise, a result is palloc'd in the
 * current memory context, and a structure points to what its maker's context
 * holds. Whatever owns a foreign object (a CURL handle, a cJSON tree) is tied
 * to a memory context by own.c, so an ERROR anywhere leaves nothing behind.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONVEX_MIGRATE_H
#define CONVEX_MIGRATE_H

#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "value/mapping.h"

/*
 * Limits of Convex: a request body (16 MiB and 2,000 bytes, which leaves room
 * for path and names; crates/common/src/knobs.rs), the size of a document in
 * Convex's own measure and its levels (crates/common/src/document.rs),
 * elements of an array and fields of an object (crates/value/src/).
 */
#define CM_MAX_RECORD_BYTES	(16 * 1024 * 1024)
#define CM_MAX_DOCUMENT		(1024 * 1024)
#define CM_MAX_NESTING		16
#define CM_MAX_ARRAY		8192
#define CM_MAX_FIELDS		1024

/* Doubles hold every whole number up to here. */
#define CM_MAX_EXACT_INTEGER INT64CONST(9007199254740992)

/* Characters of a uuid's text. */
#define CM_UUID_LENGTH		36

/*
 * ----------------------------------------------------------------
 * Settings: a foreign server and the caller's user mapping
 * ----------------------------------------------------------------
 */

/* What happens to a row whose reference has no document in Convex. */
typedef enum CmOrphans
{
	CM_ORPHANS_REJECT,			/* the row becomes a reject */
	CM_ORPHANS_NULL,			/* the field is left out */
	CM_ORPHANS_KEEP				/* the field carries the old key */
} CmOrphans;

/* Whether a batch whose answer was lost is sent again. */
typedef enum CmRetryAmbiguous
{
	CM_AMBIGUOUS_AUTO,			/* when the functions are known to upsert */
	CM_AMBIGUOUS_ON,
	CM_AMBIGUOUS_OFF
} CmRetryAmbiguous;

/* Case of names in Convex. */
typedef enum CmCase
{
	CM_CASE_CAMEL,
	CM_CASE_SNAKE,
	CM_CASE_PRESERVE
} CmCase;

/* How a bigint, a numeric and a timestamp become values of Convex. */
typedef enum CmInt8
{
	CM_INT8_NUMBER,				/* Float64, where it is exact */
	CM_INT8_INT64,
	CM_INT8_STRING
} CmInt8;

typedef enum CmNumeric
{
	CM_NUMERIC_AUTO,			/* number where the declaration fits, else string */
	CM_NUMERIC_NUMBER,			/* Float64, where it is exact */
	CM_NUMERIC_STRING
} CmNumeric;

typedef enum CmTimestamps
{
	CM_TIMESTAMPS_MS,			/* Float64, milliseconds since 1970 */
	CM_TIMESTAMPS_ISO			/* ISO 8601 text */
} CmTimestamps;

struct CmServer
{
	Oid			serverid;
	Oid			owner;
	Oid			extension_schema;	/* where the extension's tables are */
	char	   *name;			/* of the foreign server */
	char	   *url;			/* without a trailing slash */
	char	   *deployment;		/* for people: the deployment's name, or the
								 * host where that names it better */
	bool		cloud;			/* the URL itself names the deployment */
	char	   *method;
	char	   *functions;		/* module of the deployed functions */
	List	   *schemas;		/* char *, names */
	char	   *key_field;
	int			table_case;		/* CmCase */
	int			field_case;		/* CmCase */
	int			batch_rows;
	int			batch_bytes;
	int			concurrency;
	int			max_retries;
	int			timeout;		/* milliseconds, for one request */
	int			retry_ambiguous;	/* CmRetryAmbiguous */
	int			orphans;		/* CmOrphans */
	int			int8;			/* CmInt8 */
	int			numeric;		/* CmNumeric */
	int			timestamps;		/* CmTimestamps */
	int			nulls;			/* 0: fields are left out, 1: they are null */
	bool		active;

	/* from the user mapping; set only by cm_server_authorize() */
	char	   *deploy_key;
	char	   *deploy_key_file;
	char	   *key_deployment; /* the deployment that the key names */
	const char *deploy_command; /* for people: what deploys functions there */
};

/*
 * ----------------------------------------------------------------
 * Source: tables, columns, keys and references as the catalogs have them
 * ----------------------------------------------------------------
 */
typedef struct CmColumn
{
	AttrNumber	attnum;
	char	   *name;
	char	   *field;			/* field of the record; NULL: not sent by
								 * itself (the key column "id") */
	Oid			type;			/* of a domain: its base type */
	Oid			declared_type;
	int32		typmod;
	Oid			collation;
	bool		not_null;
	bool		in_key;
	bool		excluded;		/* convex_columns: not sent */
	char	   *choice;			/* convex_columns.type, or NULL */
	char	   *comment;		/* or NULL: set by schema.c */
	List	   *literals;		/* char *, its only values, or NIL: set by
								 * literals.c */
	struct CmReference *reference;	/* the reference this column's field
									 * carries, or NULL */
} CmColumn;

typedef struct CmReference
{
	char	   *conname;		/* name of the foreign key constraint */
	CmTable    *parent;
	int			ncolumns;
	int		   *columns;		/* indexes into CmTable.columns */
	AttrNumber *parent_attnums; /* what they reference */
	Oid		   *operators;		/* conpfeqop: parent = child */
	char	   *field;			/* field of the record that carries the id */
	bool		not_null;		/* no column of it may be NULL */
	bool		validated;		/* the database says that parents exist */
	bool		deferred;		/* set in a second pass, see plan.c */
	bool		by_keytext;		/* the child's values print as the parent's
								 * key text; else the parent is joined */
} CmReference;

struct CmTable
{
	Oid			relid;
	char	   *schema;
	char	   *name;
	char		relkind;
	char	   *target;			/* Convex table */
	bool		renamed;		/* by more than its case */
	char	   *function;		/* deployed function, "migrate:migrateX" */
	char	   *complete;		/* the one for the second pass */
	int			ncolumns;
	CmColumn   *columns;
	int			nkeys;			/* 0: a row is known by its content */
	int		   *keys;			/* indexes into columns, in key order */
	List	   *references;		/* CmReference * */
	CmColumn   *creation_time;	/* rows are sent in its order, or NULL */
	char	   *filter;			/* convex_tables: an SQL expression, or NULL */

	/* for generated code: set by schema.c and indexes.c */
	char	   *comment;		/* or NULL */
	List	   *indexes;		/* CmIndex *; that of the old key is first */
	List	   *unique;			/* List * of char *: fields that are unique */
	List	   *left_out;		/* char *: indexes, and why */

	double		estimated_rows; /* -1: unknown */
	double		estimated_bytes;
	bool		configured;		/* what points to it is a reference */
	bool		selected;		/* this call moves it */

	/* set by plan.c */
	bool		has_children;	/* a selected table points to it */
	int			level;
	int			position;		/* among the selected tables, by name */
};

/* An index of a table in Convex. */
typedef struct CmIndex
{
	char	   *name;
	List	   *fields;			/* char * */
	const char *source;			/* index of PostgreSQL, or NULL */
	int			dimensions;		/* of a vector index, else 0 */
} CmIndex;

/* All tables that are configured, and in which order the selected ones go. */
typedef struct CmCatalog
{
	List	   *tables;			/* CmTable *, ordered by schema and name */
	CmTable   **by_relid;		/* the same, ordered by OID */
	CmServer   *server;
	bool		named;			/* the caller named the selected ones */
	List	   *ordered;		/* the selected ones, parents first */
} CmCatalog;

/*
 * ----------------------------------------------------------------
 * Records: rows on their way
 * ----------------------------------------------------------------
 */

/* What came of encoding a row. */
typedef enum CmEncoded
{
	CM_ENCODED,
	CM_ENCODED_IN_PART,			/* a record all the same, but with a reason */
	CM_NOT_ENCODED				/* nothing but the reason */
} CmEncoded;

typedef struct CmRecord
{
	int			offset;			/* in CmBatch.body */
	int			length;
	char	   *key;
	const char *sent;			/* the key in UTF-8, as the answer has it */
	bool		answered;
	bool		rejected;		/* in part, when it was encoded: counted */
} CmRecord;

/*
 * Records that go in one call. Lives in a memory context of its own, which
 * dies with it.
 */
typedef struct CmBatch
{
	MemoryContext context;
	StringInfoData body;		/* of the request; records joined by commas */
	int			nrecords;
	int			maxrecords;
	CmRecord   *records;
	bool		is_part;		/* of a batch that was refused */
	int			attempts;		/* failed ones */
	TimestampTz not_before;		/* retry clock; 0: at once */
} CmBatch;

/*
 * ----------------------------------------------------------------
 * HTTP
 * ----------------------------------------------------------------
 */
typedef struct CmHttp CmHttp;

typedef struct CmUrl
{
	char	   *scheme;
	char	   *host;			/* lower case; an IPv6 address in brackets */
	char	   *path;			/* "/" when there is none */
	bool		has_user;		/* or a password */
	bool		loopback;
} CmUrl;

/* How far a request came. */
typedef enum CmDelivery
{
	CM_DELIVERY_ANSWERED,		/* status and body are there */
	CM_DELIVERY_NOT_SENT,		/* the server has not seen it */
	CM_DELIVERY_LOST			/* sent, but no (whole) answer came */
} CmDelivery;

/*
 * One request. The caller fills the first part and keeps it, body included,
 * until the request is reaped or the CmHttp is gone.
 */
typedef struct CmRequest
{
	const char *path;			/* "/api/mutation" */
	const char *body;			/* NULL: a GET */
	int			body_length;
	bool		with_key;		/* send the deploy key */
	void	   *owner;			/* the caller's */

	/* set when it is reaped; body is NUL-terminated and belongs to CmHttp
	 * until cm_http_release() */
	CmDelivery	delivery;
	bool		refused;		/* NOT_SENT: waiting may help */
	long		status;
	char	   *answer;
	size_t		answer_length;
	int			retry_after;	/* milliseconds from the server, or -1 */
	char	   *problem;		/* libcurl's words when not ANSWERED */

	void	   *transfer;		/* of http.c */
} CmRequest;

/*
 * ----------------------------------------------------------------
 * Convex: what an answer means
 * ----------------------------------------------------------------
 */
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

/*
 * ----------------------------------------------------------------
 * A run of convex_migrate()
 * ----------------------------------------------------------------
 */
typedef struct CmEncoder CmEncoder;
typedef struct CmDispatch CmDispatch;
typedef struct CmIdMap CmIdMap;
typedef struct CmRejects CmRejects;

/*
 * What the deployed functions are called for: to take the rows of a table, or,
 * in a second pass over rows with deferred references, to set those.
 */
typedef enum CmPass
{
	CM_PASS_MIGRATE,
	CM_PASS_COMPLETE
} CmPass;

/* Per table: what became of its rows. */
typedef struct CmTally
{
	CmTable    *table;
	int64		rows_read;
	int64		migrated;
	int64		failed;
	int64		bytes;			/* of calls that Convex accepted */
	int64		batches;
	int64		retries;
	TimestampTz started;		/* the pass at hand */
	int64		elapsed;		/* microseconds, of the passes before */
	CmPass		pass;			/* at hand */
	int64		completed;		/* rows of the second pass */
} CmTally;

typedef struct CmRun
{
	MemoryContext context;		/* holds all of the run; see migrate.c */
	CmServer   *server;
	CmCatalog  *catalog;
	TimestampTz started;
	Snapshot	snapshot;		/* what all tables are read with */
	CmHttp	   *http;
	CmDispatch *dispatch;
	CmIdMap    *idmap;
	CmRejects  *rejects;		/* NULL: no batch was sent yet */
	bool		generated;		/* functions say they were generated by this
								 * extension: they upsert */
	List	   *tallies;		/* CmTally *, in order */
	CmTally    *tally;			/* of the table at hand */
	TimestampTz last_progress;
} CmRun;

/* in convex_migrate.c */
extern int	cm_progress_interval;

/* in own.c */
typedef struct CmOwned CmOwned;
extern CmOwned *cm_own(MemoryContext context, void (*release) (void *));
extern void cm_own_set(CmOwned *owned, void *object);
extern void cm_own_release(CmOwned *owned);
extern void cm_own_until_abort(CmOwned *owned);

/* in options.c */
extern void cm_options_validate(List *options, Oid catalog);
extern void cm_options_check(const char *name, const char *value);
extern CmServer *cm_server_load(const char *name, Oid extension_schema);
extern void cm_server_require_active(CmServer *server);

/* in deploykey.c */
extern const char *cm_deploykey_problem(const char *key, char **hint);
extern void cm_server_authorize(CmServer *server);

/* in session.c */
extern int	cm_session_pin(void);
extern void cm_session_unpin(int nestlevel);
extern Oid	cm_relation_owner(Oid relid);
extern char *cm_qualified_name(const char *schema, const char *name);
extern uint64 cm_spi_execute(const char *sql, int expected, bool read_only,
							 int nargs, Oid *types, Datum *values);
extern void cm_spi_execute_as(Oid role, const char *sql, int expected,
							  int nargs, Oid *types, Datum *values);
extern Datum cm_spi_value(uint64 row, int column);
extern Datum cm_text_array(List *texts);
extern Datum cm_relid_array(List *tables);

/* in catalog.c */
extern CmCatalog *cm_catalog_read(CmServer *server, ArrayType *tables,
								  MemoryContext context);
extern const char *cm_relkind_name(char relkind);
extern CmTable *cm_catalog_find(CmCatalog *catalog, Oid relid);
extern CmColumn *cm_table_column(CmTable *table, AttrNumber attnum);
extern CmColumn *cm_table_find_column(CmTable *table, const char *name);
extern bool cm_table_is_unique(CmTable *table, AttrNumber *attnums,
							   int nattnums, bool *without_nulls);

/* in settings.c */
extern void cm_settings_tables(CmCatalog *catalog, CmServer *server,
							   MemoryContext context);
extern void cm_settings_keys(CmCatalog *catalog, CmServer *server,
							 MemoryContext context);
extern void cm_settings_columns(CmCatalog *catalog, CmServer *server,
								MemoryContext context);

/* in reference.c */
extern void cm_reference_declare(CmCatalog *catalog, CmTable *table,
								 CmColumn *column, const char *text);
extern void cm_references_read(CmCatalog *catalog, MemoryContext context);

/* in guard.c */
extern void cm_guard_transaction(void);
extern void cm_guard_deployment(CmServer *server);
extern bool cm_may_read(CmTable *table);
extern void cm_guard_rights(CmCatalog *catalog);
extern void cm_guard_lock(CmCatalog *catalog);
extern bool cm_guard_locked(CmCatalog *before, CmCatalog *after);
extern void cm_guard_rewrites(CmRun *run);

/* in names.c */
extern const char *cm_name_problem(const char *name);
extern const char *cm_target_problem(const char *name);
extern const char *cm_field_name_problem(const char *name);
extern const char *cm_key_field_problem(const char *name);
extern void cm_name_tables(CmCatalog *catalog, CmServer *server);
extern void cm_name_fields(CmTable *table, CmServer *server);
extern char **cm_name_attributes(TupleDesc tupdesc, const CmServer *server);
extern char *cm_name_index(List *fields, List *taken);

/* in plan.c */
extern void cm_plan_order(CmCatalog *catalog);
extern bool cm_table_has_deferred(CmTable *table);

/* in source.c */
extern char *cm_source_from(CmTable *table);
extern char *cm_source_query(CmTable *table, const char *from, bool idmap,
							 bool keep_orphans, bool ordered);
extern char *cm_completion_query(CmTable *table, bool keep_orphans);
extern bool cm_column_is_read(CmTable *table, CmColumn *column);
extern char *cm_missing_parents_query(CmTable *table, CmReference *reference);
extern char *cm_orphan_query(CmTable *table, CmReference *reference);

/* in encode.c */
extern CmEncoder *cm_encoder_create(CmTable *table, CmPass pass,
									TupleDesc tupdesc, CmServer *server,
									int orphans, CmDialect dialect);
extern CmEncoded cm_encode_row(CmEncoder *encoder, HeapTuple row,
							   StringInfo out, char **key, CmReason *reason);
extern int64 cm_encoded_size(CmEncoder *encoder);

/* in literals.c */
extern List *cm_enum_labels(Oid type);
extern void cm_literals_read(CmCatalog *catalog);

/* in indexes.c */
extern void cm_indexes_read(CmCatalog *catalog);

/* in schema.c */
extern CmCatalog *cm_catalog_describe(CmServer *server, ArrayType *tables);
extern char *cm_generate(const char *server, ArrayType *tables,
						 Oid extension_schema,
						 char *(*print) (CmCatalog *catalog));
extern char *cm_schema(const char *server, ArrayType *tables,
					   Oid extension_schema);

/* in functions.c */
extern char *cm_fingerprint(CmCatalog *catalog);
extern char *cm_functions(const char *server, ArrayType *tables,
						  Oid extension_schema);

/* in idmap.c */
extern CmIdMap *cm_idmap_open(const char *url, CmCatalog *catalog);
extern bool cm_idmap_exists(const char *url);
extern void cm_idmap_add(CmIdMap *map, CmTable *table, int n, Datum *keys,
						 Datum *ids);
extern void cm_idmap_analyze(void);

/* in rejects.c */
extern CmRejects *cm_rejects_open(CmRun *run);
extern void cm_run_reject(CmRun *run, CmTable *table, CmPass pass,
						  const char *key, const CmReason *reason);
extern void cm_rejects_flush(CmRejects *rejects);
extern char *cm_rejects_first(CmRejects *rejects);

/* in http.c */
extern bool cm_http_parse_url(const char *text, CmUrl *url);
extern CmHttp *cm_http_create(MemoryContext context, CmServer *server);
extern void cm_http_submit(CmHttp *http, CmRequest *request);
extern CmRequest *cm_http_reap(CmHttp *http);
extern void cm_http_wait(CmHttp *http, int milliseconds);
extern void cm_http_release(CmRequest *request);
extern char *cm_http_version(void);

/* in convex.c */
extern void cm_convex_open_body(StringInfo body, CmTable *table, CmPass pass);
extern void cm_convex_close_body(StringInfo body);
extern char *cm_convex_query_body(const char *path);
extern void cm_convex_read_answer(CmRequest *request, const char *argument,
								  CmAnswer *answer);
extern const char *cm_convex_argument(CmTable *table, CmPass pass);
extern List *cm_convex_function_specs(const char *json, size_t length);
extern char *cm_convex_resolve_body(const char *function, const char *target,
									List *keys);
extern char *cm_convex_read_about(const char *json, size_t length);
extern List *cm_convex_read_schema(const char *json, size_t length);
extern const char *cm_convex_library_version(void);

/* in ask.c */
extern void cm_ask(CmRun *run, CmRequest *request, const char *argument,
				   int retries, CmAnswer *answer);

/* in drift.c */
extern void cm_check_drift(CmRun *run, List *specs, const char *fingerprint);
extern CmFunctionSpec *cm_find_spec(List *specs, const char *identifier);
extern void cm_warn_required(CmRun *run, CmTable *table,
							 const CmValidator *document);

/* in resolve.c */
extern void cm_resolve_parents(CmRun *run, CmTable *table);

/* in preflight.c */
extern void cm_preflight(CmRun *run);

/* in dispatch.c */
extern CmDispatch *cm_dispatch_create(CmRun *run);
extern void cm_dispatch_begin(CmDispatch *dispatch, CmTable *table,
							  CmPass pass);
extern CmBatch *cm_batch_create(CmDispatch *dispatch);
extern void cm_batch_add(CmBatch *batch, int offset, const char *key,
						 bool rejected);
extern void cm_dispatch_submit(CmDispatch *dispatch, CmBatch *batch);
extern bool cm_dispatch_has_room(CmDispatch *dispatch);
extern bool cm_dispatch_idle(CmDispatch *dispatch);
extern void cm_dispatch_work(CmDispatch *dispatch, bool wait);
extern int	cm_retry_delay(int attempts, int retry_after);

/* in report.c */
extern void cm_report_begin(CmRun *run, CmTable *table, CmPass pass);
extern void cm_report_progress(CmRun *run);
extern void cm_report_done(CmRun *run);
extern void cm_report_rows(CmRun *run, ReturnSetInfo *rsinfo);
extern _Noreturn void cm_run_fail(CmRun *run, int sqlstate,
								  const char *message, const char *detail,
								  const char *hint);

/* in reader.c */
typedef struct CmReader CmReader;
extern void cm_run_push_snapshot(CmRun *run);
extern CmReader *cm_reader_open(CmRun *run, CmTable *table, CmPass pass);
extern bool cm_reader_send(CmReader *reader);
extern bool cm_reader_has_fetched(CmReader *reader);
extern void cm_reader_close(CmReader *reader);

/* in showplan.c */
extern void cm_show_plan(const char *server, ArrayType *tables,
						 Oid extension_schema, ReturnSetInfo *rsinfo);
extern char *cm_show_plan_graph(const char *server, ArrayType *tables,
								Oid extension_schema);

/* in graph.c */
extern char *cm_plan_graph(CmCatalog *catalog);

/* in check.c */
extern void cm_check(const char *server, ArrayType *tables,
					 Oid extension_schema, ReturnSetInfo *rsinfo);

/* in document.c */
extern char *cm_document(FunctionCallInfo fcinfo, HeapTupleHeader row,
						 const char *server, const char *method);

/* in migrate.c */
extern void cm_migrate(const char *server, ArrayType *tables,
					   const char *method, const char *mode,
					   Oid extension_schema, ReturnSetInfo *rsinfo);

#endif							/* CONVEX_MIGRATE_H */
