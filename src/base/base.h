/*-------------------------------------------------------------------------
 *
 * base.h
 *	  The ground floor: memory that is owned, SPI, the session, texts.
 *
 * Knows nothing of Convex and nothing of tables that are migrated. Requests
 * over HTTP have a header of their own, http.h; what differs between versions
 * of PostgreSQL is in compat.h.
 *
 * Memory, here and on all floors above: unless a comment says otherwise, a
 * result is palloc'd in the current memory context, and a structure points to
 * what its maker's context holds. Whatever owns a foreign object (a CURL
 * handle, a cJSON tree) is tied to a memory context by own.c, so an ERROR
 * anywhere leaves nothing behind. Prototypes are grouped by the file that
 * defines them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_BASE_H
#define CM_BASE_H

#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/timestamp.h"

/* in own.c */
typedef struct CmOwned CmOwned;
extern CmOwned *cm_own_create(MemoryContext context, void (*release) (void *));
extern void cm_own_set(CmOwned *owned, void *object);
extern void cm_own_release(CmOwned *owned);
extern void cm_own_until_abort(CmOwned *owned);
extern char *cm_own_secret(const char *beginning, const char *secret,
						   size_t length);

/* A file that is being written; see file.c. */
typedef struct CmFile CmFile;

/* in file.c */
extern CmFile *cm_file_create(const char *path);
extern void cm_file_append(void *arg, const void *bytes, size_t length);
extern void cm_file_finish(CmFile *file);

/*
 * Bytes in malloc'd memory, which callbacks of libraries can fill: they may
 * neither throw nor palloc. Zeroes are an empty one.
 */
typedef struct CmBuffer
{
	char	   *data;			/* NULL, or ends in a NUL that is not counted */
	size_t		length;			/* bytes */
	size_t		capacity;		/* bytes, the NUL included */
} CmBuffer;

/* in buffer.c */
extern bool cm_buffer_append(CmBuffer *buffer, const void *bytes, size_t length);
extern void cm_buffer_reset(CmBuffer *buffer);
extern void cm_buffer_free(CmBuffer *buffer);

/* in session.c */
extern int	cm_session_pin(void);
extern void cm_session_unpin(int nestlevel);
extern const char *cm_session_caller_path(void);

/* in trust.c */
extern Oid	cm_trust_owner(Oid relid);
extern Oid	cm_trust_set(Oid owner);
extern void cm_trust_begin(void);
extern void cm_trust_end(void);
extern void cm_trust_require(Oid relid, bool inherits);
extern void cm_trust_require_query(Query *query);

/* in planning.c */
extern Portal cm_planning_open_cursor(SPIPlanPtr plan, Datum *values);
extern void cm_planning_fetch(Portal portal, int most);
extern int	cm_planning_execute(SPIPlanPtr plan, Datum *values, bool read_only);

/* What a statement of ours may use beside what is PostgreSQL's own. */
typedef struct CmAllowed CmAllowed;

/* in vet.c */
extern CmAllowed *cm_vet_create(void);
extern void cm_vet_allow(CmAllowed *allowed, Oid class, Oid object);
extern void cm_vet_allow_all(CmAllowed *allowed, const CmAllowed *other);
extern bool cm_vet_is_allowed(const CmAllowed *allowed, Oid class, Oid object);
extern void cm_vet_plan(SPIPlanPtr plan, const CmAllowed *allowed);
extern void cm_vet_collect(SPIPlanPtr plan, CmAllowed *allowed);
extern void cm_vet_require(const CmAllowed *collected, Oid class, Oid object);

/* in extension.c */
extern Oid	cm_extension_relation(Oid schema, const char *name, LOCKMODE lock);

/* in spi.c */
extern uint64 cm_spi_execute(const char *sql, int expected, bool read_only,
							 int nargs, Oid *types, Datum *values);
extern uint64 cm_spi_execute_over(const CmAllowed *allowed, const char *sql,
								  int expected, bool read_only, int nargs,
								  Oid *types, Datum *values);
extern void cm_spi_execute_as(Oid role, const CmAllowed *allowed,
							  const char *sql, int expected, int nargs,
							  Oid *types, Datum *values);
extern SPIPlanPtr cm_spi_prepare_unvetted(const char *sql);
extern SPIPlanPtr cm_spi_prepare(const CmAllowed *allowed, const char *sql,
								 int nargs, Oid *types);
extern void cm_spi_execute_plan(SPIPlanPtr plan, Datum *values, int expected);
extern Portal cm_spi_open_cursor(SPIPlanPtr plan, Datum *values);
extern Portal cm_spi_open_cursor_as(Oid role, SPIPlanPtr plan, Datum *values);
extern SPITupleTable *cm_spi_fetch(Portal portal, int most);
extern Datum cm_spi_value(uint64 row, int column);
extern Datum cm_spi_text_array(List *texts);
extern Datum cm_spi_oid_array(List *oids);

/* in utf8.c */
extern const char *cm_utf8_from_database(const char *text, int *length);
extern char *cm_utf8_to_database(char *text);
extern char *cm_utf8_json_to_database(char *json);
extern const char *cm_utf8_readable(const char *text);

/* Lines of a message that names only the first of them. Zeroes are none. */
typedef struct CmLines
{
	List	   *shown;			/* char * */
	int			count;
} CmLines;

/* in text.c */
extern char *cm_text_relation_name(Oid relid);
extern char *cm_text_figure(int64 number);
extern char *cm_text_duration(double seconds);
extern void *cm_text_find_named(const List *items, const char *name);
extern bool cm_text_is_among(const List *texts, const char *text);
extern char *cm_text_shortened(const char *text, int longest);
extern char *cm_text_join(const List *texts, const char *separator);
extern void cm_text_add_line(CmLines *lines, char *line);
extern char *cm_text_lines(const CmLines *lines);

/*
 * Why one row cannot be migrated. Codes are part of the interface: they are in
 * convex_rejects, and users test for them.
 */
typedef struct CmReason
{
	const char *code;			/* static text, such as "number_not_exact" */
	char	   *path;			/* such as "payload.tags[3]", or NULL for the
								 * whole row; in the database's encoding */
	char	   *text;			/* facts, no row data */
} CmReason;

/* in reason.c */
extern bool cm_reason_set(CmReason *reason, const char *code,
						  const char *format,...) pg_attribute_printf(3, 4);
extern void cm_reason_within(CmReason *reason, const char *step);
extern void cm_reason_within_element(CmReason *reason, int element);
extern char *cm_reason_text(const CmReason *reason);

#endif							/* CM_BASE_H */
