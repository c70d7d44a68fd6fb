/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  Choices per table and per column, checked and put into effect.
 *
 * read.c calls in at the points where a choice takes effect. Each row is
 * checked as a whole before anything of it is applied; one that cannot be
 * applied is an ERROR that names the table and the column of the choice.
 *
 * Inside SPI, with search_path pinned; everything is allocated in the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "base/compat.h"

/* ERROR unless the table can have the target: it is legal, and no other
 * table's choice. */
static void
check_table_target(CmCatalog *catalog, CmTable *table, const char *target)
{
	const char *problem = cm_identifier_target_problem(target);
	ListCell   *lc;

	if (problem != NULL)
		cm_choices_invalid(table, "convex_tables.target",
						   psprintf("\"%s\": %s", target, problem));
	foreach(lc, catalog->tables)
	{
		CmTable    *other = lfirst(lc);

		if (other->target != NULL && pg_strcasecmp(other->target, target) == 0)
			cm_choices_invalid(table, "convex_tables.target",
							   psprintf("\"%s\" is the target of table \"%s\".",
										target, other->name));
	}
}

/* Whether a row of choices is for the table. */
static bool
is_chosen(List *choices, CmTable *table)
{
	ListCell   *lc;

	foreach(lc, choices)
	{
		if (((CmTableChoices *) lfirst(lc))->table == table)
			return true;
	}
	return false;
}

/* Leave out the tables in which migration tools keep their books, but those
 * that the caller or a choice names. */
static void
leave_out_bookkeeping(CmCatalog *catalog, List *choices)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (!table->configured || !cm_outside_is_bookkeeping(table->name) ||
			is_chosen(choices, table))
			continue;
		table->configured = false;
		if (catalog->named)
			continue;
		table->selected = false;
		catalog->bookkeeping = lappend(catalog->bookkeeping, table);
	}
}

/*
 * Apply what does not need columns: exclude, target, filter. choices: from
 * cm_choices_read_tables(); no table has a target yet.
 */
void
cm_apply_tables(CmCatalog *catalog, List *choices)
{
	ListCell   *lc;

	foreach(lc, choices)
	{
		CmTableChoices *row = lfirst(lc);
		CmTable    *table = row->table;

		if (row->exclude && catalog->named && table->selected)
			cm_choices_invalid(table, "convex_tables.exclude",
							   "The table is left out, but the call names it or a row of it.");
		if (row->target != NULL)
			check_table_target(catalog, table, row->target);
		if (row->filter != NULL)
			cm_filter_check(table, row->filter);

		table->configured = table->configured && !row->exclude;
		table->selected = table->selected && !row->exclude;
		table->target = row->target;
		table->filter = row->filter;
		table->formerly = row->formerly;
	}
	leave_out_bookkeeping(catalog, choices);
}

/* The column of the table that a choice names; ERROR when there is none. */
static CmColumn *
chosen_column(CmTable *table, const char *choice, const char *name)
{
	CmColumn   *column = cm_table_find_column(table, name);

	if (column == NULL)
		cm_choices_invalid(table, choice,
						   psprintf("The table has no column \"%s\".", name));
	return column;
}

/* Whether the table can have no unique index over all of its rows. */
static bool
is_without_indexes(const CmTable *table)
{
	return table->is_foreign || table->relkind == RELKIND_VIEW ||
		table->relkind == RELKIND_MATVIEW;
}

/*
 * ERROR unless the columns can be a key that nobody enforces: rows are compared
 * by them, and those that have the same, or a NULL, become rejects.
 */
static void
check_declared_key(CmTable *table, List *columns)
{
	List	   *seen = NIL;
	ListCell   *lc;

	if (columns == NIL)
		cm_choices_invalid(table, "convex_tables.key", "It names no column.");
	foreach(lc, columns)
	{
		CmColumn   *column = lfirst(lc);
		TypeCacheEntry *type = lookup_type_cache(column->type, TYPECACHE_LT_OPR);

		if (list_member_ptr(seen, column))
			cm_choices_invalid(table, "convex_tables.key",
							   psprintf("It names column \"%s\" twice.", column->name));
		seen = lappend(seen, column);
		if (!OidIsValid(type->lt_opr))
			cm_choices_invalid(table, "convex_tables.key",
							   psprintf("Column \"%s\" is of type %s, whose values cannot be compared.",
										column->name, format_type_be(column->type)));
	}
}

/* The columns of the array, in its order, as CmColumn *; ERROR unless they can
 * be the table's key. *declared: no index makes them one. */
static List *
check_key(CmTable *table, ArrayType *names, bool *declared)
{
	List	   *columns = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	AttrNumber *attnums;
	bool		without_nulls;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	attnums = palloc((count + 1) * sizeof(AttrNumber));
	for (int i = 0; i < count; i++)
	{
		CmColumn   *column = chosen_column(table, "convex_tables.key",
										   nulls[i] ? "" : TextDatumGetCString(elements[i]));

		columns = lappend(columns, column);
		attnums[i] = column->attnum;
	}
	*declared = is_without_indexes(table);
	if (*declared)
		check_declared_key(table, columns);
	else if (!cm_tables_is_unique(table, attnums, count, &without_nulls) ||
			 !without_nulls)
		cm_choices_invalid(table, "convex_tables.key",
						   "No unique index is on these columns alone, whole and without nulls.");
	return columns;
}

/* Make the columns the table's key, in the place of what the database has. A row
 * that has a NULL in a declared one is rejected, so it is not null. */
