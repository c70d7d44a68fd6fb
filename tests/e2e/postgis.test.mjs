/**
 * Geometries of PostGIS become GeoJSON: what ST_AsGeoJSON() makes of them, with all digits, or a reject where GeoJSON has
 * no such thing. Needs Debian's postgis, which tests/setup.sh installs; another PostgreSQL may be without.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { arrived, openGenerated, startCluster } from "../harness/index.mjs";

let cluster;
let missing;

before(async () => {
  cluster = await startCluster();
  const client = await cluster.connect();
  const { rows } = await client.query("SELECT FROM pg_available_extensions WHERE name = 'postgis'");
  missing = rows.length === 0 && "this PostgreSQL has no PostGIS";
  await client.end();
});

after(() => cluster?.stop());

/** Well-known texts, with what GeoJSON does not have. */
const SHAPES = [
  "SRID=4326;POINT(2.35 48.85)", "POINT(1 2)", "POINT(0.1234567890123456 -1e-9)", "POINT EMPTY", "POINT Z(1 2 3)",
  "SRID=3857;POINT(261600 6249500)", "SRID=990000;POINT(1 2)", "LINESTRING(0 0,1 1,2 0.5)", "LINESTRING EMPTY",
  "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))", "POLYGON Z((0 0 1,4 0 1,4 4 1,0 0 1))", "MULTIPOINT((1 2),(3 4))",
  "MULTIPOINT EMPTY", "MULTILINESTRING((0 0,1 1),(2 2,3 3))", "MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((5 5,6 5,6 6,5 5)))",
  "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))", "GEOMETRYCOLLECTION EMPTY",
  "SRID=3857;GEOMETRYCOLLECTION(POINT(1 2))",
];

/** A collection in a collection, which ST_AsGeoJSON() refuses. */
const NESTED = "GEOMETRYCOLLECTION(POINT(1 2),GEOMETRYCOLLECTION(LINESTRING(0 0,1 1)))";

const REFUSED = {
  "POINT M(1 2 3)": "not_geojson: shape: a geometry with measures (M)",
  "POINT ZM(1 2 3 4)": "not_geojson: shape: a geometry with measures (M)",
  "CIRCULARSTRING(0 0,1 1,2 0)": "not_geojson: shape: a geometry with curves or surfaces",
  "CURVEPOLYGON(CIRCULARSTRING(0 0,4 0,4 4,0 4,0 0))": "not_geojson: shape: a geometry with curves or surfaces",
  "GEOMETRYCOLLECTION(POINT(1 2),CIRCULARSTRING(0 0,1 1,2 0))": "not_geojson: shape: a geometry with curves or surfaces",
  "TIN(((0 0 0,0 0 1,0 1 0,0 0 0)))": "not_geojson: shape: a geometry with curves or surfaces",
  "POINT(NaN 2)": "not_geojson: shape: a coordinate that is not finite",
};

test("every shape, as PostGIS itself writes it, and those that GeoJSON does not have", async (t) => {
  if (missing) return t.skip(missing);
  const shapes = [...SHAPES, NESTED, ...Object.keys(REFUSED)];
  const scenario = await openGenerated(t, cluster, {
    sql: `CREATE EXTENSION postgis;
      CREATE TABLE shapes (id int PRIMARY KEY, shape geometry, shapes geometry[], text geometry, json geometry);
      INSERT INTO shapes SELECT n, s::geometry, ARRAY[]::geometry[], s::geometry FROM unnest(ARRAY[${shapes.map((shape) => `'${shape}'`)}])
        WITH ORDINALITY AS u(s, n);
      UPDATE shapes SET shapes = ARRAY[shape, shape], json = shape WHERE id = 1;`,
  });
  const { client, convex, migrate, rejects, deployGenerated } = scenario;
  await client.query(`INSERT INTO convex_columns (source, source_column, type) VALUES ('shapes', 'text', 'string'), ('shapes', 'json', 'json')`);
  await deployGenerated();
  const { rows } = await client.query("SELECT id, ST_AsGeoJSON(shape, 20, 0)::json AS shape, ST_SRID(shape) AS srid, shape::text AS text FROM shapes WHERE id <= $1", [SHAPES.length]);
  const expected = Object.fromEntries(rows.map(({ id, shape, srid, text }) => [id, { shape: withCrs(shape, srid), shapes: [], text }]));
  const line = { type: "LineString", coordinates: [[0, 0], [1, 1]] };
  const nested = { type: "GeometryCollection", geometries: [line] };
  const { rows: [{ text }] } = await client.query("SELECT $1::geometry::text AS text", [NESTED]);
  expected[SHAPES.length + 1] = {
    shape: { type: "GeometryCollection", geometries: [{ type: "Point", coordinates: [1, 2] }, nested] }, shapes: [], text,
  };
  expected[1].shapes = [expected[1].shape, expected[1].shape];
  expected[1].json = '{"type":"Point","coordinates":[2.35,48.85]}';
  const { rows: [{ rows: announced }] } = await client.query("SELECT sum(rows)::int AS rows FROM convex_check() WHERE severity = 'error'");
  assert.equal(announced, Object.keys(REFUSED).length);
  await migrate();
  assert.deepEqual((await arrived(convex, ["shapes"])).shapes, expected);
  assert.deepEqual((await rejects()).map(({ reason }) => reason), Object.values(REFUSED));
  const { rows: [{ hint }] } = await client.query("SELECT hint FROM convex_check() WHERE problem = 'not_geojson'");
  assert.match(hint, /To send such rows: INSERT INTO convex_columns .*, type\) VALUES \('convex', 'public\.shapes', 'shape', 'string'\);$/);
});

