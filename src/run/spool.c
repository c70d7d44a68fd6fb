/*-------------------------------------------------------------------------
 *
 * spool.c
 *	  A temporary file that is written once, then read from its beginning.
 *
 * An archive could be sent while it is made, but is kept here first. Every row has
 * been looked at, and every id compared with the others, before anything is sent; the
 * size of parts, of which there may be 9,999, depends on the size of all; and an
 * upload that must be begun anew does not read the tables again, nor does a slow
 * connection keep the executor waiting.
 *
 * It is a temporary file as sorts have: in temp_tablespaces, within temp_file_limit,
 * gone at the end of the transaction whatever ends it, and with the server.
 *
 *-------------------------------------------------------------------------
 */
#include "run/import.h"

#include "storage/buffile.h"

struct CmSpool
{
	BufFile    *file;
	uint64		length;			/* bytes */
};

/* An empty spool, in the current memory context. */
CmSpool *
cm_spool_create(void)
{
	CmSpool    *spool = palloc0(sizeof(CmSpool));

	spool->file = BufFileCreateTemp(false);
	return spool;
}

/* Append bytes. A CmSink: arg is the CmSpool. */
void
cm_spool_append(void *arg, const void *bytes, size_t length)
{
	CmSpool    *spool = arg;

	BufFileWrite(spool->file, unconstify(void *, bytes), length);
	spool->length += length;
}

/* How many bytes are in it. */
uint64
cm_spool_length(const CmSpool *spool)
{
	return spool->length;
}

/* Read from the beginning from now on. */
void
cm_spool_rewind(CmSpool *spool)
{
	if (BufFileSeek(spool->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind a temporary file")));
}

/* Read the next bytes, which are there. */
void
cm_spool_read(CmSpool *spool, char *bytes, size_t length)
{
	size_t		read = BufFileRead(spool->file, bytes, length);

	if (read != length)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file: read only %zu of %zu bytes",
						read, length)));
}

/* Close it; it is gone. */
void
cm_spool_close(CmSpool *spool)
{
	BufFileClose(spool->file);
	pfree(spool);
}
