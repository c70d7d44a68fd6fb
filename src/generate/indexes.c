/*-------------------------------------------------------------------------
 *
 * indexes.c
 *	  Which indexes the tables have in Convex.
 *
 * One for the old key, by which documents are found again; one for every
 * reference; then PostgreSQL's own, as far as Convex can have them: btree and
 * hash indexes, whole, of columns that are sent. With option "indexes" "all" also
 * partial ones, which become whole, since Convex does not read more than 32,000
 * documents without an index. Those to search in vectors and texts are in
 * special.c. Convex bills each index as a copy of its table, so one whose fields
 * begin another is left out: that one serves the same queries. What is left out
 * is noted with its reason, and with what is needed to write it by hand.
 *
 * Limits: crates/common/src/bootstrap_model/index/mod.rs (16 fields, of which
 * Convex itself adds one, _creationTime) and the limits page of Convex's
 * documentation (32 indexes).
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define CM_MAX_INDEX_FIELDS 15

/* $1: OIDs of the tables. */
static const char indexes_query[] =
"SELECT i.indrelid, x.relname, i.indisunique,"
"       CASE WHEN NOT i.indisvalid THEN 'invalid'"
"            WHEN am.amname NOT IN ('btree', 'hash') THEN am.amname::pg_catalog.text"
"            WHEN 0 = ANY (k.attnums) THEN 'of an expression' END,"
"       k.attnums, pg_catalog.pg_get_expr(i.indpred, i.indrelid),"
"       CASE WHEN am.amname IN ('gin', 'gist') AND i.indisvalid THEN ("
"         SELECT CASE WHEN pg_catalog.min(d.refobjsubid) = pg_catalog.max(d.refobjsubid)"
"                     THEN pg_catalog.min(d.refobjsubid)::pg_catalog.int2 END"
"           FROM pg_catalog.pg_depend d"
"          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"            AND d.objid = i.indexrelid"
"            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"            AND d.refobjid = i.indrelid AND d.refobjsubid > 0) END"
"  FROM pg_catalog.pg_index i"
"  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
"  JOIN pg_catalog.pg_am am ON am.oid = x.relam,"
"  LATERAL (SELECT pg_catalog.array_agg(i.indkey[p.n] ORDER BY p.n)::pg_catalog.int2[] AS attnums"
"             FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS p(n)) k"
" WHERE i.indrelid = ANY ($1)"
" ORDER BY i.indrelid, x.relname COLLATE \"C\"";

/* Whether the first list of fields is the beginning of the second, or all. */
static bool
begins(List *fields, List *other)
{
	if (list_length(fields) > list_length(other))
		return false;
	for (int i = 0; i < list_length(fields); i++)
	{
		if (strcmp(list_nth(fields, i), list_nth(other, i)) != 0)
			return false;
	}
	return true;
}

/* The field that carries the column's values, or NULL with the reason in *why.
 * A column that is sent and has none is the old key itself. */
static char *
field_of(CmTable *table, AttrNumber attnum, const CmServer *server,
		 const char **why)
{
	CmColumn   *column = attnum > 0 ? cm_table_column(table, attnum) : NULL;

	if (column == NULL || column->excluded)
		*why = "a column of it is not sent";
	else
		return column->field != NULL ? column->field : server->key_field;
	return NULL;
}

/* The fields of an index with these columns, or NIL with the reason in *why. */
static List *
fields_of(CmTable *table, ArrayType *attnums, const CmServer *server,
		  const char **why)
{
	List	   *fields = NIL;
	Datum	   *elements;
	int			count;

	deconstruct_array(attnums, INT2OID, sizeof(int16), true, TYPALIGN_SHORT,
					  &elements, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *field = field_of(table, DatumGetInt16(elements[i]), server, why);

		if (field == NULL)
			return NIL;
		/* the same column twice, or two that are sent as one reference */
		if (!list_member_ptr(fields, field))
			fields = lappend(fields, field);
	}
	if (count > CM_MAX_INDEX_FIELDS)
		*why = psprintf("%d fields, at most %d", count, CM_MAX_INDEX_FIELDS);
	return *why == NULL ? fields : NIL;
}

/* Whether the index is that of the table's key: the old key has one already. */
static bool
is_key(CmTable *table, List *fields, const CmServer *server)
{
	CmColumn   *key = table->nkeys == 1 ? &table->columns[table->keys[0]] : NULL;

	if (list_length(fields) != 1 || key == NULL)
		return false;
	return strcmp(linitial(fields), server->key_field) == 0 ||
		(key->field != NULL && key->reference == NULL &&
		 strcmp(linitial(fields), key->field) == 0);
}

/* A text of a row of SPI_tuptable, or NULL. */
static const char *
text_or_null(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row],
									  SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Take in an index whose rows are those that fulfil the condition. */
