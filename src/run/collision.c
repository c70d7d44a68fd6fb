/*-------------------------------------------------------------------------
 *
 * collision.c
 *	  No two documents of a table have one id.
 *
 * An index keeps keys apart, and a uuid is its id. But a hash might meet another
 * one, and what is no table has no index of its own. An import with an id twice
 * is refused by Convex as a whole; it is found here, with the name of the table,
 * by sorting: what does not fit into work_mem goes into temporary files.
 *
 * Protocol: cm_collision_begin() for a table, cm_collision_add() for each row,
 * cm_collision_end(). Where there is nothing to find the first returns NULL, and
 * the others do nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "base/compat.h"

struct CmCollision
{
	CmRun	   *run;
	CmTable    *table;
	Tuplesortstate *ids;
};

/* Whether an index has made sure of it. */
static bool
is_sure(const CmTable *table)
{
	return cm_docref_is_by_uuid(table) &&
		(table->relkind == RELKIND_RELATION ||
		 table->relkind == RELKIND_PARTITIONED_TABLE);
}

/* Rows of the table come; in the current memory context. */
CmCollision *
cm_collision_begin(CmRun *run, CmTable *table)
{
	CmCollision *collision;

	if (is_sure(table))
		return NULL;
	collision = palloc(sizeof(CmCollision));
	collision->run = run;
	collision->table = table;
	collision->ids = tuplesort_begin_datum(UUIDOID,
										   lookup_type_cache(UUIDOID, TYPECACHE_LT_OPR)->lt_opr,
										   InvalidOid, false, work_mem, NULL,
										   false);
	return collision;
}

/* A row has this id, but for the number of the table. */
void
cm_collision_add(CmCollision *collision, const uint8 *own)
{
	pg_uuid_t	uuid;

	if (collision == NULL)
		return;
	memcpy(uuid.data, own, UUID_LEN);
	tuplesort_putdatum(collision->ids, UUIDPGetDatum(&uuid), false);
}

/* ERROR: two rows have one id. */
static void
fail(CmCollision *collision)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("two rows of table \"%s\" have the same id",
					collision->table->name),
			 errdetail("They have the same key, though nothing should be able to, or different keys with the same hash."),
			 errhint("Look for keys that are there twice. If there are none, give option \"id_salt\" of server \"%s\" another value.",
					 collision->run->server->name)));
}

/* All rows have come: ERROR when two have one id. */
void
cm_collision_end(CmCollision *collision)
{
	Datum		value;
	bool		isnull;
	pg_uuid_t	last;
	bool		any = false;

	if (collision == NULL)
		return;
	tuplesort_performsort(collision->ids);
	while (cm_tuplesort_getdatum(collision->ids, &value, &isnull))
	{
		pg_uuid_t  *uuid = DatumGetUUIDP(value);

		CHECK_FOR_INTERRUPTS();
		if (any && memcmp(&last, uuid, sizeof(last)) == 0)
			fail(collision);
		last = *uuid;
		any = true;
		pfree(uuid);
	}
	tuplesort_end(collision->ids);
}
