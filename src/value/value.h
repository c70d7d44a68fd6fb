/*-------------------------------------------------------------------------
 *
 * value.h
 *	  A value of PostgreSQL as a value of Convex: what its type becomes, how it
 *	  is written, how it is described to Convex.
 *
 * Knows types and values, but no table, no foreign server and no request.
 *
 * Protocol: cm_mapping_create() decides what the values of a type become. By
 * the mapping cm_value_write() writes a value, and cm_validator_of_mapping()
 * says what it can be. Values that Convex cannot hold are no ERROR: whatever
 * writes returns false then, with CmWriter.reason set.
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

/* User tables of a deployment (crates/database/src/bootstrap_model/table.rs). */
#define CM_MAX_TABLES		10000

/* What is around a string, array or object, in Convex's measure. */
#define CM_SIZE_AROUND		2

/* Doubles hold every whole number up to here. */
#define CM_MAX_EXACT_INTEGER INT64CONST(9007199254740992)

/* Characters of a uuid's text. */
#define CM_UUID_LENGTH		36

/* Of an id of a document: bytes of its own, beside the table's number, and most
 * characters. */
#define CM_DOCID_BYTES		16
#define CM_MAX_DOCID		37

/* Longest name of a field, in characters; of a table less, since "migrate" and
 * it are the name of a function (crates/convex/sync_types/src/
 * function_name.rs). */
#define CM_MAX_NAME			64
#define CM_MAX_TARGET		(CM_MAX_NAME - 7)

/* Case of names in Convex. */
typedef enum CmCase
{
	CM_CASE_CAMEL,				/* workspaceMembers */
	CM_CASE_SNAKE,				/* workspace_members */
	CM_CASE_PRESERVE			/* as in PostgreSQL */
} CmCase;

/* What a bigint becomes. */
typedef enum CmInt8
{
	CM_INT8_NUMBER,				/* Float64, where it is exact */
	CM_INT8_INT64,
	CM_INT8_STRING
} CmInt8;

/* What a numeric becomes. */
typedef enum CmNumeric
{
	CM_NUMERIC_AUTO,			/* Float64 if all that the declaration allows
								 * are exact, else a string */
	CM_NUMERIC_NUMBER,			/* Float64, where it is exact */
	CM_NUMERIC_STRING
} CmNumeric;

/* What a timestamp becomes, with and without time zone. */
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

/*
 * What convex_columns.type chooses for one column; it overrules all options.
 * For an array it is about the elements, unless it is about the whole.
 */
typedef enum CmChoice
{
	CM_CHOICE_NONE,				/* the options decide */
	CM_CHOICE_STRING,			/* of the whole: its text */
	CM_CHOICE_NUMBER,			/* Float64, where it is exact */
	CM_CHOICE_INT64,
	CM_CHOICE_BOOLEAN,			/* of 0 and 1, or texts that mean one */
	CM_CHOICE_BYTES,
	CM_CHOICE_ISO,				/* a time as ISO 8601 text */
	CM_CHOICE_MS,				/* a time as milliseconds since 1970 */
	CM_CHOICE_ANY,				/* of the whole: v.any() is its validator */
	CM_CHOICE_JSON,				/* of the whole: its JSON text */
	CM_CHOICE_ARRAY_NULLABLE	/* elements may be NULL */
} CmChoice;

/*
 * ----------------------------------------------------------------
 * Mappings: what the values of a type become in Convex
 * ----------------------------------------------------------------
 */

/* A kind of type, and what its values become: to each a function that writes
 * them (value.c) and a validator (validator.c). */
