/*-------------------------------------------------------------------------
 *
 * idmap_part.c
 *	  Parts of the id map: so that a table costs what its own parents cost.
 *
 * convex_id_map is partitioned by source. Entries of a large table have a part
 * of their own, named after the table's OID; entries of all others are in the
 * default part, which has an index once it has more than some pages: for few
 * entries of a table at a time that stays in memory and is cheap. In a large part
 * it would cost more than all the rest of a run. There it is made when the part
 * is complete, and a table with few rows comes to be joined to it; a large one is
 * joined to the whole part. So a join reads no more than what the entries of its
 * parents take, or these pages, and mostly far less.
 *
 * Queries name the part (CmTable.map_part), not the map, since the planner
 * knows how many keys a part has, and not how many the map has.
 *
 * Protocol: cm_idmap_part_forget() for a map that is there already, then
 * cm_idmap_part_create_all(), cm_idmap_part_find_all(); before the rows of a
 * table are joined to a part, cm_idmap_part_prepare(). All inside SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* What the name of the default part ends in. */
#define CM_REST "_rest"

/* Pages of the default part that are read sooner than its index is made: some
 * thousand entries. */
#define CM_REST_PAGES 32

/*
 * $1: OIDs of tables; those whose entries have a part of their own: from 1 MB
 * on, and where that is not known. Every part is a relation in the catalogs and
 * takes locks until the end of the transaction, so there are never more than
 * 500: those of the largest tables.
 */
static const char large_query[] =
"SELECT c.oid FROM pg_catalog.pg_class c, LATERAL ("
"         SELECT CASE WHEN c.relkind IN ('r', 'm')"
"                     THEN pg_catalog.pg_relation_size(c.oid) END) AS s(bytes)"
" WHERE c.oid = ANY ($1) AND COALESCE(s.bytes >= 1048576, true)"
" ORDER BY s.bytes DESC NULLS FIRST, c.oid LIMIT 500";

/* OID of the session's temporary table of that name, or InvalidOid. */
Oid
cm_idmap_part_lookup(const char *name)
{
	Oid			schema = LookupExplicitNamespace("pg_temp", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* ERROR: the name is that of a table which is not ours. */
void
cm_idmap_part_refuse(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_TABLE),
			 errmsg("temporary table \"%s\" was not made by convex_migrate()",
					name),
			 errhint("DROP TABLE pg_temp.%s.", name)));
}

/* Name of the part that has the entries of one table alone. */
static char *
own_name(Oid map, Oid relid)
{
	return psprintf("%s_%u", get_rel_name(map), relid);
}

/* Name of the default part. */
static char *
rest_name(Oid map)
{
	return psprintf("%s%s", get_rel_name(map), CM_REST);
}

/* The part of the map that has this name, or InvalidOid. */
static Oid
find_part(Oid map, const char *name)
{
	Oid			relid = cm_idmap_part_lookup(name);
	bool		is_part = OidIsValid(relid) && get_rel_relispartition(relid) &&
		get_rel_relkind(relid) == RELKIND_RELATION &&
		get_partition_parent(relid, true) == map;

	return is_part ? relid : InvalidOid;
}

/* Make a part of the map, unless it is there. */
static void
create_part(Oid map, const char *name, const char *bound)
{
	if (OidIsValid(find_part(map, name)))
		return;
	if (OidIsValid(cm_idmap_part_lookup(name)))
		cm_idmap_part_refuse(name);
	cm_spi_execute(psprintf("CREATE TEMPORARY TABLE pg_temp.%s"
							" PARTITION OF pg_temp.%s %s", name, get_rel_name(map),
							bound),
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
}

/* Make the parts that the tables, which have no entries, need. */
void
cm_idmap_part_create_all(Oid map, List *tables)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(tables)};
	SPITupleTable *large;

	create_part(map, rest_name(map), "DEFAULT");
	cm_spi_execute(large_query, SPI_OK_SELECT, true, 1, types, values);
	large = SPI_tuptable;
	for (uint64 row = 0; row < large->numvals; row++)
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(large->vals[row],
														   large->tupdesc, 1,
														   &isnull));

		create_part(map, own_name(map, relid), psprintf("FOR VALUES IN ('%u')", relid));
	}
	SPI_freetuptable(large);
}

