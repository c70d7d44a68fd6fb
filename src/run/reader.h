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

#endif							/* CM_READER_H */
