/*-------------------------------------------------------------------------
 *
 * differences.c
 *	  What a verification found: what convex_differences shows.
 *
 * As rejects.c: the table behind the view is granted to nobody and is written with
 * the rights of its owner, some hundreds of rows at a time; cm_differences_flush()
 * before the end. A verification removes what an earlier one left on the same tables.
 * Of each table the first CM_DIFFERENCES_KEPT are kept: figures count all, and nobody
 * reads a million of them.
 *
 *-------------------------------------------------------------------------
 */
#include "run/ours.h"
#include "run/verify.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Differences that are collected before they are written. */
#define CM_DIFFERENCES_AT_ONCE 500

/* Differences of a table that are kept. */
#define CM_DIFFERENCES_KEPT 10000

/* Texts of a difference. */
enum
{
	KEY,
	KIND,
	PATH,
	CONVEX_ID,
	NTEXTS
};

struct CmDifferences
{
	CmRun	   *run;
	MemoryContext context;		/* of what is collected */
	CmOurs		rows;			/* convex_difference_rows */
	int		   *kept;			/* by CmTable.position */
	int			count;			/* of those collected */
	Datum		sources[CM_DIFFERENCES_AT_ONCE];
	Datum		texts[NTEXTS][CM_DIFFERENCES_AT_ONCE];
	bool		nulls[NTEXTS][CM_DIFFERENCES_AT_ONCE];
};

/* Where the run's differences are kept; numbers the run. Lives in the current memory
 * context; must run inside SPI. */
CmDifferences *
cm_differences_open(CmRun *run)
{
	CmDifferences *differences = palloc0(sizeof(CmDifferences));

	differences->run = run;
	differences->context = AllocSetContextCreate(CurrentMemoryContext,
												 "convex_migrate differences",
												 ALLOCSET_DEFAULT_SIZES);
	differences->rows = cm_ours_open(run, "convex_difference_rows", RowExclusiveLock);
	differences->kept = palloc0((list_length(run->catalog->ordered) + 1) * sizeof(int));
	run->number = cm_ours_number_run(run);
	cm_ours_forget_tables(&differences->rows, run);
	return differences;
}

/* Write what was collected. */
void
cm_differences_flush(CmDifferences *differences)
{
	Oid			types[] = {NAMEOID, OIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, OIDOID, INT8OID};
	Datum		values[8];
	int			lower = 1;
	NameData	server;
	MemoryContext old;

	if (differences->count == 0)
		return;
	namestrcpy(&server, differences->run->server->name);
	old = MemoryContextSwitchTo(differences->context);
	values[0] = NameGetDatum(&server);
	values[1] = PointerGetDatum(construct_array(differences->sources, differences->count,
												OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	for (int i = 0; i < NTEXTS; i++)
		values[2 + i] = PointerGetDatum(construct_md_array(differences->texts[i],
														   differences->nulls[i], 1,
														   &differences->count, &lower,
														   TEXTOID, -1, false,
														   TYPALIGN_INT));
	values[6] = ObjectIdGetDatum(GetUserId());
	values[7] = Int64GetDatum(differences->run->number);
	cm_ours_execute(&differences->rows,
					psprintf("INSERT INTO %s (server, source, key, kind, path, convex_id, role, run)"
							   " SELECT $1, u.s, u.k, u.d, u.p, u.i, $7, $8"
							   " FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3),"
							   " pg_catalog.unnest($4), pg_catalog.unnest($5),"
							   " pg_catalog.unnest($6)) AS u(s, k, d, p, i)",
							   cm_text_relation_name(differences->rows.relid)),
					  SPI_OK_INSERT, lengthof(types), types, values);
	differences->count = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(differences->context);
}

/*
 * A difference of the table's rows and documents: of the row with this key, and the
 * document with this id (NULL: there is none), of a kind that docs/verify.md lists; in
 * the field at this path (NULL: of the whole).
 */
void
cm_differences_add(CmDifferences *differences, CmTable *table, const char *key,
				   const char *kind, const char *path, const char *convex_id)
{
	const char *texts[NTEXTS] = {key ? cm_utf8_readable(key) : NULL, kind, path, convex_id};
	MemoryContext old;

	if (differences->kept[table->position]++ >= CM_DIFFERENCES_KEPT)
		return;
	if (differences->count == CM_DIFFERENCES_AT_ONCE)
		cm_differences_flush(differences);
	old = MemoryContextSwitchTo(differences->context);
	differences->sources[differences->count] = ObjectIdGetDatum(table->relid);
	for (int i = 0; i < NTEXTS; i++)
	{
		differences->nulls[i][differences->count] = texts[i] == NULL;
		differences->texts[i][differences->count] = texts[i] ? CStringGetTextDatum(texts[i]) : (Datum) 0;
	}
	differences->count++;
	MemoryContextSwitchTo(old);
}