static void
set_key(CmTable *table, List *columns, bool declared)
{
	ListCell   *lc;

	for (int i = 0; i < table->nkeys; i++)
		table->columns[table->keys[i]].in_key = false;
	table->keys = palloc(list_length(columns) * sizeof(int));
	table->nkeys = 0;
	table->key_declared = declared;
	foreach(lc, columns)
	{
		CmColumn   *column = lfirst(lc);

		column->in_key = true;
		column->not_null = column->not_null || declared;
		table->keys[table->nkeys++] = column - table->columns;
	}
}

/*
 * Apply what needs the columns and keys of the tables: key and creation_time.
 * choices: as of cm_apply_tables().
 */
void
cm_apply_keys(List *choices)
{
	ListCell   *lc;

	foreach(lc, choices)
	{
		CmTableChoices *row = lfirst(lc);
		CmTable    *table = row->table;

		if (row->key != NULL)
		{
			bool		declared;
			List	   *columns = check_key(table, row->key, &declared);

			set_key(table, columns, declared);
		}
		if (row->creation_time != NULL)
			table->creation_time = chosen_column(table,
												 "convex_tables.creation_time",
												 row->creation_time);
	}
}

/* The choice of this name, or none for NULL; ERROR for a name that the CHECK of
 * convex_columns does not let in. */
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

	if (name == NULL)
		return CM_CHOICE_NONE;
	for (int i = CM_CHOICE_NONE + 1; i < (int) lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	elog(ERROR, "unknown convex_columns.type \"%s\"", name);
}

/* ERROR unless a field of the table can have the name: it is legal, neither the
 * old key's nor that of another choice. */
static void
check_field(CmTable *table, const char *field, const char *key_field)
{
	const char *problem = cm_identifier_problem(field);
	ListCell   *lc;

	if (problem != NULL)
		cm_choices_invalid(table, "convex_columns.target",
						   psprintf("\"%s\": %s", field, problem));
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->field != NULL && strcmp(reference->field, field) == 0)
			cm_choices_invalid(table, "convex_columns.target",
							   psprintf("\"%s\" is the target of constraint \"%s\".",
										field, reference->conname));
	}
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].field != NULL &&
			strcmp(table->columns[i].field, field) == 0)
			cm_choices_invalid(table, "convex_columns.target",
							   psprintf("\"%s\" is the target of column \"%s\".",
										field, table->columns[i].name));
	}
	if (strcmp(field, key_field) == 0)
		cm_choices_invalid(table, "convex_columns.target",
						   psprintf("\"%s\" is the option \"key_field\", which carries the old key.",
									field));
}

/*
 * Apply a row of convex_columns that names a foreign key: it chooses the field
 * of that reference, whose columns then are values of their own.
 */
static void
apply_reference(CmCatalog *catalog, CmColumnChoices *row, CmReference *reference)
{
	if (row->exclude || row->type != NULL || row->reference != NULL)
		cm_choices_invalid(row->table, "convex_columns.source_column",
						   psprintf("\"%s\" is a constraint, which only \"target\" is for.",
									row->column));
	if (row->target != NULL)
		check_field(row->table, row->target, catalog->server->key_field);
	reference->field = row->target;
}

/* ERROR for a row of convex_columns of which one part contradicts another. */
static void
check_consistent(const CmColumnChoices *row)
{
	if (row->exclude && (row->target != NULL || row->type != NULL ||
						 row->reference != NULL))
		cm_choices_invalid(row->table, "convex_columns.exclude",
						   psprintf("Column \"%s\" is left out, and has another choice: %s.",
									row->column, row->target ? "target" :
									row->type ? "type" : "target_reference"));
	if (row->type != NULL && row->reference != NULL)
		cm_choices_invalid(row->table, "convex_columns.type",
						   psprintf("Column \"%s\" is to be a value of type \"%s\" and a reference to %s.",
									row->column, row->type, row->reference));
}

/* Apply a row of convex_columns. A type is that of the column's own value: a
 * foreign key of the column alone is none then. */
static void
apply_column(CmCatalog *catalog, CmColumnChoices *row)
{
	CmTable    *table = row->table;
	CmReference *reference = cm_reference_find(table, row->column);
	CmColumn   *column;
	CmChoice	choice = find_choice(row->type);

	check_consistent(row);
	if (reference != NULL &&
		cm_table_find_column(table, row->column) == NULL)
	{
		apply_reference(catalog, row, reference);
		return;
	}
	column = chosen_column(table, "convex_columns.source_column", row->column);
	if (!cm_kind_is_possible(column->type, choice))
		cm_choices_invalid(table, "convex_columns.type",
						   psprintf("Column \"%s\" is of type %s, which cannot be sent as \"%s\".",
									column->name, format_type_be(column->type),
									row->type));
	if (row->target != NULL && !row->exclude)
		check_field(table, row->target, catalog->server->key_field);

	column->has_choices = true;
	column->excluded = row->exclude;
	column->choice = choice;
	if (!row->exclude)
		column->field = row->target;
	if (choice != CM_CHOICE_NONE)
		cm_reference_drop(table, column);
	if (row->reference != NULL)
		cm_reference_declare(catalog, table, column, row->reference);
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
 * Apply the choices for columns, which need keys and references, from
 * cm_choices_read_columns(); no column has a field yet.
 */
void
cm_apply_columns(CmCatalog *catalog, List *choices)
{
	ListCell   *lc;

	foreach(lc, choices)
		apply_column(catalog, lfirst(lc));
	foreach(lc, catalog->tables)
		drop_excluded_references(lfirst(lc));
}
