/*-------------------------------------------------------------------------
 *
 * tables.h
 *	  Tables, columns, keys and references as the database has them, and what
 *	  they are called in Convex.
 *
 * All of it is read at the beginning of a run (read.c); the floors above look at
 * it instead of PostgreSQL's catalogs. "Parent" and "child" are the two tables of
 * a reference everywhere, never those of inheritance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_TABLES_H
#define CM_TABLES_H

#include "settings/settings.h"

#include "utils/array.h"

typedef struct CmTable CmTable;

typedef struct CmColumn
{
	AttrNumber	attnum;
	char	   *name;
	char	   *field;			/* field of the record; NULL: not sent by
								 * itself (the key column "id") */
	Oid			type;			/* of a domain: its base type */
	Oid			declared_type;
	int32		typmod;
	Oid			collation;
	bool		not_null;
	bool		in_key;
	bool		has_choices;	/* a row of convex_columns is for it */
	bool		offered;		/* unreferenced.c has the statement that makes
								 * it a reference */
	bool		excluded;		/* not sent: convex_columns.exclude, or else a
								 * secret of the provider */
	CmChoice	choice;			/* convex_columns.type */
	CmMapping  *mapping;		/* what its values become; NULL: it has no
								 * field, or a reference has, or its table is
								 * not selected */
	char	   *comment;		/* or NULL: set by generate/schema.c */
	List	   *literals;		/* char *, its only values, or NIL: set by
								 * literals.c */
	struct CmReference *reference;	/* the reference this column's field
									 * carries, or NULL */
} CmColumn;

typedef struct CmReference
{
	char	   *conname;		/* name of the foreign key constraint */
	CmTable    *parent;
	List	   *partitions;		/* Oid, of the parent: the row is in one of them;
								 * NIL: anywhere */
	int			ncolumns;
	int		   *columns;		/* indexes into CmTable.columns */
	AttrNumber *parent_attnums; /* what they reference */
	Oid		   *operators;		/* conpfeqop: parent = child; of a declared one
								 * that is matched by_text: invalid */
	bool		is_array;		/* the column's elements are references */
	bool		by_text;		/* declared, between types without an operator */
	char	   *field;			/* field of the record that carries the id */
	bool		not_null;		/* no column of it may be NULL */
	bool		declared;		/* by convex_columns.target_reference */
	bool		validated;		/* the database says that parents exist */
	char	   *validation;		/* else, of partitions: a statement; or NULL */
	bool		deferred;		/* set in the link pass, see order.c */
	bool		by_keytext;		/* the child's values print as the parent's
								 * key text; else the parent is joined, see
								 * reference.c */
} CmReference;

struct CmTable
{
	Oid			relid;
	char	   *schema;
	char	   *name;
	char		relkind;
	char	   *target;			/* Convex table */
	bool		renamed;		/* by more than its case, and by no choice */
	char	   *function;		/* deployed function, "migrate:migrateX" */
	char	   *link_function;		/* the one for the link pass */
	int			ncolumns;
	CmColumn   *columns;
	int			nkeys;			/* 0: a row is known by its content */
	int		   *keys;			/* indexes into columns, in key order */
	List	   *references;		/* CmReference * */
	List	   *unreferenced;	/* char *, foreign keys that are none, and why */
	List	   *given_up;		/* the same, by a choice: set by unreferenced.c */
	bool		key_declared;	/* by convex_tables.key alone: rows may have NULLs
								 * in it, or the same */
	bool		is_foreign;		/* a foreign table, or a partition of it is one:
								 * nobody enforces what it declares */
	CmColumn   *creation_time;	/* rows are sent in its order, or NULL */
	char	   *formerly;		/* convex_tables.formerly, or NULL */
	char	   *filter;			/* convex_tables.filter, or NULL */
	CmAllowed  *filter_uses;	/* what it uses, or NULL: set by filter.c */

	List	   *expressed;		/* char *: CHECK constraints that are nothing
								 * but literals: set by literals.c */

