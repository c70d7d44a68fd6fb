/*-------------------------------------------------------------------------
 *
 * suspects.c
 *	  Rows of a table against its documents, by key: what is not the same.
 *
 * The rows of one table at a time are in the temporary table convex_rows: key, hash
 * of what their document should be (null: the row does not go), _creationTime. They
 * are joined to convex_found; every key for which the two differ becomes a suspect.
 * Pages are no snapshot, so a suspect is no difference yet: reread.c looks again.
 *
 * What a reference becomes depends on which rows of its parent go: a run would not
 * find those that do not in its map. So when the rows of a table are known,
 * convex_found is made what the map of a run would be: without documents of rows that
 * do not go, and with a made-up id for a document that should be there.
 *
 * Protocol: cm_suspects_open(); for each table, parents first, cm_suspects_begin(),
 * cm_suspects_add_row() for each row, cm_suspects_compare(); cm_suspects_drop(). All
 * inside SPI.
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

#define CM_ROWS "convex_rows"

/* Rows that are collected before they are written. */
#define CM_ROWS_AT_ONCE 500

struct CmSuspects
{
	CmVerify   *verify;
	Oid			rows;			/* convex_rows */
	Oid			relid;			/* convex_suspects */
	Oid			mends;			/* convex_mends */
	MemoryContext context;		/* of what is collected */
	bool		any_rows;		/* in convex_rows */
	int			count;
	Datum		keys[CM_ROWS_AT_ONCE];
	Datum		hashes[CM_ROWS_AT_ONCE];
	bool		no_hash[CM_ROWS_AT_ONCE];
	Datum		created[CM_ROWS_AT_ONCE];
	SPIPlanPtr	insert;
	SPIPlanPtr	insert_repeated;	/* NULL: none was found yet */
};

