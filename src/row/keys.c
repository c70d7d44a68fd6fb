/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  Keys of rows, by table, that queries can read: of those that do not go, of
 *	  those that are sent again.
 *
 * Which rows these are must be known where others meet them, which is in SQL: a row
 * that does not go takes those along that point to it. A temporary table cannot be
 * made in a transaction that is READ ONLY, or on a standby. A tuplestore can: it is
 * kept in memory up to CM_KEYS_MEMORY, else in a temporary file, and SPI lets
 * queries read it by a name, as triggers read their transition tables.
 *
 * Protocol: cm_keys_add() for the rows of one table after the other,
 * cm_keys_publish() when the last of a table was added, cm_keys_end() when no query
 * will read any more. Inside SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

/* Kilobytes of keys of one table that are kept in memory. */
#define CM_KEYS_MEMORY 1024

/* Keys that are fetched at once. */
#define CM_KEYS_AT_ONCE 1000

struct CmKeys
{
	MemoryContext context;
	const char *prefix;			/* of the relations' names */
	TupleDesc	tupdesc;
	char	  **names;			/* by position; NULL: none was published */
	int64	   *counts;			/* by position */
	Tuplestorestate *store;		/* of the table that is read, or NULL */
	int64		count;			/* of keys in it */
	List	   *published;		/* Tuplestorestate * */
};

/*
 * No keys of any table of the catalog yet; in the current memory context. prefix:
 * a name that no other keys which are published have; it stays the caller's.
 */
CmKeys *
cm_keys_create(CmCatalog *catalog, const char *prefix)
{
	CmKeys	   *keys = palloc0(sizeof(CmKeys));
	int			count = list_length(catalog->ordered) + 1;

	keys->context = CurrentMemoryContext;
	keys->prefix = prefix;
	keys->tupdesc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(keys->tupdesc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(keys->tupdesc, 1, C_COLLATION_OID);
	keys->names = palloc0(count * sizeof(char *));
	keys->counts = palloc0(count * sizeof(int64));
	return keys;
}

/* Add the key of a row of the table that is read. */
void
cm_keys_add(CmKeys *keys, const char *key)
{
	Datum		value = CStringGetTextDatum(key);
	bool		isnull = false;

	if (keys->store == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(keys->context);

		keys->store = tuplestore_begin_heap(true, false, CM_KEYS_MEMORY);
		MemoryContextSwitchTo(old);
	}
	tuplestore_putvalues(keys->store, keys->tupdesc, &value, &isnull);
	pfree(DatumGetPointer(value));
	keys->count++;
}

/*
 * Add all keys that a query gives in its column 1, of rows of the table that is read. It
 * may use what is allowed, and reads with the snapshot that is active.
 */
void
cm_keys_add_all(CmKeys *keys, const CmAllowed *allowed, const char *sql)
{
	SPIPlanPtr	plan = cm_spi_prepare(allowed, sql, 0, NULL);
	Portal		portal = cm_spi_open_cursor(plan, NULL);
	bool		done = false;

	while (!done)
	{
		SPITupleTable *rows = cm_spi_fetch(portal, CM_KEYS_AT_ONCE);

		done = rows->numvals == 0;
		for (uint64 row = 0; row < SPI_processed; row++)
		{
			char	   *key = TextDatumGetCString(cm_spi_value(row, 1));

			cm_keys_add(keys, key);
			pfree(key);
		}
		SPI_freetuptable(rows);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
}

/* All rows of the table were read: let queries read what was added. */
void
cm_keys_publish(CmKeys *keys, CmTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(keys->context);
	EphemeralNamedRelation relation;
	int			code;

	if (keys->store != NULL)
	{
		relation = palloc0(sizeof(EphemeralNamedRelationData));
		relation->md.name = psprintf("%s_%d", keys->prefix, table->position);
		relation->md.reliddesc = InvalidOid;
		relation->md.tupdesc = keys->tupdesc;
		relation->md.enrtype = ENR_NAMED_TUPLESTORE;
		relation->md.enrtuples = keys->count;
		relation->reldata = keys->store;
		code = SPI_register_relation(relation);
		if (code != SPI_OK_REL_REGISTER)
			elog(ERROR, "SPI_register_relation failed: %s",
				 SPI_result_code_string(code));
		keys->names[table->position] = relation->md.name;
		keys->counts[table->position] = keys->count;
		keys->published = lappend(keys->published, keys->store);
	}
	keys->store = NULL;
	keys->count = 0;
	MemoryContextSwitchTo(old);
}

/* Close the files of what was published. After an ERROR PostgreSQL does. */
void
cm_keys_end(CmKeys *keys)
{
	ListCell   *lc;

	foreach(lc, keys->published)
		tuplestore_end(lfirst(lc));
	keys->published = NIL;
}

/* By position of tables: the relation with the keys, in column "key", or NULL. */
char **
cm_keys_names(CmKeys *keys)
{
	return keys->names;
}

/* How many keys of the table were published. */
int64
cm_keys_count(const CmKeys *keys, const CmTable *table)
{
	return keys->counts[table->position];
}
