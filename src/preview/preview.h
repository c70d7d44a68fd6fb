/*-------------------------------------------------------------------------
 *
 * preview.h
 *	  What a run would do, sending nothing.
 *
 * The SQL functions beside convex_migrate(): convex_plan(), convex_plan_text(), convex_check(),
 * convex_schema(), convex_functions(), convex_document(), convex_left_behind(). Each opens a run for
 * reading only (run/run.c), and closes it. This is the top floor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_PREVIEW_H
#define CM_PREVIEW_H

#include "run/run.h"

/* in plan.c */
extern void cm_plan_show(const CmArguments *arguments, ReturnSetInfo *rsinfo);
extern char *cm_plan_graph(const CmArguments *arguments);
extern List *cm_plan_key(CmTable *table);
extern List *cm_plan_references(CmTable *table);
extern List *cm_plan_notes(const CmServer *server, CmTable *table);

/* in plan_text.c */
extern void cm_plan_text_show(const CmArguments *arguments,
							  ReturnSetInfo *rsinfo);

/* Something that one should know of a table. */
typedef struct CmFinding
{
	const char *code;
	const char *severity;		/* as of CmProblem; NULL: it is no problem */
	bool		in_plan;		/* a note of convex_plan() */
	const char *column;			/* the one that it is about, or NULL */
	char	   *text;			/* a sentence */
} CmFinding;

/* in findings.c */
extern List *cm_findings_of_table(const CmServer *server, CmTable *table);

/* in remote.c */
extern char *cm_remote_fetch_size(const CmTable *table);

/* One problem, and how many rows have it. */
typedef struct CmProblem
{
	const char *severity;		/* error, warning, info */
	CmTable    *table;			/* NULL: of the whole */
	char	   *column;			/* or NULL */
	const char *code;
	int64		rows;			/* -1: not a matter of rows */
	char	   *example;		/* key of one, or NULL */
	char	   *hint;
	char	   *reason;			/* of rows: its text, or NULL */
	bool		alone;			/* a line of its own, however many there are */
} CmProblem;

typedef struct CmProblems
{
	MemoryContext context;		/* that they live in */
	List	   *list;			/* CmProblem * */
} CmProblems;

/* in problems.c */
extern CmProblem *cm_problems_add(CmProblems *problems, const char *severity,
								  CmTable *table, const char *column,
								  const char *code, const char *hint);
extern void cm_problems_put(CmProblems *problems, ReturnSetInfo *rsinfo);

/* in constraints.c */
extern void cm_constraints_check(CmCatalog *catalog, CmProblems *problems);

/* in undeclared.c */
extern void cm_undeclared_check(CmCatalog *catalog, CmProblems *problems);

/* What a migration takes of a plan of Convex. */
typedef struct CmCosts
{
	int64		storage;		/* bytes, indexes included */
	int64		reads;			/* bytes that a run without changes reads */
	int64		calls;			/* of functions */
} CmCosts;

/* in costs.c */
extern void cm_costs_add_row(CmCosts *costs, const CmTable *table, int64 size);
extern void cm_costs_add_calls(CmCosts *costs, int64 rows, int batch_rows);
extern void cm_costs_check(const CmCosts *costs, CmProblems *problems);

/* in check.c */
extern void cm_check_tables(const CmArguments *arguments, ReturnSetInfo *rsinfo);

/* in left_behind.c */
extern void cm_left_behind_show(const CmArguments *arguments,
								ReturnSetInfo *rsinfo);

/* in code.c */
extern char *cm_code_schema(const CmArguments *arguments, bool wide);
extern char *cm_code_functions(const CmArguments *arguments);

/* in document.c */
extern char *cm_document_preview(FunctionCallInfo fcinfo, HeapTupleHeader row,
								 const char *server_name, const char *method);

/* in id.c */
extern char *cm_id_of_row(FunctionCallInfo fcinfo, Oid relid, const char *key,
						  const char *server_name);
extern Datum cm_id_uuid(const char *id);

#endif							/* CM_PREVIEW_H */
