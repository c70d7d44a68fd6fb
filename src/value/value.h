/*-------------------------------------------------------------------------
 *
 * value.h
 *	  A value of PostgreSQL as a value of Convex: what its type becomes, how it is
 * written, how Convex is told of it.
 *
 * Knows types and values, but no table, no foreign server and no request.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_VALUE_H
#define CM_VALUE_H

#include "base/base.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/jsonb.h"

/*
 * Limits of Convex: a request body (16 MiB and 2,000 bytes, which leaves room
 * for path and names; crates/common/src/knobs.rs), the size of a document in
 * Convex's own measure and its levels (crates/common/src/document.rs),
 * elements of an array and fields of an object (crates/value/src/).
 */
#define CM_MAX_RECORD_BYTES	(16 * 1024 * 1024)
#define CM_MAX_DOCUMENT		(1024 * 1024)
#define CM_MAX_NESTING		16
#define CM_MAX_ARRAY		8192
#define CM_MAX_FIELDS		1024

/* Doubles hold every whole number up to here. */
#define CM_MAX_EXACT_INTEGER INT64CONST(9007199254740992)

/* Characters of a uuid's text. */
#define CM_UUID_LENGTH		36

/* Longest name of a field; of a table less, since "migrate" and it are the name
 * of a function (crates/convex/sync_types/src/function_name.rs). */
#define CM_MAX_NAME 64
#define CM_MAX_TARGET (CM_MAX_NAME - 7)

/* Case of names in Convex. */
typedef enum CmCase
{
	CM_CASE_CAMEL,
	CM_CASE_SNAKE,
	CM_CASE_PRESERVE
} CmCase;

/* How a bigint, a numeric and a timestamp become values of Convex. */
typedef enum CmInt8
{
	CM_INT8_NUMBER,				/* Float64, where it is exact */
	CM_INT8_INT64,
	CM_INT8_STRING
} CmInt8;

typedef enum CmNumeric
{
	CM_NUMERIC_AUTO,			/* number where the declaration fits, else string */
	CM_NUMERIC_NUMBER,			/* Float64, where it is exact */
	CM_NUMERIC_STRING
} CmNumeric;

typedef enum CmTimestamps
{
	CM_TIMESTAMPS_MS,			/* Float64, milliseconds since 1970 */
	CM_TIMESTAMPS_ISO			/* ISO 8601 text */
} CmTimestamps;

/* Whether a NULL is a field that is left out, or one that is null. */
typedef enum CmNulls
{
	CM_NULLS_OMIT,
	CM_NULLS_NULL
} CmNulls;

/* How types become types of Convex: options of the foreign server. */
typedef struct CmTypeOptions
{
	CmInt8		int8;
	CmNumeric	numeric;
	CmTimestamps timestamps;
	CmNulls		nulls;
	CmCase		field_case;
} CmTypeOptions;

/* What convex_columns.type chooses for one column, before all options. */
typedef enum CmChoice
{
	CM_CHOICE_NONE,				/* the options decide */
	CM_CHOICE_STRING,
	CM_CHOICE_NUMBER,
	CM_CHOICE_INT64,
	CM_CHOICE_BOOLEAN,
	CM_CHOICE_BYTES,
	CM_CHOICE_ISO,
	CM_CHOICE_MS,
	CM_CHOICE_ANY,
	CM_CHOICE_JSON,
	CM_CHOICE_ARRAY_NULLABLE
} CmChoice;

/*
 * ----------------------------------------------------------------
 * Mappings: what the values of a type become in Convex
 * ----------------------------------------------------------------
 */
typedef enum CmKind
{
	CM_KIND_BOOLEAN,
	CM_KIND_INTEGER_BOOLEAN,	/* 0 and 1 */
	CM_KIND_TEXT_BOOLEAN,
	CM_KIND_INTEGER,			/* int2, int4, int8 as Float64 */
	CM_KIND_INT64,				/* the same as Int64 */
	CM_KIND_NUMERIC_INT64,
	CM_KIND_FLOAT4,
	CM_KIND_FLOAT8,
	CM_KIND_NUMERIC,			/* as Float64, where it is exact */
	CM_KIND_UUID,
	CM_KIND_UUID_BYTES,
	CM_KIND_TEXT,				/* stored as its text */
	CM_KIND_TEXT_BYTES,
	CM_KIND_BYTEA,
	CM_KIND_TIMESTAMP_MS,		/* with and without time zone */
	CM_KIND_TIMESTAMP_ISO,
	CM_KIND_DATE_MS,
	CM_KIND_DATE_ISO,
	CM_KIND_JSONB,
	CM_KIND_JSON,
	CM_KIND_JSON_TEXT,			/* the JSON text of what it would be */
	CM_KIND_ARRAY,
	CM_KIND_COMPOSITE,
	CM_KIND_HSTORE,
	CM_KIND_VECTOR,
	CM_KIND_HALFVEC,
	CM_KIND_SPARSEVEC,
	CM_KIND_OUTPUT				/* text of the output function */
} CmKind;

