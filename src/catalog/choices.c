/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  Choices per table and per column: convex_tables and convex_columns.
 *
 * catalog.c calls in at the points where a choice takes effect. A row counts
 * only if a superuser, the server's owner or the caller wrote it: a filter
 * runs with the caller's rights. A row that cannot be applied is an ERROR that
 * names it; one whose table is gone is a NOTICE. Everything runs inside SPI,
 * with search_path pinned.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"

/* Whether the row counts: the last column of both queries. */
#define TRUSTED \
"s.owner::pg_catalog.oid IN ($2, $3) OR EXISTS (" \
"  SELECT FROM pg_catalog.pg_roles r" \
"   WHERE r.oid = s.owner::pg_catalog.oid AND r.rolsuper)"
#define TRUSTED_COLUMN 7

/* %s: the schema; $1: the server's name, $2: its owner, $3: the caller. */
static const char tables_query[] =
"SELECT s.source::pg_catalog.oid, s.target, s.exclude, s.filter, s.key,"
"       s.creation_time, " TRUSTED
"  FROM %s.convex_tables s"
" WHERE s.server = $1"
" ORDER BY s.source::pg_catalog.oid";

static const char columns_query[] =
"SELECT s.source::pg_catalog.oid, s.source_column, s.target, s.exclude,"
"       s.type, s.target_reference, " TRUSTED
"  FROM %s.convex_columns s"
" WHERE s.server = $1"
" ORDER BY s.source::pg_catalog.oid, s.source_column";

/* Run one of the queries. */
static void
read_settings(const char *query, CmServer *server)
{
	Oid			types[] = {NAMEOID, OIDOID, OIDOID};
	Datum		values[3];
	NameData	name;
	const char *schema = quote_identifier(get_namespace_name(server->extension_schema));

	namestrcpy(&name, server->name);
	values[0] = NameGetDatum(&name);
	values[1] = ObjectIdGetDatum(server->owner);
	values[2] = ObjectIdGetDatum(GetUserId());
	cm_spi_execute(psprintf(query, schema), SPI_OK_SELECT, true, 3, types,
				   values);
}

/* A text of a row of SPI_tuptable as a C string, or NULL. */
static char *
text_value(SPITupleTable *rows, uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(rows->vals[row], rows->tupdesc, column,
									  &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/*
 * The table that a row of settings applies to, or NULL: it is of no concern
 * now, or gone, or the row was written by somebody who does not count. The
 * latter two are said, unless settings is NULL: they were said before.
 */
static CmTable *
find_table(CmCatalog *catalog, SPITupleTable *rows, uint64 row,
		   const char *settings)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(SPI_getbinval(rows->vals[row],
													   rows->tupdesc, 1, &isnull));
	bool		trusted = DatumGetBool(SPI_getbinval(rows->vals[row],
													 rows->tupdesc,
													 TRUSTED_COLUMN, &isnull));
	CmTable    *table = cm_table_find(catalog, relid);

	if (settings != NULL && get_rel_name(relid) == NULL)
		ereport(NOTICE,
				(errmsg("a row of %s is ignored: its table, once OID %u, does not exist",
						settings, relid)));
	if (trusted || table == NULL)
		return table;
	if (settings != NULL)
		ereport(NOTICE,
				(errmsg("a row of %s for table \"%s\" is ignored: it was written by another role",
						settings, table->name),
				 errdetail("Rows count that a superuser, the owner of the server or the current user wrote.")));
	return NULL;
}

/* ERROR for a setting that cannot be applied. */
static void
refuse(const char *settings, const char *column, CmTable *table,
	   const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s.%s of table \"%s\" cannot be applied", settings,
					column, table->name),
			 errdetail("%s", detail),
			 errhint("Change the row of %s, or delete it.", settings)));
}

/* ERROR unless the text can be a name in Convex. */
static void
check_target(const char *settings, CmTable *table, const char *target,
			 const char *problem)
{
	if (problem != NULL)
		refuse(settings, "target", table,
			   psprintf("\"%s\": %s", target, problem));
}

/* Error context: a position in the filter is not one in the caller's query. */
static void
filter_context(void *arg)
{
	CmTable    *table = arg;
	int			position = geterrposition();

	if (position > 0 && table->filter != NULL)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(table->filter);
	}
	if (table->filter != NULL)
		errcontext("filter of table \"%s\" in convex_tables", table->name);
}

/*
 * ERROR unless the table's filter is one SQL expression: it is put between
 * parentheses into a query.
 */
