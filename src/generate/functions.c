/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  convex_functions(): the functions that a run calls, as convex/migrate.ts.
 *
 * The text is a template, migrate.ts.in, which the Makefile makes into
 * migrate_template.h; lines of it that name something between at signs are
 * filled in here. What depends on the tables is their names and fields alone:
 * validators come from schema.ts when it is deployed.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static const char migrate_template[] =
#include "generate/migrate_template.h"
;

/* "contacts: [names of its fields]," for every table. */
static void
print_source_fields(StringInfo out, CmCatalog *catalog)
{
	ListCell   *lc;
	ListCell   *lf;

	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		List	   *names = NIL;

		foreach(lf, cm_fields_of_table(catalog, table))
			names = lappend(names, ((CmField *) lfirst(lf))->name);
		cm_typescript_list(out, 2, psprintf("%s: ", table->target), names, ",");
	}
}

/* "contacts: [table of PostgreSQL, columns of its key]," for every table. */
static void
print_sources(StringInfo out, CmCatalog *catalog)
{
	ListCell   *lc;

	foreach(lc, catalog->ordered)
	{
		CmSource   *source = cm_source_of_table(lfirst(lc));

		cm_typescript_list(out, 6, psprintf("%s: ", source->target),
						   lcons(source->name, source->key), ",");
	}
}

/* The function that accepts the rows of a table. */
static void
print_function(StringInfo out, CmTable *table)
{
	char	   *head = psprintf("export const %s =", strchr(table->function, ':') + 1);
	char	   *call = psprintf("upserts(\"%s\");", table->target);

	if (strlen(head) + 1 + strlen(call) <= CM_LINE_WIDTH)
		appendStringInfo(out, "%s %s\n", head, call);
	else if (strlen(head) + strlen(" upserts(") <= CM_LINE_WIDTH)
		appendStringInfo(out, "%s upserts(\n  \"%s\",\n);\n", head, table->target);
	else
		appendStringInfo(out, "%s\n  %s\n", head, call);
}

/* const KEY_FIELD = "supabaseId"; */
static void
print_key_field(StringInfo out, const char *key_field)
{
	char	   *line = psprintf("const KEY_FIELD = \"%s\";", key_field);

	if (strlen(line) <= CM_LINE_WIDTH)
		appendStringInfo(out, "%s\n", line);
	else
		appendStringInfo(out, "const KEY_FIELD =\n  \"%s\";\n", key_field);
}

/* import { tables } from "./schema"; for a module in a folder, from above it */
static void
print_import(StringInfo out, const char *module)
{
	appendStringInfoString(out, "import { tables } from \"");
	if (strchr(module, '/') == NULL)
		appendStringInfoString(out, "./");
	for (const char *p = module; *p; p++)
	{
		if (*p == '/')
			appendStringInfoString(out, "../");
	}
	appendStringInfoString(out, "schema\";\n");
}

/* Print what the named line of the template stands for. */
static void
print_line(StringInfo out, const char *name, CmCatalog *catalog)
{
	ListCell   *lc;

	if (strcmp(name, "DATABASE") == 0)
		cm_typescript_comment(out, 0, psprintf("Database: %s",
											   get_database_name(MyDatabaseId)));
	else if (strcmp(name, "IMPORT") == 0)
		print_import(out, catalog->server->functions);
	else if (strcmp(name, "KEY_FIELD") == 0)
		print_key_field(out, catalog->server->key_field);
	else if (strcmp(name, "SOURCE_FIELDS") == 0)
		print_source_fields(out, catalog);
	else if (strcmp(name, "CONTRACT") == 0)
		appendStringInfo(out, "    contract: %d,\n", CM_CONTRACT);
	else if (strcmp(name, "VERSION") == 0)
		appendStringInfo(out, "    version: \"%s\",\n", CM_VERSION);
	else if (strcmp(name, "FINGERPRINT") == 0)
		appendStringInfo(out, "    fingerprint: \"%s\",\n", cm_fingerprint_make(catalog));
	else if (strcmp(name, "SOURCES") == 0)
		print_sources(out, catalog);
	else if (strcmp(name, "FUNCTIONS") == 0)
	{
		foreach(lc, catalog->ordered)
			print_function(out, lfirst(lc));
	}
	else
		elog(ERROR, "template names \"%s\"", name);
}

/*
 * The text of convex/migrate.ts, in the current memory context. The catalog
 * must be described.
 */
char *
cm_functions_print(CmCatalog *catalog)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *line = migrate_template; *line;)
	{
		int			length = strcspn(line, "\n");

		if (line[0] == '@')
			print_line(&out, pnstrdup(line + 1, length - 2), catalog);
		else
			appendBinaryStringInfo(&out, line, length + 1);
		line += length + 1;
	}
	return out.data;
}
