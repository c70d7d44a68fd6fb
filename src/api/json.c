/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON as cJSON reads it: answers of Convex. What is sent is written by
 *	  hand, see value/writer.c.
 *
 * A tree is malloc'd by cJSON and owned by the memory context in which it was
 * parsed (own.c): nobody deletes one, also after an ERROR. Nothing throws for
 * what is not there or not of the type that is asked for: cJSON gives NULL for
 * a member of NULL, and the functions here do the same, so a path of members
 * can be followed without a test at each step. Text is UTF-8 in the tree, and
 * what is returned is in the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include "miscadmin.h"

/* Most nodes of a tree: some 200 MB of them. */
#define CM_MAX_NODES 2000000

/* cJSON_Delete in the form that own.c calls. */
static void
delete_tree(void *tree)
{
	cJSON_Delete(tree);
}

/*
 * Whether the tree of the JSON would have too many nodes: each takes a hundred
 * times the byte or two that it may be in the text. No node without a byte: what
 * is shorter than that is not looked at, which is nearly every answer.
 */
static bool
is_too_complex(const char *json, size_t length)
{
	bool		in_text = false;
	int			nodes = 0;

	if (length <= CM_MAX_NODES)
		return false;
	for (size_t i = 0; i < length && nodes <= CM_MAX_NODES; i++)
	{
		if (json[i] == '"')
			in_text = !in_text;
		else if (json[i] == '\\' && in_text)
			i++;
		else if (!in_text)
			nodes += json[i] == ',' || json[i] == '[' || json[i] == '{';
	}
	return nodes > CM_MAX_NODES;
}

/*
 * The JSON as a tree owned by the current memory context; NULL when it is not
 * JSON, or not of a size that anything of Convex's has.
 */
cJSON *
cm_json_parse(const char *json, size_t length)
{
	CmOwned    *owned = cm_own_create(CurrentMemoryContext, delete_tree);
	cJSON	   *tree;

	CHECK_FOR_INTERRUPTS();
	tree = is_too_complex(json, length) ? NULL :
		cJSON_ParseWithLength(json, length);
	cm_own_set(owned, tree);
	CHECK_FOR_INTERRUPTS();
	return tree;
}

/* The text of a member, or NULL when it is not there or not a text. Belongs to
 * the tree or is palloc'd. */
char *
cm_json_text(const cJSON *object, const char *name)
{
	char	   *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text == NULL ? NULL : cm_utf8_to_database(text);
}

/* The same, but empty instead of NULL: for what is compared. */
char *
cm_json_text_or_empty(const cJSON *object, const char *name)
{
	char	   *text = cm_json_text(object, name);

	return text ? text : pstrdup("");
}

/* Version of cJSON, for convex_version(). */
const char *
cm_json_library_version(void)
{
	return cJSON_Version();
}
