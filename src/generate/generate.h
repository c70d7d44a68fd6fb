/*-------------------------------------------------------------------------
 *
 * generate.h
 *	  schema.ts and migrate.ts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_GENERATE_H
#define CM_GENERATE_H

#include "catalog/tables.h"

/*
 * The number of what generated functions promise, docs/contract.md: raised when
 * one of them is added, or accepts or answers something else than before. Those
 * that have none are older than number 2.
 */
#define CM_CONTRACT 2

/* in fields.c */
extern List *cm_fields_of_table(CmCatalog *catalog, CmTable *table);

/* in indexes.c */
extern void cm_indexes_read(CmCatalog *catalog);

/* in schema.c */
extern char *cm_schema_print(CmCatalog *catalog);

/* in functions.c */
extern char *cm_functions_print(CmCatalog *catalog);

/* in fingerprint.c */
extern char *cm_fingerprint_make(CmCatalog *catalog);

/* in typescript.c */
extern void cm_typescript_comment(StringInfo out, int indent, const char *text);
extern void cm_typescript_string(StringInfo out, const char *text);
extern void cm_typescript_field(StringInfo out, const CmField *field, int indent);
extern char *cm_typescript_validator(const CmValidator *validator, bool optional);
extern void cm_typescript_list(StringInfo out, int indent, const char *head,
							   const List *names, const char *tail);

#endif							/* CM_GENERATE_H */
