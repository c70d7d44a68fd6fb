/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the files of the fuzz target share.
 *
 * The target is jsontext.c, number.c and writer.c of src/value/ as they are.
 * What it says is compared with rules that were written without that code:
 * tree.c reads JSON with PostgreSQL's parser, rules.c says what Convex accepts,
 * and decimal.c which decimals JavaScript would print.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* A property that must hold; libFuzzer keeps the input when it does not. */
#define MUST(condition) \
	((condition) ? (void) 0 : \
	 (fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition), \
	  abort()))

/* in decimal.c */
extern bool javascript_prints(const char *text);

/* Files with the server's headers see the rest. */
#ifdef CM_VALUE_H

typedef enum Kind
{
	KIND_NULL,
	KIND_BOOLEAN,
	KIND_NUMBER,
	KIND_STRING,
	KIND_ARRAY,
	KIND_OBJECT
} Kind;

/* A JSON value. */
typedef struct Tree
{
	Kind		kind;
	bool		truth;			/* of a boolean */
	char	   *text;			/* of a string, decoded; of a number, as it is */
	char	   *key;			/* name of the field that it is, or NULL */
	int			count;			/* elements or fields */
	struct Tree *first;
	struct Tree *last;
	struct Tree *next;			/* in the same array or object */
	struct Tree *parent;
} Tree;

/* What became of reading a text. */
typedef enum Reading
{
	READING_DONE,
	READING_BAD_ESCAPE,			/* json can have it, text cannot */
	READING_NOT_JSON
} Reading;

/* in tree.c */
extern Reading tree_read(const char *json, int length, Tree **tree);

/* in rules.c */
extern bool rules_allow(const Tree *tree, CmDialect dialect, int depth);
extern bool rules_explain(const Tree *tree, CmDialect dialect, int depth,
						  const char *code);
extern int64 rules_size(const Tree *tree);
extern bool rules_same(const Tree *in, const Tree *out, CmDialect dialect);

/* in server.c */
extern void free_all(void);

#endif							/* CM_VALUE_H */

#endif							/* FUZZ_H */
