/*-------------------------------------------------------------------------
 *
 * parents.c
 *	  What convex_found has of the rows that others point to, looked up anew.
 *
 * Before rows are read again, ids that their references become are those of
 * documents that are there now: others may have been written meanwhile, and a parent
 * may be as new as its child.
 *
 *-------------------------------------------------------------------------
 */
#include "run/verify.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Parents that are looked up at once. */
#define CM_PARENTS_AT_ONCE 500

/* A row that is pointed to. */
typedef struct CmParent
{
	char	   *key;			/* as the map has it */
	const char *sent;			/* in UTF-8 */
	char	   *convex_id;		/* that was found, or NULL */
} CmParent;

/* Those that are looked up. */
typedef struct CmParents
{
	MemoryContext context;		/* of ids that are found */
	int			count;
	CmParent	parents[CM_PARENTS_AT_ONCE];	/* in the order of "sent" */
} CmParents;

/* Order of parents by their keys in UTF-8. */
static int
compare_parents(const void *a, const void *b)
{
	return strcmp(((const CmParent *) a)->sent, ((const CmParent *) b)->sent);
}

/* The callback of the reader: note the id of a document that is looked for. */
static void
take_parent(void *arg, CmTable *table, const CmDocument *document, bool repeated)
{
	CmParents  *parents = arg;
	CmParent	wanted = {.sent = document->key};
	CmParent   *found;

	(void) table;
	if (document->key == NULL || repeated)
		return;
	found = bsearch(&wanted, parents->parents, parents->count, sizeof(CmParent),
					compare_parents);
	if (found != NULL)
		found->convex_id = MemoryContextStrdup(parents->context, document->convex_id);
}

/*
 * $1: a table, $2: keys of it, $3: the ids of their documents, "" where there is none.
 * A row that does not go has none for its children; one that is known has a made-up
 * one when its document is not there.
 */
static void
replace_entries(CmVerify *verify, CmTable *table, CmParents *parents)
{
	CmAllowed  *allowed = cm_vet_create();
	Oid			types[] = {OIDOID, TEXTARRAYOID, TEXTARRAYOID};
	char	   *part = get_rel_name(table->map_part);
	List	   *keys = NIL;
	List	   *ids = NIL;
	Datum		values[3];

	for (int i = 0; i < parents->count; i++)
	{
		keys = lappend(keys, parents->parents[i].key);
		ids = lappend(ids, parents->parents[i].convex_id ? parents->parents[i].convex_id : "");
	}
	values[0] = ObjectIdGetDatum(table->relid);
	values[1] = cm_spi_text_array(keys);
	values[2] = cm_spi_text_array(ids);
	cm_vet_allow(allowed, RelationRelationId, table->map_part);
	cm_vet_allow(allowed, RelationRelationId, cm_suspects_relid(verify->suspects));
	cm_spi_execute_over(allowed,
						psprintf("UPDATE pg_temp.%s AS f SET convex_id ="
								 " CASE WHEN u.i OPERATOR(pg_catalog.=) '' THEN " CM_MADE_UP_ID " ELSE u.i END"
								 " FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u(k, i)"
								 " WHERE f.source OPERATOR(pg_catalog.=) $1 AND f.key OPERATOR(pg_catalog.=) u.k"
								 " AND f.convex_id OPERATOR(pg_catalog.<>) u.i", part),
						SPI_OK_UPDATE, false, lengthof(types), types, values);
	cm_spi_execute_over(allowed,
						psprintf("INSERT INTO pg_temp.%1$s (source, key, convex_id) SELECT $1, u.k, u.i"
								 " FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u(k, i)"
								 " WHERE u.i OPERATOR(pg_catalog.<>) ''"
								 " AND NOT EXISTS (SELECT FROM pg_temp.%1$s AS f"
								 " WHERE f.source OPERATOR(pg_catalog.=) $1 AND f.key OPERATOR(pg_catalog.=) u.k)"
								 " AND NOT EXISTS (SELECT FROM pg_temp." CM_SUSPECTS " AS s"
								 " WHERE s.source OPERATOR(pg_catalog.=) $1 AND s.key OPERATOR(pg_catalog.=) u.k"
								 " AND s.was OPERATOR(pg_catalog.=) 0)", part),
						SPI_OK_INSERT, false, lengthof(types), types, values);
}

/* Look the parents up, and keep what is found. */
static void
look_up(CmVerify *verify, CmTable *table, CmParents *parents)
{
	CmReader   *reader = cm_reader_create(verify->run, true, take_parent, parents);
	char	  **keys = palloc((parents->count + 1) * sizeof(char *));

	qsort(parents->parents, parents->count, sizeof(CmParent), compare_parents);
	for (int i = 0; i < parents->count; i++)
		keys[i] = (char *) parents->parents[i].sent;
	cm_lookup_add(reader, table, keys, parents->count);
	cm_reader_read(reader);
	cm_reader_free(reader);
	replace_entries(verify, table, parents);
}

/* Take the keys of the rows that were fetched; one that is not UTF-8 is in no
 * document. */
static void
take_keys(CmParents *parents)
{
	parents->count = 0;
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *key = TextDatumGetCString(cm_spi_value(row, 1));
		int			length = strlen(key);
		const char *sent = cm_utf8_from_database(key, &length);

		if (sent != NULL)
			parents->parents[parents->count++] = (CmParent) {key, sent, NULL};
	}
}

/* Look up the rows that a reference of the table's rows with these keys points to. */
static void
refresh_reference(CmVerify *verify, CmTable *table, CmReference *reference, Datum keys)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate parents",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmQueryOptions options = {.ids = CM_IDS_OF_MAP};
	Oid			types[] = {TEXTARRAYOID};
	CmParents  *parents = palloc0(sizeof(CmParents));
	SPIPlanPtr	plan = cm_spi_prepare(cm_query_allowed(table, &options),
									  cm_parentkeys_of_some(table, reference), 1, types);
	Portal		portal;
	bool		done;

	parents->context = context;
	cm_run_push_snapshot(verify->run);
	portal = cm_spi_open_cursor(plan, &keys);
	PopActiveSnapshot();
	do
	{
		SPITupleTable *rows = cm_spi_fetch(portal, CM_PARENTS_AT_ONCE);

		done = rows->numvals == 0;
		take_keys(parents);
		SPI_freetuptable(rows);
		if (parents->count > 0)
			look_up(verify, reference->parent, parents);
	} while (!done);
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Look up what the table's rows with these keys (a text[]) point to. Inside SPI; with
 * the snapshot of the run. */
void
cm_parents_refresh(CmVerify *verify, CmTable *table, Datum keys)
{
	ListCell   *lc;

	foreach(lc, table->references)
		refresh_reference(verify, table, lfirst(lc), keys);
}
