/*-------------------------------------------------------------------------
 *
 * idmap.c
 *	  The temporary table convex_id_map: old keys and the Convex ids they got.
 *
 * It stays until the session ends, so that the user can read it and a later
 * call can resolve references to tables that it does not move. Ids are those
 * of one deployment: a run into another one starts with an empty map.
 *
 * A table of that name which this backend did not make, or made for another
 * role, is never used: see check_map().
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define CM_IDMAP "convex_id_map"

struct CmIdMap
{
	Oid			relid;
	CmAllowed  *allowed;		/* to statements over it */
	SPIPlanPtr	insert;
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

/* OID of the session's table of that name, or InvalidOid. */
static Oid
existing_map(void)
{
	Oid			schema = LookupExplicitNamespace("pg_temp", true);

	return OidIsValid(schema) ? get_relname_relid(CM_IDMAP, schema) : InvalidOid;
}

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

/*
 * ERROR when the table is not ours or not the caller's: its owner could have
 * given it triggers, which run with the rights of whoever writes to it.
 */
static void
check_map(Oid relid)
{
	Oid			owner = cm_spi_relation_owner(relid);

	if (made_here(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("temporary table \"%s\" was not made by convex_migrate()",
						CM_IDMAP),
				 errhint("DROP TABLE pg_temp.%s.", CM_IDMAP)));
	if (owner != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("temporary table \"%s\" belongs to role \"%s\"",
						CM_IDMAP, GetUserNameFromId(owner, false)),
				 errdetail("It was made by a run of that role in this session."),
				 errhint("DROP TABLE pg_temp.%s as that role, or use another session.",
						 CM_IDMAP)));
}

/* Make the table, and note that it is ours. Returns its OID. */
static Oid
create_map(const char *url)
{
	MemoryContext old;
	CmMade	   *made;

	/* No unique key: it would cost more than all the rest of a large run.
	 * Keys of a table are unique; see also check_single(). */
	cm_spi_execute("CREATE TEMPORARY TABLE pg_temp." CM_IDMAP " ("
				   "source pg_catalog.regclass NOT NULL, "
				   "key pg_catalog.text COLLATE \"C\" NOT NULL, "
				   "convex_id pg_catalog.text COLLATE \"C\" NOT NULL)"
				   " ON COMMIT PRESERVE ROWS",
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
	old = MemoryContextSwitchTo(TopMemoryContext);
	made = palloc(sizeof(CmMade));
	made->relid = existing_map();
	made->url = pstrdup(url);
	made_maps = lappend(made_maps, made);
	MemoryContextSwitchTo(old);
	return made->relid;
}

/*
 * Take the entries of the tables out. A map that holds nothing else is
 * truncated: deleting leaves a million dead rows to be scanned.
 */
static void
forget_tables(CmIdMap *map, List *tables)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(tables)};

	if (cm_spi_execute_over(map->allowed, "SELECT FROM pg_temp." CM_IDMAP
							" WHERE source::pg_catalog.oid <> ALL ($1) LIMIT 1",
							SPI_OK_SELECT, false, 1, types, values) == 0)
		cm_spi_execute("TRUNCATE pg_temp." CM_IDMAP, SPI_OK_UTILITY, false,
					   0, NULL, NULL);
	else
		cm_spi_execute_over(map->allowed, "DELETE FROM pg_temp." CM_IDMAP
							" WHERE source::pg_catalog.oid = ANY ($1)",
							SPI_OK_DELETE, false, 1, types, values);
}

/*
 * ERROR when a key of the map stands in it twice: its owner may have added
 * rows, and children would be sent twice.
 */
static void
check_single(CmIdMap *map)
{
	if (cm_spi_execute_over(map->allowed, "SELECT FROM pg_temp." CM_IDMAP
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
 * What a table's entries depend on: its target and the columns of its key. Both
 * can be chosen anew between two runs.
 */
static char *
entry_signature(CmTable *table)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, table->target);
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&text, " %s",
						 quote_identifier(table->columns[table->keys[i]].name));
	return text.data;
}

/*
 * Take out entries of tables whose signature has changed since they were made,
 * or that are not configured any more. The signatures are kept in the map's
 * comment, so that a rollback takes them back with the entries.
 */
