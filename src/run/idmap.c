/*-------------------------------------------------------------------------
 *
 * idmap.c
 *	  The temporary table convex_id_map: old keys and the Convex ids they got.
 *
 * It stays until the session ends, so that the user can read it and a later
 * call can resolve references to tables that it does not move. Ids are those
 * of one deployment: a run into another one starts with an empty map. It is
 * partitioned, see idmap_part.c.
 *
 * A table of that name which this backend did not make, or made for another
 * role, is never used: see check_map().
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

struct CmIdMap
{
	Oid			relid;			/* of the table with all of it */
	Oid			part;			/* that the latest entries were added to */
	SPIPlanPtr	insert;			/* into that part; NULL: none yet */
};

/* A map that this backend made, and for which deployment. */
typedef struct CmMade
{
	Oid			relid;
	char	   *url;
} CmMade;

/*
 * In TopMemoryContext. More than one is needed while a transaction drops a map
 * and makes another, since a rollback brings the first one back.
 */
static List *made_maps = NIL;

/* The entry of a map that this backend made, or NULL. */
static CmMade *
made_here(Oid relid)
{
	ListCell   *lc;

	foreach(lc, made_maps)
	{
		CmMade	   *made = lfirst(lc);

		if (made->relid == relid)
			return made;
	}
	return NULL;
}

/*
 * Forget all maps but this one. Only at the start of a run: it is the first
 * thing that its transaction writes, so no other map can come back.
 */
static void
forget_other_maps(Oid relid)
{
	ListCell   *lc;

	foreach(lc, made_maps)
	{
		CmMade	   *made = lfirst(lc);

		if (made->relid == relid)
			continue;
		made_maps = foreach_delete_current(made_maps, lc);
		pfree(made->url);
		pfree(made);
	}
}

/* ERROR when the map, or a part of it, does not belong to the caller. */
static void
check_owner(Oid relid)
{
	Oid			owner = cm_trust_owner(relid);

	if (owner != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("temporary table \"%s\" belongs to role \"%s\"",
						get_rel_name(relid), GetUserNameFromId(owner, false)),
				 errdetail("It was made by a run of that role in this session."),
				 errhint("DROP TABLE pg_temp.%s as that role, or use another session.",
						 get_rel_name(relid))));
}

/*
 * ERROR when the table is not ours or not the caller's: its owner could have
 * given it triggers, which run with the rights of whoever writes to it.
 */
static void
check_map(Oid relid)
{
	ListCell   *lc;

	if (made_here(relid) == NULL)
		cm_idmap_part_refuse(CM_IDMAP);
	check_owner(relid);
	foreach(lc, find_inheritance_children(relid, AccessShareLock))
		check_owner(lfirst_oid(lc));
}