/* Make a temporary table; returns its OID. */
static Oid
create_table(const char *name, const char *columns)
{
	if (OidIsValid(cm_idmap_part_lookup(name)))
		cm_idmap_part_refuse(name);
	cm_spi_execute(psprintf("CREATE TEMPORARY TABLE pg_temp.%s (%s)", name, columns),
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
	return cm_idmap_part_lookup(name);
}

/* Make the tables. Lives in the current memory context. */
CmSuspects *
cm_suspects_open(CmVerify *verify)
{
	Oid			types[] = {TEXTARRAYOID, BYTEAARRAYOID, FLOAT8ARRAYOID};
	CmSuspects *suspects = palloc0(sizeof(CmSuspects));
	CmAllowed  *allowed = cm_vet_create();

	suspects->verify = verify;
	suspects->context = AllocSetContextCreate(CurrentMemoryContext,
											  "convex_migrate rows",
											  ALLOCSET_DEFAULT_SIZES);
	suspects->rows = create_table(CM_ROWS, "key pg_catalog.text COLLATE \"C\" NOT NULL, "
								  "hash pg_catalog.bytea, created pg_catalog.float8");
	suspects->relid = create_table(CM_SUSPECTS, "source pg_catalog.oid NOT NULL, "
								   "key pg_catalog.text COLLATE \"C\" NOT NULL, "
								   "was pg_catalog.int4 NOT NULL");
	suspects->mends = create_table(CM_MENDS, "source pg_catalog.oid NOT NULL, "
								   "key pg_catalog.text COLLATE \"C\" NOT NULL, "
								   "removes pg_catalog.bool NOT NULL");
	cm_vet_allow(allowed, RelationRelationId, suspects->rows);
	suspects->insert = cm_spi_prepare(allowed,
									  "INSERT INTO pg_temp." CM_ROWS " SELECT u.k, u.h, u.c"
									  " FROM ROWS FROM (pg_catalog.unnest($1),"
									  " pg_catalog.unnest($2), pg_catalog.unnest($3))"
									  " AS u(k, h, c)", lengthof(types), types);
	return suspects;
}

/* Drop the tables. */
void
cm_suspects_drop(CmSuspects *suspects)
{
	SPI_freeplan(suspects->insert);
	if (suspects->insert_repeated != NULL)
		SPI_freeplan(suspects->insert_repeated);
	cm_spi_execute("DROP TABLE pg_temp." CM_ROWS ", pg_temp." CM_SUSPECTS ", pg_temp." CM_MENDS,
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
}

/* The OID of convex_suspects. */
Oid
cm_suspects_relid(const CmSuspects *suspects)
{
	return suspects->relid;
}

/* Keys of the table, a text[], whose rows are to be written, or whose documents are to
 * be removed, should somebody repair what differs. */
void
cm_suspects_note_mends(CmSuspects *suspects, CmTable *table, Datum keys, bool removes)
{
	CmAllowed  *allowed = cm_vet_create();
	Oid			types[] = {OIDOID, TEXTARRAYOID, BOOLOID};
	Datum		values[] = {ObjectIdGetDatum(table->relid), keys, BoolGetDatum(removes)};

	cm_vet_allow(allowed, RelationRelationId, suspects->mends);
	cm_spi_execute_over(allowed, "INSERT INTO pg_temp." CM_MENDS
						" SELECT $1, u.k, $3 FROM pg_catalog.unnest($2) AS u(k)",
						SPI_OK_INSERT, false, lengthof(types), types, values);
}

/*
 * Execute a statement for keys of the table behind one (NULL: the first), in order, no
 * more than so many, over a table of keys: $1 the table's OID, $2 the key, $3 whether
 * there is none, $4 how many, $5 removes. Returns the keys, char *, as the database has
 * them; SPI_tuptable is to be freed.
 */
static List *
next_keys(Oid relid, const char *statement, CmTable *table, const char *behind, int most,
		  bool removes)
{
	CmAllowed  *allowed = cm_vet_create();
	Oid			types[] = {OIDOID, TEXTOID, BOOLOID, INT8OID, BOOLOID};
	Datum		values[] = {ObjectIdGetDatum(table->relid),
		CStringGetTextDatum(behind ? behind : ""), BoolGetDatum(behind == NULL),
	Int64GetDatum(most), BoolGetDatum(removes)};
	List	   *keys = NIL;

	cm_vet_allow(allowed, RelationRelationId, relid);
	cm_spi_execute_over(allowed, statement, SPI_OK_SELECT, false, lengthof(types), types,
						values);
	for (uint64 row = 0; row < SPI_processed; row++)
		keys = lappend(keys, TextDatumGetCString(cm_spi_value(row, 1)));
	return keys;
}

/*
 * The next of these keys behind one (NULL: the first), in order, no more than so many:
 * char *, as the database has them.
 */
List *
cm_suspects_next_mends(CmSuspects *suspects, CmTable *table, bool removes,
					   const char *behind, int most)
{
	List	   *keys = next_keys(suspects->mends, "SELECT key FROM pg_temp." CM_MENDS
								 " WHERE source OPERATOR(pg_catalog.=) $1"
								 " AND removes OPERATOR(pg_catalog.=) $5"
								 " AND ($3 OR key OPERATOR(pg_catalog.>) $2) ORDER BY key LIMIT $4",
								 table, behind, most, removes);

	SPI_freetuptable(SPI_tuptable);
	return keys;
}

/* A key that several documents of the table have. */
void
cm_suspects_add_repeated(CmVerify *verify, CmTable *table, const char *key)
{
	CmSuspects *suspects = verify->suspects;
	Oid			types[] = {OIDOID, TEXTOID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(table->relid), CStringGetTextDatum(key),
	Int32GetDatum(CM_WAS_EQUAL)};

	if (suspects->insert_repeated == NULL)
	{
		CmAllowed  *allowed = cm_vet_create();

		cm_vet_allow(allowed, RelationRelationId, suspects->relid);
		suspects->insert_repeated = cm_spi_prepare(allowed,
												   "INSERT INTO pg_temp." CM_SUSPECTS
												   " VALUES ($1, $2, $3)",
												   lengthof(types), types);
	}
	cm_spi_execute_plan(suspects->insert_repeated, values, SPI_OK_INSERT);
}

/*
 * The next suspects of the table behind a key (NULL: the first), in order, no more than
 * so many: char *, as the database has them; *was how each was found.
 */
List *
cm_suspects_next(CmSuspects *suspects, CmTable *table, const char *behind, int most,
				 List **was)
{
	List	   *keys = next_keys(suspects->relid, "SELECT key, pg_catalog.min(was) FROM pg_temp." CM_SUSPECTS
								 " WHERE source OPERATOR(pg_catalog.=) $1"
								 " AND ($3 OR key OPERATOR(pg_catalog.>) $2)"
								 " GROUP BY key ORDER BY key LIMIT $4",
								 table, behind, most, false);

	*was = NIL;
	for (uint64 row = 0; row < SPI_processed; row++)
		*was = lappend_int(*was, DatumGetInt32(cm_spi_value(row, 2)));
	SPI_freetuptable(SPI_tuptable);
	return keys;
}

/* The rows of another table come. */
void
cm_suspects_begin(CmSuspects *suspects)
{
	Assert(suspects->count == 0);
	if (suspects->any_rows)
		cm_spi_execute("TRUNCATE pg_temp." CM_ROWS, SPI_OK_UTILITY, false, 0, NULL, NULL);
	suspects->any_rows = false;
}

/* Write what was collected. */
static void
flush(CmSuspects *suspects)
{
	MemoryContext old;
	int			n = suspects->count;
	int			lower = 1;
	Datum		values[3];

	if (n == 0)
		return;
	old = MemoryContextSwitchTo(suspects->context);
	values[0] = PointerGetDatum(construct_array(suspects->keys, n, TEXTOID, -1, false,
												TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_md_array(suspects->hashes, suspects->no_hash, 1,
												   &n, &lower, BYTEAOID, -1, false,
												   TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(suspects->created, n, FLOAT8OID,
												sizeof(float8), FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	cm_spi_execute_plan(suspects->insert, values, SPI_OK_INSERT);
	MemoryContextSwitchTo(old);
	suspects->count = 0;
	suspects->any_rows = true;
	MemoryContextReset(suspects->context);
}

/* A row of the table. hash: of its document; NULL: the row does not go. */
void
cm_suspects_add_row(CmSuspects *suspects, const char *key, const uint8 *hash,
					double created)
{
	MemoryContext old = MemoryContextSwitchTo(suspects->context);
	int			n;

	if (suspects->count == CM_ROWS_AT_ONCE)
		flush(suspects);
	n = suspects->count++;
	suspects->keys[n] = CStringGetTextDatum(key);
	suspects->no_hash[n] = hash == NULL;
	suspects->hashes[n] = hash ? cm_stored_bytea(hash) : (Datum) 0;
	suspects->created[n] = Float8GetDatum(created);
	MemoryContextSwitchTo(old);
}

/* Execute a statement over the three tables, of which %s is the part of the table,
 * with the table's OID as $1. Returns its number of rows. */
static int64
execute(CmSuspects *suspects, CmTable *table, const char *statement, int expected)
{
	CmAllowed  *allowed = cm_vet_create();
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(table->relid)};

	cm_vet_allow(allowed, RelationRelationId, suspects->rows);
	cm_vet_allow(allowed, RelationRelationId, suspects->relid);
	cm_vet_allow(allowed, RelationRelationId, table->map_part);
	return cm_spi_execute_over(allowed, psprintf(statement, get_rel_name(table->map_part)),
							   expected, false, 1, types, values);
}

/* Documents for which there is no row that goes. */
static const char unexpected_statement[] =
"INSERT INTO pg_temp." CM_SUSPECTS " (source, key, was)"
" SELECT $1, f.key, 0 FROM pg_temp.%s AS f"
" WHERE f.source OPERATOR(pg_catalog.=) $1 AND NOT EXISTS ("
"SELECT FROM pg_temp." CM_ROWS " AS r WHERE r.key OPERATOR(pg_catalog.=) f.key AND r.hash IS NOT NULL)";

/* Rows that go and whose document is not there, or not the same. */
static const char different_statement[] =
"INSERT INTO pg_temp." CM_SUSPECTS " (source, key, was)"
" SELECT $1, r.key, 1 FROM pg_temp." CM_ROWS " AS r LEFT JOIN pg_temp.%s AS f"
" ON f.source OPERATOR(pg_catalog.=) $1 AND f.key OPERATOR(pg_catalog.=) r.key"
" WHERE r.hash IS NOT NULL AND (r.hash OPERATOR(pg_catalog.=) f.hash"
" AND (r.created OPERATOR(pg_catalog.=) 0::pg_catalog.float8 OR r.created OPERATOR(pg_catalog.=) f.created)) IS NOT TRUE";

/* Documents that children must not find. */
static const char remove_statement[] =
"DELETE FROM pg_temp.%s AS f WHERE f.source OPERATOR(pg_catalog.=) $1 AND EXISTS ("
"SELECT FROM pg_temp." CM_SUSPECTS " AS s WHERE s.source OPERATOR(pg_catalog.=) $1"
" AND s.key OPERATOR(pg_catalog.=) f.key AND s.was OPERATOR(pg_catalog.=) 0)";

/* Documents that children must miss. */
static const char make_up_statement[] =
"INSERT INTO pg_temp.%1$s AS f (source, key, convex_id)"
" SELECT $1, r.key, " CM_MADE_UP_ID " FROM pg_temp." CM_ROWS " AS r"
" WHERE r.hash IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.%1$s AS g"
" WHERE g.source OPERATOR(pg_catalog.=) $1 AND g.key OPERATOR(pg_catalog.=) r.key)";

/*
 * All rows of the table were added: note what is suspect. goes: which rows go is
 * known for the first time, so that references to the table can be read from now on;
 * hashed: their hashes are right, since all references of the table can be read.
 */
void
cm_suspects_compare(CmSuspects *suspects, CmTable *table, bool goes, bool hashed)
{
	CmVerified *verified = &suspects->verify->tables[table->position];
	int64		unexpected = 0;

	flush(suspects);
	/* as many as rows, about: what the planner would not think of a new table */
	if (suspects->any_rows)
		cm_spi_execute("ANALYZE pg_temp." CM_ROWS, SPI_OK_UTILITY, false, 0, NULL, NULL);
	cm_idmap_part_prepare(table->map_part, verified->rows);
	if (goes)
		unexpected = execute(suspects, table, unexpected_statement, SPI_OK_INSERT);
	if (hashed)
		verified->equal -= execute(suspects, table, different_statement, SPI_OK_INSERT);
	if (!goes)
		return;
	if (unexpected > 0)
		(void) execute(suspects, table, remove_statement, SPI_OK_DELETE);
	(void) execute(suspects, table, make_up_statement, SPI_OK_INSERT);
}