typedef struct CmMapping CmMapping;

/* An attribute of a composite type that is not dropped. */
typedef struct CmAttribute
{
	int			position;		/* in the tuple descriptor, from 0 */
	char	   *field;			/* name in Convex */
	CmMapping  *mapping;
} CmAttribute;

struct CmMapping
{
	CmKind		kind;
	Oid			type;			/* of a domain: its base type */
	bool		is_varlena;
	bool		any;			/* the validator takes anything: arrays may have
								 * dimensions */
	bool		nullable;		/* elements of the array may be NULL */
	bool		free_text;		/* the validator takes any string */
	FmgrInfo	function;		/* of the type, for kinds that need one */
	CmMapping  *element;		/* array; what goes as its JSON text */
	Oid			element_type;	/* array: not that of a domain's base */
	int16		element_length;
	bool		element_by_value;
	char		element_align;
	TupleDesc	tupdesc;		/* composite */
	bool		nulls_go;		/* composite: as null, not left out */
	int			nattributes;
	CmAttribute *attributes;
};

/*
 * ----------------------------------------------------------------
 * Writing: values as JSON
 * ----------------------------------------------------------------
 */

/* How a value is written: see writer.c. */
typedef enum CmDialect
{
	CM_DIALECT_ARGUMENTS,		/* arguments of a function */
	CM_DIALECT_IMPORT,			/* a line of an import file */
	CM_DIALECT_JSON				/* plain JSON, without limits */
} CmDialect;

/* Make room for so many bytes and a NUL: a call only when there is none. */
static inline void
cm_writer_make_room(StringInfo out, int length)
{
	if (out->maxlen - out->len <= length)
		enlargeStringInfo(out, length);
}

/* Append bytes, as appendBinaryStringInfo() does, but without a NUL. */
static inline void
cm_writer_append(StringInfo out, const char *bytes, int length)
{
	cm_writer_make_room(out, length);
	memcpy(out->data + out->len, bytes, length);
	out->len += length;
}

/* Where values go. */
typedef struct CmWriter
{
	StringInfo	out;
	CmDialect	dialect;
	int			start;			/* where the record, or JSON text, begins */
	int			depth;			/* of open arrays and objects */
	int64		size;			/* of what was written, in Convex's measure */
	CmReason   *reason;			/* set when a function returns false */
} CmWriter;

/*
 * ----------------------------------------------------------------
 * Validators: what Convex is told of a field
 * ----------------------------------------------------------------
 */
typedef enum CmValidatorKind
{
	CM_VALIDATOR_ANY,
	CM_VALIDATOR_NULL,
	CM_VALIDATOR_NUMBER,
	CM_VALIDATOR_INT64,
	CM_VALIDATOR_BOOLEAN,
	CM_VALIDATOR_STRING,
	CM_VALIDATOR_BYTES,
	CM_VALIDATOR_ID,
	CM_VALIDATOR_LITERAL,
	CM_VALIDATOR_ARRAY,
	CM_VALIDATOR_RECORD,
	CM_VALIDATOR_OBJECT,
	CM_VALIDATOR_UNION
} CmValidatorKind;

typedef struct CmValidator
{
	CmValidatorKind kind;
	char	   *text;			/* literal; ID: name of the table */
	bool		is_string;		/* the literal is */
	List	   *members;		/* CmValidator *: of a union; element of an
								 * array; key and value of a record */
	List	   *fields;			/* CmField *, of an object */
} CmValidator;

/* A field of an object, or of a table's documents. */
typedef struct CmField
{
	char	   *name;
	CmValidator *validator;
	bool		optional;
	char	   *comment;		/* of the column, or NULL */
} CmField;

/* in mapping.c */
extern bool cm_mapping_is_possible(Oid type, CmChoice choice);
extern CmMapping *cm_mapping_create(Oid type, int32 typmod,
									const CmTypeOptions *options,
									CmChoice choice);

