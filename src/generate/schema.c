/*-------------------------------------------------------------------------
 *
 * schema.c
 *	  convex_schema(): the tables as convex/schema.ts.
 *
 * The text depends on the catalogs, the choices and the options alone, and is
 * what prettier would make of it. It is for the user to edit and keep: a run
 * compares what is deployed with fields.c, not with this text.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* With more tables than these, each is behind a getter. */
#define CM_MANY_TABLES 100

/* $1: OIDs of the tables. */
static const char comments_query[] =
"SELECT d.objoid, d.objsubid, d.description"
"  FROM pg_catalog.pg_description d"
" WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"   AND d.objoid = ANY ($1) AND d.description <> ''";

/* Set the comments of the tables and columns. */
static void
read_comments(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->ordered)};

	cm_spi_execute(comments_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));
		int			attnum = DatumGetInt32(cm_spi_value(row, 2));
		char	   *comment = TextDatumGetCString(cm_spi_value(row, 3));
		CmColumn   *column = attnum != 0 ? cm_table_column(table, attnum) : NULL;

		if (attnum == 0)
			table->comment = comment;
		else if (column != NULL)
			column->comment = comment;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Set what PostgreSQL enforces for the tables and Convex does not: policies and
 * CHECK constraints that no validator expresses. */
static void
read_rules(CmCatalog *catalog)
{
	ListCell   *lc;

	foreach(lc, cm_left_behind_read(catalog))
	{
		CmLeftBehind *item = lfirst(lc);
		char	   *rule = NULL;

		if (strcmp(item->kind, "policy") == 0)
			rule = psprintf("Policy \"%s\" in Postgres: %s.", item->object, item->definition);
		else if (strcmp(item->kind, "row_security") == 0)
			rule = pstrdup("Row-level security in Postgres, without a policy: only the owner may read it.");
		else if (strcmp(item->kind, "check") == 0)
			rule = psprintf("Not enforced here: %s.", item->definition);
		if (rule != NULL)
			item->table->rules = lappend(item->table->rules, rule);
	}
}

/* Print the comments above a table. */
static void
print_table_comments(StringInfo out, CmTable *table, const CmServer *server)
{
	ListCell   *lc;

	if (cm_names_is_renamed(table->name, table->target, server->table_case))
		cm_typescript_comment(out, 2, psprintf("Table \"%s\".\"%s\".",
											   table->schema, table->name));
	if (table->comment != NULL)
		cm_typescript_comment(out, 2, table->comment);
	foreach(lc, table->unique)
		cm_typescript_comment(out, 2, psprintf("Unique in Postgres: %s.", cm_text_join(lfirst(lc), ", ")));
	foreach(lc, table->left_out)
		cm_typescript_comment(out, 2, psprintf("Left out: %s.", (char *) lfirst(lc)));
	foreach(lc, table->rules)
		cm_typescript_comment(out, 2, lfirst(lc));
}

/* What the validator of a field does not say of its values, or NULL. */
static const char *
note_on_values(const CmColumn *column)
{
	if (column->mapping == NULL)
		return NULL;
	switch (column->mapping->kind)
	{
		case CM_KIND_TIMESTAMP_MS:
		case CM_KIND_DATE_MS:
			return "milliseconds since 1970";
		case CM_KIND_OUTPUT:
			return column->type == NUMERICOID ? "decimal number" : NULL;
		default:
			return NULL;
	}
}

/* Give the field of a column its comment: that of the column, and the column's
 * name where the field's does not show it. */
static void
comment_field(CmField *field, const CmColumn *column, const CmServer *server)
{
	field->note = note_on_values(column);
	field->comment = column->comment;
	if (!cm_names_is_renamed(column->name, field->name, server->types.field_case))
		return;
	field->comment = psprintf("Column \"%s\"%s%s", column->name,
							  column->comment ? ": " : ".",
							  column->comment ? column->comment : "");
}

/* Give fields that are columns their comments. */
static void
comment_fields(CmTable *table, List *fields, const CmServer *server)
{
	ListCell   *lc;

	foreach(lc, fields)
	{
		CmField    *field = lfirst(lc);

		for (int i = 0; i < table->ncolumns; i++)
		{
			if (table->columns[i].field != NULL &&
				strcmp(table->columns[i].field, field->name) == 0)
				comment_field(field, &table->columns[i], server);
		}
	}
}

/* Print an index in the chain of calls after a table's definition: on one line
 * after the text before it, or on several at this indentation. */
static void
print_index(StringInfo out, CmIndex *index, const char *before, int indent,
			const char *tail)
{
	StringInfoData head;

	initStringInfo(&head);
	appendStringInfo(&head, "%s%s(", before,
					 index->dimensions > 0 ? ".vectorIndex" :
					 index->is_search ? ".searchIndex" : ".index");
	cm_typescript_string(&head, index->name);
	appendStringInfoString(&head, ", ");
	if (index->is_search)
	{
		appendStringInfo(out, "%*s%s{\n%*s  searchField: ", indent, "", head.data,
						 indent, "");
		cm_typescript_string(out, linitial(index->fields));
		appendStringInfo(out, ",\n%*s})%s\n", indent, "", tail);
		return;
	}
	if (index->dimensions == 0)
	{
		cm_typescript_list(out, indent, head.data, index->fields, psprintf(")%s", tail));
		return;
	}
	appendStringInfo(out, "%*s// Staged: fills in the background; take \"staged\" out to search by it.\n",
					 indent, "");
	appendStringInfo(out, "%*s%s{\n%*s  vectorField: ", indent, "", head.data,
					 indent, "");
	cm_typescript_string(out, linitial(index->fields));
	appendStringInfo(out, ",\n%*s  dimensions: %d,\n%*s  staged: true,\n%*s})%s\n",
					 indent, "", index->dimensions, indent, "", indent, "", tail);
}

