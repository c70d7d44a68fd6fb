/*-------------------------------------------------------------------------
 *
 * preview.h
 *	  What a run would do, sending nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_PREVIEW_H
#define CM_PREVIEW_H

#include "run/run.h"

/* in plan.c */
extern void cm_plan_show(const CmArguments *arguments, ReturnSetInfo *rsinfo);
extern char *cm_plan_graph(const CmArguments *arguments);

/* in check.c */
extern void cm_check_tables(const CmArguments *arguments, ReturnSetInfo *rsinfo);

/* in code.c */
extern char *cm_code_schema(const CmArguments *arguments);
extern char *cm_code_functions(const CmArguments *arguments);

/* in document.c */
extern char *cm_document_preview(FunctionCallInfo fcinfo, HeapTupleHeader row,
								 const char *server_name, const char *method);

#endif							/* CM_PREVIEW_H */