typedef enum CmKind
{
	CM_KIND_BOOLEAN,
	CM_KIND_INTEGER_BOOLEAN,	/* int2, int4, int8: 0 and 1 */
	CM_KIND_TEXT_BOOLEAN,		/* text that PostgreSQL reads as a boolean */
	CM_KIND_INTEGER,			/* int2, int4, int8 as Float64 */
	CM_KIND_INT64,				/* the same as Int64 */
	CM_KIND_NUMERIC_INT64,		/* numeric as Int64, where it is one */
	CM_KIND_FLOAT4,				/* as Float64 */
	CM_KIND_FLOAT8,				/* as Float64 */
	CM_KIND_NUMERIC,			/* as Float64, where it is exact */
	CM_KIND_UUID,				/* as its text */
	CM_KIND_UUID_BYTES,			/* as Bytes */
	CM_KIND_TEXT,				/* any type that is stored as its text */
	CM_KIND_TEXT_BYTES,			/* the same as Bytes, as they are stored */
	CM_KIND_BYTEA,				/* as Bytes */
	CM_KIND_TIMESTAMP_MS,		/* with and without time zone */
	CM_KIND_TIMESTAMP_ISO,		/* the same as text */
	CM_KIND_DATE_MS,			/* milliseconds to its midnight */
	CM_KIND_DATE_ISO,			/* as text */
	CM_KIND_JSONB,				/* as what it contains */
	CM_KIND_JSON,				/* as what it contains */
	CM_KIND_JSON_TEXT,			/* any type as the JSON text of its value */
	CM_KIND_ARRAY,				/* as an array */
	CM_KIND_COMPOSITE,			/* as an object */
	CM_KIND_HSTORE,				/* as an object of strings and nulls */
	CM_KIND_VECTOR,				/* of pgvector, as an array of Float64 */
	CM_KIND_HALFVEC,			/* the same */
	CM_KIND_SPARSEVEC,			/* the same, with all its zeros */
	CM_KIND_GEOMETRY,			/* of PostGIS, and geography, as GeoJSON */
	CM_KIND_OUTPUT				/* any type by its output function, as text */
} CmKind;

#define CM_NKINDS (CM_KIND_OUTPUT + 1)

typedef struct CmMapping CmMapping;

/* An attribute of a composite type that is not dropped. */
typedef struct CmAttribute
{
	int			position;		/* in the tuple descriptor, from 0 */
	char	   *field;			/* name in Convex */
	CmMapping  *mapping;
} CmAttribute;

/* What the values of a type become; lives as long as the context it is made
 * in, and is not changed. */
struct CmMapping
{
	CmKind		kind;
	Oid			type;			/* of a domain: its base type */
	bool		is_varlena;		/* values have a size, and may be toasted */
	bool		any;			/* the validator accepts anything: arrays may
								 * have several dimensions, and NULLs */
	bool		nullable;		/* elements of the array may be NULL */
	bool		free_text;		/* the validator accepts any string */
	int32		typmod;			/* of a geometry: what it declares */
	FmgrInfo	function;		/* of the type, for kinds that need one */

	/* array; JSON_TEXT: what the text is made of */
	CmMapping  *element;

	/* array */
	Oid			element_type;	/* of a domain: not its base type */
	int16		element_length; /* pg_type.typlen, typbyval, typalign */
	bool		element_by_value;
	char		element_align;

	/* composite */
	TupleDesc	tupdesc;
	bool		nulls_as_null;	/* a NULL is null, not left out */
	int			nattributes;
	CmAttribute *attributes;	/* in their order */
};

/*
 * ----------------------------------------------------------------
 * Writing: values as JSON
 * ----------------------------------------------------------------
 */

/* The form in which values are written: see writer.c. */
typedef enum CmDialect
{
	CM_DIALECT_ARGUMENTS,		/* arguments of a function */
	CM_DIALECT_IMPORT,			/* a line of an import file */
	CM_DIALECT_JSON				/* plain JSON, without limits */
} CmDialect;

/* Make room for that many bytes and a NUL: a call only when there is none. */
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

/* Where values are written to. */
typedef struct CmWriter
{
	StringInfo	out;			/* need not end in a NUL while it is written */
	CmDialect	dialect;
	int			start;			/* where in out the record, or JSON text,
								 * begins */
	int			depth;			/* how many arrays and objects are open */
	int64		size;			/* of what was written, in bytes as Convex
								 * counts them: see writer.c */
	CmReason   *reason;			/* set when a function returns false */
} CmWriter;

/*
 * ----------------------------------------------------------------
 * Validators: what Convex accepts in a field
 * ----------------------------------------------------------------
 */

/* The validators of convex/values (npm-packages/convex, src/values/). */
typedef enum CmValidatorKind
{
	CM_VALIDATOR_ANY,			/* v.any() */
	CM_VALIDATOR_NULL,			/* v.null() */
	CM_VALIDATOR_NUMBER,		/* v.number(): a Float64 */
	CM_VALIDATOR_INT64,			/* v.int64() */
	CM_VALIDATOR_BOOLEAN,		/* v.boolean() */
	CM_VALIDATOR_STRING,		/* v.string() */
	CM_VALIDATOR_BYTES,			/* v.bytes() */
	CM_VALIDATOR_ID,			/* v.id(table) */
	CM_VALIDATOR_LITERAL,		/* v.literal(value) */
	CM_VALIDATOR_ARRAY,			/* v.array(element) */
	CM_VALIDATOR_RECORD,		/* v.record(keys, values) */
	CM_VALIDATOR_OBJECT,		/* v.object(fields) */
	CM_VALIDATOR_UNION			/* v.union(members) */
} CmValidatorKind;

