/*-------------------------------------------------------------------------
 *
 * json.h
 *	  JSON as cJSON reads it: for the files of api/ alone.
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

#endif							/* CM_JSON_H */
