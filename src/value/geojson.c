/*-------------------------------------------------------------------------
 *
 * geojson.c
 *	  geometry and geography of PostGIS as GeoJSON (RFC 7946).
 *
 * Written from the binary form of the type, EWKB, not by ST_AsGeoJSON(): that
 * raises an ERROR for what GeoJSON does not have, where one row is to be
 * rejected, and cuts digits off. Coordinates are not transformed. GeoJSON means
 * longitude and latitude, SRID 4326; where a geometry says that it has another
 * one, it has a member "crs", as ST_AsGeoJSON() gives it.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"

/* What stands in the type of EWKB beside its number. */
#define EWKB_Z		0x80000000
#define EWKB_M		0x40000000
#define EWKB_SRID	0x20000000
#define EWKB_TYPE	0x000000ff

#define EWKB_POINT		1
#define EWKB_LINESTRING	2
#define EWKB_POLYGON	3
#define EWKB_MULTIPOINT	4
#define EWKB_COLLECTION	7

/* SRIDs for which GeoJSON needs no "crs": unknown, longitude and latitude. */
#define SRID_UNKNOWN	0
#define SRID_WGS_84		4326

/* Codes of coordinate systems that EPSG gives, and PostGIS takes over as SRIDs. */
#define FIRST_EPSG		1024
#define LAST_EPSG		32767

/* Types of GeoJSON by number in EWKB; how deeply positions are nested. */
static const struct
{
	const char *name;
	int			depth;
}			types[] = {
	[EWKB_POINT] = {"Point", 1},
	[EWKB_LINESTRING] = {"LineString", 2},
	[EWKB_POLYGON] = {"Polygon", 3},
	[EWKB_MULTIPOINT] = {"MultiPoint", 2},
	{"MultiLineString", 3},
	{"MultiPolygon", 4},
	[EWKB_COLLECTION] = {"GeometryCollection", 0},
};

/* Where a value is read. */
typedef struct CmGeometry
{
	const char *p;
	bool		swapped;		/* its numbers have the other byte order */
	uint32		type;
	int			dimensions;
	uint32		srid;
} CmGeometry;

static bool write_geometry(CmGeometry *geometry, bool outermost,
						   CmWriter *writer);

/* The next number of 32 bits. */
static uint32
read_number(CmGeometry *geometry)
{
	uint32		number;

	memcpy(&number, geometry->p, sizeof(number));
	geometry->p += sizeof(number);
	return geometry->swapped ? pg_bswap32(number) : number;
}

/* The next coordinate. */
static double
read_coordinate(CmGeometry *geometry)
{
	uint64		bits;
	double		coordinate;

	memcpy(&bits, geometry->p, sizeof(bits));
	geometry->p += sizeof(bits);
	if (geometry->swapped)
		bits = pg_bswap64(bits);
	memcpy(&coordinate, &bits, sizeof(coordinate));
	return coordinate;
}

/* Read what stands before a geometry. False with a reason for one that GeoJSON
 * does not have. */
static bool
read_header(CmGeometry *geometry, CmWriter *writer)
{
	bool		little = *geometry->p++ == 1;
	uint32		type;

#ifdef WORDS_BIGENDIAN
	geometry->swapped = little;
#else
	geometry->swapped = !little;
#endif
	type = read_number(geometry);
	geometry->type = type & EWKB_TYPE;
	geometry->dimensions = type & EWKB_Z ? 3 : 2;
	geometry->srid = type & EWKB_SRID ? read_number(geometry) : SRID_UNKNOWN;
	if (type & EWKB_M)
		return cm_reason_set(writer->reason, "not_geojson",
							 "a geometry with measures (M)");
	if (geometry->type < EWKB_POINT || geometry->type > EWKB_COLLECTION)
		return cm_reason_set(writer->reason, "not_geojson",
							 "a geometry with curves or surfaces");
	return true;
}

/* A position; the only one of a point may be missing, which is NaN in EWKB. */
static bool
write_position(CmGeometry *geometry, CmWriter *writer)
{
	double		position[3];
	bool		is_empty = geometry->type == EWKB_POINT;

	for (int i = 0; i < geometry->dimensions; i++)
	{
		position[i] = read_coordinate(geometry);
		is_empty = is_empty && isnan(position[i]);
	}
	if (!cm_writer_open(writer, '['))
		return false;
	for (int i = 0; i < geometry->dimensions && !is_empty; i++)
	{
		if (!isfinite(position[i]))
			return cm_reason_set(writer->reason, "not_geojson",
								 "a coordinate that is not finite");
		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		cm_writer_put_double(writer, position[i]);
	}
	cm_writer_close(writer, ']');
	return true;
}

/* Positions, as they are in a line or ring. */
static bool
write_positions(CmGeometry *geometry, CmWriter *writer)
{
	uint32		count = read_number(geometry);

	if (!cm_limits_array_fits(writer, count) || !cm_writer_open(writer, '['))
		return false;
	for (uint32 i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (!write_position(geometry, writer) || !cm_limits_record_fits(writer))
			return false;
	}
	cm_writer_close(writer, ']');
	return true;
}

