/*-------------------------------------------------------------------------
 *
 * sender.h
 *	  Rows of a job on their way into batches, for the files of this folder that send
 *	  some.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_SENDER_H
#define CM_SENDER_H

#include "run/run.h"

typedef struct CmSender
{
	CmJob	   *job;			/* whose rows are read; NULL: none's */
	CmScan	   *scan;			/* started */
	CmBatch    *batch;			/* being filled, or NULL */
} CmSender;

/* in sender.c */
extern void cm_sender_work(CmSender *sender, CmRun *run);

#endif							/* CM_SENDER_H */
