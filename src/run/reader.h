/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Documents of Convex tables, read back: for files of this folder that compare
 *	  them with rows, or remove them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_READER_H
#define CM_READER_H

#include "run/run.h"

typedef struct CmReader CmReader;

/* Keys of one call that removes their documents: each is read, with all it has, and a
 * call may read 16 MiB. */
#define CM_REMOVED_AT_ONCE 100

/* What became of documents that were to be removed. */
typedef struct CmRemoved
{
	int64		documents;		/* that were there */
	int64		refused;		/* keys */
	char	   *first;			/* of these, and why, in the run's memory */
} CmRemoved;

/*
 * Takes a document that a reader found, in a memory context that is reset soon.
 * repeated: another one with the same key came before it.
 */
typedef void (*CmTakeDocument) (void *arg, CmTable *table,
								const CmDocument *document, bool repeated);

/* in reader.c */
extern CmReader *cm_reader_create(CmRun *run, bool keys_only,
								  CmTakeDocument take, void *arg);
extern void cm_reader_show_progress(CmReader *reader);
extern void cm_reader_add(CmReader *reader, CmTable *table, const char *after,
						  const char *up_to);
extern void cm_reader_read(CmReader *reader);
extern void cm_reader_free(CmReader *reader);

/* in quantiles.c */
extern void cm_quantiles_add(CmReader *reader, CmRun *run, CmTable *table);

/* in lookup.c */
extern void cm_lookup_add(CmReader *reader, CmTable *table, char **keys, int count);

/* in removal.c */
extern void cm_removal_of_keys(CmRun *run, CmTable *table, List *keys,
							   CmRemoved *removed);
extern void cm_removal_of_all(CmRun *run, CmTable *table, const char *relation,
							  CmRemoved *removed);
extern void cm_removal_warn(CmTable *table, const CmRemoved *removed);

/* in stored_keys.c */
extern int64 cm_stored_keys_read(CmRun *run, CmTable *table, CmKeys *keys,
								 int64 *without_key);

#endif							/* CM_READER_H */
