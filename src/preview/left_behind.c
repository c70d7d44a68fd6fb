/*-------------------------------------------------------------------------
 *
 * left_behind.c
 *	  convex_left_behind(): what a migration of rows does not carry.
 *
 * What there is says catalog/left_behind.c; here it becomes rows.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Columns of the result of convex_left_behind(). */
#define CM_LEFT_BEHIND_COLUMNS 5

/* Put one object into the result. */
static void
put_object(ReturnSetInfo *rsinfo, CmLeftBehind *item)
{
	Datum		values[CM_LEFT_BEHIND_COLUMNS] = {0};
	bool		nulls[CM_LEFT_BEHIND_COLUMNS] = {0};
	int			i = 0;

	nulls[i] = item->table == NULL;
	values[i++] = ObjectIdGetDatum(item->table ? item->table->relid : InvalidOid);
	values[i++] = CStringGetTextDatum(item->kind);
	values[i++] = CStringGetTextDatum(item->object);
	nulls[i] = item->definition == NULL;
	values[i++] = CStringGetTextDatum(item->definition ? item->definition : "");
	values[i++] = CStringGetTextDatum(item->hint);
	Assert(i == CM_LEFT_BEHIND_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * Put what stays behind into the result of rsinfo, which must be ready for it.
 */
void
cm_left_behind_show(const CmArguments *arguments, ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(CurrentMemoryContext, arguments, CM_PURPOSE_READ);
	ListCell   *lc;

	cm_literals_read(run->catalog);
	foreach(lc, cm_left_behind_read(run->catalog))
		put_object(rsinfo, lfirst(lc));
	cm_run_close(run);
}
