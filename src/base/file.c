/*-------------------------------------------------------------------------
 *
 * file.c
 *	  A file on the database server that is there whole or not at all.
 *
 * It is written under another name beside its own, which it gets in the end. An
 * ERROR removes what was written, with the memory context that the file lives
 * in, or else with the (sub)transaction. What is left when the whole server is
 * killed has the other name.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

struct CmFile
{
	const char *path;
	char	   *partial;		/* what it is called meanwhile */
	int			fd;
	CmOwned    *owned;
};

/* Remove what was written, if it is not whole; of own.c. */
static void
remove_partial(void *arg)
{
	CmFile	   *file = arg;

	(void) unlink(file->partial);
}

/* ERROR when something has this name that is no file. */
static void
check_place(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 S_ISDIR(st.st_mode) ? errmsg("\"%s\" is a directory", path) :
				 errmsg("\"%s\" is not a file", path)));
}

/*
 * A file of this name, an absolute path, which takes the place of one that is
 * there. Lives in the current memory context, at the end of which it is gone
 * unless it was finished. ERROR when it cannot be.
 */
CmFile *
cm_file_create(const char *path)
{
	CmFile	   *file = palloc0(sizeof(CmFile));

	check_place(path);
	file->path = path;
	file->partial = psprintf("%s.%d.partial", path, MyProcPid);
	file->owned = cm_own_create(CurrentMemoryContext, remove_partial);
	file->fd = OpenTransientFile(file->partial,
								 O_CREAT | O_EXCL | O_WRONLY | PG_BINARY);
	if (file->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", file->path)));
	cm_own_set(file->owned, file);
	cm_own_until_abort(file->owned);
	/* as COPY makes files: the server's umask would hide it from everybody */
	if (fchmod(file->fd, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set permissions of file \"%s\": %m", path)));
	return file;
}

/* Append bytes. A CmSink: arg is the CmFile. */
void
cm_file_append(void *arg, const void *bytes, size_t length)
{
	CmFile	   *file = arg;
	const char *p = bytes;

	while (length > 0)
	{
		ssize_t		written;

		errno = 0;
		written = write(file->fd, p, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
		{
			/* if write did not say, the disk is full */
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to file \"%s\": %m",
							file->path)));
		}
		p += written;
		length -= written;
	}
}

/* The file is whole: it gets its name, and is on disk. */
void
cm_file_finish(CmFile *file)
{
	if (CloseTransientFile(file->fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", file->path)));
	(void) durable_rename(file->partial, file->path, ERROR);
	cm_own_release(file->owned);
}
