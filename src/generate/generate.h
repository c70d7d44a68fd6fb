/*-------------------------------------------------------------------------
 *
 * generate.h
 *	  What is deployed to Convex: schema.ts and migrate.ts.
 *
 * Works on a catalog that is described (CM_STAGE_DESCRIBED), and sends nothing.
 * fields.c says what fields the documents have, once for both files and for the
 * comparison with what is deployed (run/drift.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_GENERATE_H
#define CM_GENERATE_H

#include "api/api.h"
#include "catalog/tables.h"

/*
 * The number of what generated functions promise, docs/contract.md: raised when
 * one of them is added, or accepts or answers something else than before. Those
 * that have none are older than number 2.
 */
#define CM_CONTRACT 4

/* Columns of a line, and spaces of one level, in generated code. */
#define CM_LINE_WIDTH 80
#define CM_INDENT 2

/* in constants.c */
extern void cm_constants_print(StringInfo out, List *fields_of_tables);

/* in fields.c */
extern List *cm_fields_of_table(CmCatalog *catalog, CmTable *table);

/* Indexes of a table, at most: the limits page of Convex's documentation. */
#define CM_MAX_INDEXES 32

/* in index.c */
extern CmIndex *cm_index_add(CmTable *table, List *fields, const char *source);
extern void cm_index_leave_out(CmTable *table, const char *kind,
							   const char *name, const char *why);

/* in special.c */
extern bool cm_special_read_search(CmTable *table, const char *name,
								   AttrNumber attnum, const CmServer *server);
extern void cm_special_add_vectors(CmTable *table);

/* in indexes.c */
extern void cm_indexes_read(CmCatalog *catalog);

/* in schema.c */
extern char *cm_schema_print(CmCatalog *catalog);
extern char *cm_schema_print_wide(CmCatalog *catalog);

/* in functions.c */
extern char *cm_functions_print(CmCatalog *catalog);

/* in source.c */
extern CmSource *cm_source_of_table(const CmTable *table);

/* in fingerprint.c */
extern char *cm_fingerprint_make(CmCatalog *catalog);

/* in typescript.c */
extern void cm_typescript_comment(StringInfo out, int indent, const char *text);
extern void cm_typescript_string(StringInfo out, const char *text);
extern void cm_typescript_list(StringInfo out, int indent, const char *head,
							   const List *names, const char *tail);
extern int	cm_typescript_length(const char *text);
extern bool cm_typescript_fits(int column, const char *text);

/* in validators.c */
extern char *cm_validators_text(const CmValidator *validator, bool optional);
extern void cm_validators_print_constant(StringInfo out, const char *name,
										 const CmValidator *validator);
extern void cm_validators_print_field(StringInfo out, const CmField *field,
									  int indent);

#endif							/* CM_GENERATE_H */