static void
forget_changed(CmIdMap *map, CmCatalog *catalog, List *signatures)
{
	Oid			types[] = {OIDARRAYOID, TEXTARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables),
	cm_spi_text_array(signatures)};

	cm_spi_execute_over(map->allowed, "DELETE FROM pg_temp." CM_IDMAP " m WHERE NOT EXISTS ("
						"SELECT FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
						" AS t(relid, signature) WHERE t.relid = m.source::pg_catalog.oid"
						" AND t.signature = pg_catalog.obj_description("
						"'pg_temp." CM_IDMAP "'::pg_catalog.regclass, 'pg_class')::pg_catalog.jsonb"
						" ->> t.relid::pg_catalog.text)",
						SPI_OK_DELETE, false, 2, types, values);
}

/* Keep the signatures of all tables in the map's comment. */
static void
note_signatures(CmCatalog *catalog, List *signatures)
{
	StringInfoData json;
	ListCell   *lc;
	ListCell   *lm;

	initStringInfo(&json);
	forboth(lc, catalog->tables, lm, signatures)
	{
		appendStringInfo(&json, "%s\"%u\":", json.len > 0 ? "," : "{",
						 ((CmTable *) lfirst(lc))->relid);
		cm_writer_append_string(&json, lfirst(lm), strlen(lfirst(lm)));
	}
	appendStringInfoChar(&json, '}');
	cm_spi_execute(psprintf("COMMENT ON TABLE pg_temp." CM_IDMAP " IS %s",
							quote_literal_cstr(json.data)),
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
}

/*
 * The session's map for the deployment with this URL, without entries of the
 * tables of this run. Must run inside SPI, which the result lives as long as.
 */
CmIdMap *
cm_idmap_open(const char *url, CmCatalog *catalog)
{
	CmIdMap    *map = palloc(sizeof(CmIdMap));
	Oid			types[] = {OIDOID, TEXTARRAYOID, TEXTARRAYOID};
	Oid			relid = existing_map();
	List	   *signatures = NIL;
	bool		is_new;
	ListCell   *lc;

	foreach(lc, catalog->tables)
		signatures = lappend(signatures, entry_signature(lfirst(lc)));
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
	map->allowed = cm_vet_create();
	cm_vet_allow(map->allowed, RelationRelationId, map->relid);
	if (!is_new)
	{
		forget_tables(map, catalog->ordered);
		forget_changed(map, catalog, signatures);
		check_single(map);
		cm_idmap_analyze();
	}
	note_signatures(catalog, signatures);

	map->insert = cm_spi_prepare(map->allowed, "INSERT INTO pg_temp." CM_IDMAP
								 " SELECT $1, u.k, u.i"
								 " FROM ROWS FROM (pg_catalog.unnest($2),"
								 " pg_catalog.unnest($3)) AS u(k, i)",
								 3, types);
	return map;
}

/*
 * The relation of this session's map for the deployment with this URL, if there
 * is one and it is the caller's, else InvalidOid.
 */
Oid
cm_idmap_existing(const char *url)
{
	Oid			relid = existing_map();
	bool		is_ours = OidIsValid(relid) && made_here(relid) != NULL &&
		cm_spi_relation_owner(relid) == GetUserId() &&
		strcmp(made_here(relid)->url, url) == 0;

	return is_ours ? relid : InvalidOid;
}

/* The relation of the map. */
Oid
cm_idmap_relation(CmIdMap *map)
{
	return map->relid;
}

/* Add n pairs of old keys and ids, texts, of rows of the table. */
void
cm_idmap_add(CmIdMap *map, CmTable *table, int n, Datum *keys, Datum *ids)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3];
	int			code;

	values[0] = ObjectIdGetDatum(table->relid);
	values[1] = PointerGetDatum(construct_array(keys, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	code = SPI_execute_plan(map->insert, values, NULL, false, 0);
	MemoryContextSwitchTo(context); /* SPI leaves its own */
	if (code != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute_plan returned %s",
			 SPI_result_code_string(code));
}

/* Rows that children will be joined to are in: let the planner know. */
void
cm_idmap_analyze(void)
{
	cm_spi_execute("ANALYZE pg_temp." CM_IDMAP, SPI_OK_UTILITY, false,
				   0, NULL, NULL);
}
