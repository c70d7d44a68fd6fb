/*-------------------------------------------------------------------------
 *
 * differ.c
 *	  Where two documents differ, by their canonical forms.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

/* A canonical form that is being read. */
typedef struct CmAt
{
	const char *p;
	const char *end;
} CmAt;

/* Bytes of the canonical value at p. */
static int
value_size(const char *p)
{
	switch (*p)
	{
		case 'n':
		case 't':
		case 'f':
			return 1;
		case 'd':
		case 'i':
			return 1 + sizeof(uint64);
		default:
			return 1 + CM_CANONICAL_LENGTH + cm_canonical_length(p + 1);
	}
}

/* What is in the array or object at p. */
static CmAt
inside(const char *p)
{
	const char *first = p + 1 + CM_CANONICAL_LENGTH;

	return (CmAt) {first, first + cm_canonical_length(p + 1)};
}

/* Length of the name of the field at p, and where its value is. */
static int
name_length(const char *p, const char **value)
{
	int			length = cm_canonical_length(p);

	*value = p + CM_CANONICAL_LENGTH + length;
	return length;
}

/* Order of the fields at two places; one that is not there comes last. */
static int
compare_names(CmAt a, CmAt b)
{
	const char *value;
	int			left;
	int			right;
	int			difference;

	if (a.p == a.end || b.p == b.end)
		return (a.p == a.end) - (b.p == b.end);
	left = name_length(a.p, &value);
	right = name_length(b.p, &value);
	difference = memcmp(a.p + CM_CANONICAL_LENGTH, b.p + CM_CANONICAL_LENGTH,
						Min(left, right));
	return difference != 0 ? difference : left - right;
}

/* Move behind the field. */
static void
skip_field(CmAt *at)
{
	const char *value;

	(void) name_length(at->p, &value);
	at->p = value + value_size(value);
}

static const char *find_in_value(const char *a, const char *b, StringInfo path);

/* The next field that two objects do not have in common, or not alike: *name, and the
 * kind of its difference, with the path from there appended; NULL: there is none. */
static const char *
find_in_fields(CmAt *a, CmAt *b, const char **name, int *length, StringInfo path)
{
	while (a->p < a->end || b->p < b->end)
	{
		int			order = compare_names(*a, *b);
		CmAt		at = order > 0 ? *b : *a;
		const char *left;
		const char *right;
		const char *kind = order < 0 ? "field_absent" : order > 0 ? "field_extra" : NULL;

		*length = name_length(at.p, &left);
		*name = at.p + CM_CANONICAL_LENGTH;
		if (order == 0)
		{
			(void) name_length(b->p, &right);
			kind = find_in_value(left, right, path);
		}
		if (order <= 0)
			skip_field(a);
		if (order >= 0)
			skip_field(b);
		if (kind != NULL)
			return kind;
	}
	return NULL;
}

/* The kind of the first difference of two objects; path: prefix with what leads to
 * it. */
static const char *
find_in_object(const char *a, const char *b, StringInfo path)
{
	CmAt		left = inside(a);
	CmAt		right = inside(b);
	StringInfoData rest;
	const char *name;
	int			length;
	const char *kind;

	initStringInfo(&rest);
	kind = find_in_fields(&left, &right, &name, &length, &rest);
	if (kind != NULL)
	{
		appendStringInfoChar(path, '.');
		appendBinaryStringInfo(path, name, length);
		appendBinaryStringInfo(path, rest.data, rest.len);
	}
	pfree(rest.data);
	return kind;
}

/* The same of two arrays. */
static const char *
find_in_array(const char *a, const char *b, StringInfo path)
{
	CmAt		left = inside(a);
	CmAt		right = inside(b);

	for (int i = 0; left.p < left.end && right.p < right.end; i++)
	{
		int			start = path->len;
		const char *kind;

		appendStringInfo(path, "[%d]", i);
		kind = find_in_value(left.p, right.p, path);
		if (kind != NULL)
			return kind;
		path->len = start;
		path->data[start] = '\0';
		left.p += value_size(left.p);
		right.p += value_size(right.p);
	}
	return left.p < left.end || right.p < right.end ? "field_value" : NULL;
}

/* The kind of the first difference of two values, and the path to it appended; NULL:
 * they are the same. */
static const char *
find_in_value(const char *a, const char *b, StringInfo path)
{
	int			size = value_size(a);

	if (size == value_size(b) && memcmp(a, b, size) == 0)
		return NULL;
	if (*a != *b)
		return ((*a == 't' || *a == 'f') && (*b == 't' || *b == 'f')) ||
			((*a == 's' || *a == 'r') && (*b == 's' || *b == 'r')) ?
			"field_value" : "field_type";
	if (*a == '{')
		return find_in_object(a, b, path);
	if (*a == '[')
		return find_in_array(a, b, path);
	return "field_value";
}

/*
 * The differences of what is stored (b) from what should be (a), by their canonical
 * forms: a CmDiffering for each field of the documents, with the first difference in
 * it. NIL: they are the same.
 */
List *
cm_differ_find(const char *a, const char *b)
{
	CmAt		left = inside(a);
	CmAt		right = inside(b);
	List	   *differing = NIL;

	for (;;)
	{
		CmDiffering *one = palloc(sizeof(CmDiffering));
		StringInfoData path;
		const char *name;
		int			length;

		initStringInfo(&path);
		one->kind = find_in_fields(&left, &right, &name, &length, &path);
		if (one->kind == NULL)
			return differing;
		one->field = pnstrdup(name, length);
		one->path = cm_utf8_to_database(psprintf("%s%s", one->field, path.data));
		differing = lappend(differing, one);
	}
}
