/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  References: which foreign keys become Convex ids, and how the row that
 *	  one points to is found.
 *
 * A foreign key to a configured table is a reference. Its value in a record
 * is the Convex id of the row it points to, looked up in the id map by that
 * row's key text. Where the child's own values print exactly as that key text
 * does, the child is matched with the map directly (CmReference.by_keytext);
 * anywhere else (1.5 and 1.50, citext, char(n), another unique key than the
 * parent's key) the parent is joined by the constraint's own operators and
 * its key text is used.
 *
 * A reference is a foreign key, or one that the database does not know and that
 * convex_columns.target_reference declares; from then on both are alike. Only a
 * declared one can be that of each element of an array, and between types that no
 * operator compares, one of which is a text: these are matched by their texts.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

/*
 * $1: OIDs of the tables. Constraints of partitions hang on that of their
 * root, and others are for partition_reference.c; temporal ones (since 18) say "overlaps", which is no reference.
 */
static const char foreign_keys_query[] =
"SELECT k.conrelid, k.conname, k.confrelid, k.conkey, k.confkey, k.conpfeqop,"
"       k.convalidated"
"  FROM pg_catalog.pg_constraint k"
" WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY ($1)"
"   AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') = 'false'"
" ORDER BY k.conrelid, k.conname COLLATE \"C\"";

/*
 * Kinds of types whose equal values print alike; within one kind also across
 * types. Zero: they may print differently.
 */
static int
print_kind(CmColumn *column)
{
	switch (column->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return 1;
		case TEXTOID:
		case VARCHAROID:
			return get_collation_isdeterministic(column->collation) ? 2 : 0;
		case UUIDOID:
		case BOOLOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case BYTEAOID:
			return column->type;
		default:
			return type_is_enum(column->type) ? column->type : 0;
	}
}

/* Whether the child's columns print the parent's key text. */
static bool
prints_parent_key(CmTable *table, CmReference *reference)
{
	CmTable    *parent = reference->parent;

	if (reference->ncolumns != parent->nkeys)
		return false;
	for (int i = 0; i < reference->ncolumns; i++)
	{
		CmColumn   *key = &parent->columns[parent->keys[i]];
		CmColumn   *column = &table->columns[reference->columns[i]];

		if (reference->parent_attnums[i] != key->attnum ||
			print_kind(column) == 0 || print_kind(column) != print_kind(key))
			return false;
	}
	return true;
}

/* Exchange two columns of a reference. */
static void
swap_columns(CmReference *reference, int i, int j)
{
	int			column = reference->columns[i];
	AttrNumber	attnum = reference->parent_attnums[i];
	Oid			operator = reference->operators[i];

	reference->columns[i] = reference->columns[j];
	reference->parent_attnums[i] = reference->parent_attnums[j];
	reference->operators[i] = reference->operators[j];
	reference->columns[j] = column;
	reference->parent_attnums[j] = attnum;
	reference->operators[j] = operator;
}

/*
 * Bring the columns of a reference into the order of the parent's key, where
 * it is the same set of columns: the constraint may list them differently.
 */
static void
order_by_parent_key(CmReference *reference)
{
	CmTable    *parent = reference->parent;

	if (reference->ncolumns != parent->nkeys)
		return;
	for (int i = 0; i < parent->nkeys; i++)
	{
		AttrNumber	wanted = parent->columns[parent->keys[i]].attnum;

		for (int j = i; j < reference->ncolumns; j++)
		{
			if (reference->parent_attnums[j] == wanted)
			{
				swap_columns(reference, i, j);
				break;
			}
		}
	}
}

/* The OIDs of the array, or NIL: there is none. */
static List *
oids_of(ArrayType *array)
{
	List	   *oids = NIL;

	for (int i = 0; array != NULL &&
		 i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
		oids = lappend_oid(oids, ((Oid *) ARR_DATA_PTR(array))[i]);
	return oids;
}

/* A reference from a row of foreign_keys_query; partitions: of the parent, an
 * oid[], or NULL. */
static CmReference *
read_reference(CmTable *table, CmTable *parent, uint64 row,
			   ArrayType *partitions)
{
	CmReference *reference = palloc0(sizeof(CmReference));
	ArrayType  *columns = DatumGetArrayTypeP(cm_spi_value(row, 4));
	ArrayType  *parents = DatumGetArrayTypeP(cm_spi_value(row, 5));
	ArrayType  *operators = DatumGetArrayTypeP(cm_spi_value(row, 6));
	int			n = ARR_DIMS(columns)[0];

	reference->conname = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 2))));
	reference->validated = DatumGetBool(cm_spi_value(row, 7));
	reference->parent = parent;
	reference->partitions = oids_of(partitions);
	reference->ncolumns = n;
	reference->columns = palloc(n * sizeof(int));
	reference->parent_attnums = palloc(n * sizeof(AttrNumber));
	reference->operators = palloc(n * sizeof(Oid));
	reference->not_null = true;
	for (int i = 0; i < n; i++)
	{
		AttrNumber	attnum = ((int16 *) ARR_DATA_PTR(columns))[i];

		reference->columns[i] = cm_table_column(table, attnum) - table->columns;
		reference->parent_attnums[i] = ((int16 *) ARR_DATA_PTR(parents))[i];
		reference->operators[i] = ((Oid *) ARR_DATA_PTR(operators))[i];
		reference->not_null = reference->not_null &&
			table->columns[reference->columns[i]].not_null;
	}
	order_by_parent_key(reference);
	reference->by_keytext = reference->partitions == NIL &&
		prints_parent_key(table, reference);
	return reference;
}

