/*-------------------------------------------------------------------------
 *
 * value.c
 *	  One encoder per type: from a Datum to a value in Convex's JSON.
 *
 * cm_value_encoder() chooses once, when a table starts; per value there is no
 * catalog lookup. An encoder appends to the request buffer and returns true,
 * or returns false with a reason and an incomplete buffer, which the caller
 * cuts off. What an encoder allocates goes into the current context, which
 * the caller resets for every row.
 *
 * A new type is one more CmMapping: a line in choose() and one in
 * cm_encode_value().
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/base64.h"
#include "common/int.h"
#include "common/shortest_dec.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "compat.h"

/* A numeric of this many digits always comes back from a double as it was. */
#define CM_MAX_NUMERIC_PRECISION 15

/* Scales beyond this could leave the range of doubles. */
#define CM_MAX_NUMERIC_SCALE 200

/* Microseconds from 1970 to PostgreSQL's epoch, 2000. */
#define CM_EPOCH_MICROSECONDS \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* How a type becomes a value of Convex. */
typedef enum CmMapping
{
	CM_BOOL,
	CM_INT2,
	CM_INT4,
	CM_INT8,
	CM_INT64,					/* int8 as Int64 */
	CM_FLOAT4,
	CM_FLOAT8,
	CM_SHORT_NUMERIC,			/* numeric that a double holds */
	CM_ANY_NUMERIC,				/* numeric that a double may hold */
	CM_UUID,
	CM_TEXT,					/* stored as its text */
	CM_BYTEA,
	CM_TIMESTAMP,				/* with and without time zone */
	CM_ISO_TIMESTAMP,			/* as text */
	CM_JSONB,
	CM_JSON,
	CM_ARRAY,
	CM_OUTPUT					/* text of the output function */
} CmMapping;

struct CmValueEncoder
{
	CmMapping	mapping;
	bool		is_varlena;
	FmgrInfo	output;			/* CM_OUTPUT */
	CmValueEncoder *element;	/* CM_ARRAY */
	Oid			element_type;
	int16		element_length;
	bool		element_by_value;
	char		element_align;
};

/* An integer as a number, where a double holds it exactly. */
static bool
encode_integer(int64 number, StringInfo out, CmReason *reason)
{
	char		text[MAXINT8LEN + 1];

	if (number > CM_MAX_EXACT_INTEGER || number < -CM_MAX_EXACT_INTEGER)
		return cm_reason(reason, "number_not_exact",
						 "a bigint beyond 2^53 cannot be carried exactly as a Convex number");
	appendBinaryStringInfo(out, text, pg_lltoa(number, text));
	return true;
}

static void
encode_text(text *string, StringInfo out)
{
	cm_json_string(out, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

/* A real by its own shortest text: 0.1 stays 0.1. */
static void
encode_float4(float4 number, StringInfo out)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	if (isnan(number) || isinf(number) || number == 0)
		cm_json_double(out, number);
	else
		appendBinaryStringInfo(out, text,
							   float_to_shortest_decimal_buf(number, text));
}

/* A numeric whose declared precision a double holds, so its text will do. */
static void
encode_short_numeric(Numeric number, StringInfo out)
{
	/* infinities do not fit into a declared precision */
	if (numeric_is_nan(number))
		cm_json_double(out, get_float8_nan());
	else
		appendStringInfoString(out,
							   DatumGetCString(DirectFunctionCall1(numeric_out,
																   NumericGetDatum(number))));
}

/* Any numeric as a number, where a double gives it back. */
static bool
encode_any_numeric(Numeric number, StringInfo out, CmReason *reason)
{
	char	   *text;

	if (numeric_is_nan(number) || numeric_is_inf(number))
	{
		cm_json_double(out, DatumGetFloat8(DirectFunctionCall1(numeric_float8,
															  NumericGetDatum(number))));
		return true;
	}
	text = DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(number)));
	if (!cm_number_is_exact(text))
		return cm_reason(reason, "number_not_exact",
						 "a numeric cannot be carried exactly as a Convex number");
	appendStringInfoString(out, text);
	return true;
}

