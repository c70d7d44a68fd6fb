/*-------------------------------------------------------------------------
 *
 * ours.h
 *	  The extension's own tables, for the files of this folder that keep something in
 *	  them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_OURS_H
#define CM_OURS_H

#include "run/run.h"

/* One of the extension's own tables. */
typedef struct CmOurs
{
	Oid			relid;			/* invalid: it is not written */
	Oid			owner;
	CmAllowed  *allowed;		/* to its statements */
} CmOurs;

/* in ours.c */
extern CmOurs cm_ours_open(const CmRun *run, const char *name, LOCKMODE lock);
extern void cm_ours_execute(const CmOurs *ours, const char *sql, int expected,
							int nargs, Oid *types, Datum *values);
extern void cm_ours_forget_tables(const CmOurs *ours, const CmRun *run);
extern int64 cm_ours_number_run(const CmRun *run);

#endif							/* CM_OURS_H */