/* The table's reference by the same columns to the same of the same table, or
 * NULL. */
static CmReference *
find_equal(CmTable *table, const CmReference *wanted)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->parent == wanted->parent &&
			reference->ncolumns == wanted->ncolumns &&
			memcmp(reference->columns, wanted->columns,
				   wanted->ncolumns * sizeof(int)) == 0 &&
			memcmp(reference->parent_attnums, wanted->parent_attnums,
				   wanted->ncolumns * sizeof(AttrNumber)) == 0)
			return reference;
	}
	return NULL;
}

/* The table's reference by the foreign key of this name, or NULL. */
CmReference *
cm_reference_find(CmTable *table, const char *conname)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		if (strcmp(((CmReference *) lfirst(lc))->conname, conname) == 0)
			return lfirst(lc);
	}
	return NULL;
}

/* Add a reference to those of the table; a foreign key that is declared twice
 * is one, and valid if either is. */
static void
add_reference(CmTable *table, CmReference *reference)
{
	CmReference *equal = find_equal(table, reference);

	if (equal == NULL)
		table->references = lappend(table->references, reference);
	else
		equal->validated = equal->validated || reference->validated;
}

/*
 * Add the foreign key of a row of foreign_keys_query to the references of its
 * table, if it points to a configured one. partitions: the only ones of the
 * parent that it points to, an oid[]; NULL or empty: it points to the whole.
 * validation: the statement for a foreign key that is one of partitions and not
 * valid; NULL or empty: it is the table's own, or valid.
 */
void
cm_reference_add_row(CmCatalog *catalog, uint64 row, ArrayType *partitions,
					 char *validation)
{
	CmTable    *table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));
	CmTable    *parent = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 3)));

	if (parent != NULL && parent->configured)
	{
		CmReference *reference = read_reference(table, parent, row, partitions);

		if (validation != NULL && *validation != '\0')
			reference->validation = validation;
		add_reference(table, reference);
	}
}

/*
 * Give every table its references, ordered by constraint name. Needs tables,
 * columns and keys. Inside SPI.
 */
void
cm_reference_read_all(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables)};

	cm_spi_execute(foreign_keys_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
		cm_reference_add_row(catalog, row, NULL, NULL);
	SPI_freetuptable(SPI_tuptable);
}

/* ERROR for a declared reference that cannot be. */
static void
invalid_reference(CmTable *table, CmColumn *column, const char *text,
				  const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FOREIGN_KEY),
			 errmsg("column \"%s\" of table \"%s\" cannot be a reference to %s",
					column->name, table->name, text),
			 errdetail("%s", detail),
			 errhint("convex_columns.target_reference is schema.table(column), the column of a unique index of a table that is migrated, or the key that convex_tables gives to a view or foreign table.")));
}

/*
 * The table that a declared reference points to, and in *parent_column the
 * column of it; ERROR unless the text is 'schema.table(column)' and names both.
 */
