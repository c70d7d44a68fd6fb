/*-------------------------------------------------------------------------
 *
 * names.c
 *	  From PostgreSQL's names to Convex's: tables, functions, fields.
 *
 * Rules: crates/convex/sync_types/src/identifier.rs and the limits page of
 * Convex's documentation. A name depends on the catalogs alone, so two runs
 * and two machines give the same. A name that Convex cannot have is an ERROR
 * that names it.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include <ctype.h>

/* Longest name of a table or field. */
#define CM_MAX_NAME 64

/* What is wrong with the text as an identifier of Convex, or NULL. */
static const char *
identifier_problem(const char *name)
{
	if (strlen(name) > CM_MAX_NAME)
		return "A name in Convex has at most 64 characters.";
	if (!isalpha((unsigned char) *name))
		return "A name in Convex begins with an ASCII letter.";
	for (const char *p = name; *p; p++)
	{
		if (!isascii((unsigned char) *p) ||
			(!isalnum((unsigned char) *p) && *p != '_'))
			return "A name in Convex has ASCII letters, digits and underscores only.";
	}
	return NULL;
}

/* What is wrong with the text as the name of a field, or NULL. Static text. */
const char *
cm_field_name_problem(const char *name)
{
	if (strcmp(name, "id") == 0)
		return "\"id\" is the field that carries the key of a record.";
	return identifier_problem(name);
}

/*
 * The Convex table for a table: workspace_members becomes workspaceMembers.
 * The result may still be illegal; see cm_function_name().
 */
char *
cm_target_name(const char *table)
{
	char	   *target = palloc(strlen(table) + 1);
	char	   *end = target;
	bool		word_begins = false;

	for (const char *p = table; *p; p++)
	{
		if (*p == '_')
			word_begins = end > target;
		else
		{
			if (end == target)
				*end++ = pg_ascii_tolower((unsigned char) *p);
			else if (word_begins)
				*end++ = pg_ascii_toupper((unsigned char) *p);
			else
				*end++ = *p;
			word_begins = false;
		}
	}
	*end = '\0';
	return target;
}

/*
 * The deployed function that takes records of the target: module:migrateX.
 * ERROR when the target is not a legal name.
 */
char *
cm_function_name(const char *module, const char *target)
{
	const char *problem = identifier_problem(target);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a Convex table", target),
				 errdetail("%s", problem),
				 errhint("Rename the table, or leave it out with the parameter \"tables\".")));
	return psprintf("%s:migrate%c%s", module,
					pg_ascii_toupper((unsigned char) target[0]), target + 1);
}

/* Whether a field of the record has the name. */
static bool
field_is_taken(CmTable *table, const char *name)
{
	ListCell   *lc;

	if (strcmp(name, "id") == 0)
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

/* The name, with underscores appended until no field has it. */
static char *
free_field(CmTable *table, const char *name)
{
	char	   *field = pstrdup(name);

	while (field_is_taken(table, field))
		field = psprintf("%s_", field);
	return field;
}

/* Require a legal name for what becomes a field. */
static void
check_field(CmTable *table, const char *kind, const char *name,
			const char *field, const char *key_field)
{
	const char *problem = identifier_problem(field);

	if (problem == NULL && strcmp(field, key_field) == 0)
		problem = "The name is that of option \"key_field\", which carries the old key.";
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("%s \"%s\" of table \"%s\" cannot be the name of a field",
						kind, name, table->name),
				 errdetail("%s", problem),
				 errhint("Rename it, or leave the table out with the parameter \"tables\".")));
}

/*
 * The field of a reference that has no column's field to itself: named after
 * the table it points to, or else after its constraint.
 */
static char *
reference_field(CmTable *table, CmReference *reference)
{
	char	   *field = psprintf("%s_id", reference->parent->name);

	if (field_is_taken(table, field) || identifier_problem(field) != NULL)
		field = free_field(table, reference->conname);
	return field;
}

/*
 * Give every column and reference of the table its field. ERROR for a name
 * that Convex cannot have. The references must be there, in a stable order.
 */
void
cm_name_fields(CmTable *table, const char *key_field)
{
	ListCell   *lc;

	/* names that stay as they are go first, so that none has to yield */
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (strcmp(column->name, "id") != 0)
		{
			check_field(table, "column", column->name, column->name, key_field);
			column->field = column->name;
		}
	}
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field == NULL && !column->in_key)
			column->field = free_field(table, "id_");
	}

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		CmColumn   *column = &table->columns[reference->columns[0]];

		if (reference->ncolumns == 1 && column->field != NULL &&
			column->reference == NULL)
		{
			column->reference = reference;
			reference->field = column->field;
		}
		else
		{
			char	   *field = reference_field(table, reference);

			check_field(table, "constraint", reference->conname, field,
						key_field);
			reference->field = field;
		}
	}
}