static void
read_partial(CmTable *table, const char *name, List *fields, bool is_unique,
			 const char *condition, const CmServer *server)
{
	if (server->indexes == CM_INDEXES_ALL)
		(void) cm_index_add(table, fields, pstrdup(name));
	else
		cm_index_leave_out(table, "index", name,
						   psprintf("partial%s: %s WHERE %s", is_unique ? ", unique" : "",
									cm_text_join(fields, ", "), condition));
}

/* Take in one index of PostgreSQL. */
static void
read_index(CmTable *table, uint64 row, const CmServer *server)
{
	char	   *name = NameStr(*DatumGetName(cm_spi_value(row, 2)));
	bool		is_unique = DatumGetBool(cm_spi_value(row, 3));
	const char *why = text_or_null(row, 4);
	const char *condition = text_or_null(row, 6);
	List	   *fields = NIL;
	bool		isnull;
	Datum		searched = SPI_getbinval(SPI_tuptable->vals[row],
										 SPI_tuptable->tupdesc, 7, &isnull);

	if (!isnull && cm_special_read_search(table, name, DatumGetInt16(searched), server))
		return;
	if (why == NULL)
		fields = fields_of(table, DatumGetArrayTypeP(cm_spi_value(row, 5)),
						   server, &why);
	if (why != NULL)
		cm_index_leave_out(table, "index", name, why);
	else if (condition != NULL)
		read_partial(table, name, fields, is_unique, condition, server);
	else if (!is_key(table, fields, server))
	{
		if (is_unique)
			table->unique = lappend(table->unique, fields);
		if (strcmp(linitial(fields), server->key_field) == 0)
			cm_index_leave_out(table, "index", name, "it begins with the key");
		else
			(void) cm_index_add(table, fields, pstrdup(name));
	}
}

/* The index that makes the n-th one needless, or NULL: its fields begin with all
 * of that one's, and are more, or it comes before. */
static CmIndex *
covering_index(CmTable *table, int n)
{
	CmIndex    *index = list_nth(table->indexes, n);

	for (int i = 1; i < list_length(table->indexes); i++)
	{
		CmIndex    *other = list_nth(table->indexes, i);

		if (i != n && !other->is_search && begins(index->fields, other->fields) &&
			(list_length(other->fields) > list_length(index->fields) || i < n))
			return other;
	}
	return NULL;
}

/*
 * Take out indexes whose fields begin another's, and those beyond the limit.
 * One of PostgreSQL's whose fields another one has as they are is not noted as
 * left out.
 */
static void
keep_needed(CmTable *table)
{
	List	   *needed = list_make1(linitial(table->indexes));

	for (int i = 1; i < list_length(table->indexes); i++)
	{
		CmIndex    *index = list_nth(table->indexes, i);
		CmIndex    *covering = index->is_search ? NULL : covering_index(table, i);
		const char *name = index->source ? index->source :
			cm_names_index("by_", index->fields, NIL);

		if (covering == NULL && list_length(needed) < CM_MAX_INDEXES)
			needed = lappend(needed, index);
		else if (covering == NULL)
			cm_index_leave_out(table, "index", name, psprintf("more than %d", CM_MAX_INDEXES));
		else if (index->source != NULL &&
				 list_length(covering->fields) > list_length(index->fields))
			cm_index_leave_out(table, "index", name,
							   psprintf("it begins %s", cm_names_index("by_", covering->fields, NIL)));
	}
	table->indexes = needed;
}

/* Name the indexes of the table, when all are known. */
static void
name_indexes(CmTable *table)
{
	List	   *named = NIL;
	ListCell   *lc;

	foreach(lc, table->indexes)
	{
		CmIndex    *index = lfirst(lc);

		index->name = cm_names_index(index->is_search ? "search_" : "by_",
									 index->fields, named);
		named = lappend(named, index);
	}
}

/* Add the table's own indexes: of the old key, of references. One on an array finds
 * the whole array, not those that have an element. */
static void
add_own_indexes(CmTable *table, const CmServer *server)
{
	ListCell   *lc;

	(void) cm_index_add(table, list_make1(server->key_field), NULL);
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->is_array)
			(void) cm_index_add(table, list_make1(reference->field), NULL);
	}
}

/*
 * Set the indexes of the selected tables, and what is unique in PostgreSQL and
 * which indexes are left out, in the current memory context. Inside SPI.
 */
void
cm_indexes_read(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->ordered)};
	ListCell   *lc;

	foreach(lc, catalog->ordered)
		add_own_indexes(lfirst(lc), catalog->server);
	cm_spi_execute(indexes_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
		read_index(cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1))),
				   row, catalog->server);
	SPI_freetuptable(SPI_tuptable);
	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		keep_needed(table);
		cm_special_add_vectors(table);
		name_indexes(table);
	}
}
