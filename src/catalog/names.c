/*-------------------------------------------------------------------------
 *
 * names.c
 *	  From PostgreSQL's names to Convex's: tables, functions, fields.
 *
 * What Convex can have (crates/convex/sync_types/src/identifier.rs and the
 * limits page of its documentation): 1 to 64 ASCII letters, digits and
 * underscores, a letter first. A name goes through the case that the server's
 * options ask for, then is made legal, then unique: names that need no change
 * are given away first, so that none of them has to yield.
 *
 * Names that convex_tables and convex_columns give stand before all others.
 *
 * Everything depends on the names of the catalogs and the options alone: two
 * runs and two machines give the same.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include <ctype.h>

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"

/* Longest name of a field; of a table less, since "migrate" and it are the name
 * of a function (crates/convex/sync_types/src/function_name.rs). */
#define CM_MAX_NAME 64
#define CM_MAX_TARGET (CM_MAX_NAME - 7)

/* What is wrong with the text as an identifier of Convex, or NULL. Static. */
const char *
cm_name_problem(const char *name)
{
	if (strlen(name) > CM_MAX_NAME)
		return "A name in Convex has at most 64 characters.";
	if (!isalpha((unsigned char) *name) || !isascii((unsigned char) *name))
		return "A name in Convex begins with an ASCII letter.";
	for (const char *p = name; *p; p++)
	{
		if (!isascii((unsigned char) *p) ||
			(!isalnum((unsigned char) *p) && *p != '_'))
			return "A name in Convex has ASCII letters, digits and underscores only.";
	}
	return NULL;
}

/* What is wrong with the text as the name of a table, or NULL. Static text. */
const char *
cm_target_problem(const char *name)
{
	if (strlen(name) > CM_MAX_TARGET)
		return "A name of at most 57 characters leaves room for \"migrate\" in the name of the function.";
	return cm_name_problem(name);
}

/* What is wrong with the text as the name of a field, or NULL. Static text. */
const char *
cm_field_name_problem(const char *name)
{
	if (strcmp(name, "id") == 0)
		return "\"id\" is the field that carries the key of a record.";
	return cm_name_problem(name);
}

/* A copy with an underscore for every byte that is not ASCII. */
static char *
without_high_bytes(const char *name, int length)
{
	char	   *copy = pnstrdup(name, length);

	for (char *p = copy; *p; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '_';
	}
	return copy;
}

/* What is wrong with the text as option key_field, or NULL. Static text. */
const char *
cm_key_field_problem(const char *name)
{
	if (strlen(name) > CM_MAX_NAME - strlen("by_"))
		return "A name of at most 61 characters leaves room for \"by_\" in the name of its index.";
	if (strcmp(name, "creation_time") == 0)
		return "Its index would be \"by_creation_time\", which Convex has reserved.";
	return cm_field_name_problem(name);
}

/*
 * The name in ASCII: letters without their accents (by compatibility
 * decomposition), anything else that Convex cannot have as an underscore.
 */
static char *
to_ascii(const char *name)
{
	int			length = strlen(name);
	const char *utf8 = cm_to_utf8(name, &length);
	pg_wchar   *wide;
	pg_wchar   *plain;
	char	   *ascii;
	char	   *end;
	int			size = 0;

	/* bytes of no encoding are characters that Convex cannot have */
	if (utf8 == NULL)
		utf8 = without_high_bytes(name, length);
	wide = palloc((length + 1) * sizeof(pg_wchar));
	pg_encoding_mb2wchar_with_len(PG_UTF8, utf8, wide, length);
	plain = unicode_normalize(UNICODE_NFKD, wide);
	while (plain[size] != 0)
		size++;
	end = ascii = palloc(size + 1);
	for (int i = 0; i < size; i++)
	{
		if (plain[i] < 128 && (isalnum(plain[i]) || plain[i] == '_'))
			*end++ = plain[i];
		else if (plain[i] < 0x0300 || plain[i] > 0x036f)
			*end++ = '_';		/* all but combining marks */
	}
	*end = '\0';
	return ascii;
}

