/*-------------------------------------------------------------------------
 *
 * own.c
 *	  Ties an object of a foreign library to a memory context.
 *
 * Protocol: cm_own() first, which may throw; then make the object, then
 * cm_own_set(), which cannot. From there on the object is released when the
 * context is reset or deleted, by an ERROR too, or earlier by
 * cm_own_release(). The release function runs inside memory context
 * deletion: it must not throw, palloc or log.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

struct CmOwned
{
	MemoryContextCallback callback;
	void	   *object;			/* NULL: none yet, or released */
	void		(*release) (void *object);
};

/* Release what is owned; safe to call again. */
static void
release_owned(void *arg)
{
	CmOwned    *owned = arg;
	void	   *object = owned->object;

	owned->object = NULL;
	if (object != NULL)
		owned->release(object);
}

/*
 * Make the context ready to own one object. The result lives in the context.
 */
CmOwned *
cm_own(MemoryContext context, void (*release) (void *))
{
	CmOwned    *owned = MemoryContextAllocZero(context, sizeof(CmOwned));

	owned->release = release;
	owned->callback.func = release_owned;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(context, &owned->callback);
	return owned;
}

/* Hand the object over; NULL is allowed and means there is none. */
void
cm_own_set(CmOwned *owned, void *object)
{
	Assert(owned->object == NULL);
	owned->object = object;
}

/* Release the object now, not with the context. */
void
cm_own_release(CmOwned *owned)
{
	release_owned(owned);
}