static void
encode_uuid(pg_uuid_t *uuid, StringInfo out)
{
	static const char hex[] = "0123456789abcdef";
	char		text[2 * UUID_LEN + 6];
	char	   *p = text;

	*p++ = '"';
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[uuid->data[i] >> 4];
		*p++ = hex[uuid->data[i] & 15];
	}
	*p++ = '"';
	appendBinaryStringInfo(out, text, p - text);
}

/* {"$...": base64}, one of Convex's values that JSON does not have. */
static void
encode_special(const char *opening, void *bytes, int length, StringInfo out)
{
	int			room = pg_b64_enc_len(length);
	int			written;

	appendStringInfoString(out, opening);
	enlargeStringInfo(out, room + 1);
	written = pg_b64_encode(bytes, length, out->data + out->len, room);
	if (written < 0)
		elog(ERROR, "could not encode %d bytes", length);
	out->len += written;
	appendStringInfoString(out, "\"}");
}

/* An Int64: its eight bytes, little-endian. */
static void
encode_int64(int64 number, StringInfo out)
{
	unsigned char bytes[sizeof(int64)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = ((uint64) number >> (8 * i)) & 0xff;
	encode_special("{\"$integer\":\"", bytes, sizeof(bytes), out);
}

/*
 * A timestamp as milliseconds since 1970, microseconds as the fraction, where
 * a double gives the microseconds back. Without a time zone it is read as UTC.
 */
static bool
encode_timestamp(Timestamp timestamp, StringInfo out, CmReason *reason)
{
	int64		microseconds;
	double		milliseconds;
	bool		overflow;

	if (TIMESTAMP_IS_NOBEGIN(timestamp) || TIMESTAMP_IS_NOEND(timestamp))
	{
		cm_json_double(out, TIMESTAMP_IS_NOBEGIN(timestamp) ?
					   -get_float8_infinity() : get_float8_infinity());
		return true;
	}
	overflow = pg_add_s64_overflow(timestamp, CM_EPOCH_MICROSECONDS,
								   &microseconds);
	milliseconds = microseconds / 1000.0;
	if (overflow || rint(milliseconds * 1000.0) != (double) microseconds ||
		(int64) rint(milliseconds * 1000.0) != microseconds)
		return cm_reason(reason, "timestamp_not_exact",
						 "the microseconds of a timestamp this far from 1970 cannot be carried as a Convex number");
	if (microseconds == 0)
		milliseconds = 0;
	cm_json_double(out, milliseconds);
	return true;
}

/*
 * A timestamp as ISO 8601 in UTC, which JavaScript reads: years that do not
 * have four digits in the expanded form, +010000 or -000043 for 44 BC.
 */
static void
encode_iso_timestamp(Timestamp timestamp, StringInfo out)
{
	struct pg_tm tm;
	fsec_t		fraction;
	char		digits[8];
	int			length = 6;

	if (TIMESTAMP_NOT_FINITE(timestamp))
	{
		appendStringInfoString(out, TIMESTAMP_IS_NOBEGIN(timestamp) ?
							   "\"-infinity\"" : "\"infinity\"");
		return;
	}
	if (timestamp2tm(timestamp, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	appendStringInfo(out, tm.tm_year >= 1 && tm.tm_year <= 9999 ?
					 "\"%04d-%02d-%02dT%02d:%02d:%02d" :
					 "\"%+07d-%02d-%02dT%02d:%02d:%02d",
					 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
					 tm.tm_sec);
	snprintf(digits, sizeof(digits), "%06d", (int) fraction);
	while (length > 0 && digits[length - 1] == '0')
		length--;
	appendStringInfo(out, "%s%.*sZ\"", length > 0 ? "." : "", length, digits);
}

/*
 * An array of one dimension without nulls; v.array() of Convex has neither.
 * Lower bounds other than 1 are dropped.
 */
static bool
encode_array(CmValueEncoder *encoder, ArrayType *array, StringInfo out,
			 int depth, CmReason *reason)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (ARR_NDIM(array) > 1)
		return cm_reason(reason, "array_dimensions",
						 "an array of %d dimensions, at most 1",
						 ARR_NDIM(array));
	deconstruct_array(array, encoder->element_type, encoder->element_length,
					  encoder->element_by_value, encoder->element_align,
					  &elements, &nulls, &count);
	if (count > CM_MAX_ARRAY)
		return cm_reason(reason, "array_too_long",
						 "%d elements, at most %d", count, CM_MAX_ARRAY);
	appendStringInfoChar(out, '[');
	for (int i = 0; i < count; i++)
	{
		char		step[16];
		bool		encoded;

		if (i > 0)
			appendStringInfoChar(out, ',');
		encoded = nulls[i] ?
			cm_reason(reason, "null_element", "an array element is NULL") :
			cm_encode_value(encoder->element, elements[i], out, depth + 1,
							reason);
		if (!encoded)
		{
			snprintf(step, sizeof(step), "[%d]", i);
			cm_reason_within(reason, step);
			return false;
		}
	}
	appendStringInfoChar(out, ']');
	return true;
}

/* Whether a numeric of this declaration always fits a double. */
static bool
numeric_is_short(int32 typmod)
{
	int			precision;
	int			scale;

	if (typmod < (int32) VARHDRSZ)
		return false;
	/* numeric's own packing: precision above, an 11-bit signed scale below */
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return precision <= CM_MAX_NUMERIC_PRECISION &&
		abs(scale) <= CM_MAX_NUMERIC_SCALE;
}

/* The mapping of a type. */
static CmMapping
choose(Oid type, int32 typmod, const CmMappings *mappings)
{
	if (mappings->as_text)
		return CM_OUTPUT;
	switch (type)
	{
		case BOOLOID:
			return CM_BOOL;
		case INT2OID:
			return CM_INT2;
		case INT4OID:
			return CM_INT4;
		case INT8OID:
			return mappings->int8 == CM_INT8_INT64 ? CM_INT64 :
				mappings->int8 == CM_INT8_STRING ? CM_OUTPUT : CM_INT8;
		case FLOAT4OID:
			return CM_FLOAT4;
		case FLOAT8OID:
			return CM_FLOAT8;
		case NUMERICOID:
			return mappings->numeric == CM_NUMERIC_STRING ? CM_OUTPUT :
				numeric_is_short(typmod) ? CM_SHORT_NUMERIC :
				mappings->numeric == CM_NUMERIC_NUMBER ? CM_ANY_NUMERIC :
				CM_OUTPUT;
		case UUIDOID:
			return CM_UUID;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return CM_TEXT;
		case BYTEAOID:
			return CM_BYTEA;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return mappings->timestamps == CM_TIMESTAMPS_ISO ?
				CM_ISO_TIMESTAMP : CM_TIMESTAMP;
		case JSONBOID:
			return CM_JSONB;
		case JSONOID:
			return CM_JSON;
		default:
			return OidIsValid(get_element_type(type)) ? CM_ARRAY : CM_OUTPUT;
	}
}

/*
 * Apply a choice of convex_columns.type for a column of the type (of a domain:
 * its base type) to the mappings. False when the type cannot go like that.
 */
bool
cm_mappings_choose(CmMappings *mappings, Oid type, const char *choice)
{
	bool		is_timestamp = type == TIMESTAMPOID || type == TIMESTAMPTZOID;

	mappings->as_text = strcmp(choice, "string") == 0;
	if (mappings->as_text)
		return true;
	if (strcmp(choice, "number") == 0)
	{
		mappings->int8 = CM_INT8_NUMBER;
		mappings->numeric = CM_NUMERIC_NUMBER;
		return type == INT8OID || type == NUMERICOID;
	}
	if (strcmp(choice, "int64") == 0)
	{
		mappings->int8 = CM_INT8_INT64;
		return type == INT8OID;
	}
	mappings->timestamps = strcmp(choice, "iso") == 0 ? CM_TIMESTAMPS_ISO :
		CM_TIMESTAMPS_MS;
	return is_timestamp;
}

/*
 * The encoder for a type (of a domain: its base type), in the current context.
 */
CmValueEncoder *
cm_value_encoder(Oid type, int32 typmod, const CmMappings *mappings)
{
	CmValueEncoder *encoder = palloc0(sizeof(CmValueEncoder));

	encoder->mapping = choose(type, typmod, mappings);
	encoder->is_varlena = get_typlen(type) == -1;
	if (encoder->mapping == CM_OUTPUT)
	{
		Oid			function;
		bool		is_varlena;

		getTypeOutputInfo(type, &function, &is_varlena);
		fmgr_info(function, &encoder->output);
	}
	else if (encoder->mapping == CM_ARRAY)
	{
		Oid			element = get_element_type(type);

		encoder->element_type = element;
		get_typlenbyvalalign(element, &encoder->element_length,
							 &encoder->element_by_value,
							 &encoder->element_align);
		element = getBaseTypeAndTypmod(element, &typmod);
		encoder->element = cm_value_encoder(element, typmod, mappings);
	}
	return encoder;
}

/*
 * Append the value. depth is the nesting of what it stands in: 1 in the
 * document itself. False with a reason when it cannot go as it is.
 */
bool
cm_encode_value(CmValueEncoder *encoder, Datum value, StringInfo out,
				int depth, CmReason *reason)
{
	char	   *chars;
	bytea	   *bytes;

	/* look before a huge value is fetched and unpacked */
	if (encoder->is_varlena)
	{
		Size		size = toast_raw_datum_size(value);

		if (size > CM_MAX_RECORD_BYTES)
			return cm_reason(reason, "value_too_large",
							 "%zu bytes, at most %d in one request", size,
							 CM_MAX_RECORD_BYTES);
	}
	switch (encoder->mapping)
	{
		case CM_BOOL:
			appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
			return true;
		case CM_INT2:
			return encode_integer(DatumGetInt16(value), out, reason);
		case CM_INT4:
			return encode_integer(DatumGetInt32(value), out, reason);
		case CM_INT8:
			return encode_integer(DatumGetInt64(value), out, reason);
		case CM_INT64:
			encode_int64(DatumGetInt64(value), out);
			return true;
		case CM_FLOAT4:
			encode_float4(DatumGetFloat4(value), out);
			return true;
		case CM_FLOAT8:
			cm_json_double(out, DatumGetFloat8(value));
			return true;
		case CM_SHORT_NUMERIC:
			encode_short_numeric(DatumGetNumeric(value), out);
			return true;
		case CM_ANY_NUMERIC:
			return encode_any_numeric(DatumGetNumeric(value), out, reason);
		case CM_UUID:
			encode_uuid(DatumGetUUIDP(value), out);
			return true;
		case CM_TEXT:
			encode_text(DatumGetTextPP(value), out);
			return true;
		case CM_BYTEA:
			bytes = DatumGetByteaPP(value);
			encode_special("{\"$bytes\":\"", VARDATA_ANY(bytes),
						   VARSIZE_ANY_EXHDR(bytes), out);
			return true;
		case CM_TIMESTAMP:
			return encode_timestamp(DatumGetTimestamp(value), out, reason);
		case CM_ISO_TIMESTAMP:
			encode_iso_timestamp(DatumGetTimestamp(value), out);
			return true;
		case CM_JSONB:
			return cm_json_from_jsonb(out, DatumGetJsonbP(value), depth, reason);
		case CM_JSON:
			chars = TextDatumGetCString(value);
			return cm_json_from_text(out, chars, strlen(chars), depth, reason);
		case CM_ARRAY:
			return encode_array(encoder, DatumGetArrayTypeP(value), out, depth,
								reason);
		case CM_OUTPUT:
			chars = OutputFunctionCall(&encoder->output, value);
			cm_json_string(out, chars, strlen(chars));
			return true;
	}
	pg_unreachable();
}
