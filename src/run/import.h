/*-------------------------------------------------------------------------
 *
 * import.h
 *	  What the files of method "import" share with each other and nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_IMPORT_H
#define CM_IMPORT_H

#include "run/run.h"

/* A temporary file with the archive, while it is written and uploaded. */
typedef struct CmSpool CmSpool;

/* What becomes of documents that are in the tables of an import. */
typedef enum CmImportMode
{
	CM_IMPORT_REQUIRE_EMPTY,	/* there must be none */
	CM_IMPORT_REPLACE,			/* the rows take their place, if all are known */
	CM_IMPORT_REPLACE_ALL_IN_THEM,	/* the rows take their place, whosever they are */
	CM_IMPORT_APPEND			/* they stay */
} CmImportMode;

/* in spool.c */
extern CmSpool *cm_spool_create(void);
extern void cm_spool_append(void *arg, const void *bytes, size_t length);
extern uint64 cm_spool_length(const CmSpool *spool);
extern void cm_spool_rewind(CmSpool *spool);
extern void cm_spool_read(CmSpool *spool, char *bytes, size_t length);
extern void cm_spool_close(CmSpool *spool);

/* in watch.c */
extern List *cm_watch_list(CmRun *run);
extern List *cm_watch_others(CmRun *run);
extern CmImport *cm_watch_while(CmRun *run, const char *id, CmImportState one,
								CmImportState other);

/* in upload.c */
extern char *cm_upload_send(CmRun *run, CmSpool *spool, const char *mode);

/* in targets.c */
extern void cm_targets_check(CmRun *run, CmImportMode mode);

/* in contents.c */
extern void cm_contents_check(CmRun *run, CmImportMode mode, const List *imports);

#endif							/* CM_IMPORT_H */
