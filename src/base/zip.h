/*-------------------------------------------------------------------------
 *
 * zip.h
 *	  ZIP archives, and the compression in them, as streams.
 *
 * What is put into an archive comes out of it piece by piece, into a sink. No
 * library calls a sink: the libraries here work from buffer to buffer, so a
 * sink may write files, send requests and throw.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_ZIP_H
#define CM_ZIP_H

#include "base/base.h"

/* How entries are compressed. */
typedef enum CmCompression
{
	CM_COMPRESSION_DEFLATE,
	CM_COMPRESSION_ZSTD,
	CM_COMPRESSION_NONE
} CmCompression;

/* Takes the next bytes of a stream. May throw: the stream is lost then. */
typedef void (*CmSink) (void *arg, const void *bytes, size_t length);

typedef struct CmCompressor CmCompressor;
typedef struct CmZip CmZip;

/* in compress.c */
extern CmCompressor *cm_compress_create(CmCompression compression, CmSink sink,
										void *arg);
extern void cm_compress_begin(CmCompressor *compressor);
extern void cm_compress_add(CmCompressor *compressor, const void *bytes,
							size_t length);
extern void cm_compress_end(CmCompressor *compressor);
extern uint32 cm_compress_crc(uint32 crc, const void *bytes, size_t length);
extern char *cm_compress_library_versions(void);

/* in zip.c */
extern CmZip *cm_zip_create(CmCompression compression, CmSink sink, void *arg);
extern void cm_zip_begin_entry(CmZip *zip, const char *name);
extern void cm_zip_add(CmZip *zip, const void *bytes, size_t length);
extern void cm_zip_end_entry(CmZip *zip);
extern void cm_zip_finish(CmZip *zip);
extern uint64 cm_zip_length(const CmZip *zip);

#endif							/* CM_ZIP_H */