/* workspace_members and workspaceMembers as workspaceMembers. */
static char *
to_camel(const char *name)
{
	char	   *camel = palloc(strlen(name) + 1);
	char	   *end = camel;
	bool		word_begins = false;

	for (const char *p = name; *p; p++)
	{
		if (*p == '_')
			word_begins = end > camel;
		else
		{
			if (end == camel)
				*end++ = pg_ascii_tolower((unsigned char) *p);
			else if (word_begins)
				*end++ = pg_ascii_toupper((unsigned char) *p);
			else
				*end++ = *p;
			word_begins = false;
		}
	}
	*end = '\0';
	return camel;
}

/* workspaceMembers and Workspace_Members as workspace_members. */
static char *
to_snake(const char *name)
{
	char	   *snake = palloc(2 * strlen(name) + 1);
	char	   *end = snake;

	for (const char *p = name; *p; p++)
	{
		bool		upper = *p >= 'A' && *p <= 'Z';

		if (upper && p > name && p[-1] != '_' &&
			!(p[-1] >= 'A' && p[-1] <= 'Z'))
			*end++ = '_';
		*end++ = pg_ascii_tolower((unsigned char) *p);
	}
	*end = '\0';
	return snake;
}

/* The name, cut if it is too long, with a checksum of the original. */
static char *
shortened(char *name, const char *original, int longest)
{
	pg_crc32c	checksum;

	if ((int) strlen(name) <= longest)
		return name;
	INIT_CRC32C(checksum);
	COMP_CRC32C(checksum, original, strlen(original));
	FIN_CRC32C(checksum);
	return psprintf("%.*s_%08x", longest - 9, name, checksum);
}

/*
 * The name in the case asked for and legal. prefix is put before a name that
 * does not begin with a letter. A name longer than longest is cut, and ends in
 * a checksum of the whole.
 */
static char *
legal_name(const char *name, CmCase wanted, const char *prefix, int longest)
{
	char	   *legal = to_ascii(name);

	if (wanted == CM_CASE_CAMEL)
		legal = to_camel(legal);
	else if (wanted == CM_CASE_SNAKE)
		legal = to_snake(legal);
	legal += strspn(legal, "_");
	if (!isalpha((unsigned char) *legal))
		legal = psprintf("%s%s", prefix, legal);
	legal = shortened(legal, name, longest);
	Assert(cm_name_problem(legal) == NULL);
	return legal;
}

/* The name with a number behind it, still legal. */
static char *
numbered(const char *name, int number, int longest)
{
	char	   *suffix = psprintf("_%d", number);

	return psprintf("%.*s%s", (int) (longest - strlen(suffix)), name,
					suffix);
}

/* The legal name of a table. */
static char *
legal_target(const char *name, CmServer *server)
{
	return legal_name(name, server->table_case, "t", CM_MAX_TARGET);
}

/* The legal name of a field. */
static char *
legal_field(const char *name, const CmServer *server)
{
	return legal_name(name, server->field_case, "f_", CM_MAX_NAME);
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

/* Give the tables of one schema their targets: as they are, or else with the
 * schema in front, or else with a number. */
static void
name_schema(CmCatalog *catalog, CmServer *server, const char *schema)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);
		char	   *target;
		char	   *qualified;

		if (table->target != NULL ||
			(schema != NULL && strcmp(table->schema, schema) != 0))
			continue;
		target = legal_target(table->name, server);
		table->renamed = target_is_taken(catalog, target) ||
			cm_name_problem(table->name) != NULL;
		if (target_is_taken(catalog, target))
			target = legal_target(psprintf("%s_%s", table->schema, table->name), server);
		qualified = target;
		for (int n = 2; target_is_taken(catalog, target); n++)
			target = numbered(qualified, n, CM_MAX_TARGET);
		table->target = target;
	}
}

/*
 * Give every table its target and functions. Tables of the first schema in
 * option "schemas" choose first, those outside all of them last; in one schema
 * those that need no change, then by name.
 */
