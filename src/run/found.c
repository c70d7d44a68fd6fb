/*-------------------------------------------------------------------------
 *
 * found.c
 *	  The temporary table convex_found: the documents that Convex has.
 *
 * It has the form of the id map (idmap_part.c: its parts, their indexes) and takes
 * its place while rows are read: what a reference becomes is the id of a document
 * that is really there. Of documents with one key it has the first alone; the key is
 * among the suspects then (suspects.c). It spills like any table, and is dropped
 * when the comparison is done.
 *
 * Protocol: cm_found_open(); cm_found_take() is the callback of a reader;
 * cm_found_flush(); cm_found_drop(). All inside SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "run/verify.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define CM_FOUND "convex_found"

/* Documents that are collected before they are written. */
#define CM_FOUND_AT_ONCE 500

struct CmFound
{
	CmVerify   *verify;
	Oid			relid;			/* of the whole table */
	MemoryContext context;		/* of what is collected */
	StringInfoData canonical;	/* of the document at hand */
	CmTable    *table;			/* of those that are collected */
	int			count;
	Datum		keys[CM_FOUND_AT_ONCE];
	Datum		ids[CM_FOUND_AT_ONCE];
	Datum		hashes[CM_FOUND_AT_ONCE];
	Datum		created[CM_FOUND_AT_ONCE];
	SPIPlanPtr	insert;			/* into the part; NULL: none yet */
	Oid			part;
};

/* Make the table with its parts, and have it take the place of the id map. Lives in
 * the current memory context. */
CmFound *
cm_found_open(CmVerify *verify)
{
	CmCatalog  *catalog = verify->run->catalog;
	CmFound    *found = palloc0(sizeof(CmFound));

	found->verify = verify;
	found->context = AllocSetContextCreate(CurrentMemoryContext,
										   "convex_migrate found",
										   ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&found->canonical);
	if (OidIsValid(cm_idmap_part_lookup(CM_FOUND)))
		cm_idmap_part_refuse(CM_FOUND);
	cm_spi_execute("CREATE TEMPORARY TABLE pg_temp." CM_FOUND " ("
				   "source pg_catalog.regclass NOT NULL, "
				   "key pg_catalog.text COLLATE \"C\" NOT NULL, "
				   "convex_id pg_catalog.text COLLATE \"C\" NOT NULL, "
				   "hash pg_catalog.bytea, "
				   "created pg_catalog.float8)"
				   " PARTITION BY LIST (source)",
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
	found->relid = cm_idmap_part_lookup(CM_FOUND);
	cm_idmap_part_create_all(found->relid, catalog->ordered);
	(void) cm_idmap_part_find_all(found->relid, catalog->tables);
	verify->run->idmap = cm_idmap_over(found->relid);
	return found;
}

/* Drop the table. */
void
cm_found_drop(CmFound *found)
{
	if (found->insert != NULL)
		SPI_freeplan(found->insert);
	cm_spi_execute("DROP TABLE pg_temp." CM_FOUND, SPI_OK_UTILITY, false, 0, NULL, NULL);
}

/* Have found->insert put documents into the part. */
static void
prepare_insert(CmFound *found, Oid part)
{
	Oid			types[] = {OIDOID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, FLOAT8ARRAYOID};
	CmAllowed  *allowed = cm_vet_create();

	if (found->insert != NULL)
		SPI_freeplan(found->insert);
	cm_vet_allow(allowed, RelationRelationId, part);
	found->part = part;
	found->insert = cm_spi_prepare(allowed,
								   psprintf("INSERT INTO pg_temp.%s"
											" SELECT $1, u.k, u.i, u.h, u.c"
											" FROM ROWS FROM (pg_catalog.unnest($2),"
											" pg_catalog.unnest($3), pg_catalog.unnest($4),"
											" pg_catalog.unnest($5)) AS u(k, i, h, c)",
											get_rel_name(part)),
								   lengthof(types), types);
}

/* Write what was collected. */
void
cm_found_flush(CmFound *found)
{
	MemoryContext old;
	Datum		values[5];
	int			n = found->count;

	if (n == 0)
		return;
	old = MemoryContextSwitchTo(found->context);
	if (found->part != found->table->map_part)
		prepare_insert(found, found->table->map_part);
	values[0] = ObjectIdGetDatum(found->table->relid);
	values[1] = PointerGetDatum(construct_array(found->keys, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(found->ids, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[3] = PointerGetDatum(construct_array(found->hashes, n, BYTEAOID, -1, false,
												TYPALIGN_INT));
	values[4] = PointerGetDatum(construct_array(found->created, n, FLOAT8OID,
												sizeof(float8), FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	cm_spi_execute_plan(found->insert, values, SPI_OK_INSERT);
	MemoryContextSwitchTo(old);
	found->count = 0;
	MemoryContextReset(found->context);
}

/* A document that no row can have: count it, and say so. */
static void
take_stranger(CmFound *found, CmTable *table, const CmDocument *document)
{
	CmVerified *verified = &found->verify->tables[table->position];

	if (document->key == NULL && !document->has_odd_key)
	{
		verified->without_key++;
		cm_differences_add(found->verify->differences, table, NULL, "without_key", NULL,
						   document->convex_id);
		return;
	}
	verified->unexpected++;
	cm_differences_add(found->verify->differences, table,
					   document->key ? cm_utf8_to_database(document->key) : NULL,
					   "unexpected", NULL, document->convex_id);
}

/* The callback of the reader: arg is the CmFound. */
void
cm_found_take(void *arg, CmTable *table, const CmDocument *document, bool repeated)
{
	CmFound    *found = arg;
	char	   *key = cm_range_key(document);
	uint8		hash[CM_HASH_BYTES];
	double		created;
	MemoryContext old;
	int			n;

	found->verify->tables[table->position].documents++;
	if (key == NULL)
	{
		take_stranger(found, table, document);
		return;
	}
	if (repeated)
	{
		cm_suspects_add_repeated(found->verify, table, key);
		return;
	}
	cm_stored_hash(found->verify, table, document, &found->canonical, hash, &created);
	if (found->table != table || found->count == CM_FOUND_AT_ONCE)
		cm_found_flush(found);
	found->table = table;
	n = found->count++;
	old = MemoryContextSwitchTo(found->context);
	found->keys[n] = CStringGetTextDatum(key);
	found->ids[n] = CStringGetTextDatum(document->convex_id);
	found->hashes[n] = cm_stored_bytea(hash);
	found->created[n] = Float8GetDatum(created);
	MemoryContextSwitchTo(old);
}
