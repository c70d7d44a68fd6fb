/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  What must be true before a run reads a row or sends a byte.
 *
 * Order at the start of a run (run.c): the transaction may run a migration; the
 * caller may read all rows of the tables; they are locked; the catalogs, read
 * again under the run's snapshot, name the same tables.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"

/*
 * Class of the advisory locks of runs. SQL's own advisory locks have classes 1
 * and 2 (src/backend/utils/adt/lockfuncs.c), so nobody meets ours by chance.
 */
#define CM_RUN_LOCK_CLASS 0x4356

/*
 * ERROR when this transaction cannot run a migration: read-only, on a
 * standby, or with changes of its own that no other session may ever see.
 */
void
cm_guard_transaction(void)
{
	PreventCommandIfReadOnly("convex_migrate()");
	PreventCommandDuringRecovery("convex_migrate()");
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("convex_migrate() cannot run in a transaction that has already written"),
				 errdetail("Rows that are not committed would be sent, and stay in Convex after a rollback."),
				 errhint("Commit first, then call convex_migrate().")));
}

/* Process that holds the run lock with these keys, or 0 if it just ended. */
static int
run_lock_holder(uint32 high, uint32 low)
{
	char	   *query = psprintf("SELECT pid FROM pg_catalog.pg_locks"
								 " WHERE locktype = 'advisory' AND granted"
								 " AND database = 0 AND classid = '%u'"
								 " AND objid = '%u' AND objsubid = %d",
								 high, low, CM_RUN_LOCK_CLASS);

	if (cm_spi_execute(query, SPI_OK_SELECT, true, 0, NULL, NULL) == 0)
		return 0;
	return DatumGetInt32(cm_spi_value(0, 1));
}

/*
 * ERROR when another run into this deployment is in progress, from any
 * database of this cluster. The lock is held until the transaction ends. Must run
 * inside SPI.
 */
void
cm_guard_deployment(CmServer *server)
{
	uint64		hash = DatumGetUInt64(hash_any_extended((unsigned char *) server->identity,
														strlen(server->identity), 0));
	uint32		high = hash >> 32;
	uint32		low = (uint32) hash;
	LOCKTAG		tag;
	int			holder;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, high, low, CM_RUN_LOCK_CLASS);
	if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
		return;
	holder = run_lock_holder(high, low);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("another run into deployment \"%s\" is in progress",
					server->deployment),
			 holder ? errdetail("It is that of process %d.", holder) : 0,
			 errhint("Wait until it ends, or end it with pg_cancel_backend().")));
}

/* Whether the caller may read what a run reads of the table, and its schema. */
bool
cm_guard_may_read(CmTable *table)
{
	Oid			schema = get_rel_namespace(table->relid);

	if (object_aclcheck(NamespaceRelationId, schema, GetUserId(),
						ACL_USAGE) != ACLCHECK_OK)
		return false;
	if (pg_class_aclcheck(table->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (cm_table_reads_column(table, column) &&
			pg_attribute_aclcheck(table->relid, column->attnum, GetUserId(),
								  ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

/* Whether a selected child must be joined to the table's rows. */
static bool
is_joined(CmCatalog *catalog, CmTable *parent)
{
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, catalog->ordered)
	{
		foreach(lr, ((CmTable *) lfirst(lc))->references)
		{
			CmReference *reference = lfirst(lr);

			if (reference->parent == parent &&
				(catalog->joins_parents || !reference->by_keytext))
				return true;
		}
	}
	return false;
}

/* Whether a run reads the table's rows. */
static bool
is_read(CmCatalog *catalog, CmTable *table)
{
	return table->selected || is_joined(catalog, table);
}

/* An oid[] of the tables whose rows are read. */
static Datum
read_relids(CmCatalog *catalog)
{
	List	   *read = NIL;
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		if (is_read(catalog, lfirst(lc)))
			read = lappend(read, lfirst(lc));
	}
	return cm_table_relids(read);
}

/* ERROR that lists tables; the texts hold one %s each, for the list. */
static void
refuse_tables(StringInfo names, const char *message, const char *detail,
			  const char *hint)
{
	if (names->len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s: %s", message, names->data),
				 errdetail("%s", detail),
				 errhint("%s", hint)));
}

/*
 * ERROR when the caller may not read a table, or would see only some of its
 * rows: a migration is whole or it is refused.
 */
void
cm_guard_rights(CmCatalog *catalog)
{
	StringInfoData unreadable;
	StringInfoData secured;
	ListCell   *lc;

	initStringInfo(&unreadable);
	initStringInfo(&secured);
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);
		char	   *name;

		if (!is_read(catalog, table))
			continue;
		name = quote_qualified_identifier(table->schema, table->name);
		if (!cm_guard_may_read(table))
			appendStringInfo(&unreadable, "%s%s",
							 unreadable.len > 0 ? ", " : "", name);
		else if (check_enable_rls(table->relid, InvalidOid, true) == RLS_ENABLED)
			appendStringInfo(&secured, "%s%s",
							 secured.len > 0 ? ", " : "", name);
	}
	refuse_tables(&unreadable, "permission denied to read tables",
				  "All columns of the tables are read that convex_columns does not exclude.",
				  "GRANT USAGE on their schemas and SELECT on the tables, or leave them out with the parameter \"tables\".");
	refuse_tables(&secured, "row-level security would hide rows of tables",
				  "A migration that leaves rows out silently is refused.",
				  "Run it as a role with BYPASSRLS, or as the owner of the tables.");
}