/* in value.c */
extern void cm_value_format_uuid(Datum value, char *text);
extern bool cm_value_write(const CmMapping *mapping, Datum value,
						   CmWriter *writer);

/* in times.c */
extern bool cm_times_write_timestamp_ms(const CmMapping *mapping, Datum value,
										CmWriter *writer);
extern bool cm_times_write_timestamp_iso(const CmMapping *mapping, Datum value,
										 CmWriter *writer);
extern bool cm_times_write_date_iso(const CmMapping *mapping, Datum value,
									CmWriter *writer);
extern bool cm_times_write_date_ms(const CmMapping *mapping, Datum value,
								   CmWriter *writer);

/* in containers.c */
extern bool cm_containers_write_array(const CmMapping *mapping, Datum value,
									  CmWriter *writer);
extern bool cm_containers_write_composite(const CmMapping *mapping, Datum value,
										  CmWriter *writer);
extern bool cm_containers_write_hstore(const CmMapping *mapping, Datum value,
									   CmWriter *writer);
extern bool cm_containers_write_vector(const CmMapping *mapping, Datum value,
									   CmWriter *writer);
extern bool cm_containers_write_sparse_vector(const CmMapping *mapping, Datum value,
											  CmWriter *writer);
extern bool cm_containers_write_json_text(const CmMapping *mapping, Datum value,
										  CmWriter *writer);

/* in jsonb.c */
extern bool cm_jsonb_write(CmWriter *writer, Jsonb *jsonb);

/* in jsontext.c */
extern bool cm_jsontext_write(CmWriter *writer, const char *text, int length);

/* in number.c */
extern bool cm_number_is_exact(const char *text, int length);

/* in writer.c */
extern void cm_writer_append_string(StringInfo out, const char *text, int length);
extern void cm_writer_put_null(CmWriter *writer);
extern void cm_writer_put_boolean(CmWriter *writer, bool value);
extern void cm_writer_put_utf8(CmWriter *writer, const char *text, int length);
extern void cm_writer_put_plain(CmWriter *writer, const char *text, int length);
extern bool cm_writer_not_utf8(CmWriter *writer);
extern bool cm_writer_put_string(CmWriter *writer, const char *text, int length);
extern void cm_writer_put_bytes(CmWriter *writer, const void *bytes, int length);
extern void cm_writer_put_int64(CmWriter *writer, int64 value);
extern void cm_writer_put_integer(CmWriter *writer, int64 value);
extern bool cm_writer_decimal_fits(CmWriter *writer, const char *text, int length);
extern void cm_writer_put_decimal(CmWriter *writer, const char *text, int length);
extern void cm_writer_put_double(CmWriter *writer, double value);
extern void cm_writer_put_float(CmWriter *writer, float4 value);
extern bool cm_writer_record_too_large(CmWriter *writer);
extern bool cm_writer_record_fits(CmWriter *writer);
extern bool cm_writer_open(CmWriter *writer, char bracket);
extern void cm_writer_close(CmWriter *writer, char bracket);
extern bool cm_writer_array_fits(CmWriter *writer, int64 elements);
extern bool cm_writer_object_fits(CmWriter *writer, int64 fields);
extern bool cm_writer_put_key(CmWriter *writer, const char *key, int length);

/* in validator.c */
extern CmValidator *cm_validator_create(CmValidatorKind kind);
extern CmValidator *cm_validator_with(CmValidator *validator,
									  CmValidatorKind kind);
extern CmValidator *cm_validator_of_mapping(const CmMapping *mapping,
											List *literals);

/* in accepts.c */
extern CmField *cm_accepts_find_field(List *fields, const char *name);
extern bool cm_accepts_field(const CmField *deployed, const CmField *needed);

/* in identifier.c */
extern const char *cm_identifier_problem(const char *name);
extern const char *cm_identifier_target_problem(const char *name);
extern const char *cm_identifier_field_problem(const char *name);
extern const char *cm_identifier_key_field_problem(const char *name);
extern char *cm_identifier_shorten(char *name, const char *original,
								   int longest);
extern char *cm_identifier_make(const char *name, CmCase wanted,
								const char *prefix, int longest);
extern char *cm_identifier_number(const char *name, int number, int longest);
extern char **cm_identifier_attributes(TupleDesc tupdesc, CmCase wanted_case);

#endif							/* CM_VALUE_H */
