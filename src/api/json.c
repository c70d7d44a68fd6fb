/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON as cJSON reads it.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

/* cJSON_Delete in the form that own.c calls. */
static void
delete_tree(void *tree)
{
	cJSON_Delete(tree);
}

/* The JSON as a tree owned by the current memory context, or NULL. */
cJSON *
cm_json_parse(const char *json, size_t length)
{
	CmOwned    *owned = cm_own_create(CurrentMemoryContext, delete_tree);
	cJSON	   *tree = cJSON_ParseWithLength(json, length);

	cm_own_set(owned, tree);
	return tree;
}

/* The text of a member in the encoding of the database, or NULL when it is not
 * there or not a text. */
char *
cm_json_text(const cJSON *object, const char *name)
{
	char	   *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text == NULL ? NULL : cm_utf8_to_database(text);
}

/* The text of a member, empty when there is none: for what is compared. */
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