/* The coordinates of a geometry that is no collection of any, whose header was
 * read, or of one that is a collection of equal ones. */
static bool
write_coordinates(CmGeometry *geometry, CmWriter *writer)
{
	uint32		type = geometry->type;
	uint32		count;

	if (type == EWKB_POINT)
		return write_position(geometry, writer);
	if (type == EWKB_LINESTRING)
		return write_positions(geometry, writer);
	count = read_number(geometry);
	if (!cm_limits_array_fits(writer, count) || !cm_writer_open(writer, '['))
		return false;
	for (uint32 i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (type == EWKB_POLYGON ? !write_positions(geometry, writer) :
			!read_header(geometry, writer) ||
			!write_coordinates(geometry, writer))
			return false;
	}
	cm_writer_close(writer, ']');
	return true;
}

/* The geometries of a collection. */
static bool
write_members(CmGeometry *geometry, CmWriter *writer)
{
	uint32		count = read_number(geometry);

	if (!cm_limits_array_fits(writer, count) || !cm_writer_open(writer, '['))
		return false;
	for (uint32 i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (!write_geometry(geometry, false, writer))
			return false;
	}
	cm_writer_close(writer, ']');
	return true;
}

/* A member of an object that is a text. */
static void
put_text(CmWriter *writer, const char *key, const char *text)
{
	(void) cm_writer_put_key(writer, key, strlen(key));
	cm_writer_put_utf8(writer, text, strlen(text));
}

/* The member "crs" of a geometry of another coordinate system, with its comma. */
static bool
write_crs(CmWriter *writer, uint32 srid)
{
	bool		is_epsg = srid >= FIRST_EPSG && srid <= LAST_EPSG;

	(void) cm_writer_put_key(writer, "crs", strlen("crs"));
	if (!cm_writer_open(writer, '{'))
		return false;
	put_text(writer, "type", "name");
	appendStringInfoCharMacro(writer->out, ',');
	(void) cm_writer_put_key(writer, "properties", strlen("properties"));
	if (!cm_writer_open(writer, '{'))
		return false;
	put_text(writer, "name", psprintf("%s:%u", is_epsg ? "EPSG" : "SRID", srid));
	cm_writer_close(writer, '}');
	cm_writer_close(writer, '}');
	appendStringInfoCharMacro(writer->out, ',');
	return true;
}

/* A geometry as an object. */
static bool
write_geometry(CmGeometry *geometry, bool outermost, CmWriter *writer)
{
	const char *member;
	bool		written;

	check_stack_depth();
	if (!read_header(geometry, writer) || !cm_writer_open(writer, '{'))
		return false;
	put_text(writer, "type", types[geometry->type].name);
	appendStringInfoCharMacro(writer->out, ',');
	if (outermost && geometry->srid != SRID_UNKNOWN &&
		geometry->srid != SRID_WGS_84 && !write_crs(writer, geometry->srid))
		return false;
	member = geometry->type == EWKB_COLLECTION ? "geometries" : "coordinates";
	(void) cm_writer_put_key(writer, member, strlen(member));
	written = geometry->type == EWKB_COLLECTION ?
		write_members(geometry, writer) : write_coordinates(geometry, writer);
	cm_writer_close(writer, '}');
	return written;
}

/* A geometry or geography of PostGIS as an object. */
bool
cm_geojson_write(const CmMapping *mapping, Datum value, CmWriter *writer)
{
	bytea	   *binary = SendFunctionCall(unconstify(FmgrInfo *, &mapping->function),
										  value);
	CmGeometry	geometry = {.p = VARDATA_ANY(binary)};

	return write_geometry(&geometry, true, writer);
}

/*
 * What the typmod of a geometry or geography declares: the type of GeoJSON, and
 * how deeply its positions are nested; NULL: any type. PostGIS's own packing
 * (liblwgeom.h).
 */
const char *
cm_geojson_type(int32 typmod, int *depth)
{
	int			type = typmod < 0 ? 0 : (typmod & 0x000000fc) >> 2;

	if (type < EWKB_POINT || type >= EWKB_COLLECTION)
		return NULL;
	*depth = types[type].depth;
	return types[type].name;
}

/* The SRID that the typmod declares, or SRID_UNKNOWN. */
static int
declared_srid(int32 typmod)
{
	return typmod < 0 ? SRID_UNKNOWN :
		((typmod & 0x0fffff00) - (typmod & 0x10000000)) >> 8;
}

/* Whether a geometry with the typmod can have "crs". */
bool
cm_geojson_may_have_crs(int32 typmod)
{
	return declared_srid(typmod) != SRID_WGS_84;
}

/* The SRID that the typmod declares and for which "crs" is sent, or 0. */
int
cm_geojson_other_srid(int32 typmod)
{
	return cm_geojson_may_have_crs(typmod) ? declared_srid(typmod) : 0;
}
