/*
 * shelf.h -- documents that a receiver answers with, page by page, as the
 * generated query "range" does: see shelf.c.
 */
#ifndef SHELF_H
#define SHELF_H

#include <stdbool.h>
#include <stddef.h>

extern void shelf_open(const char *file);
extern bool shelf_answer(const char *body, size_t length, char **answer, size_t *answer_length);
extern const char *shelf_calls(size_t *length);

#endif
