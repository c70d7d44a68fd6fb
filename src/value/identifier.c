/*-------------------------------------------------------------------------
 *
 * identifier.c
 *	  Identifiers of Convex: what is legal, and how a name of PostgreSQL
 *	  becomes one.
 *
 * What Convex allows (crates/convex/sync_types/src/identifier.rs and the
 * limits page of its documentation): 1 to 64 ASCII letters, digits and
 * underscores, a letter first. A name is brought into the case that is asked
 * for, then made legal (cm_identifier_make), then unique by the caller, with a
 * number behind it (cm_identifier_number): names that need no change are
 * assigned first and never altered. Tables and their fields are named so in
 * catalog/names.c, attributes of composite types here.
 *
 * Everything depends on the name and the options alone: two runs and two
 * machines give the same. Results are palloc'd, or the text that was given.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <ctype.h>

#include "port/pg_crc32c.h"

/* What is wrong with the text as an identifier, or NULL. Static text. */
const char *
cm_identifier_problem(const char *name)
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
cm_identifier_target_problem(const char *name)
{
	if (strlen(name) > CM_MAX_TARGET)
		return "A name of at most 57 characters leaves room for \"migrate\" in the name of the function.";
	return cm_identifier_problem(name);
}

/* What a field of a document is called in a record that is sent to a function,
 * where "id" is the key. */
const char *
cm_identifier_on_wire(const char *field)
{
	return strcmp(field, "id") == 0 ? "_id" : field;
}

/* What is wrong with the text as option key_field, or NULL. Static text. */
const char *
cm_identifier_key_field_problem(const char *name)
{
	if (strlen(name) > CM_MAX_NAME - strlen("by_"))
		return "A name of at most 61 characters leaves room for \"by_\" in the name of its index.";
	if (strcmp(name, "creation_time") == 0)
		return "Its index would be \"by_creation_time\", which Convex has reserved.";
	if (strcmp(name, "id") == 0)
		return "\"id\" is what the key is called in a record.";
	return cm_identifier_problem(name);
}

/*
 * Whether a word of the name begins here: FullName, userID and the Keys of
 * APIKeys, where the last capital of several belongs to what follows.
 */
static bool
word_begins_at(const char *name, const char *p)
{
	bool		upper = *p >= 'A' && *p <= 'Z';

	if (!upper || p == name || p[-1] == '_')
		return false;
	return !(p[-1] >= 'A' && p[-1] <= 'Z') || (p[1] >= 'a' && p[1] <= 'z');
}

/*
 * workspace_members, Workspace_Members and WORKSPACE_MEMBERS as
 * workspaceMembers; palloc'd. What is in that case already, as userID is,
 * stays as it is.
 */
static char *
to_camel(const char *name)
{
	char	   *camel = palloc(strlen(name) + 1);
	char	   *end = camel;
	bool		word_begins = false;

	if (*name >= 'a' && *name <= 'z' && strchr(name, '_') == NULL)
		return pstrdup(name);
	for (const char *p = name; *p; p++)
	{
		word_begins = end > camel &&
			(word_begins || *p == '_' || word_begins_at(name, p));
		if (*p == '_')
			continue;
		*end++ = word_begins ? pg_ascii_toupper((unsigned char) *p) :
			pg_ascii_tolower((unsigned char) *p);
		word_begins = false;
	}
	*end = '\0';
	return camel;
}

/* workspaceMembers, Workspace_Members and WORKSPACE_MEMBERS as
 * workspace_members; palloc'd. */
static char *
to_snake(const char *name)
{
	char	   *snake = palloc(2 * strlen(name) + 1);
	char	   *end = snake;

	for (const char *p = name; *p; p++)
	{
		if (word_begins_at(name, p))
			*end++ = '_';
		*end++ = pg_ascii_tolower((unsigned char) *p);
	}
	*end = '\0';
	return snake;
}

/* The name; one that is longer than longest is cut, and ends in a checksum of
 * the original, so that names which begin alike stay different. */
char *
cm_identifier_shorten(char *name, const char *original, int longest)
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
 * The name of PostgreSQL's in the case that is asked for, and legal. prefix is
 * put before one that would not begin with a letter; longest: see
 * cm_identifier_shorten().
 */
char *
cm_identifier_make(const char *name, CmCase wanted, const char *prefix,
				   int longest)
{
	char	   *legal = cm_ascii_of_name(name);

	if (wanted == CM_CASE_CAMEL)
		legal = to_camel(legal);
	else if (wanted == CM_CASE_SNAKE)
		legal = to_snake(legal);
	legal += strspn(legal, "_");
	if (!isalpha((unsigned char) *legal))
		legal = psprintf("%s%s", prefix, legal);
	legal = cm_identifier_shorten(legal, name, longest);
	Assert(cm_identifier_problem(legal) == NULL);
	return legal;
}

/* The name with a number behind it, no longer than longest: still legal. */
char *
cm_identifier_number(const char *name, int number, int longest)
{
	char	   *suffix = psprintf("_%d", number);

	return psprintf("%.*s%s", (int) (longest - strlen(suffix)), name,
					suffix);
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
 * Names for the attributes of a composite type, by position from 0; NULL for
 * dropped ones. Two passes: names that need no change come first.
 */
char	  **
cm_identifier_attributes(TupleDesc tupdesc, CmCase wanted_case)
{
	char	  **names = palloc0((tupdesc->natts + 1) * sizeof(char *));

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < tupdesc->natts; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
			char	   *wanted = cm_identifier_make(NameStr(attribute->attname),
													wanted_case, "f_", CM_MAX_NAME);
			char	   *name = wanted;

			if (attribute->attisdropped || names[i] != NULL ||
				(pass == 0 && strcmp(wanted, NameStr(attribute->attname)) != 0))
				continue;
			for (int n = 2; name_is_among(names, tupdesc->natts, name); n++)
				name = cm_identifier_number(wanted, n, CM_MAX_NAME);
			names[i] = name;
		}
	}
	return names;
}
