/*-------------------------------------------------------------------------
 *
 * remedies.c
 *	  The statements that mend what stops rows, ready to be pasted: for
 *	  convex_check() and convex_rejects.
 *
 * A row of convex_tables or convex_columns may be there already, by an earlier
 * choice: then it is an UPDATE.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The extension's table, with its schema unless that is public. */
static const char *
choices_table(const CmServer *server, const char *name)
{
	const char *schema = get_namespace_name(server->extension_schema);

	return strcmp(schema, "public") == 0 ? name :
		quote_qualified_identifier(schema, name);
}

/* The table's name as a literal that regclass reads. */
static const char *
source_literal(const CmTable *table)
{
	return quote_literal_cstr(quote_qualified_identifier(table->schema, table->name));
}

/*
 * The statement that sets a column of convex_columns, "type" or another one, to a
 * value, an SQL expression. Palloc'd.
 */
char *
cm_remedies_column(const CmServer *server, const CmTable *table,
				   const CmColumn *column, const char *what, const char *value)
{
	const char *choices = choices_table(server, "convex_columns");
	const char *server_name = quote_literal_cstr(server->name);
	const char *column_name = quote_literal_cstr(column->name);

	if (column->has_choices)
		return psprintf("UPDATE %s SET %s = %s WHERE server = %s AND source = %s::regclass AND source_column = %s;",
						choices, what, value, server_name,
						source_literal(table), column_name);
	return psprintf("INSERT INTO %s (server, source, source_column, %s) VALUES (%s, %s, %s, %s);",
					choices, what, server_name, source_literal(table),
					column_name, value);
}

/* The kind that the values of a column, or the elements of an array, become. */
static CmKind
kind_of_values(const CmColumn *column)
{
	const CmMapping *mapping = column->mapping;

	while (mapping->kind == CM_KIND_ARRAY)
		mapping = mapping->element;
	return mapping->kind;
}

/* The convex_columns.type with which a number that is not exact can be sent. */
static const char *
choice_for_number(const CmColumn *column)
{
	bool		is_array = column->mapping->kind == CM_KIND_ARRAY;

	switch (kind_of_values(column))
	{
		case CM_KIND_INTEGER:
			return "int64";
		case CM_KIND_NUMERIC:
		case CM_KIND_NUMERIC_INT64:
		case CM_KIND_INT64:
			/* of an array it would be the text of the whole */
			return is_array ? "json" : "string";
		default:
			return "json";
	}
}

/* The convex_columns.type with which values are sent that are rejected for this
 * reason, or NULL. path: within the record. */
static const char *
choice_for(const CmColumn *column, const char *code, const char *path)
{
	static const struct
	{
		const char *code;
		const char *choice;
	}			choices[] = {
		{"timestamp_not_exact", "iso"},
		{"not_boolean", "string"},
		{"not_geojson", "string"},
		{"array_dimensions", "any"},
		{"array_too_long", "json"},
		{"illegal_key", "json"},
		{"illegal_json", "json"},
		{"nested_too_deeply", "json"},
		{"too_many_fields", "json"},
	};

	if (strcmp(code, "number_not_exact") == 0)
		return choice_for_number(column);
	if (strcmp(code, "null_element") == 0)
		return strchr(path, '.') == NULL && strchr(path, '[') == strrchr(path, '[') ?
			"array_nullable" : "any";
	for (int i = 0; i < (int) lengthof(choices); i++)
	{
		if (strcmp(choices[i].code, code) == 0)
			return choices[i].choice;
	}
	return NULL;
}

/* What lets rows go that point to others which do not, "code" being "orphan". */
static char *
remedy_of_orphans(const CmServer *server)
{
	return psprintf("It is not there, left out by a filter, or rejected itself: mend that row first; or to leave the field out: %s",
					cm_options_statement(server, "orphans", "null"));
}

/*
 * What lets rows of the table be sent that are rejected for a reason which was
 * found here, not by Convex. A sentence, palloc'd, or NULL where there is nothing
 * but to change the rows.
 */
char *
cm_remedies_of_reason(const CmServer *server, CmTable *table,
					  const CmReason *reason)
{
	const CmColumn *column = cm_table_column_of_path(table, reason->path);
	const char *choice = column != NULL && column->mapping != NULL ?
		choice_for(column, reason->code, reason->path) : NULL;

	if (strcmp(reason->code, "orphan") == 0)
		return remedy_of_orphans(server);
	if (choice != NULL)
		return psprintf("To send such rows: %s",
						cm_remedies_column(server, table, column, "type",
										   quote_literal_cstr(choice)));
	if (strcmp(reason->code, "null_key") == 0 ||
		strcmp(reason->code, "repeated_key") == 0)
		return pstrdup("Name columns in convex_tables.key that tell rows apart, or leave these rows out by convex_tables.filter.");
	if (column != NULL && column->reference != NULL &&
		strcmp(reason->code, "null_element") == 0)
		return psprintf("To send them without it: UPDATE %s SET %s = array_remove(%s, NULL);",
						quote_qualified_identifier(table->schema, table->name),
						quote_identifier(column->name), quote_identifier(column->name));
	if (strcmp(reason->code, "document_too_large") == 0 ||
		strcmp(reason->code, "record_too_large") == 0)
		return pstrdup("Leave a large column out by convex_columns.exclude, or split the table with a view.");
	if (strcmp(reason->code, "too_many_fields") == 0)
		return pstrdup("Leave columns out by convex_columns.exclude, or split the table with a view.");
	return NULL;
}