/*
 * Note for all tables where the map has their entries. False when its owner has
 * dropped the default part, so that it is no use until the next run.
 */
bool
cm_idmap_part_find_all(Oid map, List *tables)
{
	Oid			rest = find_part(map, rest_name(map));
	ListCell   *lc;

	foreach(lc, tables)
	{
		CmTable    *table = lfirst(lc);
		Oid			own = find_part(map, own_name(map, table->relid));

		table->map_part = OidIsValid(own) ? own : rest;
	}
	return OidIsValid(rest);
}

/*
 * Take the entries of the tables out. Parts of their own are dropped, since an
 * index would slow down what comes. The default part is truncated if it holds
 * nothing else: deleting leaves dead rows to be read.
 */
void
cm_idmap_part_forget(Oid map, List *tables)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(tables)};
	Oid			rest = find_part(map, rest_name(map));
	CmAllowed  *allowed = cm_vet_create();
	ListCell   *lc;

	foreach(lc, tables)
	{
		char	   *name = own_name(map, ((CmTable *) lfirst(lc))->relid);

		if (OidIsValid(find_part(map, name)))
			cm_spi_execute(psprintf("DROP TABLE pg_temp.%s", name),
						   SPI_OK_UTILITY, false, 0, NULL, NULL);
	}
	if (!OidIsValid(rest))
		return;
	cm_vet_allow(allowed, RelationRelationId, rest);
	if (cm_spi_execute_over(allowed, psprintf("SELECT FROM pg_temp.%s"
									 " WHERE source::pg_catalog.oid <> ALL ($1) LIMIT 1",
									 get_rel_name(rest)),
							SPI_OK_SELECT, false, 1, types, values) == 0)
		cm_spi_execute(psprintf("TRUNCATE pg_temp.%s", get_rel_name(rest)),
					   SPI_OK_UTILITY, false, 0, NULL, NULL);
	else
		cm_spi_execute_over(allowed, psprintf("DELETE FROM pg_temp.%s"
									 " WHERE source::pg_catalog.oid = ANY ($1)",
									 get_rel_name(rest)),
							SPI_OK_DELETE, false, 1, types, values);
}

/*
 * Rows of a table, about that many (-1: unknown), will be joined to the part:
 * let the planner know what is in it, if that has changed much. Looking a key up
 * reads about one page, so that an index helps tables with fewer rows than the
 * part has pages; in the default part it helps all to skip what is not theirs.
 */
void
cm_idmap_part_prepare(Oid part, double rows)
{
	Relation	relation = table_open(part, AccessShareLock);
	BlockNumber pages = RelationGetNumberOfBlocks(relation);
	bool		has_grown = pages > 2 * (BlockNumber) relation->rd_rel->relpages;
	bool		has_index = relation->rd_rel->relhasindex;
	char	   *name = get_rel_name(part);
	bool		is_rest = strlen(name) > strlen(CM_REST) &&
		strcmp(name + strlen(name) - strlen(CM_REST), CM_REST) == 0;

	table_close(relation, AccessShareLock);
	if (has_grown)
		cm_spi_execute(psprintf("ANALYZE pg_temp.%s", name),
					   SPI_OK_UTILITY, false, 0, NULL, NULL);
	if (!has_index && (is_rest ? pages > CM_REST_PAGES : rows < pages))
		cm_spi_execute(psprintf("CREATE INDEX ON pg_temp.%s (%s)", name,
								is_rest ? "source, key" : "key"),
					   SPI_OK_UTILITY, false, 0, NULL, NULL);
}
