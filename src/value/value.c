/*-------------------------------------------------------------------------
 *
 * value.c
 *	  From a Datum to a value of Convex: a function for each kind of mapping.
 *
 * mapping.c chooses the kind when a table starts; per value there is no
 * catalog lookup. Each function appends to the writer and returns true, or
 * returns false with a reason and leaves the buffer incomplete, which the
 * caller truncates. What it allocates is in the current context, which the
 * caller resets for every row.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <ctype.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "base/compat.h"

#define UNUSED pg_attribute_unused()

/* A boolean. */
static bool
write_boolean(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	cm_writer_put_boolean(writer, DatumGetBool(value));
	return true;
}

/* The number that a smallint, integer or bigint is. */
static int64
integer_of(const CmMapping *mapping, Datum value)
{
	switch (mapping->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			Assert(mapping->type == INT8OID);
			return DatumGetInt64(value);
	}
}

/* Set the reason for a value that cannot be a boolean. */
static bool
not_boolean(CmWriter *writer)
{
	return cm_reason_set(writer->reason, "not_boolean",
						 "the column is sent as a boolean, and this value is neither true nor false");
}

/* 0 and 1 as a boolean. */
static bool
write_integer_boolean(const CmMapping *mapping, Datum value, CmWriter *writer)
{
	int64		number = integer_of(mapping, value);

	if (number != 0 && number != 1)
		return not_boolean(writer);
	cm_writer_put_boolean(writer, number == 1);
	return true;
}

/* A text as a boolean, where PostgreSQL would read it as one. */
static bool
write_text_boolean(const CmMapping *mapping UNUSED, Datum value,
				   CmWriter *writer)
{
	text	   *string = DatumGetTextPP(value);
	const char *chars = VARDATA_ANY(string);
	const char *end = chars + VARSIZE_ANY_EXHDR(string);
	bool		result;

	/* boolin() skips white space on both sides */
	while (chars < end && isspace((unsigned char) *chars))
		chars++;
	while (end > chars && isspace((unsigned char) end[-1]))
		end--;
	/* the parser reads past the length, up to a NUL */
	if (!parse_bool_with_len(pnstrdup(chars, end - chars), end - chars,
							 &result))
		return not_boolean(writer);
	cm_writer_put_boolean(writer, result);
	return true;
}

/* Set the reason for a number that a double does not hold. */
static bool
not_exact(CmWriter *writer, const char *what)
{
	return cm_reason_set(writer->reason, "number_not_exact",
						 "%s cannot be carried exactly as a Convex number", what);
}

/* An integer as a number, where a double holds it exactly. */
static bool
write_integer(const CmMapping *mapping, Datum value, CmWriter *writer)
{
	int64		number = integer_of(mapping, value);

	if ((number > CM_MAX_EXACT_INTEGER || number < -CM_MAX_EXACT_INTEGER) &&
		writer->dialect != CM_DIALECT_JSON)
		return not_exact(writer, "a bigint beyond 2^53");
	cm_writer_put_integer(writer, number);
	return true;
}

/* An integer as an Int64. */
static bool
write_int64(const CmMapping *mapping, Datum value, CmWriter *writer)
{
	cm_writer_put_int64(writer, integer_of(mapping, value));
	return true;
}

/* The text of a numeric; palloc'd. */
static char *
numeric_text(Datum value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, value));
}

/* A numeric as an Int64, where it is one. */
static bool
write_numeric_int64(const CmMapping *mapping UNUSED, Datum value,
					CmWriter *writer)
{
	char	   *text = numeric_text(value);
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoi64(text, &end, 10);
	if (errno != 0 || end == text ||
		(*end != '\0' && (*end != '.' || end[1 + strspn(end + 1, "0")] != '\0')))
		return cm_reason_set(writer->reason, "number_not_exact",
							 "a numeric that is no whole number of 64 bits cannot be carried as an Int64");
	cm_writer_put_int64(writer, number);
	return true;
}

/* A real as a number. */
static bool
write_float4(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	cm_writer_put_float(writer, DatumGetFloat4(value));
	return true;
}

/* A double precision as a number. */
static bool
write_float8(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	cm_writer_put_double(writer, DatumGetFloat8(value));
	return true;
}

/*
 * A numeric as a number, where a double gives it back. One that is declared to
 * be short is looked at as well: a foreign table may hold what it likes.
 */
static bool
write_numeric(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	Numeric		number = DatumGetNumeric(value);
	char	   *text;
	int			length;

	if (numeric_is_nan(number) || numeric_is_inf(number))
	{
		cm_writer_put_double(writer,
							 DatumGetFloat8(DirectFunctionCall1(numeric_float8,
																NumericGetDatum(number))));
		return true;
	}
	text = numeric_text(NumericGetDatum(number));
	length = strlen(text);
	if (!cm_writer_decimal_fits(writer, text, length))
		return not_exact(writer, "a numeric");
	cm_writer_put_decimal(writer, text, length);
	return true;
}

/* The two hexadecimal digits of each byte. */
#define SIXTEEN(h) \
	h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" \
	h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char hex_pairs[] =
SIXTEEN("0") SIXTEEN("1") SIXTEEN("2") SIXTEEN("3")
SIXTEEN("4") SIXTEEN("5") SIXTEEN("6") SIXTEEN("7")
SIXTEEN("8") SIXTEEN("9") SIXTEEN("a") SIXTEEN("b")
SIXTEEN("c") SIXTEEN("d") SIXTEEN("e") SIXTEEN("f");

