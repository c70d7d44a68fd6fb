/*-------------------------------------------------------------------------
 *
 * undeclared.c
 *	  Columns that look like references and are none, for convex_check().
 *
 * Many databases declare no foreign keys: the columns are plain values in
 * Convex then, and nothing would tell. A column is taken for a reference when
 * its name is made of the name of a table and of "id", "post_id", "postId" or
 * "author_user_id", or is the name of that table's key, "website_id", and when
 * its type is that of the key, or one of them is a text. So is an array, "post_ids".
 * Only names and types are looked at: what is found
 * is a suggestion, with the statement that declares it.
 *
 * Cheap for thousands of tables: they are found by name in a hash table.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

/* Tables by a name that columns call them by. */
typedef struct CmNamed
{
	char		name[NAMEDATALEN];	/* lower case, words separated by "_" */
	List	   *tables;			/* CmTable * */
} CmNamed;

/* The name in lower case with underscores between its words; palloc'd. */
static char *
in_words(const char *name)
{
	return cm_identifier_make(name, CM_CASE_SNAKE, "t", NAMEDATALEN - 1);
}

/* Let the table be found by the name. */
static void
add_name(HTAB *names, const char *name, CmTable *table)
{
	char		key[NAMEDATALEN] = "";
	CmNamed    *named;
	bool		found;

	strlcpy(key, name, NAMEDATALEN);
	named = hash_search(names, key, HASH_ENTER, &found);
	if (!found)
		named->tables = NIL;
	named->tables = list_append_unique_ptr(named->tables, table);
}

/* The text without the ending, or NULL when it ends otherwise; palloc'd. */
static char *
without_ending(const char *text, const char *ending)
{
	int			length = strlen(text) - strlen(ending);

	return length > 0 && strcmp(text + length, ending) == 0 ?
		pnstrdup(text, length) : NULL;
}

/* Let the table be found by what a column calls one row of it: its name as it
 * is and in the singular, and the name of its key without "_id". */
static void
add_table(HTAB *names, CmTable *table)
{
	char	   *name = in_words(table->name);
	char	   *key = without_ending(in_words(table->columns[table->keys[0]].name), "_id");
	char	   *stem;

	add_name(names, name, table);
	if ((stem = without_ending(name, "ies")) != NULL)
		add_name(names, psprintf("%sy", stem), table);
	else if ((stem = without_ending(name, "ses")) != NULL ||
			 (stem = without_ending(name, "xes")) != NULL ||
			 (stem = without_ending(name, "hes")) != NULL)
		add_name(names, pnstrdup(name, strlen(name) - 2), table);
	if ((stem = without_ending(name, "s")) != NULL)
		add_name(names, stem, table);
	if (key != NULL)
		add_name(names, key, table);
}

/* Tables that a reference can point to, by their names. */
static HTAB *
index_tables(CmCatalog *catalog)
{
	HASHCTL		ctl = {.keysize = NAMEDATALEN,.entrysize = sizeof(CmNamed),
	.hcxt = CurrentMemoryContext};
	HTAB	   *names = hash_create("convex_migrate names", 256, &ctl,
									HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->configured && table->nkeys == 1)
			add_table(names, table);
	}
	return names;
}

/* Types within which keys and references to them are: of different integers, and
 * of the different texts; others are their own. */
static Oid
type_class(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return INT8OID;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return TEXTOID;
		default:
			return type;
	}
}

/* Whether values of the one type can be references to keys of the other: they
 * compare, or one is a text that can be the other's. */
static bool
can_refer(Oid key, Oid type)
{
	Oid			a = type_class(key);
	Oid			b = type_class(type);

	return a == b ||
		(a == TEXTOID && (b == UUIDOID || b == INT8OID)) ||
		(b == TEXTOID && (a == UUIDOID || a == INT8OID));
}

/* The type of the values that can be references: the column's own, or that of
 * the elements of an array. */
static Oid
type_of_values(const CmColumn *column)
{
	Oid			element = get_element_type(column->type);

	return OidIsValid(element) ? getBaseType(element) : column->type;
}

/* The table among these to whose key the column can refer: of the column's own
 * schema, or else the only one; or NULL. */
