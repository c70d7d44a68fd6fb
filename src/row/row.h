/*-------------------------------------------------------------------------
 *
 * row.h
 *	  One row as one record: the SQL that reads it, the JSON that it becomes.
 *
 * Protocol: prepare a scan of a table, start it, take one record (or the
 * reason why there is none) after the other, stop it. Everything runs inside
 * SPI with the session pinned, and reads with the snapshot that is active when
 * a scan is started. Knows no run and no request.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_ROW_H
#define CM_ROW_H

#include "catalog/tables.h"

#include "nodes/bitmapset.h"

/* What is read of a table. */
typedef enum CmPass
{
	CM_PASS_ROWS,				/* its rows */
	CM_PASS_LINKS				/* the deferred references of rows that are in
								 * Convex, see catalog/order.c */
} CmPass;

/* Where the Convex ids of referenced rows come from. */
typedef enum CmIds
{
	CM_IDS_NONE,				/* nowhere: all are NULL */
	CM_IDS_OF_MAP,				/* the session's id map: CmTable.map_part */
	CM_IDS_OF_SOURCE,			/* made up, for rows that are there and will not
								 * be rejected: what a run would find */
	CM_IDS_COMPUTED				/* of the keys of these rows, by the encoder: the
								 * query has the key, as text or uuid */
} CmIds;

/* Which query is made for a table. */
typedef struct CmQueryOptions
{
	CmPass		pass;
	const char *from;			/* FROM item for the rows; NULL: all that are
								 * migrated */
	char	  **chosen;			/* by position of selected tables: the relation
								 * with keys of the rows that are read, no
								 * others are; or NULL: all are */
	CmIds		ids;
	bool		old_keys;		/* also the key texts that references have, for
								 * those that are kept without an id */
	bool		in_order;		/* of creation time */
	bool		only_keys;		/* rows whose keys are in $1, a text[]; not with
								 * "from" */

	/* with CM_IDS_OF_SOURCE and CM_IDS_COMPUTED */
	char	  **rejected;		/* by position of selected tables: the relation
								 * with keys of rows that are rejected, or
								 * NULL: none is */
	Bitmapset  *assumed;		/* references, from 0, whose rows cannot be read
								 * and are taken to be there */

	/* with CM_IDS_COMPUTED and CM_IDS_OF_MAP */
	bool		with_deferred;	/* also for deferred references */

	/* with CM_IDS_COMPUTED */
	bool		trusting;		/* constraints that are validated say that rows
								 * are there */
} CmQueryOptions;

/* In the place of an id that nobody knows yet: those of user tables have this
 * length. */
#define CM_MADE_UP_ID "'00000000000000000000000000000000'::pg_catalog.text"

/* Columns of a result for one reference, from 0; -1: there is none. Of an array
 * the last two are arrays of texts. */
typedef struct CmReferenceColumns
{
	int			is_set;			/* whether it points to a row; CM_PASS_LINKS */
	int			id;				/* Convex id of that row, or what it is computed
								 * of, or NULL */
	int			old_key;		/* its key text */
} CmReferenceColumns;

/*
 * A query for the records of a table, and where its result has what: the key,
 * as text or uuid, is column 0.
 */
typedef struct CmRowQuery
{
	char	   *sql;
	CmPass		pass;
	int			convex_id;		/* the row's own; CM_PASS_LINKS, else -1 */
	int			repeated;		/* whether another row has its key; -1: none has */
	int		   *columns;		/* per column of the table; -1: not read */
	CmReferenceColumns *references; /* per reference of the table */
} CmRowQuery;

/* What came of a row. */
typedef enum CmEncoded
{
	CM_ENCODED,					/* a record */
	CM_ENCODED_IN_PART,			/* a record, and a reason for what it lacks */
	CM_NOT_ENCODED,				/* a reason, no record */
	CM_NO_ROW					/* a scan has come to its end */
} CmEncoded;

/* How records are made. */
typedef struct CmRecordOptions
{
	const CmServer *server;
	int			orphans;		/* CmOrphans, in the place of the option: a
								 * preview shows what a run would reject */
	CmDialect	dialect;
	bool		computes_ids;	/* the record has an _id and a _creationTime */
	bool		stored;			/* the record is what is stored of the row: fields
								 * have the document's names, deferred references
								 * are among them where the query has them; with
								 * CM_DIALECT_ARGUMENTS */
} CmRecordOptions;

typedef struct CmEncoder CmEncoder;

/* What a scan says of a row beside its record. */
typedef struct CmScanned
{
	char	   *key;			/* its key text */
	bool		key_is_null;	/* then it is "null", and in no child */
	CmReason	reason;			/* unless it is CM_ENCODED */
	int64		size;			/* of the document, in Convex's measure */
	Bitmapset  *lost;			/* references, from 0, that are set and whose
								 * row has no Convex id */
	uint8		own[CM_DOCID_BYTES];	/* of its id, where that is computed */
	double		created;		/* the _creationTime that an import gave the document;
								 * 0: it gave none, or it is not asked for */
} CmScanned;

typedef struct CmScan CmScan;

/* Keys of rows, by table, that queries can read. */
typedef struct CmKeys CmKeys;