/* Write the CM_UUID_LENGTH characters of a uuid, and no NUL. */
void
cm_value_format_uuid(Datum value, char *text)
{
	const unsigned char *bytes = DatumGetUUIDP(value)->data;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		memcpy(text, hex_pairs + 2 * bytes[i], 2);
		text += 2;
	}
}

/* A uuid as its text. */
static bool
write_uuid(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	char		text[CM_UUID_LENGTH];

	cm_value_format_uuid(value, text);
	cm_writer_put_plain(writer, text, sizeof(text));
	return true;
}

/* A uuid as its 16 bytes. */
static bool
write_uuid_bytes(const CmMapping *mapping UNUSED, Datum value,
				 CmWriter *writer)
{
	cm_writer_put_bytes(writer, DatumGetUUIDP(value)->data, UUID_LEN);
	return true;
}

/* A text, varchar or char. */
static bool
write_text(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	text	   *string = DatumGetTextPP(value);

	return cm_writer_put_string(writer, VARDATA_ANY(string),
								VARSIZE_ANY_EXHDR(string));
}

/* A bytea, or the bytes of a text as they are stored. */
static bool
write_bytes(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	bytea	   *bytes = DatumGetByteaPP(value);

	cm_writer_put_bytes(writer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	return true;
}

/* A jsonb as what it contains. */
static bool
write_jsonb(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	return cm_jsonb_write(writer, DatumGetJsonbP(value));
}

/*
 * A json as what it contains; in plain JSON as the text that it is, also one
 * that is nothing for Convex, such as an object that has a key twice.
 */
static bool
write_json(const CmMapping *mapping UNUSED, Datum value, CmWriter *writer)
{
	char	   *json = TextDatumGetCString(value);
	int			length = strlen(json);
	const char *utf8 = cm_utf8_from_database(json, &length);

	if (utf8 == NULL)
		return cm_writer_not_utf8(writer);
	if (writer->dialect == CM_DIALECT_JSON)
	{
		cm_writer_append(writer->out, utf8, length);
		return true;
	}
	if (cm_jsontext_write(writer, utf8, length))
		return true;
	if (writer->reason->path != NULL)	/* made of keys, in UTF-8 */
		writer->reason->path = cm_utf8_to_database(writer->reason->path);
	return false;
}

/* Any type by its output function. */
static bool
write_output(const CmMapping *mapping, Datum value, CmWriter *writer)
{
	char	   *text = OutputFunctionCall(unconstify(FmgrInfo *, &mapping->function),
										  value);

	return cm_writer_put_string(writer, text, strlen(text));
}

/* Append a value that is not NULL, as its mapping says. */
typedef bool (*CmWriteValue) (const CmMapping *mapping, Datum value,
							  CmWriter *writer);

static const CmWriteValue writers[] = {
	[CM_KIND_BOOLEAN] = write_boolean,
	[CM_KIND_INTEGER_BOOLEAN] = write_integer_boolean,
	[CM_KIND_TEXT_BOOLEAN] = write_text_boolean,
	[CM_KIND_INTEGER] = write_integer,
	[CM_KIND_INT64] = write_int64,
	[CM_KIND_NUMERIC_INT64] = write_numeric_int64,
	[CM_KIND_FLOAT4] = write_float4,
	[CM_KIND_FLOAT8] = write_float8,
	[CM_KIND_NUMERIC] = write_numeric,
	[CM_KIND_UUID] = write_uuid,
	[CM_KIND_UUID_BYTES] = write_uuid_bytes,
	[CM_KIND_TEXT] = write_text,
	[CM_KIND_TEXT_BYTES] = write_bytes,
	[CM_KIND_BYTEA] = write_bytes,
	[CM_KIND_TIMESTAMP_MS] = cm_times_write_timestamp_ms,
	[CM_KIND_TIMESTAMP_ISO] = cm_times_write_timestamp_iso,
	[CM_KIND_DATE_MS] = cm_times_write_date_ms,
	[CM_KIND_DATE_ISO] = cm_times_write_date_iso,
	[CM_KIND_JSONB] = write_jsonb,
	[CM_KIND_JSON] = write_json,
	[CM_KIND_JSON_TEXT] = cm_containers_write_json_text,
	[CM_KIND_ARRAY] = cm_containers_write_array,
	[CM_KIND_COMPOSITE] = cm_containers_write_composite,
	[CM_KIND_HSTORE] = cm_containers_write_hstore,
	[CM_KIND_VECTOR] = cm_containers_write_vector,
	[CM_KIND_HALFVEC] = cm_containers_write_vector,
	[CM_KIND_SPARSEVEC] = cm_containers_write_sparse_vector,
	[CM_KIND_GEOMETRY] = cm_geojson_write,
	[CM_KIND_OUTPUT] = write_output,
};

StaticAssertDecl(lengthof(writers) == CM_NKINDS,
				 "a kind of mapping has no function that writes it");

/*
 * Append the value, which is not NULL, as its mapping says. False with a
 * reason when it cannot be sent so.
 */
bool
cm_value_write(const CmMapping *mapping, Datum value, CmWriter *writer)
{
	Assert(writers[mapping->kind] != NULL);

	/* look before a huge value is fetched and unpacked */
	if (mapping->is_varlena)
	{
		Size		size = toast_raw_datum_size(value) - VARHDRSZ;

		if (size > CM_MAX_RECORD_BYTES)
			return cm_reason_set(writer->reason, "value_too_large",
								 "%s bytes, at most %s in one request",
								 cm_text_figure(size),
								 cm_text_figure(CM_MAX_RECORD_BYTES));
	}
	return writers[mapping->kind] (mapping, value, writer);
}
