/*-------------------------------------------------------------------------
 *
 * json.c
 *	  A libFuzzer target over the checks of JSON, keys, numbers and text.
 *
 * The first byte of an input says what is tried, the second in which dialect
 * ('i' import, 'j' plain JSON, else arguments); the rest is data:
 *
 *   t  a json text            [  an array with many of it: a count, the text
 *   n  a decimal              {  an object with many of it: the same
 *   d  a double               >  inside many arrays: the same
 *   s  a text                 r  digits around a double: how many, the double
 *   k  a key                  b  bytes
 *
 * A count is two bytes; a double eight.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <math.h>

#include "common/base64.h"
#include "mb/pg_wchar.h"

#include "fuzz.h"

/* The document itself. */
#define DEPTH 1

typedef struct Input
{
	const uint8 *data;
	size_t		size;
} Input;

/* The next bytes of the input, or zeros. */
static void
take(Input *input, void *bytes, size_t size)
{
	size_t		there = Min(size, input->size);

	memset(bytes, 0, size);
	memcpy(bytes, input->data, there);
	input->data += there;
	input->size -= there;
}

/* The rest of the input as UTF-8, as the server would not hold anything else. */
static StringInfoData
take_text(Input *input)
{
	StringInfoData text;
	int			checked = 0;

	initStringInfo(&text);
	appendBinaryStringInfo(&text, (const char *) input->data, input->size);
	for (;;)
	{
		checked += pg_encoding_verifymbstr(PG_UTF8, text.data + checked, text.len - checked);
		if (checked >= text.len)
			return text;
		text.data[checked] = '?';
	}
}

static CmWriter
new_writer(CmDialect dialect)
{
	CmWriter	writer = {.out = makeStringInfo(),.dialect = dialect,.depth = DEPTH};

	writer.reason = palloc0(sizeof(CmReason));
	return writer;
}

/* What was written, read back; it must be JSON. */
static Tree *
written(const CmWriter *writer)
{
	Tree	   *tree = NULL;

	/* numbers and keys leave no NUL behind, but room for it */
	MUST(writer->out->len < writer->out->maxlen);
	writer->out->data[writer->out->len] = '\0';
	MUST(writer->out->len == (int) strlen(writer->out->data));
	MUST(tree_read(writer->out->data, writer->out->len, &tree) == READING_DONE);
	return tree;
}

static void
try_json(CmDialect dialect, const char *json, int length)
{
	CmWriter	writer = new_writer(dialect);
	bool		accepted = cm_jsontext_write(&writer, json, length);
	Tree	   *tree;

	MUST(accepted == (writer.reason->code == NULL));
	switch (tree_read(json, length, &tree))
	{
		case READING_NOT_JSON:
			return;
		case READING_BAD_ESCAPE:
			MUST(!accepted);
			return;
		case READING_DONE:
			MUST(accepted == rules_allow(tree, dialect, DEPTH));
			if (!accepted)
			{
				MUST(rules_explain(tree, dialect, DEPTH, writer.reason->code));
				return;
			}
			MUST(writer.depth == DEPTH);
			MUST(writer.size == rules_size(tree));
			MUST(rules_same(tree, written(&writer), dialect));
	}
}

/* Many of the same: limits are a long way to go for a fuzzer. */
static void
try_repeated(CmDialect dialect, char what, Input *input)
{
	StringInfoData json;
	StringInfoData text;
	Tree	   *value;
	uint16		count;

	take(input, &count, sizeof(count));
	if (what == '>')
		count %= 32;
	else if (what == '{')
		count %= 2048;
	else
		count %= 16384;
	text = take_text(input);
	/* long ones make this slow and nothing more likely; not JSON could be
	 * brackets that nest without end */
	if (text.len > 64 || tree_read(text.data, text.len, &value) == READING_NOT_JSON)
		return;
	initStringInfo(&json);
	if (what != '>')
		appendStringInfoChar(&json, what);
	for (int i = 0; i < count; i++)
	{
		if (what == '>')
			appendStringInfoChar(&json, '[');
		else if (what == '{')
			appendStringInfo(&json, "%s\"%d\":%s", i > 0 ? "," : "", i, text.data);
		else
			appendStringInfo(&json, "%s%s", i > 0 ? "," : "", text.data);
	}
	if (what == '>')
		appendStringInfoString(&json, text.data);
	for (int i = 0; i < count && what == '>'; i++)
		appendStringInfoChar(&json, ']');
	if (what != '>')
		appendStringInfoChar(&json, what == '{' ? '}' : ']');
	try_json(dialect, json.data, json.len);
}

