/*-------------------------------------------------------------------------
 *
 * mapping.h
 *	  Values on their way into Convex: what a type becomes, how it is written,
 *	  how Convex is told of it.
 *
 * Part of convex_migrate.h, which includes it; what is said there of memory
 * holds here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_MAPPING_H
#define CM_MAPPING_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef struct CmServer CmServer;
typedef struct CmTable CmTable;

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

/* Why one row cannot go. Codes are part of the interface (convex_rejects). */
typedef struct CmReason
{
	const char *code;			/* static text, such as "number_not_exact" */
	char	   *path;			/* field path, or NULL */
	char	   *text;			/* facts, no row data */
} CmReason;

/* Make room for so many bytes and a NUL: a call only when there is none. */
static inline void
cm_make_room(StringInfo out, int length)
{
	if (out->maxlen - out->len <= length)
		enlargeStringInfo(out, length);
}

/* Append bytes, as appendBinaryStringInfo() does, but without a NUL. */
static inline void
cm_append(StringInfo out, const char *bytes, int length)
{
	cm_make_room(out, length);
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
extern bool cm_mapping_is_possible(Oid type, const char *choice_name);
extern CmMapping *cm_mapping_create(Oid type, int32 typmod,
									const CmServer *server,
									const char *choice_name);

/* in value.c */
extern void cm_format_uuid(Datum value, char *text);
extern bool cm_write_value(const CmMapping *mapping, Datum value,
						   CmWriter *writer);

/* in times.c */
extern bool cm_write_timestamp_ms(const CmMapping *mapping, Datum value,
								  CmWriter *writer);
extern bool cm_write_timestamp_iso(const CmMapping *mapping, Datum value,
								   CmWriter *writer);
extern bool cm_write_date_iso(const CmMapping *mapping, Datum value,
							  CmWriter *writer);
extern bool cm_write_date_ms(const CmMapping *mapping, Datum value,
							 CmWriter *writer);

/* in containers.c */
extern bool cm_write_array(const CmMapping *mapping, Datum value,
						   CmWriter *writer);
extern bool cm_write_composite(const CmMapping *mapping, Datum value,
							   CmWriter *writer);
extern bool cm_write_hstore(const CmMapping *mapping, Datum value,
							CmWriter *writer);
extern bool cm_write_vector(const CmMapping *mapping, Datum value,
							CmWriter *writer);
extern bool cm_write_sparse_vector(const CmMapping *mapping, Datum value,
								   CmWriter *writer);
extern bool cm_write_as_json_text(const CmMapping *mapping, Datum value,
								  CmWriter *writer);

/* in jsonb.c */
extern bool cm_write_jsonb(CmWriter *writer, Jsonb *jsonb);

/* in jsontext.c */
extern bool cm_write_json_text(CmWriter *writer, const char *text, int length);

/* in number.c */
extern bool cm_number_is_exact(const char *text, int length);

/* in writer.c */
extern char *cm_figure(int64 number);
extern bool cm_reason(CmReason *reason, const char *code, const char *format,
					  ...) pg_attribute_printf(3, 4);
extern void cm_reason_within(CmReason *reason, const char *step);
extern void cm_reason_within_element(CmReason *reason, int element);
extern void cm_json_string(StringInfo out, const char *text, int length);
extern void cm_write_null(CmWriter *writer);
extern void cm_write_boolean(CmWriter *writer, bool value);
extern void cm_write_utf8(CmWriter *writer, const char *text, int length);
extern void cm_write_plain(CmWriter *writer, const char *text, int length);
extern bool cm_not_utf8(CmWriter *writer);
extern bool cm_write_string(CmWriter *writer, const char *text, int length);
extern void cm_write_bytes(CmWriter *writer, const void *bytes, int length);
extern void cm_write_int64(CmWriter *writer, int64 value);
extern void cm_write_integer(CmWriter *writer, int64 value);
extern bool cm_decimal_fits(CmWriter *writer, const char *text, int length);
extern void cm_write_decimal(CmWriter *writer, const char *text, int length);
extern void cm_write_double(CmWriter *writer, double value);
extern void cm_write_float(CmWriter *writer, float4 value);
extern bool cm_record_too_large(CmWriter *writer);
extern bool cm_record_fits(CmWriter *writer);
extern bool cm_open(CmWriter *writer, char bracket);
extern void cm_close(CmWriter *writer, char bracket);
extern bool cm_array_fits(CmWriter *writer, int64 elements);
extern bool cm_object_fits(CmWriter *writer, int64 fields);
extern bool cm_write_key(CmWriter *writer, const char *key, int length);

/* in utf8.c */
extern const char *cm_to_utf8(const char *text, int *length);
extern char *cm_from_utf8(char *text);
extern char *cm_json_from_utf8(char *json);
extern const char *cm_readable(const char *text);

/* in validator.c */
extern CmValidator *cm_validator_create(CmValidatorKind kind);
extern List *cm_table_fields(CmTable *table, const CmServer *server);

/* in typescript.c */
extern void cm_ts_comment(StringInfo out, int indent, const char *text);
extern void cm_ts_string(StringInfo out, const char *text);
extern void cm_ts_field(StringInfo out, const CmField *field, int indent);
extern char *cm_ts_validator(const CmValidator *validator, bool optional);
extern void cm_ts_list(StringInfo out, int indent, const char *head,
					   const List *names, const char *tail);

#endif							/* CM_MAPPING_H */