/*
 * Lock the selected tables with their partitions, in the order of their OIDs,
 * so that two runs cannot deadlock. Running out of locks raises core's ERROR,
 * which names max_locks_per_transaction, before anything was sent.
 */
void
cm_guard_lock(CmCatalog *catalog)
{
	for (int i = 0; i < list_length(catalog->tables); i++)
	{
		CmTable    *table = catalog->by_relid[i];

		if (!is_read(catalog, table))
			continue;
		LockRelationOid(table->relid, AccessShareLock);
		if (table->relkind == RELKIND_PARTITIONED_TABLE &&
			SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table->relid)))
			(void) find_all_inheritors(table->relid, AccessShareLock, NULL);
	}
}

/*
 * Whether all tables of the second reading were locked after the first: a
 * table may have been created in between.
 */
bool
cm_guard_locked(CmCatalog *before, CmCatalog *after)
{
	ListCell   *lc;

	foreach(lc, after->tables)
	{
		CmTable    *table = lfirst(lc);
		CmTable    *locked = cm_table_find(before, table->relid);

		if (is_read(after, table) &&
			(locked == NULL || !is_read(before, locked)))
			return false;
	}
	return true;
}

/*
 * $1: OIDs of the tables that are read. They, their partitions, and what is
 * below views, with what is behind them, as the snapshot of the run has it.
 */
static const char storage_query[] =
"WITH RECURSIVE r(relid) AS ("
"  SELECT pg_catalog.unnest($1)"
"  UNION"
"  SELECT n.relid FROM r, LATERAL ("
"    SELECT i.inhrelid FROM pg_catalog.pg_inherits i"
"      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition"
"     WHERE i.inhparent = r.relid"
"    UNION ALL"
"    SELECT d.refobjid FROM pg_catalog.pg_class v"
"      JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid"
"      JOIN pg_catalog.pg_depend d ON d.objid = w.oid"
"       AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
"       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"     WHERE v.oid = r.relid AND v.relkind = 'v') AS n(relid))"
" SELECT c.oid, c.relfilenode, c.relname,"
"   (SELECT pg_catalog.count(*)::int4 FROM pg_catalog.pg_inherits i"
"     WHERE i.inhparent = c.oid AND c.relkind = 'p')"
"   FROM r JOIN pg_catalog.pg_class c ON c.oid = r.relid";

/* Whether the relation is still what the row of storage_query says. */
static bool
is_unchanged(uint64 row)
{
	Oid			relid = DatumGetObjectId(cm_spi_value(row, 1));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		unchanged;

	if (!HeapTupleIsValid(tuple))
		return false;
	unchanged = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode ==
		DatumGetObjectId(cm_spi_value(row, 2));
	if (((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_PARTITIONED_TABLE)
		unchanged = unchanged &&
			list_length(find_inheritance_children(relid, NoLock)) ==
			DatumGetInt32(cm_spi_value(row, 4));
	ReleaseSysCache(tuple);
	return unchanged;
}

/*
 * ERROR when a table that is read, or a partition of one, was truncated,
 * rewritten, attached or detached after the snapshot that its rows are read
 * with: rows would be missing. Where the snapshot is taken after the locks,
 * in READ COMMITTED, this cannot happen. Must run inside SPI.
 */
void
cm_guard_rewrites(CmRun *run)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {read_relids(run->catalog)};

	if (!IsolationUsesXactSnapshot())
		return;
	PushActiveSnapshot(run->snapshot);
	cm_spi_execute(storage_query, SPI_OK_SELECT, true, 1, types, values);
	PopActiveSnapshot();
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		if (!is_unchanged(row))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("table \"%s\" was truncated, rewritten, dropped, or got other partitions after this transaction's snapshot was taken",
							NameStr(*DatumGetName(cm_spi_value(row, 3)))),
					 errhint("Call convex_migrate() in a new transaction.")));
	}
	SPI_freetuptable(SPI_tuptable);
}
