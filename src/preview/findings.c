/*-------------------------------------------------------------------------
 *
 * findings.c
 *	  What the catalogs show of a table that its owner should know before a run.
 *
 * One table of rules, for the notes of convex_plan() and the problems of
 * convex_check(). A rule is about the table, each of its columns or each of its
 * references; its function returns the text, a sentence, or NULL where there is
 * nothing to report. A new finding is a function and a line of rules[].
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* What a rule is about; column and reference may be NULL. */
typedef struct CmSubject
{
	const CmServer *server;
	CmTable    *table;
	CmColumn   *column;
	CmReference *reference;
} CmSubject;

typedef enum CmEach
{
	CM_EACH_TABLE,
	CM_EACH_COLUMN,
	CM_EACH_REFERENCE
} CmEach;

typedef struct CmRule
{
	CmEach		each;
	const char *code;
	const char *severity;		/* NULL: not a problem */
	bool		in_plan;
	char	   *(*text) (const CmSubject *subject);
} CmRule;

/* The table's name as SQL. */
static const char *
sql_name(const CmTable *table)
{
	return quote_qualified_identifier(table->schema, table->name);
}

/* Views, materialized views and foreign tables cannot have a key. */
static char *
no_key(const CmSubject *subject)
{
	CmTable    *table = subject->table;
	bool		possible = table->relkind == RELKIND_RELATION ||
		table->relkind == RELKIND_PARTITIONED_TABLE;

	if (table->nkeys > 0)
		return NULL;
	return psprintf("Without a key a row is known by its content, so a changed row becomes another document%s%s%s.",
					possible ? ": ALTER TABLE " : "",
					possible ? sql_name(table) : "",
					possible ? " ADD PRIMARY KEY (...)" : "");
}

/* A foreign table takes its rows from where no snapshot of ours reaches. */
static char *
foreign_table(const CmSubject *subject)
{
	return subject->table->relkind != RELKIND_FOREIGN_TABLE ? NULL :
		pstrdup("Its rows are read from elsewhere, not in the snapshot of the run.");
}

/* An unlogged table has no rows after a crash, but they stay in Convex. */
static char *
unlogged_table(const CmSubject *subject)
{
	return get_rel_persistence(subject->table->relid) != RELPERSISTENCE_UNLOGGED ?
		NULL : pstrdup("It is empty after a crash.");
}

/* Fields of a document of the table: with the old key, _id, _creationTime. */
static int
document_fields(const CmTable *table)
{
	int			fields = 3;
	ListCell   *lc;

	for (int i = 0; i < table->ncolumns; i++)
		fields += table->columns[i].field != NULL;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		fields += cm_table_column_of_reference(table, reference) == NULL;
	}
	return fields;
}

/* Convex refuses documents with more fields: whether rows have so many depends on
 * their NULLs, unless these are sent as well. */
static char *
too_many_fields(const CmSubject *subject)
{
	int			fields = document_fields(subject->table);

	return fields <= CM_MAX_FIELDS ? NULL :
		psprintf("A document can have %d fields with those that every one has; Convex takes %d, and rows with more are rejected. Leave columns out by convex_columns.exclude, or split the table with a view.",
				 fields, CM_MAX_FIELDS);
}

/* A name that changed by more than its case. */
static char *
renamed_table(const CmSubject *subject)
{
	return !subject->table->renamed ? NULL :
		psprintf("The Convex table is \"%s\".", subject->table->target);
}

/* Whether the column has the name that the old key has in Convex, and so cannot
 * have it itself. */
static bool
loses_name_to_key(const CmSubject *subject)
{
	const CmServer *server = subject->server;
	CmColumn   *column = subject->column;

	return column->field != NULL && strcmp(column->field, server->key_field) != 0 &&
		strcmp(cm_identifier_make(column->name, server->types.field_case, "f_",
								  CM_MAX_NAME), server->key_field) == 0;
}

/* An app's own column of the name, which its code knows: another name for the
 * old key leaves it alone. */
static char *
key_field_taken(const CmSubject *subject)
{
	return !loses_name_to_key(subject) ? NULL :
		psprintf("Column \"%s\" becomes field \"%s\", as \"%s\" holds the key in PostgreSQL. To keep its name: %s",
				 subject->column->name, subject->column->field,
				 subject->server->key_field,
				 cm_options_statement(subject->server, "key_field",
									  strcmp(subject->server->key_field, "postgresId") == 0 ?
									  "postgresKey" : "postgresId"));
}

/* A column whose field has another name. */
static char *
renamed_column(const CmSubject *subject)
{
	CmColumn   *column = subject->column;

	return column->field == NULL || strcmp(column->name, column->field) == 0 ||
		loses_name_to_key(subject) ? NULL : psprintf("Column \"%s\" becomes field \"%s\".", column->name,
													 column->field);
}

