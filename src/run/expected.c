/*-------------------------------------------------------------------------
 *
 * expected.c
 *	  About how many rows a pass over a table will have.
 *
 * For progress only: nothing that a run does depends on it. Runs inside SPI,
 * with the tables locked or at least there.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "optimizer/plancat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/*
 * Rows of a table that was never analyzed, as one that has just been restored:
 * from its size and the width of its columns, as the planner would. The planner
 * takes a small table to have ten pages; here it has those that it has.
 */
static double
rows_by_size(Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	BlockNumber assumed;
	double		rows;
	double		all_visible;

	estimate_rel_size(relation, NULL, &assumed, &rows, &all_visible);
	table_close(relation, AccessShareLock);
	return assumed == 0 ? 0 : rows * blocks / assumed;
}

/* The share of the table's rows in which the column is set; 1: unknown. */
static double
share_set(CmTable *table, CmColumn *column)
{
	bool		inherited = table->relkind == RELKIND_PARTITIONED_TABLE;
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH,
										ObjectIdGetDatum(table->relid),
										Int16GetDatum(column->attnum),
										BoolGetDatum(inherited));
	double		share = 1;

	if (HeapTupleIsValid(tuple))
	{
		share -= ((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac;
		ReleaseSysCache(tuple);
	}
	return share;
}

/* The share of the table's rows that have a deferred reference. */
static double
share_linked(CmTable *table)
{
	double		share = 0;
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->deferred)
			share = Max(share, share_set(table,
										 &table->columns[reference->columns[0]]));
	}
	return share;
}

/* How many rows the pass will have, about; -1: nobody knows. */
double
cm_expected_rows(CmTable *table, CmPass pass)
{
	double		rows = table->estimated_rows;

	if (rows < 0 && (table->relkind == RELKIND_RELATION ||
					 table->relkind == RELKIND_MATVIEW))
		rows = rows_by_size(table->relid);
	if (rows < 0 || pass == CM_PASS_ROWS)
		return rows;
	return rint(rows * share_linked(table));
}
