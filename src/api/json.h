/*-------------------------------------------------------------------------
 *
 * json.h
 *	  What the files of api/ share with each other and nobody else: JSON as
 *	  cJSON reads it, and the classes of errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_JSON_H
#define CM_JSON_H

#include "api/api.h"

#include <cjson/cJSON.h>

/* in json.c */
extern cJSON *cm_json_parse(const char *json, size_t length);
extern char *cm_json_text(const cJSON *object, const char *name);
extern char *cm_json_text_or_empty(const cJSON *object, const char *name);

/* in error.c */
extern void cm_error_set_protocol(CmAnswer *answer, const char *detail);
extern void cm_error_read_delivery(const CmRequest *request, CmAnswer *answer);
extern void cm_error_read_status(const CmRequest *request, CmAnswer *answer);
extern void cm_error_read_function(const cJSON *body, const char *argument,
								   CmAnswer *answer);

/* in errortext.c */
extern const char *cm_errortext_own_words(const char *text);
extern char *cm_errortext_first_line(const char *text);
extern char *cm_errortext_labelled_line(const char *text, const char *label);
extern char *cm_errortext_clean(const char *text);

#endif							/* CM_JSON_H */