	/* for generated code: set by generate/schema.c and generate/indexes.c */
	char	   *comment;		/* or NULL */
	List	   *indexes;		/* CmIndex *; that of the old key is first */
	List	   *unique;			/* List * of char *: fields that are unique */
	List	   *left_out;		/* char *: indexes, and why */
	List	   *rules;			/* char *: policies and checks */

	double		estimated_rows; /* -1: unknown */
	double		estimated_bytes;
	bool		configured;		/* in option "schemas", or a provider's that is
								 * chosen, and not excluded: what points to it
								 * is a reference */
	bool		selected;		/* this call moves it */

	/* set by order.c */
	int			level;
	int			position;		/* among the selected tables, by name */

	/* set by run/numbers.c and preview/id.c, where ids are computed */
	uint32		number;			/* of the Convex table; 0: not known */

	/* set by run/idmap_part.c, if the session has an id map */
	Oid			map_part;		/* the relation that has its entries */
};

/* An index of a table in Convex. */
typedef struct CmIndex
{
	char	   *name;
	List	   *fields;			/* char * */
	const char *source;			/* index of PostgreSQL, or NULL */
	int			dimensions;		/* of a vector index, else 0 */
	bool		is_search;		/* a search index */
} CmIndex;

/*
 * How much of a description is there. Each stage is asserted by what needs it,
 * so that nothing depends on who called what first.
 */
typedef enum CmStage
{
	CM_STAGE_READ = 1,			/* tables to mappings: by read.c */
	CM_STAGE_ORDERED,			/* the order of the selected tables, and which
								 * references are deferred: by order.c */
	CM_STAGE_DESCRIBED			/* the only values of columns, which validators
								 * need: by literals.c */
} CmStage;

/*
 * A row of convex_tables and of convex_columns, for a table of the catalog. A
 * NULL is a choice that is not made.
 */
typedef struct CmTableChoices
{
	CmTable    *table;
	bool		exclude;
	char	   *target;
	char	   *filter;
	ArrayType  *key;			/* text[]: names of columns */
	char	   *creation_time;	/* name of a column */
	char	   *formerly;		/* whose documents are this table's */
} CmTableChoices;

typedef struct CmColumnChoices
{
	CmTable    *table;
	char	   *column;			/* its name */
	bool		exclude;
	char	   *target;
	char	   *type;			/* name of a CmChoice */
	char	   *reference;		/* schema.table(column) */
} CmColumnChoices;

/* All tables that are configured, and the order of the selected ones. */
typedef struct CmCatalog
{
	CmStage		stage;
	List	   *tables;			/* CmTable *, ordered by schema and name */
	CmTable   **by_relid;		/* the same, ordered by OID */
	CmServer   *server;
	bool		named;			/* the caller named the selected ones */
	bool		joins_parents;	/* rows of all tables that are pointed to are
								 * read, not only where key texts do not do */
	List	   *bookkeeping;	/* CmTable *, left out: see outside.c */
	List	   *ordered;		/* the selected ones, parents first */
} CmCatalog;

/* in read.c */
extern CmCatalog *cm_read_catalog(CmServer *server, ArrayType *tables);

/* in tables.c */
extern void cm_tables_read(CmCatalog *catalog, ArrayType *tables);
extern void cm_tables_read_columns(CmCatalog *catalog);
extern void cm_tables_read_keys(CmCatalog *catalog);
extern bool cm_tables_is_unique(CmTable *table, AttrNumber *attnums,
								int nattnums, bool *without_nulls);

/* in table.c */
extern const char *cm_table_relkind_name(char relkind);
extern void cm_table_index(CmCatalog *catalog);
extern CmTable *cm_table_find(CmCatalog *catalog, Oid relid);
extern CmColumn *cm_table_column(CmTable *table, AttrNumber attnum);
extern CmColumn *cm_table_find_column(CmTable *table, const char *name);
extern CmColumn *cm_table_column_of_path(CmTable *table, const char *path);
extern CmColumn *cm_table_column_of_reference(const CmTable *table,
											  const CmReference *reference);
