/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  What the files of a verification share with each other and nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_VERIFY_H
#define CM_VERIFY_H

#include "run/reader.h"

/* The temporary table with keys whose row and document are not the same. */
#define CM_SUSPECTS "convex_suspects"

/* The temporary table with keys for repair.c. */
#define CM_MENDS "convex_mends"

typedef struct CmDifferences CmDifferences;
typedef struct CmFound CmFound;
typedef struct CmSuspects CmSuspects;

/* What a verification found of a table. Every row that is expected is equal,
 * different or missing. */
typedef struct CmVerified
{
	CmTable    *table;
	int64		rows;
	int64		expected;		/* rows that go */
	int64		documents;
	int64		equal;
	int64		different;
	int64		missing;
	int64		unexpected;		/* documents whose key no row that goes has */
	int64		repeated;		/* keys that several documents have */
	int64		wrong_references;	/* documents among the different, with one */
	int64		without_key;	/* documents: nobody's but the app's */
} CmVerified;

/* A verification. */
typedef struct CmVerify
{
	CmRun	   *run;
	bool		content;		/* else keys alone are compared */
	uint8		hash_key[CM_HASH_KEY_BYTES];
	CmVerified *tables;			/* by CmTable.position */
	CmNames   **names;			/* the same: fields that count */
	CmFound    *found;
	CmSuspects *suspects;
	CmDifferences *differences;
} CmVerify;

/* What a row says that Convex should have. */
typedef struct CmExpected
{
	char	   *key;			/* of the row, until the next one */
	bool		goes;			/* else there should be no document */
	uint8		hash[CM_HASH_BYTES];
	double		created;		/* the document's _creationTime; 0: any */
} CmExpected;

/* How a suspect was found. */
#define CM_WAS_UNEXPECTED	0	/* there was no row that goes */
#define CM_WAS_DIFFERENT	1	/* there was a row, and its document was another */
#define CM_WAS_EQUAL		2	/* or the same, or nobody knows */

/* What was seen of a suspect in a round. */
typedef struct CmSeen
{
	bool		is_row;			/* there is a row */
	bool		goes;			/* and it goes */
	uint8		row[CM_HASH_BYTES];
	double		row_created;
	int			documents;
	uint8		document[CM_HASH_BYTES];	/* of the first */
	double		created;
} CmSeen;

/* A key for which a row and its document seem to differ. */
typedef struct CmSuspect
{
	char	   *key;			/* as the database has it */
	const char *sent;			/* in UTF-8, or NULL: no document can have it */
	int			was;			/* CM_WAS_... */
	bool		settled;
	bool		to_write;		/* the row is there and its document is not, or not
								 * as it should be */
	bool		to_remove;		/* the document is there and the row is not */
	CmSeen		seen;			/* in this round */
	CmSeen		before;			/* in the one before */

	/* of this round, in its context */
	char	   *form;			/* canonical, of the row; or NULL */
	char	   *convex_id;
	List	   *differing;		/* CmDiffering * */
} CmSuspect;

/* in stored.c */
extern CmNames *cm_stored_make_names(CmRun *run, CmTable *table);
extern const CmNames *cm_stored_names(const CmVerify *verify, const CmTable *table);
extern CmScan *cm_stored_prepare_scan(CmVerify *verify, CmTable *table,
									  bool with_deferred, bool only_keys);
extern bool cm_stored_next(CmVerify *verify, CmScan *scan, CmTable *table,
						   StringInfo record, StringInfo canonical,
						   CmExpected *expected);
extern void cm_stored_hash(CmVerify *verify, CmTable *table,
						   const CmDocument *document, StringInfo canonical,
						   uint8 *hash, double *created);
extern Datum cm_stored_bytea(const uint8 *hash);

/* in found.c */
extern CmFound *cm_found_open(CmVerify *verify);
extern void cm_found_drop(CmFound *found);
extern void cm_found_take(void *arg, CmTable *table, const CmDocument *document,
						  bool repeated);
extern void cm_found_flush(CmFound *found);

/* in suspects.c */
extern CmSuspects *cm_suspects_open(CmVerify *verify);
extern void cm_suspects_drop(CmSuspects *suspects);
extern Oid	cm_suspects_relid(const CmSuspects *suspects);
extern void cm_suspects_begin(CmSuspects *suspects);
extern void cm_suspects_add_row(CmSuspects *suspects, const char *key,
								const uint8 *hash, double created);
extern void cm_suspects_add_repeated(CmVerify *verify, CmTable *table,
									 const char *key);
extern List *cm_suspects_next(CmSuspects *suspects, CmTable *table, const char *behind,
							  int most, List **was);
extern void cm_suspects_note_mends(CmSuspects *suspects, CmTable *table, Datum keys,
								   bool removes);
extern List *cm_suspects_next_mends(CmSuspects *suspects, CmTable *table, bool removes,
									const char *behind, int most);
extern void cm_suspects_compare(CmSuspects *suspects, CmTable *table, bool goes,
								bool hashed);

/* in parents.c */
extern void cm_parents_refresh(CmVerify *verify, CmTable *table, Datum keys);

/* in reread.c */
extern void cm_reread_suspects(CmVerify *verify, CmTable *table);

/* in verdict.c */
extern void cm_verdict_reach(CmVerify *verify, CmTable *table, CmSuspect *suspect,
							 bool again, bool last);

/* in repair.c */
extern void cm_repair_tables(CmVerify *verify);

/* in differences.c */
extern CmDifferences *cm_differences_open(CmRun *run);
extern void cm_differences_add(CmDifferences *differences, CmTable *table,
							   const char *key, const char *kind,
							   const char *path, const char *convex_id);
extern void cm_differences_flush(CmDifferences *differences);

#endif							/* CM_VERIFY_H */
