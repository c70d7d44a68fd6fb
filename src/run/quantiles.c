/*-------------------------------------------------------------------------
 *
 * quantiles.c
 *	  The ranges of keys in which the documents of a table are read at once.
 *
 * Nobody knows where the keys of documents lie, but they are those of rows, more or
 * less: the quantiles of these are where ranges end. Convex orders texts by their
 * bytes in UTF-8 (crates/value/src/sorting.rs), as COLLATE "C" does in a database in
 * UTF-8; in another encoding what it says is sorted again here.
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* Documents of a range, about: it takes some pages, and tables that are smaller are
 * read in one. */
#define CM_RANGE_ROWS 4000

/* Ranges for each that is read at once, so that none is waited for in the end. */
#define CM_RANGES_EACH 4

/* How many ranges the table is to be read in. */
static int
count_ranges(CmRun *run, CmTable *table)
{
	double		rows = cm_expected_rows(table, CM_PASS_ROWS);

	if (run->server->concurrency == 1 || rows < 2 * CM_RANGE_ROWS)
		return 1;
	return Min(rows / CM_RANGE_ROWS, CM_RANGES_EACH * run->server->concurrency);
}

/* The query for keys of the table that are at parts ($1, float8[]) of all of them. */
static char *
quantiles_query(CmTable *table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.percentile_disc($1) WITHIN GROUP"
						   " (ORDER BY k.key COLLATE pg_catalog.\"C\") FROM (SELECT ");
	cm_from_append_key(&sql, table);
	appendStringInfo(&sql, " AS key FROM %s AS t) AS k", cm_from_with_key(table));
	return sql.data;
}

/* The parts at which n ranges meet: float8[]. */
static Datum
make_parts(int n)
{
	Datum	   *parts = palloc(n * sizeof(Datum));

	for (int i = 1; i < n; i++)
		parts[i - 1] = Float8GetDatum(i / (double) n);
	return PointerGetDatum(construct_array(parts, n - 1, FLOAT8OID, sizeof(float8),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Order of texts as Convex has it. */
static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/*
 * The keys at which n ranges of the table meet, in UTF-8 and in order, some of them
 * perhaps the same; *count of them. A key that is not UTF-8 is in no document.
 */
static const char **
find_bounds(CmRun *run, CmTable *table, int n, int *count)
{
	CmQueryOptions options = {.ids = CM_IDS_NONE};
	Oid			types[] = {FLOAT8ARRAYOID};
	Datum		values[] = {make_parts(n)};
	const char **bounds = palloc0(n * sizeof(char *));
	Datum	   *keys;
	bool	   *nulls;
	bool		isnull;
	int			nkeys = 0;
	Datum		array;

	cm_run_push_snapshot(run);
	cm_spi_execute_over(cm_query_allowed(table, &options), quantiles_query(table),
						SPI_OK_SELECT, true, 1, types, values);
	PopActiveSnapshot();
	array = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
						  &keys, &nulls, &nkeys);
	*count = 0;
	for (int i = 0; i < nkeys; i++)
	{
		char	   *key = nulls[i] ? NULL : TextDatumGetCString(keys[i]);
		int			length = key ? strlen(key) : 0;
		const char *sent = key ? cm_utf8_from_database(key, &length) : NULL;

		if (sent != NULL)
			bounds[(*count)++] = sent;
	}
	SPI_freetuptable(SPI_tuptable);
	qsort(bounds, *count, sizeof(char *), compare_texts);
	return bounds;
}

/* Add all documents of the table to what is to be read. Must run inside SPI; the run
 * has a snapshot. */
void
cm_quantiles_add(CmReader *reader, CmRun *run, CmTable *table)
{
	int			n = count_ranges(run, table);
	const char **bounds;
	const char *after = NULL;
	int			count = 0;

	bounds = n > 1 ? find_bounds(run, table, n, &count) : NULL;
	for (int i = 0; i < count; i++)
	{
		if (after != NULL && strcmp(after, bounds[i]) == 0)
			continue;
		cm_reader_add(reader, table, after, bounds[i]);
		after = bounds[i];
	}
	cm_reader_add(reader, table, after, NULL);
}