/* How the definition of a table stands in an object. */
typedef struct CmForm
{
	bool		lazy;			/* behind a getter */
	int			indent;			/* of the definition */
	const char *tail;			/* after it */
} CmForm;

/*
 * With many tables each is behind a getter: Convex evaluates this module in every
 * call of a function that imports it, and a call touches one table. Otherwise
 * that would be a waste of a good look.
 */
static CmForm
form_of(CmCatalog *catalog)
{
	return list_length(catalog->ordered) > CM_MANY_TABLES ?
		(CmForm) {true, 4, ";"} : (CmForm) {false, 2, ","};
}

/* Begin the definition of a table; returns its first line, which begins with the
 * text. */
static char *
begin_table(StringInfo out, CmTable *table, const CmForm *form, const char *text)
{
	if (!form->lazy)
		return psprintf("%s: %s", table->target, text);
	appendStringInfo(out, "  get %s() {\n", table->target);
	return psprintf("return %s", text);
}

/* Print the indexes of a table after its definition, whose end is before, and
 * what stands after them. */
static void
end_table(StringInfo out, CmTable *table, const char *before, const CmForm *form)
{
	ListCell   *lc;

	if (list_length(table->indexes) == 1)
		print_index(out, linitial(table->indexes), before, form->indent,
					form->tail);
	else
	{
		appendStringInfo(out, "%*s%s\n", form->indent, "", before);
		foreach(lc, table->indexes)
			print_index(out, lfirst(lc), "", form->indent + 2,
						lc == list_tail(table->indexes) ? form->tail : "");
	}
	if (form->lazy)
		appendStringInfoString(out, "  },\n");
}

/* Print the definition of a table with these fields. */
static void
print_table(StringInfo out, const CmServer *server, CmTable *table, List *fields,
			const CmForm *form)
{
	CmField		key = {.name = server->key_field};
	char	   *first;
	ListCell   *lc;

	key.validator = cm_validator_create(CM_VALIDATOR_STRING);
	comment_fields(table, fields, server);
	print_table_comments(out, table, server);
	first = begin_table(out, table, form, "defineTable({");
	appendStringInfo(out, "%*s%s\n", form->indent, "", first);
	cm_validators_print_field(out, &key, form->indent + 2);
	foreach(lc, fields)
		cm_validators_print_field(out, lfirst(lc), form->indent + 2);
	end_table(out, table, "})", form);
}

/* Print what is above the tables, but for constants. */
static void
print_head(StringInfo out, const CmServer *server)
{
	appendStringInfoString(out,
						   "// The tables of a Postgres database as tables of Convex. Written by\n"
						   "// convex_schema() of convex_migrate; yours to edit from here on. What you add\n"
						   "// to a table, fields and indexes, is left alone when its rows are moved again.\n"
						   "//\n");
	cm_typescript_comment(out, 0, psprintf("Database: %s", get_database_name(MyDatabaseId)));
	appendStringInfo(out,
					 "//\n"
					 "// \"%s\" is a row's key in Postgres, as text. Convex does not enforce\n"
					 "// what is called unique here: the functions that write have to see to it.\n"
					 "import { defineSchema, defineTable } from \"convex/server\";\n"
					 "import { v } from \"convex/values\";\n"
					 "\n", server->key_field);
}

/* Print all but the default export of convex/schema.ts. */
static void
print_tables(StringInfo out, CmCatalog *catalog)
{
	CmForm		form = form_of(catalog);
	List	   *fields = NIL;
	ListCell   *lc;
	ListCell   *lf;

	cm_indexes_read(catalog);
	read_comments(catalog);
	if (catalog->server->rule_comments)
		read_rules(catalog);
	foreach(lc, catalog->ordered)
		fields = lappend(fields, cm_fields_of_table(catalog, lfirst(lc)));
	print_head(out, catalog->server);
	cm_constants_print(out, fields);
	if (form.lazy)
		appendStringInfoString(out,
							   "// Each table is made when it is asked for, so that a call does not pay for all.\n");
	appendStringInfoString(out,
						   "// To have other tables besides: defineSchema({ ...tables, ...authTables }).\n"
						   "export const tables = {\n");
	forboth(lc, catalog->ordered, lf, fields)
	{
		if (lc != list_head(catalog->ordered))
			appendStringInfoChar(out, '\n');
		print_table(out, catalog->server, lfirst(lc), lfirst(lf), &form);
	}
	appendStringInfoString(out, "};\n\n");
}

/*
 * The text of convex/schema.ts, in the current memory context. The catalog must
 * be described; its tables get their indexes and comments here. Inside SPI.
 */
char *
cm_schema_print(CmCatalog *catalog)
{
	StringInfoData out;

	initStringInfo(&out);
	print_tables(&out, catalog);
	appendStringInfoString(&out, "export default defineSchema(tables);\n");
	return out.data;
}

/*
 * The same for the time of a change: records have to be what the tables say, but
 * documents may be anything, as those that are stored are.
 */
char *
cm_schema_print_wide(CmCatalog *catalog)
{
	CmForm		form = form_of(catalog);
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	print_tables(&out, catalog);
	appendStringInfoString(&out,
						   "// For the time of a change: documents that are stored may have any fields.\n"
						   "// Rows have to be what the tables above say. When they are moved, write this\n"
						   "// file again by convex_schema() without \"wide\".\n"
						   "export default defineSchema({\n");
	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		end_table(&out, table, begin_table(&out, table, &form, "defineTable(v.any())"),
				  &form);
	}
	appendStringInfoString(&out, "});\n");
	return out.data;
}
