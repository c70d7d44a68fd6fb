/*-------------------------------------------------------------------------
 *
 * names.c
 *	  From PostgreSQL's names to Convex's: tables, functions, fields.
 *
 * What is a legal name, and how one is made of another, is in
 * value/identifier.c; here names become unique among those of their kind. Those
 * that convex_tables and convex_columns give are there before all others. Of
 * the rest, names that need no change are assigned first and never altered; a
 * name that is taken by then gets its schema in front or a number behind.
 *
 * Everything depends on the names of the catalogs, the choices and the options
 * alone: two runs and two machines give the same.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

/* The legal name of a table. */
static char *
legal_target(const char *name, CmServer *server)
{
	return cm_identifier_make(name, server->table_case, "t", CM_MAX_TARGET);
}

/* The legal name of a field. */
static char *
legal_field(const char *name, const CmServer *server)
{
	return cm_identifier_make(name, server->types.field_case, "f_", CM_MAX_NAME);
}

/* Whether a name in Convex does not show what it was in PostgreSQL: it was made
 * legal, has a number or a schema, or was chosen. */
bool
cm_names_is_renamed(const char *name, const char *target, CmCase wanted)
{
	return strcmp(name, target) != 0 &&
		(cm_identifier_problem(name) != NULL ||
		 strcmp(target, cm_identifier_make(name, wanted, "", CM_MAX_NAME)) != 0);
}

/* Whether two targets are the same, or would need the same function. */
static bool
same_target(const char *a, const char *b)
{
	return pg_ascii_toupper((unsigned char) *a) ==
		pg_ascii_toupper((unsigned char) *b) && strcmp(a + 1, b + 1) == 0;
}

/* Whether a table has the target already. */
static bool
target_is_taken(CmCatalog *catalog, const char *target)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->target != NULL && same_target(table->target, target))
			return true;
	}
	return false;
}

/* The target, or the target with a number, that no table has yet. */
static char *
free_target(CmCatalog *catalog, char *wanted)
{
	char	   *target = wanted;

	for (int n = 2; target_is_taken(catalog, target); n++)
		target = cm_identifier_number(wanted, n, CM_MAX_TARGET);
	return target;
}

/* Let the tables of a schema have the targets that are their names. */
static void
keep_unchanged_names(CmCatalog *catalog, const char *schema)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->target == NULL && strcmp(table->schema, schema) == 0 &&
			strcmp(table->name, legal_target(table->name, catalog->server)) == 0 &&
			!target_is_taken(catalog, table->name))
			table->target = table->name;
	}
}

/* Give a table that has no target its own: after its name, or else its schema
 * and name, or else these with a number. */
static void
assign_name(CmCatalog *catalog, CmTable *table)
{
	char	   *target = legal_target(table->name, catalog->server);

	table->renamed = cm_identifier_problem(table->name) != NULL;
	if (target_is_taken(catalog, target))
	{
		table->renamed = true;
		target = legal_target(psprintf("%s_%s", table->schema, table->name),
							  catalog->server);
	}
	table->target = free_target(catalog, target);
}

/*
 * Give every table its target and functions. Tables of the first schema in
 * option "schemas" choose first, those outside all of them last; in one schema
 * those that need no change, then by name.
 */
void
cm_names_set_targets(CmCatalog *catalog)
{
	CmServer   *server = catalog->server;
	ListCell   *ls;
	ListCell   *lc;

	foreach(ls, server->schemas)
	{
		keep_unchanged_names(catalog, lfirst(ls));
		foreach(lc, catalog->tables)
		{
			CmTable    *table = lfirst(lc);

			if (table->target == NULL && strcmp(table->schema, lfirst(ls)) == 0)
				assign_name(catalog, table);
		}
	}
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->target == NULL)
			assign_name(catalog, table);
	}
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		table->function = psprintf("%s:migrate%c%s", server->functions,
								   pg_ascii_toupper((unsigned char) table->target[0]),
								   table->target + 1);
		table->link_function = psprintf("%s:complete", server->functions);
	}
}

/* Whether a field of the record has the name. */
static bool
field_is_taken(CmTable *table, CmServer *server, const char *name)
{
	ListCell   *lc;

	if (strcmp(name, server->key_field) == 0)
		return true;
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].field != NULL &&
			strcmp(table->columns[i].field, name) == 0)
			return true;
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->field != NULL && strcmp(reference->field, name) == 0)
			return true;
	}
	return false;
}

/* The name, or the name with a number, that no field has yet. */
static char *
free_field(CmTable *table, CmServer *server, const char *name)
{
	char	   *field = legal_field(name, server);
	char	   *wanted = field;

	for (int n = 2; field_is_taken(table, server, field); n++)
		field = cm_identifier_number(wanted, n, CM_MAX_NAME);
	return field;
}