static void
check_filter(CmTable *table)
{
	ErrorContextCallback context = {error_context_stack, filter_context, table};
	List	   *trees;
	SelectStmt *select;

	error_context_stack = &context;
	trees = raw_parser(table->filter, RAW_PARSE_PLPGSQL_EXPR);
	select = (SelectStmt *) linitial_node(RawStmt, trees)->stmt;

	/* that grammar takes what may follow SELECT: only the list is wanted */
	if (list_length(trees) != 1 || !IsA(select, SelectStmt) ||
		list_length(select->targetList) != 1 ||
		linitial_node(ResTarget, select->targetList)->name != NULL ||
		select->distinctClause != NIL || select->fromClause != NIL ||
		select->whereClause != NULL || select->groupClause != NIL ||
		select->havingClause != NULL || select->windowClause != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL ||
		select->limitCount != NULL || select->lockingClause != NIL ||
		select->op != SETOP_NONE)
		refuse("convex_tables", "filter", table,
			   "A filter is one SQL expression.");
	error_context_stack = context.previous;
}

/* Two tables must not be given one name. */
static void
check_clash(CmCatalog *catalog, CmTable *table)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *other = lfirst(lc);

		if (other != table && other->target != NULL &&
			pg_strcasecmp(other->target, table->target) == 0)
			refuse("convex_tables", "target", table,
				   psprintf("\"%s\" is the target of table \"%s\".",
							table->target, other->name));
	}
}

/* Applies a row of settings to its table. */
typedef void (*CmApply) (CmCatalog *catalog, CmTable *table,
						 SPITupleTable *rows, uint64 row);

/* Run a query for settings and apply each of its rows, in the context.
 * settings: name of their table, see find_table(). */