/* A column that nobody chose and that is not sent all the same. */
static char *
secret_left_out(const CmSubject *subject)
{
	CmColumn   *column = subject->column;

	return !column->excluded || !cm_provider_is_secret(subject->table, column->name) ?
		NULL : psprintf("Column \"%s\" has secrets and is left out, unless a row of convex_columns names it with exclude = false.",
						column->name);
}

/* A reference to a table that the call does not move: see run/resolve.c. */
static char *
parent_outside(const CmSubject *subject)
{
	CmTable    *parent = subject->reference->parent;

	return parent->selected ? NULL :
		psprintf("Table \"%s\" is not part of this call: its ids come from this session's convex_id_map, or else from the generated function \"resolve\".",
				 parent->name);
}

/* A deferred reference whose columns are NOT NULL. */
static char *
deferred_not_null(const CmSubject *subject)
{
	CmReference *reference = subject->reference;

	return !reference->deferred || !reference->not_null ? NULL :
		psprintf("Field \"%s\" must be optional in Convex: it is set in a second pass.",
				 reference->field);
}

/* A foreign key that is NOT VALID: rows may point to nothing. */
static char *
constraint_not_validated(const CmSubject *subject)
{
	CmReference *reference = subject->reference;

	return reference->validated ? NULL :
		psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s.",
				 sql_name(subject->table), quote_identifier(reference->conname));
}

/* A column that the rows are ordered by. */
static char *
order_of_rows(const CmSubject *subject)
{
	CmColumn   *column = subject->table->creation_time;

	return column == NULL ? NULL :
		psprintf("Rows are sent in the order of %s.", column->name);
}

/* Foreign keys whose columns are sent as they are. */
static char *
no_reference(const CmSubject *subject)
{
	List	   *texts = subject->table->unreferenced;

	return texts == NIL ? NULL : cm_text_join(texts, " ");
}

/* Foreign keys that a choice makes no references. */
static char *
reference_given_up(const CmSubject *subject)
{
	List	   *texts = subject->table->given_up;

	return texts == NIL ? NULL : cm_text_join(texts, " ");
}

/* In the order of the plan's notes. */
static const CmRule rules[] =
{
	{CM_EACH_TABLE, "no_key", "warning", true, no_key},
	{CM_EACH_TABLE, "foreign_table", "warning", false, foreign_table},
	{CM_EACH_TABLE, "unlogged_table", "info", false, unlogged_table},
	{CM_EACH_TABLE, "too_many_fields", "warning", false, too_many_fields},
	/* the plan has a column for it */
	{CM_EACH_TABLE, "renamed", "info", false, renamed_table},
	{CM_EACH_COLUMN, "key_field_taken", "warning", true, key_field_taken},
	{CM_EACH_COLUMN, "renamed", "info", true, renamed_column},
	{CM_EACH_COLUMN, "secret_left_out", "info", true, secret_left_out},
	{CM_EACH_TABLE, "no_reference", "warning", true, no_reference},
	{CM_EACH_TABLE, "reference_given_up", NULL, true, reference_given_up},
	{CM_EACH_REFERENCE, "parent_outside", NULL, true, parent_outside},
	{CM_EACH_REFERENCE, "deferred_not_null", "warning", true, deferred_not_null},
	{CM_EACH_REFERENCE, "constraint_not_validated", "warning", false, constraint_not_validated},
	{CM_EACH_TABLE, "order_of_rows", NULL, true, order_of_rows},
};

/* The list with what the rule finds about the subject, if anything. */
static List *
apply_rule(List *findings, const CmRule *rule, const CmSubject *subject)
{
	char	   *text = rule->text(subject);
	CmFinding  *finding;

	if (text == NULL)
		return findings;
	finding = palloc(sizeof(CmFinding));
	finding->code = rule->code;
	finding->severity = rule->severity;
	finding->in_plan = rule->in_plan;
	finding->column = subject->column ? subject->column->name : NULL;
	finding->text = text;
	return lappend(findings, finding);
}

/*
 * What is to be known of a table of an ordered catalog: CmFinding *, palloc'd.
 */
List *
cm_findings_of_table(const CmServer *server, CmTable *table)
{
	List	   *findings = NIL;
	ListCell   *lc;

	for (int i = 0; i < (int) lengthof(rules); i++)
	{
		const CmRule *rule = &rules[i];
		CmSubject	subject = {.server = server,.table = table};

		switch (rule->each)
		{
			case CM_EACH_TABLE:
				findings = apply_rule(findings, rule, &subject);
				break;
			case CM_EACH_COLUMN:
				for (int n = 0; n < table->ncolumns; n++)
				{
					subject.column = &table->columns[n];
					findings = apply_rule(findings, rule, &subject);
				}
				break;
			case CM_EACH_REFERENCE:
				foreach(lc, table->references)
				{
					subject.reference = lfirst(lc);
					subject.column = &table->columns[subject.reference->columns[0]];
					findings = apply_rule(findings, rule, &subject);
				}
				break;
		}
	}
	return findings;
}
