/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  What Convex takes, how large it is there, and how it is written:
 *	  the rules of docs/contract.md over a whole tree.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "fuzz.h"

/* The eight bytes of -0, in base64. */
#define MINUS_ZERO "AAAAAAAAAIA="

static bool
key_is_legal(const char *key)
{
	if (key[0] == '$' || strlen(key) > 1024 || strcmp(key, "__proto__") == 0)
		return false;
	for (; *key != '\0'; key++)
	{
		if ((unsigned char) *key < 0x20 || (unsigned char) *key >= 0x7f)
			return false;
	}
	return true;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool
has_equal_keys(const Tree *object)
{
	char	  **keys = palloc((object->count + 1) * sizeof(char *));
	int			count = 0;

	for (const Tree *field = object->first; field != NULL; field = field->next)
		keys[count++] = field->key;
	qsort(keys, count, sizeof(char *), compare_texts);
	for (int i = 1; i < count; i++)
	{
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return true;
	}
	return false;
}

/*
 * The code of what is wrong with this value itself, or NULL; with a code given,
 * that code or NULL.
 */
static const char *
problem(const Tree *tree, bool limited, int depth, const char *code)
{
	bool		is_object = tree->kind == KIND_OBJECT;
	bool		is_container = is_object || tree->kind == KIND_ARRAY;
	struct
	{
		const char *code;
		bool		is_wrong;
	}			problems[] =
	{
		{"nested_too_deeply", limited && is_container && depth >= 16},
		{"array_too_long", limited && tree->kind == KIND_ARRAY && tree->count > 8192},
		{"too_many_fields", limited && is_object && tree->count > 1024},
		{"illegal_json", is_object && has_equal_keys(tree)},
		{"illegal_key", limited && tree->key != NULL && !key_is_legal(tree->key)},
		{"number_not_exact", limited && tree->kind == KIND_NUMBER && !javascript_prints(tree->text)},
	};

	for (int i = 0; i < (int) lengthof(problems); i++)
	{
		if (problems[i].is_wrong &&
			(code == NULL || strcmp(problems[i].code, code) == 0))
			return problems[i].code;
	}
	return NULL;
}

static const char *
find_problem(const Tree *tree, bool limited, int depth, const char *code)
{
	const char *found = problem(tree, limited, depth, code);

	for (const Tree *child = tree->first; child != NULL && found == NULL; child = child->next)
		found = find_problem(child, limited, depth + 1, code);
	return found;
}

/* Whether the value may go, inside so many arrays and objects. */
bool
rules_allow(const Tree *tree, CmDialect dialect, int depth)
{
	return find_problem(tree, dialect != CM_DIALECT_JSON, depth, NULL) == NULL;
}

/* Whether the code is a reason why it may not. */
bool
rules_explain(const Tree *tree, CmDialect dialect, int depth, const char *code)
{
	return find_problem(tree, dialect != CM_DIALECT_JSON, depth, code) != NULL;
}

/* Convex's measure (crates/value/src/lib.rs and its neighbours). */
int64
rules_size(const Tree *tree)
{
	int64		size = tree->key == NULL ? 0 : strlen(tree->key) + 1;

	switch (tree->kind)
	{
		case KIND_NULL:
		case KIND_BOOLEAN:
			return size + 1;
		case KIND_NUMBER:
			return size + 9;
		case KIND_STRING:
			return size + strlen(tree->text) + 2;
		default:
			for (const Tree *child = tree->first; child != NULL; child = child->next)
				size += rules_size(child);
			return size + 2;
	}
}

static bool
same_number(const Tree *in, const Tree *out, CmDialect dialect)
{
	double		value = strtod(in->text, NULL);
	double		written;

	if (value == 0 && in->text[0] == '-' && dialect == CM_DIALECT_ARGUMENTS)
		return out->kind == KIND_OBJECT && out->count == 1 &&
			strcmp(out->first->key, "$float") == 0 &&
			out->first->kind == KIND_STRING &&
			strcmp(out->first->text, MINUS_ZERO) == 0;
	if (out->kind != KIND_NUMBER)
		return false;
	if (dialect == CM_DIALECT_IMPORT && strpbrk(out->text, ".eE") == NULL)
		return false;
	if (dialect == CM_DIALECT_JSON && value != 0 && strcmp(in->text, out->text) != 0)
		return false;
	written = strtod(out->text, NULL);
	return memcmp(&value, &written, sizeof(value)) == 0;
}

/* Whether what was written is what was read. */
bool
rules_same(const Tree *in, const Tree *out, CmDialect dialect)
{
	const Tree *a = in->first;
	const Tree *b = out->first;

	if ((in->key == NULL) != (out->key == NULL) ||
		(in->key != NULL && strcmp(in->key, out->key) != 0))
		return false;
	if (in->kind == KIND_NUMBER)
		return same_number(in, out, dialect);
	if (in->kind != out->kind || in->truth != out->truth || in->count != out->count)
		return false;
	if (in->kind == KIND_STRING)
		return strcmp(in->text, out->text) == 0;
	for (; a != NULL; a = a->next, b = b->next)
	{
		if (!rules_same(a, b, dialect))
			return false;
	}
	return true;
}
