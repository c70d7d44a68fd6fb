/*-------------------------------------------------------------------------
 *
 * idmap.c
 *	  The temporary table convex_id_map: old keys and the Convex ids they got.
 *
 * It stays until the session ends, so that the user can read it and a later
 * call can resolve references to tables that it does not move. Ids are those
 * of one deployment: a run into another one starts with an empty map.
 *
 * A table of that name which this backend did not make is never used: whoever
 * made it could have given it triggers that run with the caller's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define CM_IDMAP "convex_id_map"

struct CmIdMap
{
	SPIPlanPtr	insert;
};

/*
 * The maps that this backend made last, and for which deployment: [0] the
 * latest, [1] the one before, which a rollback can bring back. There is one
 * run in a transaction, so no earlier one can.
 */
typedef struct CmMade
{
	Oid			relid;
	char	   *url;			/* in TopMemoryContext */
} CmMade;

static CmMade made_maps[2];

/* OID of the session's table of that name, or InvalidOid. */
static Oid
existing_map(void)
{
	Oid			schema = LookupExplicitNamespace("pg_temp", true);

	return OidIsValid(schema) ? get_relname_relid(CM_IDMAP, schema) : InvalidOid;
}

/* Whether the table is one that this backend made. *url is set if so. */
static bool
made_here(Oid relid, char **url)
{
	for (int i = 0; i < 2; i++)
	{
		if (made_maps[i].relid == relid)
		{
			*url = made_maps[i].url;
			return true;
		}
	}
	return false;
}

/* Make the table and note that it is ours. */
static void
create_map(const char *url)
{
	char	   *own_url = MemoryContextStrdup(TopMemoryContext, url);

	cm_spi_execute("CREATE TEMPORARY TABLE pg_temp." CM_IDMAP " ("
				   "source pg_catalog.regclass NOT NULL, "
				   "key pg_catalog.text COLLATE \"C\" NOT NULL, "
				   "convex_id pg_catalog.text COLLATE \"C\" NOT NULL)"
				   " ON COMMIT PRESERVE ROWS",
				   SPI_OK_UTILITY, false);
	if (made_maps[1].url != NULL)
		pfree(made_maps[1].url);
	made_maps[1] = made_maps[0];
	made_maps[0].relid = existing_map();
	made_maps[0].url = own_url;
}

/*
 * Take the entries of the tables out. A map that holds nothing else is
 * truncated: deleting leaves a million dead rows to be scanned.
 */
static void
forget_tables(List *tables)
{
	Oid			types[] = {OIDARRAYOID};
	Datum	   *relids = palloc(list_length(tables) * sizeof(Datum));
	Datum		values[1];
	int			n = 0;
	ListCell   *lc;

	foreach(lc, tables)
		relids[n++] = ObjectIdGetDatum(((CmTable *) lfirst(lc))->relid);
	values[0] = PointerGetDatum(construct_array(relids, n, OIDOID, sizeof(Oid),
												true, TYPALIGN_INT));
	if (SPI_execute_with_args("SELECT FROM pg_temp." CM_IDMAP
							  " WHERE source::pg_catalog.oid <> ALL ($1)",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read " CM_IDMAP);
	if (SPI_processed == 0)
		cm_spi_execute("TRUNCATE pg_temp." CM_IDMAP, SPI_OK_UTILITY, false);
	else if (SPI_execute_with_args("DELETE FROM pg_temp." CM_IDMAP
								   " WHERE source::pg_catalog.oid = ANY ($1)",
								   1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete from " CM_IDMAP);
}

/*
 * The session's map for the deployment with this URL, without entries of the
 * given tables. Must run inside SPI, which the result lives as long as.
 */
CmIdMap *
cm_idmap_open(const char *url, List *tables)
{
	CmIdMap    *map = palloc(sizeof(CmIdMap));
	Oid			types[] = {OIDOID, TEXTARRAYOID, TEXTARRAYOID};
	Oid			relid = existing_map();
	char	   *made_url;

	if (!OidIsValid(relid))
		create_map(url);
	else if (!made_here(relid, &made_url))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("temporary table \"%s\" was not made by convex_migrate()",
						CM_IDMAP),
				 errhint("DROP TABLE pg_temp.%s.", CM_IDMAP)));
	else if (strcmp(made_url, url) != 0)
	{
		cm_spi_execute("DROP TABLE pg_temp." CM_IDMAP, SPI_OK_UTILITY, false);
		create_map(url);
	}
	else
		forget_tables(tables);

	map->insert = SPI_prepare("INSERT INTO pg_temp." CM_IDMAP
							  " SELECT $1, u.k, u.i"
							  " FROM ROWS FROM (pg_catalog.unnest($2),"
							  " pg_catalog.unnest($3)) AS u(k, i)",
							  3, types);
	if (map->insert == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return map;
}

/* Whether this session has a map for the deployment with this URL. */
bool
cm_idmap_exists(const char *url)
{
	Oid			relid = existing_map();
	char	   *made_url;

	return OidIsValid(relid) && made_here(relid, &made_url) &&
		strcmp(made_url, url) == 0;
}

/* Add n pairs of old keys and ids, texts, of rows of the table. */
void
cm_idmap_add(CmIdMap *map, CmTable *table, int n, Datum *keys, Datum *ids)
{
	Datum		values[3];
	int			code;

	values[0] = ObjectIdGetDatum(table->relid);
	values[1] = PointerGetDatum(construct_array(keys, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	code = SPI_execute_plan(map->insert, values, NULL, false, 0);
	if (code != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute_plan returned %s",
			 SPI_result_code_string(code));
}

/* A table that others point to is in: let the planner know how large. */
void
cm_idmap_analyze(void)
{
	cm_spi_execute("ANALYZE pg_temp." CM_IDMAP, SPI_OK_UTILITY, false);
}