static void
apply_settings(CmCatalog *catalog, CmServer *server, MemoryContext context,
			   const char *query, const char *settings, CmApply apply)
{
	SPITupleTable *rows;
	uint64		count;

	read_settings(query, server);
	rows = SPI_tuptable;
	count = SPI_processed;
	for (uint64 row = 0; row < count; row++)
	{
		CmTable    *table = find_table(catalog, rows, row, settings);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (table != NULL)
			apply(catalog, table, rows, row);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(rows);
}

/* Apply what does not need columns. */
static void
apply_table(CmCatalog *catalog, CmTable *table, SPITupleTable *rows, uint64 row)
{
	bool		isnull;

	table->target = text_value(rows, row, 2);
	table->filter = text_value(rows, row, 4);
	if (DatumGetBool(SPI_getbinval(rows->vals[row], rows->tupdesc, 3, &isnull)))
	{
		if (catalog->named && table->selected)
			refuse("convex_tables", "exclude", table,
				   "The table is left out, but the call names it or a row of it.");
		table->configured = false;
		table->selected = false;
	}
	if (table->target != NULL)
	{
		check_target("convex_tables", table, table->target,
					 cm_identifier_target_problem(table->target));
		check_clash(catalog, table);
	}
	if (table->filter != NULL)
		check_filter(table);
}

/*
 * Apply what does not need columns: exclude, target, filter. Tables must be
 * there; memory as cm_read_catalog().
 */
void
cm_choices_apply_tables(CmCatalog *catalog, CmServer *server, MemoryContext context)
{
	apply_settings(catalog, server, context, tables_query, "convex_tables",
				   apply_table);
}

/* The column with this name; ERROR when there is none. */
static CmColumn *
require_column(CmTable *table, const char *settings, const char *setting,
			   const char *name)
{
	CmColumn   *column = cm_table_find_column(table, name);

	if (column == NULL)
		refuse(settings, setting, table,
			   psprintf("The table has no column \"%s\".", name));
	return column;
}

/* Make the columns of the array the table's key. */
static void
choose_key(CmTable *table, ArrayType *names)
{
	Datum	   *elements;
	bool	   *nulls;
	AttrNumber *attnums;
	bool		without_nulls;
	int			count;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	for (int i = 0; i < table->nkeys; i++)
		table->columns[table->keys[i]].in_key = false;
	table->keys = palloc((count + 1) * sizeof(int));
	table->nkeys = 0;
	attnums = palloc((count + 1) * sizeof(AttrNumber));
	for (int i = 0; i < count; i++)
	{
		CmColumn   *column = require_column(table, "convex_tables", "key",
											nulls[i] ? "" : TextDatumGetCString(elements[i]));

		column->in_key = true;
		attnums[table->nkeys] = column->attnum;
		table->keys[table->nkeys++] = column - table->columns;
	}
	if (!cm_tables_is_unique(table, attnums, table->nkeys, &without_nulls) ||
		!without_nulls)
		refuse("convex_tables", "key", table,
			   "No unique index is on these columns alone, whole and without nulls.");
}

/* Apply what needs the columns and keys of a table. */
static void
apply_key(CmCatalog *catalog pg_attribute_unused(), CmTable *table,
		  SPITupleTable *rows, uint64 row)
{
	bool		isnull;
	Datum		key = SPI_getbinval(rows->vals[row], rows->tupdesc, 5, &isnull);
	char	   *creation_time = text_value(rows, row, 6);

	if (!isnull)
		choose_key(table, DatumGetArrayTypeP(key));
	if (creation_time != NULL)
		table->creation_time = require_column(table, "convex_tables",
											  "creation_time", creation_time);
}

/*
 * Apply what needs the columns and keys of a table: key and creation_time.
 * Memory as cm_read_catalog().
 */
void
cm_choices_apply_keys(CmCatalog *catalog, CmServer *server, MemoryContext context)
{
	apply_settings(catalog, server, context, tables_query, NULL, apply_key);
}

/* The choice of this name; ERROR for one that the table's CHECK does not know. */
static CmChoice
find_choice(const char *name)
{
	static const char *const names[] = {
		[CM_CHOICE_STRING] = "string",
		[CM_CHOICE_NUMBER] = "number",
		[CM_CHOICE_INT64] = "int64",
		[CM_CHOICE_BOOLEAN] = "boolean",
		[CM_CHOICE_BYTES] = "bytes",
		[CM_CHOICE_ISO] = "iso",
		[CM_CHOICE_MS] = "ms",
		[CM_CHOICE_ANY] = "any",
		[CM_CHOICE_JSON] = "json",
		[CM_CHOICE_ARRAY_NULLABLE] = "array_nullable",
	};

	for (int i = CM_CHOICE_NONE + 1; i < (int) lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	elog(ERROR, "unknown convex_columns.type \"%s\"", name);
}

/* Apply a row of convex_columns. */
static void
apply_column(CmCatalog *catalog, CmTable *table, SPITupleTable *rows,
			 uint64 row)
{
	bool		isnull;
	Name		name = DatumGetName(SPI_getbinval(rows->vals[row],
												  rows->tupdesc, 2, &isnull));
	CmColumn   *column = require_column(table, "convex_columns",
										"source_column", NameStr(*name));
	char	   *target = text_value(rows, row, 3);
	char	   *type = text_value(rows, row, 5);
	char	   *reference = text_value(rows, row, 6);

	column->excluded = DatumGetBool(SPI_getbinval(rows->vals[row],
												  rows->tupdesc, 4, &isnull));
	if (type != NULL)
		column->choice = find_choice(type);
	if (!cm_mapping_is_possible(column->type, column->choice))
		refuse("convex_columns", "type", table,
			   psprintf("Column \"%s\" is of type %s, which does not go as \"%s\".",
						column->name, format_type_be(column->type),
						type));
	if (target != NULL && !column->excluded)
	{
		check_target("convex_columns", table, target,
					 cm_identifier_field_problem(target));
		for (int i = 0; i < table->ncolumns; i++)
		{
			if (table->columns[i].field != NULL &&
				strcmp(table->columns[i].field, target) == 0)
				refuse("convex_columns", "target", table,
					   psprintf("\"%s\" is the target of column \"%s\".",
								target, table->columns[i].name));
		}
		if (strcmp(target, catalog->server->key_field) == 0)
			refuse("convex_columns", "target", table,
				   psprintf("\"%s\" is the option \"key_field\", which carries the old key.",
							target));
		column->field = target;
	}
	if (reference != NULL)
		cm_reference_declare(catalog, table, column, reference);
}

/* Take out the references of the table that only excluded columns make. */
static void
drop_excluded_references(CmTable *table)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		bool		excluded = true;

		for (int i = 0; i < reference->ncolumns; i++)
			excluded = excluded && table->columns[reference->columns[i]].excluded;
		if (excluded)
			table->references = foreach_delete_current(table->references, lc);
	}
}

/*
 * ERROR when a filter is not a condition over its table, before rows are sent.
 * Looking at it, and at a view, also locks the tables that they read, which a
 * run needs before it takes its snapshot.
 */
static void
try_queries(CmCatalog *catalog)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);
		ErrorContextCallback callback = {error_context_stack, filter_context, table};

		if (!table->selected ||
			(table->filter == NULL && table->relkind != RELKIND_VIEW))
			continue;
		error_context_stack = &callback;
		SPI_freeplan(SPI_prepare(psprintf("SELECT FROM %s AS t",
										  cm_table_from(table)),
								 0, NULL));
		error_context_stack = callback.previous;
	}
	MemoryContextSwitchTo(context); /* SPI leaves its own */
}

/*
 * Apply what needs columns, keys and references. Memory as cm_read_catalog().
 */
void
cm_choices_apply_columns(CmCatalog *catalog, CmServer *server,
						 MemoryContext context)
{
	ListCell   *lc;

	apply_settings(catalog, server, context, columns_query, "convex_columns",
				   apply_column);
	foreach(lc, catalog->tables)
		drop_excluded_references(lfirst(lc));
	try_queries(catalog);
}
