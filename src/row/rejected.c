/*-------------------------------------------------------------------------
 *
 * rejected.c
 *	  The keys of rows that do not go, for the tables that point to them.
 *
 * A row takes those along that point to it, so what is rejected of a table must
 * be known when its children are read: by SQL, since that is where children
 * meet their parents. A temporary table cannot be made in a transaction that is
 * READ ONLY, or on a standby. A tuplestore can: it is kept in memory up to
 * CM_KEYS_MEMORY, else in a temporary file, and SPI lets queries read it by a
 * name, as triggers read their transition tables.
 *
 * Protocol: cm_rejected_add() for the rows of one table after the other,
 * cm_rejected_publish() when the last of a table was added, cm_rejected_end()
 * when no query will read any more. Inside SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

/* Kilobytes of keys of one table that are kept in memory. */
#define CM_KEYS_MEMORY 1024

struct CmRejected
{
	MemoryContext context;
	TupleDesc	tupdesc;
	char	  **names;			/* by position; NULL: none was published */
	Tuplestorestate *keys;		/* of the table that is read, or NULL */
	int64		count;			/* of these */
	List	   *published;		/* Tuplestorestate * */
};

/* No keys of any table of the catalog yet; in the current memory context. */
CmRejected *
cm_rejected_create(CmCatalog *catalog)
{
	CmRejected *rejected = palloc0(sizeof(CmRejected));

	rejected->context = CurrentMemoryContext;
	rejected->tupdesc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(rejected->tupdesc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(rejected->tupdesc, 1, C_COLLATION_OID);
	rejected->names = palloc0((list_length(catalog->ordered) + 1) *
							  sizeof(char *));
	return rejected;
}

/* A row of the table that is read does not go. */
void
cm_rejected_add(CmRejected *rejected, const char *key)
{
	Datum		value = CStringGetTextDatum(key);
	bool		isnull = false;

	if (rejected->keys == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(rejected->context);

		rejected->keys = tuplestore_begin_heap(true, false, CM_KEYS_MEMORY);
		MemoryContextSwitchTo(old);
	}
	tuplestore_putvalues(rejected->keys, rejected->tupdesc, &value, &isnull);
	pfree(DatumGetPointer(value));
	rejected->count++;
}

/* All rows of the table were read: let queries read what was added. */
void
cm_rejected_publish(CmRejected *rejected, CmTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(rejected->context);
	EphemeralNamedRelation relation;
	int			code;

	if (rejected->keys != NULL)
	{
		relation = palloc0(sizeof(EphemeralNamedRelationData));
		relation->md.name = psprintf("convex_rejected_%d", table->position);
		relation->md.reliddesc = InvalidOid;
		relation->md.tupdesc = rejected->tupdesc;
		relation->md.enrtype = ENR_NAMED_TUPLESTORE;
		relation->md.enrtuples = rejected->count;
		relation->reldata = rejected->keys;
		code = SPI_register_relation(relation);
		if (code != SPI_OK_REL_REGISTER)
			elog(ERROR, "SPI_register_relation failed: %s",
				 SPI_result_code_string(code));
		rejected->names[table->position] = relation->md.name;
		rejected->published = lappend(rejected->published, rejected->keys);
	}
	rejected->keys = NULL;
	rejected->count = 0;
	MemoryContextSwitchTo(old);
}

/* Close the files of what was published. After an ERROR PostgreSQL does. */
void
cm_rejected_end(CmRejected *rejected)
{
	ListCell   *lc;

	foreach(lc, rejected->published)
		tuplestore_end(lfirst(lc));
	rejected->published = NIL;
}

/* By position of tables: the relation with the keys, or NULL. */
char **
cm_rejected_names(CmRejected *rejected)
{
	return rejected->names;
}