static CmTable *
declared_parent(CmCatalog *catalog, CmTable *table, CmColumn *column,
				const char *text, CmColumn **parent_column)
{
	const char *paren = strrchr(text, '(');
	char	   *relation;
	char	   *name;
	List	   *names;
	LOCAL_FCINFO(fcinfo, 1);
	Datum		relid;
	CmTable    *parent;

	if (paren == NULL || text[strlen(text) - 1] != ')')
		invalid_reference(table, column, text, "It is not of the form schema.table(column).");
	relation = pnstrdup(text, paren - text);
	name = pnstrdup(paren + 1, strlen(paren) - 2);
	if (!SplitIdentifierString(name, ',', &names) || list_length(names) != 1)
		invalid_reference(table, column, text, "It does not name one column.");

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(relation);
	fcinfo->args[0].isnull = false;
	relid = to_regclass(fcinfo);
	parent = fcinfo->isnull ? NULL :
		cm_table_find(catalog, DatumGetObjectId(relid));
	if (parent == NULL || !parent->configured)
		invalid_reference(table, column, text, "The table is not among those that are migrated; a view is by a row of convex_tables.");
	*parent_column = cm_table_find_column(parent, linitial(names));
	if (*parent_column == NULL)
		invalid_reference(table, column, text, "The table has no such column.");
	return parent;
}

/* The operator "=" that compares the parent's type with the child's, or
 * InvalidOid. */
static Oid
equality(Oid parent, Oid child)
{
	Operator	operator;
	Oid			result;

	if (parent == child)
		return lookup_type_cache(parent, TYPECACHE_EQ_OPR)->eq_opr;
	operator = oper(NULL, list_make1(makeString("=")), parent, child, true, -1);
	if (operator == NULL)
		return InvalidOid;
	result = oprid(operator);
	ReleaseSysCache(operator);
	return result;
}

/* Drop the references that foreign keys of this column alone make. */
void
cm_reference_drop(CmTable *table, CmColumn *column)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->ncolumns == 1 &&
			&table->columns[reference->columns[0]] == column)
			table->references = foreach_delete_current(table->references, lc);
	}
}

/* Whether the type is one of those that hold any text. */
static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* Whether the parent has at most one row, of those that are sent, with any value
 * in the column. */
static bool
is_unique(CmTable *parent, CmColumn *to)
{
	AttrNumber	attnum = to->attnum;
	bool		without_nulls;

	return cm_tables_is_unique(parent, &attnum, 1, &without_nulls) ||
		(parent->key_declared && parent->nkeys == 1 &&
		 &parent->columns[parent->keys[0]] == to);
}

/*
 * Decide how the values of the reference's only column, or its elements, which
 * are of the type, are matched with those of the parent's column. Elements are
 * matched with the id map alone, so by the text of the parent's key; in a row of
 * the parent's own they would be looked for one by one.
 */
static void
decide_match(CmTable *table, CmColumn *column, const char *text,
			 CmReference *reference, CmColumn *to, Oid type)
{
	CmTable    *parent = reference->parent;
	bool		to_key = parent->nkeys == 1 &&
		&parent->columns[parent->keys[0]] == to;

	reference->operators[0] = equality(to->type, type);
	reference->by_text = !OidIsValid(reference->operators[0]);
	if (reference->by_text && !is_text(to->type) && !is_text(type))
		invalid_reference(table, column, text, "Their types cannot be compared.");
	if (reference->is_array && !to_key)
		invalid_reference(table, column, text, "The elements of an array can only be references to the key of a table.");
	if (reference->is_array || reference->by_text)
		reference->by_keytext = to_key;
	else
		reference->by_keytext = prints_parent_key(table, reference);
}

/*
 * Make the column, or each of its elements, a reference that the database does
 * not declare, to what the text 'schema.table(column)' names. In the current
 * memory context, inside SPI. It stands in the place of a foreign key of that
 * column. ERROR when it cannot be one: rows must match one parent at most.
 */
void
cm_reference_declare(CmCatalog *catalog, CmTable *table, CmColumn *column,
					 const char *text)
{
	CmReference *reference = palloc0(sizeof(CmReference));
	CmColumn   *to = NULL;
	Oid			element = get_element_type(column->type);

	cm_reference_drop(table, column);
	reference->parent = declared_parent(catalog, table, column, text, &to);
	reference->conname = psprintf("%s_reference", column->name);
	reference->is_array = OidIsValid(element) &&
		!OidIsValid(get_element_type(to->type));
	reference->ncolumns = 1;
	reference->columns = palloc(sizeof(int));
	reference->columns[0] = column - table->columns;
	reference->parent_attnums = palloc(sizeof(AttrNumber));
	reference->parent_attnums[0] = to->attnum;
	reference->operators = palloc(sizeof(Oid));
	decide_match(table, column, text, reference, to,
				 reference->is_array ? getBaseType(element) : column->type);
	if (!is_unique(reference->parent, to))
		invalid_reference(table, column, text, "No unique index is on that column alone.");
	reference->not_null = column->not_null;
	reference->declared = true;
	reference->validated = true;	/* there is nothing to validate */
	table->references = lappend(table->references, reference);
}
