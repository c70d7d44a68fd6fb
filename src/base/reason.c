/*-------------------------------------------------------------------------
 *
 * reason.c
 *	  Reasons: why one row cannot be migrated.
 *
 * A reason is made where the fault is found, by cm_reason_set(), and completed
 * on the way out: each level puts its own step in front of the path, by
 * cm_reason_within(). So the path costs nothing for values that are fine.
 * Memory is the current context's, which the caller of an encoder resets for
 * every row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

/*
 * Note why a row cannot be migrated. Returns false, so that an encoder can
 * return the result. code is kept, not copied. The text holds facts and
 * limits, no row data.
 */
bool
cm_reason_set(CmReason *reason, const char *code, const char *format,...)
{
	StringInfoData text;
	va_list		args;

	initStringInfo(&text);
	for (;;)
	{
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	reason->code = code;
	reason->path = NULL;
	reason->text = text.data;
	return false;
}

/* Put a step ("field" or "[3]") in front of the reason's path. An empty key is
 * shown as "", or it would not be seen. */
void
cm_reason_within(CmReason *reason, const char *step)
{
	if (*step == '\0')
		step = "\"\"";
	if (reason->path == NULL)
		reason->path = pstrdup(step);
	else
	{
		char	   *path = psprintf("%s%s%s", step,
									reason->path[0] == '[' ? "" : ".",
									reason->path);

		/* JSON text may have tens of thousands of levels */
		pfree(reason->path);
		reason->path = path;
	}
}

/* The same for an element of an array. */
void
cm_reason_within_element(CmReason *reason, int element)
{
	cm_reason_within(reason, psprintf("[%d]", element));
}

/* The reason in one line, "code: path: text"; palloc'd. */
char *
cm_reason_text(const CmReason *reason)
{
	return psprintf("%s: %s%s%s", reason->code, reason->path ? reason->path : "",
					reason->path ? ": " : "", reason->text);
}
