/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  Reading JSON with PostgreSQL's own parser.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "common/jsonapi.h"

#include "base/compat.h"
#include "fuzz.h"

typedef struct Reader
{
	Tree	   *root;
	Tree	   *open;			/* array or object, or NULL */
	char	   *key;			/* of the field that follows */
} Reader;

static Tree *
add(Reader *reader, Kind kind)
{
	Tree	   *tree = palloc0(sizeof(Tree));
	Tree	   *parent = reader->open;

	tree->kind = kind;
	tree->parent = parent;
	if (parent == NULL)
	{
		reader->root = tree;
		return tree;
	}
	if (parent->kind == KIND_OBJECT)
		tree->key = reader->key;
	if (parent->first == NULL)
		parent->first = tree;
	else
		parent->last->next = tree;
	parent->last = tree;
	parent->count++;
	return tree;
}

static CM_JSON_ACTION
begin_object(void *state)
{
	Reader	   *reader = state;

	reader->open = add(reader, KIND_OBJECT);
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
begin_array(void *state)
{
	Reader	   *reader = state;

	reader->open = add(reader, KIND_ARRAY);
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
end_container(void *state)
{
	Reader	   *reader = state;

	reader->open = reader->open->parent;
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
begin_field(void *state, char *name, bool isnull pg_attribute_unused())
{
	((Reader *) state)->key = name;
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
add_scalar(void *state, char *token, JsonTokenType type)
{
	Tree	   *tree = add(state, type == JSON_TOKEN_STRING ? KIND_STRING :
						   type == JSON_TOKEN_NUMBER ? KIND_NUMBER :
						   type == JSON_TOKEN_NULL ? KIND_NULL : KIND_BOOLEAN);

	tree->text = token;
	tree->truth = type == JSON_TOKEN_TRUE;
	CM_JSON_GO_ON;
}

/* Read a text in UTF-8. *tree is set only when all went well. */
Reading
tree_read(const char *json, int length, Tree **tree)
{
	Reader		reader = {0};
	JsonSemAction actions = {
		.semstate = &reader,
		.object_start = begin_object,
		.object_end = end_container,
		.array_start = begin_array,
		.array_end = end_container,
		.object_field_start = begin_field,
		.scalar = add_scalar
	};
	JsonLexContext *lexer = cm_json_lexer(unconstify(char *, json), length);

	switch (pg_parse_json(lexer, &actions))
	{
		case JSON_SUCCESS:
			*tree = reader.root;
			return READING_DONE;
		case JSON_UNICODE_CODE_POINT_ZERO:
		case JSON_UNICODE_HIGH_SURROGATE:
		case JSON_UNICODE_LOW_SURROGATE:
			return READING_BAD_ESCAPE;
		default:
			return READING_NOT_JSON;
	}
}
