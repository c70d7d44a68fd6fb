/*-------------------------------------------------------------------------
 *
 * own.c
 *	  Ties an object of a foreign library, or a secret, to a memory context.
 *
 * Protocol: cm_own_create() first, which may throw; then make the object, then
 * cm_own_set(), which cannot. From there on the object is released when the
 * context is reset or deleted, by an ERROR too. The release function runs
 * inside memory context deletion: it must not throw, palloc or log.
 *
 * An ERROR mostly deletes the context at once. But below a PL/pgSQL function a
 * query's memory lives until ROLLBACK: what must not live so long, such as a
 * connection, is also given to cm_own_until_abort().
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "access/xact.h"

struct CmOwned
{
	MemoryContextCallback callback;
	void	   *object;			/* NULL: none yet, or released */
	void		(*release) (void *object);
};

/*
 * What is released when the subtransaction aborts that it was made in, or the
 * whole transaction. One is enough: a run does not call another.
 */
static CmOwned *until_abort = NULL;
static SubTransactionId made_in = InvalidSubTransactionId;

/*
 * Release what is owned: the context's callback, which an abort may come
 * before. Safe to call again, and if there was no object.
 */
static void
release_owned(void *arg)
{
	CmOwned    *owned = arg;
	void	   *object = owned->object;

	owned->object = NULL;
	if (until_abort == owned)
		until_abort = NULL;
	if (object != NULL)
		owned->release(object);
}

/*
 * Make the context ready to own one object. The result lives in the context.
 */
CmOwned *
cm_own_create(MemoryContext context, void (*release) (void *))
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

/* Release the object now: it is not needed any more. */
void
cm_own_release(CmOwned *owned)
{
	release_owned(owned);
}

/* Whatever is left is released when the whole transaction aborts. */
static void
on_abort(XactEvent event, void *arg pg_attribute_unused())
{
	if (event == XACT_EVENT_ABORT && until_abort != NULL)
		release_owned(until_abort);
}

/*
 * An EXCEPTION clause or ROLLBACK TO undoes a subtransaction: what was made in
 * that one is released. An object made outside of it is still in use. One made
 * in a subtransaction further in needs no test: if that has not aborted by
 * itself, it has ended, and with it the call that used the object.
 */
static void
on_subabort(SubXactEvent event, SubTransactionId subid,
			SubTransactionId parent pg_attribute_unused(),
			void *arg pg_attribute_unused())
{
	if (event == SUBXACT_EVENT_ABORT_SUB && until_abort != NULL &&
		subid == made_in)
		release_owned(until_abort);
}

/*
 * Release the object also when the current (sub)transaction aborts, if that
 * comes before the end of its context. The callbacks are registered once in a
 * backend's life.
 */
void
cm_own_until_abort(CmOwned *owned)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_abort, NULL);
		RegisterSubXactCallback(on_subabort, NULL);
		registered = true;
	}
	Assert(until_abort == NULL);
	until_abort = owned;
	made_in = GetCurrentSubTransactionId();
}

/* Overwrite a secret: a release function. */
static void
wipe(void *secret)
{
	explicit_bzero(secret, strlen(secret));
}

/*
 * A text of a beginning that anybody may know and so many bytes of a secret,
 * palloc'd, which is overwritten before its memory is given back. It is put
 * together in its place: psprintf() tries a small buffer first, and leaves in
 * it what fitted.
 */
char *
cm_own_secret(const char *beginning, const char *secret, size_t length)
{
	CmOwned    *owned = cm_own_create(CurrentMemoryContext, wipe);
	size_t		begin = strlen(beginning);
	char	   *text = palloc(begin + length + 1);

	memcpy(text, beginning, begin);
	memcpy(text + begin, secret, length);
	text[begin + length] = '\0';
	cm_own_set(owned, text);
	return text;
}