/* A validator, ours or one that is deployed. */
typedef struct CmValidator
{
	CmValidatorKind kind;
	char	   *text;			/* literal: its text; ID: name of the table */
	bool		is_string;		/* literal: a string, else number or boolean */
	Oid			enum_type;		/* union: of the labels of this enum, or invalid */
	char	   *token;			/* literal: as it is written in an import file; see
								 * conforms.c */
	uint32		number;			/* ID: of the table; see conforms.c */
	const char *constant;		/* printed in its place, or NULL: set by
								 * generate/constants.c */
	List	   *members;		/* CmValidator *: of a union; element of an
								 * array; keys and values of a record */
	List	   *fields;			/* CmField *, of an object */
} CmValidator;

/* A field of an object, or of a table's documents. */
typedef struct CmField
{
	char	   *name;			/* in Convex */
	CmValidator *validator;
	bool		optional;		/* v.optional(): it may be left out */
	char	   *comment;		/* of the column, or NULL */
	const char *note;			/* what its type does not say, or NULL */
} CmField;

/*
 * ----------------------------------------------------------------
 * Reading: JSON of Convex, and when two values are the same
 * ----------------------------------------------------------------
 */

/* JSON that is being read; see walk.c. */
typedef struct CmWalk
{
	const char *p;				/* what comes */
	const char *end;			/* where a NUL is */
	bool		bad;			/* it is not what was expected */
} CmWalk;

/* Names of fields, in the order of strcmp(). */
typedef struct CmNames
{
	int			count;
	const char **names;
} CmNames;

/* A field in which two documents differ. */
typedef struct CmDiffering
{
	const char *kind;			/* field_absent, field_extra, field_type or
								 * field_value */
	char	   *field;			/* its name */
	char	   *path;			/* such as "payload.tags[3]", in the database's
								 * encoding */
} CmDiffering;

/* Bytes of a length in a canonical form, of the hash of one, and of the key that
 * it is made with. */
#define CM_CANONICAL_LENGTH 4
#define CM_HASH_BYTES		16
#define CM_HASH_KEY_BYTES	32

/* in kind.c */
extern bool cm_kind_is_possible(Oid type, CmChoice choice);
extern CmKind cm_kind_choose(Oid type, int32 typmod,
							 const CmTypeOptions *options, CmChoice choice);

/* in mapping.c */
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
extern bool cm_times_milliseconds(Oid type, Datum value, double *milliseconds);

/* in docid.c */
extern int	cm_docid_write(uint32 table, const uint8 *own, char *text);
extern bool cm_docid_read(const char *text, uint32 *table, uint8 *own);
extern void cm_docid_hash(const char *salt, const char *schema,
						  const char *table, const char *key, uint8 *own);
extern bool cm_docid_of_uuid_text(const char *text, uint8 *own);

/* in containers.c */
extern bool cm_containers_write_array(const CmMapping *mapping, Datum value,
									  CmWriter *writer);
extern bool cm_containers_write_composite(const CmMapping *mapping,
										  Datum value,
										  CmWriter *writer);
extern bool cm_containers_write_hstore(const CmMapping *mapping, Datum value,
									   CmWriter *writer);
extern bool cm_containers_write_vector(const CmMapping *mapping, Datum value,
									   CmWriter *writer);
extern bool cm_containers_write_sparse_vector(const CmMapping *mapping,
											  Datum value,
											  CmWriter *writer);
extern bool cm_containers_write_json_text(const CmMapping *mapping,
										  Datum value,
										  CmWriter *writer);

/* in geojson.c */
extern bool cm_geojson_write(const CmMapping *mapping, Datum value,
							 CmWriter *writer);
extern const char *cm_geojson_type(int32 typmod, int *depth);
extern bool cm_geojson_may_have_crs(int32 typmod);
extern int	cm_geojson_other_srid(int32 typmod);

/* in jsonb.c */
extern bool cm_jsonb_write(CmWriter *writer, Jsonb *jsonb);

/* in jsontext.c */
extern bool cm_jsontext_write(CmWriter *writer, const char *text, int length);