/*
 * Whether the column has no field of its own, since all of it is the old key:
 * a key of this column alone, called "id".
 */
bool
cm_names_is_old_key(CmTable *table, CmColumn *column, const CmServer *server)
{
	return table->nkeys == 1 && column->in_key && column->field == NULL &&
		strcmp(legal_field(column->name, server), "id") == 0;
}

/* Let columns have the fields that are their names. */
static void
keep_unchanged_fields(CmTable *table, CmServer *server)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field == NULL && !column->excluded &&
			!cm_names_is_old_key(table, column, server) &&
			strcmp(column->name, legal_field(column->name, server)) == 0 &&
			!field_is_taken(table, server, column->name))
			column->field = column->name;
	}
}

/* Give the other columns that are sent their fields. */
static void
assign_fields(CmTable *table, CmServer *server)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field == NULL && !column->excluded &&
			!cm_names_is_old_key(table, column, server))
			column->field = free_field(table, server, column->name);
	}
}

/* How many references of the table the column is a part of. */
static int
uses_of_column(CmTable *table, int column)
{
	int			uses = 0;
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		for (int i = 0; i < reference->ncolumns; i++)
			uses += reference->columns[i] == column;
	}
	return uses;
}

/*
 * The column that is the reference's own: all others of it are part of other
 * references too, as a tenant's id is that stands in every key. NULL when there
 * is none, or several.
 */
static CmColumn *
own_column(CmTable *table, CmReference *reference)
{
	CmColumn   *own = NULL;

	for (int i = 0; i < reference->ncolumns; i++)
	{
		if (uses_of_column(table, reference->columns[i]) > 1)
			continue;
		if (own != NULL)
			return NULL;
		own = &table->columns[reference->columns[i]];
	}
	return own;
}

/*
 * The column in whose field the reference stands, in the place of its value: the
 * only one, the first reference of several; or that which is its own, if it
 * tells by itself whether the reference is set. NULL: there is none.
 */
static CmColumn *
column_of_reference(CmTable *table, CmReference *reference)
{
	CmColumn   *column = reference->ncolumns == 1 ?
		&table->columns[reference->columns[0]] : own_column(table, reference);

	if (column == NULL || column->field == NULL || column->reference != NULL)
		return NULL;
	for (int i = 0; i < reference->ncolumns; i++)
	{
		CmColumn   *other = &table->columns[reference->columns[i]];

		if (other != column && !other->not_null)
			return NULL;
	}
	return column;
}

/*
 * A field for a reference that stands in no column's: named after the column
 * that is its own, or else the table that it points to, or else its constraint.
 */
static char *
field_of_its_own(CmTable *table, CmServer *server, CmReference *reference)
{
	CmColumn   *own = reference->ncolumns > 1 ? own_column(table, reference) : NULL;
	char	   *field = legal_field(own != NULL ? psprintf("%s_ref", own->name) :
									psprintf("%s_id", reference->parent->name),
									server);

	return field_is_taken(table, server, field) ?
		free_field(table, server, reference->conname) : field;
}

/*
 * Give every column and reference of the table its field, unless it was chosen.
 * The references must be there, in a stable order.
 */
void
cm_names_set_fields(CmTable *table, CmServer *server)
{
	ListCell   *lc;

	keep_unchanged_fields(table, server);
	assign_fields(table, server);
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		CmColumn   *column;

		if (reference->field != NULL)
			continue;
		column = column_of_reference(table, reference);
		if (column != NULL)
		{
			column->reference = reference;
			reference->field = column->field;
		}
		else
			reference->field = field_of_its_own(table, server, reference);
	}
}

/*
 * A name for an index of these fields (char *), behind the prefix, that none of the indexes in taken
 * (CmIndex *) has, nor Convex itself
 * (crates/common/src/bootstrap_model/index/index_validation_error.rs).
 */
char *
cm_names_index(const char *prefix, List *fields, List *taken)
{
	char	   *whole = psprintf("%s%s", prefix, cm_text_join(fields, "_and_"));
	char	   *wanted = cm_identifier_shorten(whole, whole, CM_MAX_NAME);
	char	   *name = wanted;
	ListCell   *lc;

	for (int n = 2;; n++)
	{
		bool		is_free = strcmp(name, "by_id") != 0 &&
			strcmp(name, "by_creation_time") != 0;

		foreach(lc, taken)
			is_free = is_free && strcmp(((CmIndex *) lfirst(lc))->name, name) != 0;
		if (is_free)
			return name;
		name = cm_identifier_number(wanted, n, CM_MAX_NAME);
	}
}