extern bool cm_table_reads_column(CmTable *table, CmColumn *column);
extern bool cm_table_has_deferred(CmTable *table);
extern List *cm_table_with_parents(const CmCatalog *catalog);
extern Datum cm_table_relids(List *tables);
extern char *cm_table_plain_from(CmTable *table);
extern char *cm_table_from(CmTable *table);

/* in remedies.c */
extern char *cm_remedies_column(const CmServer *server, const CmTable *table,
								const CmColumn *column, const char *what,
								const char *value);
extern char *cm_remedies_of_reason(const CmServer *server, CmTable *table,
								   const CmReason *reason);

/* in provider.c */
extern bool cm_provider_has_schema(const char *schema);
extern bool cm_provider_is_secret(const CmTable *table, const char *column);

/* in unreferenced.c */
extern void cm_unreferenced_read(CmCatalog *catalog);

/* in outside.c */
extern bool cm_outside_is_bookkeeping(const char *name);
extern char *cm_outside_bookkeeping_text(CmCatalog *catalog);
extern char *cm_outside_schemas_text(CmServer *server);
extern char *cm_outside_too_many_text(CmCatalog *catalog);

/* in choices.c */
extern ArrayType *cm_choices_read_included(CmServer *server);
extern List *cm_choices_read_tables(CmCatalog *catalog);
extern List *cm_choices_read_columns(CmCatalog *catalog);
extern void cm_choices_invalid(CmTable *table, const char *choice,
							   const char *detail);

/* in apply.c */
extern void cm_apply_tables(CmCatalog *catalog, List *choices);
extern void cm_apply_keys(List *choices);
extern void cm_apply_columns(CmCatalog *catalog, List *choices);

/* in allow.c */
extern void cm_allow_table(CmAllowed *allowed, CmTable *table);
extern void cm_allow_order(CmAllowed *allowed, CmColumn *column);
extern void cm_allow_reference(CmAllowed *allowed, CmTable *table,
							   CmReference *reference);

/* in filter.c */
extern void cm_filter_check(CmTable *table, const char *filter);
extern void cm_filter_try(CmTable *table);

/* in reference.c */
extern void cm_reference_drop(CmTable *table, CmColumn *column);
extern void cm_reference_declare(CmCatalog *catalog, CmTable *table,
								 CmColumn *column, const char *text);
extern CmReference *cm_reference_find(CmTable *table, const char *conname);
extern void cm_reference_add_row(CmCatalog *catalog, uint64 row,
								 ArrayType *partitions, char *validation);
extern void cm_reference_read_all(CmCatalog *catalog);

/* in partition_reference.c */
extern void cm_partition_reference_read_all(CmCatalog *catalog);

/* in names.c */
extern void cm_names_set_targets(CmCatalog *catalog);
extern void cm_names_set_fields(CmTable *table, CmServer *server);
extern bool cm_names_is_renamed(const char *name, const char *target,
								CmCase wanted);
extern bool cm_names_is_old_key(CmTable *table, CmColumn *column,
								const CmServer *server);
extern char *cm_names_index(const char *prefix, List *fields, List *taken);

/* in condition.c */
extern List *cm_condition_literals(Node *condition, AttrNumber *attnum);

/* in literals.c */
extern void cm_literals_read(CmCatalog *catalog);

/* What the database has besides rows: stays behind. */
typedef struct CmLeftBehind
{
	CmTable    *table;			/* NULL: it belongs to no table */
	char	   *kind;			/* one of left_behind.c */
	char	   *object;			/* its name */
	char	   *definition;		/* SQL, or NULL */
	const char *hint;			/* what to do in Convex */
} CmLeftBehind;

/* in left_behind.c */
extern List *cm_left_behind_read(CmCatalog *catalog);

/* in order.c */
extern int	cm_order_compare(const CmTable *a, const CmTable *b);
extern void cm_order_tables(CmCatalog *catalog);

#endif							/* CM_TABLES_H */
