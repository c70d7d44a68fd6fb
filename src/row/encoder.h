/*-------------------------------------------------------------------------
 *
 * encoder.h
 *	  What the files of row/ that write records share with each other and nobody
 *	  else: the encoder.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_ENCODER_H
#define CM_ENCODER_H

#include "row/row.h"

#include "mb/pg_wchar.h"

/* An id of a document, as a field's value. */
#define CM_ID_SIZE			34

/* ,"field": ready to be appended */
typedef struct CmPrefix
{
	char	   *text;
	int			length;
	int			size;			/* in Convex's measure */
} CmPrefix;

struct CmEncoder
{
	CmTable    *table;
	const CmRowQuery *query;
	TupleDesc	tupdesc;
	int			orphans;		/* CmOrphans */
	CmDialect	dialect;
	bool		stored;			/* see CmRecordOptions */
	bool		nulls_as_null;	/* not left out */
	bool		key_is_uuid;	/* not text */
	CmPrefix	key_name;		/* its brace included */
	CmPrefix   *names;			/* per column that is a value of its own */
	CmPrefix   *reference_names;	/* per reference */

	/* where ids are computed, else NULL and -1 */
	CmDocRef   *own_ref;
	CmDocRef   *refs;			/* per reference, of its parent */
	int		   *referenced;		/* per reference: column of the result with the
								 * key of the row that it points to, or -1 */
	int			created;		/* column of the result with _creationTime */

	/* of the current row */
	Datum	   *datums;
	bool	   *nulls;
	int			fields;			/* of its document so far */
	const char *largest;		/* field of a column */
	int64		largest_size;
	Bitmapset  *lost;			/* see CmScanned */
	bool		in_part;		/* a deferred reference could not be kept */
};

/* Whether the record is what a function is called with. */
static inline bool
cm_encoder_is_sent(const CmEncoder *encoder)
{
	return encoder->dialect == CM_DIALECT_ARGUMENTS && !encoder->stored;
}

/* A field of the document begins. */
static inline void
cm_encoder_begin_field(CmEncoder *encoder, const CmPrefix *prefix,
					   CmWriter *writer)
{
	cm_writer_append(writer->out, prefix->text, prefix->length);
	writer->size += prefix->size;
	encoder->fields++;
}

/* Whether the column of the result is there and not NULL. */
static inline bool
cm_encoder_has_value(const CmEncoder *encoder, int column)
{
	return column >= 0 && !encoder->nulls[column];
}

/* What a key text that is kept has at least room for, in Convex's measure: in
 * UTF-8 a character of one byte has up to three. */
static inline int64
cm_encoder_key_size(Datum key)
{
	int64		bytes = VARSIZE_ANY_EXHDR(DatumGetTextPP(key));

	return Max(CM_ID_SIZE, CM_SIZE_AROUND +
			   bytes * (GetDatabaseEncoding() == PG_UTF8 ? 1 : 3));
}

/* in pointers.c */
extern bool cm_pointers_append(CmEncoder *encoder, int n, CmWriter *writer);
extern bool cm_pointers_fit(CmEncoder *encoder, int n, CmWriter *writer);
extern int64 cm_pointers_size(CmEncoder *encoder, int n);

/* in pointer.c */
extern bool cm_pointer_append_text(CmEncoder *encoder, const CmPrefix *prefix,
								   Datum value, CmWriter *writer);
extern void cm_pointer_append_null(CmEncoder *encoder, const CmPrefix *prefix,
								   CmWriter *writer);
extern bool cm_pointer_append_link(CmEncoder *encoder, int n, CmWriter *writer);
extern bool cm_pointer_append(CmEncoder *encoder, int n, CmWriter *writer);
extern void cm_pointer_append_pending(CmEncoder *encoder, CmWriter *writer);
extern CmEncoded cm_pointer_settle(CmEncoder *encoder, CmWriter *writer);

/* in system.c */
extern double cm_system_creation_time(const CmEncoder *encoder);
extern void cm_system_create(CmEncoder *encoder, const CmServer *server);
extern void cm_system_append(CmEncoder *encoder, const char *key,
							 CmScanned *scanned, CmWriter *writer);

#endif							/* CM_ENCODER_H */