static void
try_decimal(const char *text)
{
	Tree	   *tree;

	if (tree_read(text, strlen(text), &tree) == READING_DONE &&
		tree->kind == KIND_NUMBER)
		MUST(cm_number_is_exact(tree->text, strlen(tree->text)) ==
			 javascript_prints(tree->text));
}

/* A double with some number of digits, the last of which is changed a little. */
static void
try_rounded(Input *input)
{
	char		text[64];
	uint8		ndigits;
	double		value;

	take(input, &ndigits, 1);
	take(input, &value, sizeof(value));
	if (!isfinite(value))
		return;
	snprintf(text, sizeof(text), "%.*e", ndigits % 20, value);
	for (int change = -1; change <= 1; change++)
	{
		char		changed[sizeof(text)];
		char	   *last = changed + strcspn(text, "e") - 1;

		strcpy(changed, text);
		if (*last + change >= '0' && *last + change <= '9')
			*last += change;
		try_decimal(changed);
	}
}

static void
try_double(CmDialect dialect, Input *input)
{
	CmWriter	writer = new_writer(dialect);
	double		value;
	Tree	   *tree;

	take(input, &value, sizeof(value));
	cm_writer_put_double(&writer, value);
	tree = written(&writer);
	MUST(writer.size == 9);
	if (tree->kind == KIND_NUMBER)
	{
		double		read = strtod(tree->text, NULL);

		MUST(memcmp(&read, &value, sizeof(read)) == 0);
		MUST(cm_number_is_exact(tree->text, strlen(tree->text)) ==
			 javascript_prints(tree->text));
	}
	else
		MUST(!isfinite(value) || (value == 0 && signbit(value)));
}

static void
try_string(Input *input)
{
	CmWriter	writer = new_writer(CM_DIALECT_ARGUMENTS);
	StringInfoData text = take_text(input);
	Tree	   *tree;

	MUST(cm_writer_put_string(&writer, text.data, text.len));
	tree = written(&writer);
	MUST(tree->kind == KIND_STRING && strcmp(tree->text, text.data) == 0);
	MUST(writer.size == text.len + 2);
}

static void
try_key(CmDialect dialect, Input *input)
{
	CmWriter	writer = new_writer(dialect);
	StringInfoData key = take_text(input);
	Tree		field = {.kind = KIND_NULL,.key = key.data};
	Tree	   *tree;

	(void) cm_writer_open(&writer, '{');
	if (!cm_writer_put_key(&writer, key.data, key.len))
	{
		MUST(strcmp(writer.reason->code, "illegal_key") == 0);
		MUST(!rules_allow(&field, dialect, DEPTH));
		return;
	}
	cm_writer_put_null(&writer);
	cm_writer_close(&writer, '}');
	MUST(rules_allow(&field, dialect, DEPTH));
	tree = written(&writer);
	MUST(strcmp(tree->first->key, key.data) == 0);
	MUST(writer.size == rules_size(tree));
}

static void
try_bytes(CmDialect dialect, Input *input)
{
	CmWriter	writer = new_writer(dialect);
	uint8	   *decoded = palloc(input->size + 1);
	Tree	   *tree;

	cm_writer_put_bytes(&writer, input->data, input->size);
	MUST(writer.size == (int64) input->size + 2);
	tree = written(&writer);
	if (dialect == CM_DIALECT_JSON)
	{
		MUST(tree->kind == KIND_STRING && strlen(tree->text) == 2 + 2 * input->size);
		return;
	}
	MUST(tree->kind == KIND_OBJECT && strcmp(tree->first->key, "$bytes") == 0);
	MUST(pg_b64_decode(tree->first->text, strlen(tree->first->text),
					   (char *) decoded, input->size) == (int) input->size);
	MUST(memcmp(decoded, input->data, input->size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Input		input = {data, size};
	char		header[2];
	CmDialect	dialect;
	StringInfoData text;

	take(&input, header, sizeof(header));
	dialect = header[1] == 'i' ? CM_DIALECT_IMPORT :
		header[1] == 'j' ? CM_DIALECT_JSON : CM_DIALECT_ARGUMENTS;
	switch (header[0])
	{
		case '[':
		case '{':
		case '>':
			try_repeated(dialect, header[0], &input);
			break;
		case 'n':
			try_decimal(take_text(&input).data);
			break;
		case 'r':
			try_rounded(&input);
			break;
		case 'd':
			try_double(dialect, &input);
			break;
		case 's':
			try_string(&input);
			break;
		case 'k':
			try_key(dialect, &input);
			break;
		case 'b':
			try_bytes(dialect, &input);
			break;
		default:
			text = take_text(&input);
			try_json(dialect, text.data, text.len);
	}
	free_all();
	return 0;
}