/** "crs" of another system than that of GeoJSON. */
function withCrs(shape, srid) {
  if (srid === 0 || srid === 4326) return shape;
  const { type, ...others } = shape;
  return { type, crs: { type: "name", properties: { name: srid === 3857 ? "EPSG:3857" : `SRID:${srid}` } }, ...others };
}

test("validators for what a column declares, and geography", async (t) => {
  if (missing) return t.skip(missing);
  const { client, convex, migrate } = await openGenerated(t, cluster, {
    sql: `CREATE EXTENSION postgis;
      CREATE TABLE places (id int PRIMARY KEY, at geometry(Point, 4326) NOT NULL, spot geography(Point) NOT NULL,
        any_at geometry NOT NULL, of_type geometry(MultiPolygonZ) NOT NULL, mercator geometry(LineString, 3857) NOT NULL,
        all_at geometry(GeometryCollection, 4326) NOT NULL);
      INSERT INTO places VALUES (1, ST_SetSRID(ST_MakePoint(2.35, 48.85), 4326), 'POINT(2.35 48.85)', 'POINT(1 2)',
        'MULTIPOLYGON Z(((0 0 1,4 0 1,4 4 1,0 0 1)))', 'SRID=3857;LINESTRING(0 0,1 1)', 'SRID=4326;GEOMETRYCOLLECTION(POINT(1 2))');`,
  });
  const { rows: [{ schema }] } = await client.query("SELECT convex_schema() AS schema");
  const fields = Object.fromEntries(
    [...schema.matchAll(/^ {4}(\w+): (v\.(?:any\(\)|object\(\{[\s\S]*?^ {4}\}\))),/gm)].map(([, name, text]) => [name, text.replaceAll(/\s+/g, " ")]));
  assert.deepEqual(fields, {
    at: 'v.object({ type: v.literal("Point"), coordinates: v.array(v.number()), })',
    spot: 'v.object({ type: v.literal("Point"), coordinates: v.array(v.number()), })',
    any_at: "v.any()",
    of_type: 'v.object({ type: v.literal("MultiPolygon"), coordinates: v.array(v.array(v.array(v.array(v.number())))), crs: v.optional(v.any()), })',
    mercator: 'v.object({ type: v.literal("LineString"), coordinates: v.array(v.array(v.number())), crs: v.optional(v.any()), })',
    all_at: "v.any()",
  });
  const { rows: problems } = await client.query("SELECT problem, source_column, hint FROM convex_check() WHERE severity = 'warning'");
  assert.deepEqual(problems, [{
    problem: "other_coordinates", source_column: "mercator",
    hint: 'Its coordinates are sent as they are, of SRID 3857, which "crs" says; readers of GeoJSON expect longitude and latitude: ST_Transform(mercator, 4326) in a view.',
  }]);
  assert.equal((await migrate()).at(-1).status, "complete");
  const { places: { 1: { at, spot, of_type: shape } } } = await arrived(convex, ["places"]);
  assert.deepEqual(at, { type: "Point", coordinates: [2.35, 48.85] });
  assert.deepEqual(spot, at);
  assert.deepEqual(shape, { type: "MultiPolygon", coordinates: [[[[0, 0, 1], [4, 0, 1], [4, 4, 1], [0, 0, 1]]]] });
});

test("limits of Convex hold in a shape", async (t) => {
  if (missing) return t.skip(missing);
  const { migrate, rejects } = await openGenerated(t, cluster, {
    sql: `CREATE EXTENSION postgis;
      CREATE TABLE lines (id int PRIMARY KEY, line geometry);
      INSERT INTO lines SELECT m, ST_MakeLine(ARRAY(SELECT ST_MakePoint(n, n) FROM generate_series(1, m) n)) FROM unnest('{8192,8193}'::int[]) m;
      INSERT INTO lines SELECT 1, ('POINT(1 2)'); UPDATE lines SET line = (SELECT
        (repeat('GEOMETRYCOLLECTION(', 9) || 'POINT(1 2)' || repeat(')', 9))::geometry) WHERE id = 1;`,
  });
  await migrate();
  assert.deepEqual((await rejects()).map(({ key, reason }) => `${key} ${reason}`), [
    "1 nested_too_deeply: line: more than 16 levels, counting the document itself",
    "8193 array_too_long: line: 8,193 elements, at most 8,192",
  ]);
});

test("the recipe of docs/reshape.md", async (t) => {
  if (missing) return t.skip(missing);
  const text = readFileSync(new URL("../../docs/reshape.md", import.meta.url), "utf8");
  const [, code] = /^## Places as GeoJSON\n[\s\S]*?^```sql\n([\s\S]*?)^```$/m.exec(text);
  const { client, convex, migrate, deployGenerated } = await openGenerated(t, cluster, { sql: "CREATE TABLE other (id int PRIMARY KEY)" });
  await client.query(code);
  await client.query("INSERT INTO shops VALUES (1, 'SRID=3857;POINT(0 0)', 'SRID=3857;CIRCULARSTRING(0 0,1 1,2 0)')");
  await deployGenerated();
  assert.equal((await migrate()).at(-1).status, "complete");
  const { shops: { 1: { at, area } } } = await arrived(convex, ["shops"]);
  assert.deepEqual([Math.abs(at.latitude) < 1e-9, at.longitude], [true, 0]);
  assert.equal(area.type, "LineString");
});