static CmTable *
choose_parent(List *candidates, const CmTable *table, const CmColumn *column)
{
	CmTable    *chosen = NULL;
	int			count = 0;
	ListCell   *lc;

	foreach(lc, candidates)
	{
		CmTable    *parent = lfirst(lc);
		CmColumn   *key = &parent->columns[parent->keys[0]];

		if (!can_refer(key->type, type_of_values(column)) || key == column)
			continue;
		if (strcmp(parent->schema, table->schema) == 0)
			return parent;
		chosen = parent;
		count++;
	}
	return count == 1 ? chosen : NULL;
}

/* Whether the column is a part of a reference of the table. */
static bool
is_in_reference(CmTable *table, const CmColumn *column)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		for (int i = 0; i < reference->ncolumns; i++)
		{
			if (&table->columns[reference->columns[i]] == column)
				return true;
		}
	}
	return false;
}

/*
 * The table that the column looks like a reference to, or NULL. Of
 * "author_user_id" first "author_user" is tried, then "user"; "parent_id" is the
 * table itself.
 */
static CmTable *
find_parent(HTAB *names, CmTable *table, const CmColumn *column)
{
	char	   *stem;

	if (column->field == NULL || column->mapping == NULL ||
		column->choice != CM_CHOICE_NONE || column->offered ||
		is_in_reference(table, column))
		return NULL;
	stem = without_ending(in_words(column->name),
						  OidIsValid(get_element_type(column->type)) ? "_ids" : "_id");
	if (stem != NULL && strcmp(stem, "parent") == 0)
		return table->nkeys == 1 ?
			choose_parent(list_make1(table), table, column) : NULL;
	while (stem != NULL)
	{
		char		key[NAMEDATALEN] = "";
		CmNamed    *named;
		CmTable    *parent;

		strlcpy(key, stem, NAMEDATALEN);
		named = hash_search(names, key, HASH_FIND, NULL);
		parent = named ? choose_parent(named->tables, table, column) : NULL;
		if (parent != NULL)
			return parent;
		stem = strchr(stem, '_');
		if (stem != NULL)
			stem++;
	}
	return NULL;
}

/* Note that the column looks like a reference to the parent. */
static void
note_column(const CmServer *server, CmProblems *problems, CmTable *table,
			CmColumn *column, const CmTable *parent)
{
	char	   *target = psprintf("%s(%s)",
								  quote_qualified_identifier(parent->schema, parent->name),
								  quote_identifier(parent->columns[parent->keys[0]].name));
	CmProblem  *problem = cm_problems_add(problems, "info", table, column->name,
										  "undeclared_reference",
										  psprintf("It looks like a reference to %s, and stays a value. To declare it: %s",
												   target,
												   cm_remedies_column(server, table, column, "target_reference",
																	  quote_literal_cstr(target))));

	problem->alone = true;
}

/* The column of that name, in words, that has texts; or NULL. */
static CmColumn *
find_text_column(CmTable *table, const char *name)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (type_class(table->columns[i].type) == TEXTOID &&
			strcmp(in_words(table->columns[i].name), name) == 0)
			return &table->columns[i];
	}
	return NULL;
}

/* Note a pair such as commentable_type and commentable_id, of which no reference
 * can be made: the first names the table that the second points to. */
static void
note_pair(CmProblems *problems, CmTable *table, CmColumn *column)
{
	char	   *stem = without_ending(in_words(column->name), "_id");
	CmColumn   *type = stem != NULL && column->field != NULL ?
		find_text_column(table, psprintf("%s_type", stem)) : NULL;

	if (type != NULL)
		cm_problems_add(problems, "info", table, column->name,
						"polymorphic_reference",
						psprintf("With column \"%s\" it seems to point to rows of several tables, and stays a value: find them in Convex by their old key, or make a view with a column for each table and declare these.",
								 type->name));
}

/* Note the columns of the selected tables that look like references. */
void
cm_undeclared_check(CmCatalog *catalog, CmProblems *problems)
{
	HTAB	   *names = index_tables(catalog);
	ListCell   *lc;

	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		for (int i = 0; i < table->ncolumns; i++)
		{
			CmColumn   *column = &table->columns[i];
			CmTable    *parent = find_parent(names, table, column);

			if (parent != NULL)
				note_column(catalog->server, problems, table, column, parent);
			else if (!is_in_reference(table, column))
				note_pair(problems, table, column);
		}
	}
	hash_destroy(names);
}