/* How the ids of a table's documents are computed of its keys. */
typedef struct CmDocRef
{
	uint32		number;			/* of the Convex table */
	bool		by_uuid;		/* the key is one uuid */

	/* else: what the hash is made with; names in UTF-8 */
	const char *salt;
	const char *schema;
	const char *name;
} CmDocRef;

/* in docref.c */
extern bool cm_docref_is_by_uuid(const CmTable *table);
extern void cm_docref_require_salt(const CmServer *server, List *tables);
extern CmDocRef cm_docref_create(const CmServer *server, const CmTable *table);
extern int	cm_docref_write(const CmDocRef *ref, const uint8 *uuid,
							const char *key, uint8 *own, char *text);
extern char *cm_docref_of_key(const CmDocRef *ref, const char *key);

/* in query.c */
extern CmRowQuery *cm_query_records(CmTable *table,
									const CmQueryOptions *options);
extern CmAllowed *cm_query_allowed(CmTable *table,
								   const CmQueryOptions *options);

/* in parentkeys.c */
extern char *cm_parentkeys_of_some(CmTable *table, CmReference *reference);
extern char *cm_parentkeys_unknown(CmTable *table, CmReference *reference,
								   char **chosen);

/* in from.c */
extern char *cm_from_free_column(CmTable *table, const char *wanted);
extern char *cm_from_parent(CmTable *parent, char *from);
extern char *cm_from_with_repeated(CmTable *table);
extern char *cm_from_with_key(CmTable *table);
extern void cm_from_append_key(StringInfo sql, CmTable *table);
extern char *cm_from_only_keys(CmTable *table, const char *from);
extern char *cm_from_map_name(CmTable *table);
extern void cm_from_append_parent(StringInfo sql, CmTable *table,
								  CmReference *reference, const char *alias);
extern void cm_from_append_map(StringInfo sql, CmTable *table,
							   CmReference *reference, int n);

/* in elements.c */
extern void cm_elements_append_ids(StringInfo sql, CmTable *table,
								   CmReference *reference, const char *map);
extern void cm_elements_append_old_keys(StringInfo sql, CmTable *table,
										CmReference *reference);
extern void cm_elements_append_lost(StringInfo sql, CmTable *table,
									CmReference *reference,
									const char *rejected);
extern void cm_elements_append_in(StringInfo sql, CmTable *table,
								  CmReference *reference, const char *keys);
extern void cm_elements_append_found(StringInfo sql, CmTable *table,
									 CmReference *reference, const char *lost,
									 bool keys);
extern void cm_elements_append_keys(StringInfo sql, CmTable *table,
									CmReference *reference, const char *from,
									const char *map);

/* in sql.c */
extern char *cm_sql_text(const char *value, Oid type);
extern char *cm_sql_wanted_text(const char *value, Oid type,
								CmReference *reference);
extern void cm_sql_append_wanted_key(StringInfo sql, CmTable *table,
									 CmReference *reference);
extern void cm_sql_append_key(StringInfo sql, const char *alias, CmTable *table,
							  int *columns, int ncolumns);
extern void cm_sql_append_row_text(StringInfo sql, const char *alias,
								   CmTable *table);
extern void cm_sql_append_own_key(StringInfo sql, CmTable *table);
extern void cm_sql_append_encoded_key(StringInfo sql, CmTable *table);
extern void cm_sql_append_parent_key(StringInfo sql, const char *alias,
									 CmReference *reference);
extern void cm_sql_append_match(StringInfo sql, const char *alias,
								CmTable *table, CmReference *reference);
extern char *cm_sql_is_set(CmTable *table, CmReference *reference);

/* in keys.c */
extern CmKeys *cm_keys_create(CmCatalog *catalog, const char *prefix);
extern void cm_keys_add(CmKeys *keys, const char *key);
extern void cm_keys_add_all(CmKeys *keys, const CmAllowed *allowed,
							const char *sql);
extern void cm_keys_publish(CmKeys *keys, CmTable *table);
extern void cm_keys_end(CmKeys *keys);
extern char **cm_keys_names(CmKeys *keys);
extern int64 cm_keys_count(const CmKeys *keys, const CmTable *table);

/* in chosen.c */
extern char *cm_chosen_from(CmTable *table, const char *from, const char *keys);
extern char *cm_chosen_children(CmTable *table, CmReference *reference,
								const char *keys);
extern CmAllowed *cm_chosen_allowed(CmTable *table, CmReference *reference);
extern char *cm_chosen_gone(CmTable *table, const char *keys);

/* in record.c */
extern CmEncoder *cm_record_create_encoder(CmTable *table,
										   const CmRowQuery *query,
										   TupleDesc tupdesc,
										   const CmRecordOptions *options);
extern CmEncoded cm_record_encode(CmEncoder *encoder, HeapTuple row,
								  StringInfo out, CmScanned *scanned);

/* in scan.c */
extern CmScan *cm_scan_prepare(CmTable *table, const CmQueryOptions *query,
							   const CmRecordOptions *options, Oid parameter);
extern void cm_scan_on_error(CmScan *scan, void (*describe) (void *), void *arg);
extern void cm_scan_start(CmScan *scan, Datum *parameter);
extern CmEncoded cm_scan_next(CmScan *scan, StringInfo out, CmScanned *scanned);
extern bool cm_scan_must_fetch(CmScan *scan);
extern void cm_scan_stop(CmScan *scan);
extern void cm_scan_free(CmScan *scan);

#endif							/* CM_ROW_H */