void
cm_name_tables(CmCatalog *catalog, CmServer *server)
{
	ListCell   *ls;
	ListCell   *lc;

	foreach(ls, server->schemas)
	{
		foreach(lc, catalog->tables)
		{
			CmTable    *table = lfirst(lc);

			if (table->target == NULL &&
				strcmp(table->schema, lfirst(ls)) == 0 &&
				strcmp(table->name, legal_target(table->name, server)) == 0 &&
				!target_is_taken(catalog, table->name))
				table->target = table->name;
		}
		name_schema(catalog, server, lfirst(ls));
	}
	name_schema(catalog, server, NULL);
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		table->function = psprintf("%s:migrate%c%s", server->functions,
								   pg_ascii_toupper((unsigned char) table->target[0]),
								   table->target + 1);
		table->complete = psprintf("%s:complete", server->functions);
	}
}

/* Whether a field of the record has the name. */
static bool
field_is_taken(CmTable *table, CmServer *server, const char *name)
{
	ListCell   *lc;

	if (strcmp(name, "id") == 0 || strcmp(name, server->key_field) == 0)
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
		field = numbered(wanted, n, CM_MAX_NAME);
	return field;
}

/*
 * The field of a reference that has no column's field to itself: named after
 * the table it points to, or else after its constraint.
 */
static char *
reference_field(CmTable *table, CmServer *server, CmReference *reference)
{
	char	   *field = legal_field(psprintf("%s_id", reference->parent->name), server);

	return field_is_taken(table, server, field) ?
		free_field(table, server, reference->conname) : field;
}

/*
 * Give every column and reference of the table its field. The references must
 * be there, in a stable order.
 */
void
cm_name_fields(CmTable *table, CmServer *server)
{
	ListCell   *lc;

	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];
		char	   *field = legal_field(column->name, server);

		if (column->field == NULL && strcmp(column->name, field) == 0 &&
			!column->excluded && !field_is_taken(table, server, field))
			column->field = field;
	}
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		/* the key column "id" is the record's id itself */
		if (column->field == NULL && !column->excluded &&
			!(column->in_key && strcmp(column->name, "id") == 0))
			column->field = free_field(table, server, column->name);
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
			reference->field = reference_field(table, server, reference);
	}
}

/* Whether one of the first n names is this. */
static bool
name_is_among(char **names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		if (names[i] != NULL && strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * Names for the attributes of a composite type, by position; NULL for dropped
 * ones. As with fields, names that need no change do not yield.
 */
char	  **
cm_name_attributes(TupleDesc tupdesc, const CmServer *server)
{
	char	  **names = palloc0((tupdesc->natts + 1) * sizeof(char *));

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < tupdesc->natts; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
			char	   *wanted = legal_field(NameStr(attribute->attname), server);
			char	   *name = wanted;

			if (attribute->attisdropped || names[i] != NULL ||
				(pass == 0 && strcmp(wanted, NameStr(attribute->attname)) != 0))
				continue;
			for (int n = 2; name_is_among(names, tupdesc->natts, name); n++)
				name = numbered(wanted, n, CM_MAX_NAME);
			names[i] = name;
		}
	}
	return names;
}

/*
 * A name for an index of these fields (char *) that no other has. Reserved
 * ones: crates/common/src/bootstrap_model/index/index_validation_error.rs.
 */
char *
cm_name_index(List *fields, List *taken)
{
	StringInfoData whole;
	char	   *wanted;
	char	   *name;
	ListCell   *lc;

	initStringInfo(&whole);
	foreach(lc, fields)
		appendStringInfo(&whole, "%s%s", lc == list_head(fields) ? "by_" : "_and_",
						 (char *) lfirst(lc));
	wanted = shortened(whole.data, whole.data, CM_MAX_NAME);
	name = wanted;
	for (int n = 2;; n++)
	{
		bool		is_free = strcmp(name, "by_id") != 0 &&
			strcmp(name, "by_creation_time") != 0;

		foreach(lc, taken)
			is_free = is_free && strcmp(((CmIndex *) lfirst(lc))->name, name) != 0;
		if (is_free)
			return name;
		name = numbered(wanted, n, CM_MAX_NAME);
	}
}
