/*-------------------------------------------------------------------------
 *
 * parse.h
 *	  What the files of settings/ share with each other and nobody else: the
 *	  form of an option.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_PARSE_H
#define CM_PARSE_H

#include "settings/settings.h"

typedef struct CmOption CmOption;

/*
 * Parse the value of the option into the field of the server that it fills;
 * ERROR when it is not a value of the option. What the field then points to is
 * in the current memory context.
 */
typedef void (*CmParse) (const CmOption *option, const char *value,
						 CmServer *server);

struct CmOption
{
	const char *name;
	Oid			owner_catalog;	/* of the objects that it is an option of */
	CmParse		parse;
	size_t		field;			/* offset in CmServer */
	const char *initial;		/* default; NULL: none */
	int			min;			/* of a number, in its unit */
	int			max;
	int			unit;			/* of a number: GUC_UNIT_..., 0: a count */
	const char *const *choices; /* of a choice: words by the values of its
								 * enum; NULL ends them */
};

/* in parse.c */
extern void cm_parse_url(const CmOption *option, const char *value,
						 CmServer *server);
extern void cm_parse_number(const CmOption *option, const char *value,
							CmServer *server);
extern void cm_parse_choice(const CmOption *option, const char *value,
							CmServer *server);
extern void cm_parse_switch(const CmOption *option, const char *value,
							CmServer *server);
extern void cm_parse_schemas(const CmOption *option, const char *value,
							 CmServer *server);
extern void cm_parse_module(const CmOption *option, const char *value,
							CmServer *server);
extern void cm_parse_key_field(const CmOption *option, const char *value,
							   CmServer *server);
extern void cm_parse_salt(const CmOption *option, const char *value,
						  CmServer *server);
extern void cm_parse_deploy_key(const CmOption *option, const char *value,
								CmServer *server);
extern void cm_parse_key_file(const CmOption *option, const char *value,
							  CmServer *server);

#endif							/* CM_PARSE_H */