/* in unescape.c */
extern int	cm_unescape_string(const char *text, const char *end,
							   char *buffer);

/* in walk.c */
extern char cm_walk_peek(CmWalk *walk);
extern bool cm_walk_enter(CmWalk *walk, char bracket, bool *first);
extern bool cm_walk_next(CmWalk *walk, char bracket, bool *first);
extern int	cm_walk_string(CmWalk *walk, const char **text);
extern int	cm_walk_field(CmWalk *walk, const char **name);
extern int	cm_walk_word(CmWalk *walk, const char **text);
extern bool cm_walk_skip(CmWalk *walk);
extern char *cm_walk_text(CmWalk *walk, int *length);

/* in canonical.c */
extern uint32 cm_canonical_length(const char *from);
extern bool cm_canonical_document(StringInfo out, const char *json, int length,
								  const CmNames *only);
extern void cm_canonical_hash(const uint8 *key, const char *canonical, int length,
							  uint8 *hash);

/* in differ.c */
extern List *cm_differ_find(const char *a, const char *b);

/* in number.c */
extern bool cm_number_is_exact(const char *text, int length);

/* in limits.c */
extern bool cm_limits_record_too_large(CmWriter *writer);
extern bool cm_limits_record_fits(CmWriter *writer);
extern bool cm_limits_nesting_fits(CmWriter *writer);
extern bool cm_limits_array_fits(CmWriter *writer, int64 elements);
extern bool cm_limits_object_fits(CmWriter *writer, int64 fields);
extern bool cm_limits_key_fits(CmWriter *writer, const char *key, int length);

/* in writer.c */
extern void cm_writer_append_string(StringInfo out, const char *text,
									int length);
extern void cm_writer_put_null(CmWriter *writer);
extern void cm_writer_put_boolean(CmWriter *writer, bool value);
extern void cm_writer_put_utf8(CmWriter *writer, const char *text, int length);
extern void cm_writer_put_plain(CmWriter *writer, const char *text,
								int length);
extern bool cm_writer_not_utf8(CmWriter *writer);
extern bool cm_writer_put_string(CmWriter *writer, const char *text,
								 int length);
extern void cm_writer_put_bytes(CmWriter *writer, const void *bytes,
								int length);
extern void cm_writer_put_int64(CmWriter *writer, int64 value);
extern void cm_writer_put_integer(CmWriter *writer, int64 value);
extern bool cm_writer_decimal_fits(CmWriter *writer, const char *text,
								   int length);
extern void cm_writer_put_decimal(CmWriter *writer, const char *text,
								  int length);
extern void cm_writer_put_double(CmWriter *writer, double value);
extern void cm_writer_put_float(CmWriter *writer, float4 value);
extern bool cm_writer_open(CmWriter *writer, char bracket);
extern void cm_writer_close(CmWriter *writer, char bracket);
extern bool cm_writer_put_key(CmWriter *writer, const char *key, int length);

/* in validator.c */
extern CmValidator *cm_validator_create(CmValidatorKind kind);
extern CmValidator *cm_validator_with(CmValidator *validator,
									  CmValidatorKind kind);
extern CmValidator *cm_validator_of_mapping(const CmMapping *mapping,
											List *literals);

/* in conforms.c */
extern void cm_conforms_prepare(CmValidator *validator,
								uint32 (*number_of) (const void *arg,
													 const char *table),
								const void *arg);
extern bool cm_conforms_document(const CmValidator *validator,
								 const char *line, CmReason *reason);

/* in accepts.c */
extern CmField *cm_accepts_find_field(List *fields, const char *name);
extern bool cm_accepts_field(const CmField *deployed, const CmField *needed);

/* in ascii.c */
extern char *cm_ascii_of_name(const char *name);

/* in identifier.c */
extern const char *cm_identifier_problem(const char *name);
extern const char *cm_identifier_target_problem(const char *name);
extern const char *cm_identifier_key_field_problem(const char *name);
extern const char *cm_identifier_on_wire(const char *field);
extern char *cm_identifier_shorten(char *name, const char *original,
								   int longest);
extern char *cm_identifier_make(const char *name, CmCase wanted,
								const char *prefix, int longest);
extern char *cm_identifier_number(const char *name, int number, int longest);
extern char **cm_identifier_attributes(TupleDesc tupdesc, CmCase wanted_case);

#endif							/* CM_VALUE_H */