/* Make the table, and note that it is ours. Returns its OID. */
static Oid
create_map(const char *url)
{
	MemoryContext old;
	CmMade	   *made;

	/* No unique key: see idmap_part.c for what an index costs. Keys of a table
	 * are unique; see also check_single(). */
	cm_spi_execute("CREATE TEMPORARY TABLE pg_temp." CM_IDMAP " ("
				   "source pg_catalog.regclass NOT NULL, "
				   "key pg_catalog.text COLLATE \"C\" NOT NULL, "
				   "convex_id pg_catalog.text COLLATE \"C\" NOT NULL)"
				   " PARTITION BY LIST (source) ON COMMIT PRESERVE ROWS",
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
	old = MemoryContextSwitchTo(TopMemoryContext);
	made = palloc(sizeof(CmMade));
	made->relid = cm_idmap_part_lookup(CM_IDMAP);
	made->url = pstrdup(url);
	made_maps = lappend(made_maps, made);
	MemoryContextSwitchTo(old);
	return made->relid;
}

/*
 * ERROR when a key of the map stands in it twice: its owner may have added
 * rows, and children would be sent twice.
 */
static void
check_single(Oid relid)
{
	CmAllowed  *allowed = cm_vet_create();

	cm_vet_allow(allowed, RelationRelationId, relid);
	if (cm_spi_execute_over(allowed, "SELECT FROM pg_temp." CM_IDMAP
							" GROUP BY source, key HAVING pg_catalog.count(*) > 1 LIMIT 1",
							SPI_OK_SELECT, false, 0, NULL, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("temporary table \"%s\" has a key of a table twice",
						CM_IDMAP),
				 errhint("Delete one of the rows, or DROP TABLE pg_temp.%s.",
						 CM_IDMAP)));
}

/*
 * The session's map for the deployment with this URL, without entries of the
 * tables of this run. Must run inside SPI, which the result lives as long as.
 */
CmIdMap *
cm_idmap_open(const char *url, CmCatalog *catalog)
{
	CmIdMap    *map = palloc0(sizeof(CmIdMap));
	Oid			relid = cm_idmap_part_lookup(CM_IDMAP);
	bool		is_new;

	forget_other_maps(relid);
	if (OidIsValid(relid))
		check_map(relid);
	if (OidIsValid(relid) && strcmp(made_here(relid)->url, url) != 0)
	{
		cm_spi_execute("DROP TABLE pg_temp." CM_IDMAP, SPI_OK_UTILITY, false,
					   0, NULL, NULL);
		relid = InvalidOid;
	}
	is_new = !OidIsValid(relid);
	map->relid = is_new ? create_map(url) : relid;
	if (!is_new)
	{
		cm_idmap_part_forget(map->relid, catalog->ordered);
		cm_idmap_stale_remove(map->relid, catalog);
		check_single(map->relid);
	}
	cm_idmap_part_create_all(map->relid, catalog->ordered);
	(void) cm_idmap_part_find_all(map->relid, catalog->tables);
	cm_idmap_stale_note(catalog);
	return map;
}

/* Another partitioned table of this form in the place of a map, for cm_idmap_add().
 * Lives in the current memory context. */
CmIdMap *
cm_idmap_over(Oid relid)
{
	CmIdMap    *map = palloc0(sizeof(CmIdMap));

	map->relid = relid;
	return map;
}

/*
 * Whether this session has a map of the caller's for the deployment with this
 * URL. Then it is noted for all tables where it has their entries.
 */
bool
cm_idmap_find(const char *url, CmCatalog *catalog)
{
	Oid			relid = cm_idmap_part_lookup(CM_IDMAP);

	if (!OidIsValid(relid) || made_here(relid) == NULL ||
		cm_trust_owner(relid) != GetUserId() ||
		strcmp(made_here(relid)->url, url) != 0)
		return false;
	return cm_idmap_part_find_all(relid, catalog->tables);
}

/*
 * Documents that the session's map knows may be gone, whatever becomes of this
 * transaction, which may yet take its own changes of the map back: the next run makes
 * a new one, and until then there is none.
 */
void
cm_idmap_distrust(void)
{
	ListCell   *lc;

	foreach(lc, made_maps)
		*((CmMade *) lfirst(lc))->url = '\0';
}

/* The same for documents of the run's tables, whose entries are taken out as well. */
void
cm_idmap_discard(const char *url, CmCatalog *catalog)
{
	if (cm_idmap_find(url, catalog))
		(void) cm_idmap_open(url, catalog);
	cm_idmap_distrust();
}

/* Have map->insert put entries into the part. */
static void
prepare_insert(CmIdMap *map, Oid part)
{
	Oid			types[] = {OIDOID, TEXTARRAYOID, TEXTARRAYOID};
	CmAllowed  *allowed = cm_vet_create();

	if (map->insert != NULL)
		SPI_freeplan(map->insert);
	cm_vet_allow(allowed, RelationRelationId, part);
	map->part = part;
	map->insert = cm_spi_prepare(allowed,
								 psprintf("INSERT INTO pg_temp.%s (source, key, convex_id)"
										  " SELECT $1, u.k, u.i"
										  " FROM ROWS FROM (pg_catalog.unnest($2),"
										  " pg_catalog.unnest($3)) AS u(k, i)",
										  get_rel_name(part)),
								 3, types);
}

/* Add n pairs of old keys and ids, texts, of rows of the table. */
void
cm_idmap_add(CmIdMap *map, CmTable *table, int n, Datum *keys, Datum *ids)
{
	Datum		values[3];

	if (map->part != table->map_part)
		prepare_insert(map, table->map_part);
	values[0] = ObjectIdGetDatum(table->relid);
	values[1] = PointerGetDatum(construct_array(keys, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	cm_spi_execute_plan(map->insert, values, SPI_OK_INSERT);
}

/*
 * The rows of a pass over the table will be joined to the map: make the parts
 * ready for it that they are joined to.
 */
void
cm_idmap_prepare(CmTable *table, CmPass pass)
{
	bool		links = pass == CM_PASS_LINKS;
	ListCell   *lc;

	if (links)
		cm_idmap_part_prepare(table->map_part, table->estimated_rows);
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->deferred == links)
			/* elements of arrays are looked up one by one */
			cm_idmap_part_prepare(reference->parent->map_part,
								  reference->is_array ? -1 : table->estimated_rows);
	}
}

/* The Convex id of the table's row with this key, palloc'd, or NULL: the map,
 * which was found, does not know it. */
char *
cm_idmap_lookup(CmTable *table, const char *key)
{
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[] = {ObjectIdGetDatum(table->relid),
	CStringGetTextDatum(key)};
	CmAllowed  *allowed = cm_vet_create();

	if (!OidIsValid(table->map_part))
		return NULL;
	cm_vet_allow(allowed, RelationRelationId, table->map_part);
	if (cm_spi_execute_over(allowed,
							psprintf("SELECT convex_id FROM pg_temp.%s"
									 " WHERE source OPERATOR(pg_catalog.=) $1"
									 " AND key OPERATOR(pg_catalog.=) $2",
									 get_rel_name(table->map_part)),
							SPI_OK_SELECT, true, 2, types, values) == 0)
		return NULL;
	return TextDatumGetCString(cm_spi_value(0, 1));
}
