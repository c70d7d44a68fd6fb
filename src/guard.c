/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  What must be true before a run reads a row or sends a byte.
 *
 * Order at the start of a run (migrate.c): the transaction is fit, the tables
 * are readable in whole, they are locked, the catalogs read again under the
 * snapshot of the run are what was locked.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "compat.h"

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
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("database encoding %s is not supported yet",
						GetDatabaseEncodingName()),
				 errhint("Restore a dump into a database with encoding UTF8 and run the migration there.")));
}

/* Whether the caller may read all columns of the table, and its schema. */
static bool
may_read(CmTable *table)
{
	Oid			schema = get_rel_namespace(table->relid);

	return object_aclcheck(NamespaceRelationId, schema, GetUserId(),
						   ACL_USAGE) == ACLCHECK_OK &&
		(pg_class_aclcheck(table->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		 pg_attribute_aclcheck_all(table->relid, GetUserId(), ACL_SELECT,
								   ACLMASK_ALL) == ACLCHECK_OK);
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

			if (reference->parent == parent && !reference->by_keytext)
				return true;
		}
	}
	return false;
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

		if (!table->selected && !is_joined(catalog, table))
			continue;
		name = cm_qualified_name(table->schema, table->name);
		if (!may_read(table))
			appendStringInfo(&unreadable, "%s%s",
							 unreadable.len > 0 ? ", " : "", name);
		else if (check_enable_rls(table->relid, InvalidOid, true) == RLS_ENABLED)
			appendStringInfo(&secured, "%s%s",
							 secured.len > 0 ? ", " : "", name);
	}
	refuse_tables(&unreadable, "permission denied to read tables",
				  "All columns of the tables are read.",
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

		if (!table->selected && !is_joined(catalog, table))
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
		CmTable    *locked = cm_catalog_find(before, table->relid);

		if (table->selected || is_joined(after, table))
		{
			if (locked == NULL ||
				!(locked->selected || is_joined(before, locked)))
				return false;
		}
	}
	return true;
}

/*
 * ERROR when a table was truncated or rewritten after the snapshot that its
 * rows would be read with: it would look empty. In READ COMMITTED the
 * snapshot is taken after the locks, and this cannot happen.
 */
void
cm_guard_rewrites(CmCatalog *catalog)
{
	ListCell   *lc;

	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		HeapTuple	tuple = SearchSysCache1(RELOID,
											ObjectIdGetDatum(table->relid));
		bool		rewritten;

		rewritten = !HeapTupleIsValid(tuple) ||
			((Form_pg_class) GETSTRUCT(tuple))->relfilenode != table->relfilenode;
		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		if (rewritten)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("table \"%s\" was truncated, rewritten or dropped after this transaction's snapshot was taken",
							table->name),
					 errhint("Call convex_migrate() in a new transaction.")));
	}
}
