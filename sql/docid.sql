-- Ids of documents (version 6): computed of keys, and back. No request is made.
CREATE EXTENSION convex_migrate;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'ids');
CREATE SCHEMA ids;
CREATE TABLE ids.uuids (id uuid PRIMARY KEY);
-- what a run that computes ids leaves
INSERT INTO convex_targets (deployment, target, source, key, number)
  VALUES ('http://127.0.0.1:1', 'uuids', 'ids.uuids', '{id}', 1);

-- ids of Convex's own sources, and at the ends of the ranges
CREATE TABLE vectors (n serial, id text, number bigint, own text);
INSERT INTO vectors (id, number, own) VALUES
  ('z43zp6c3e75gkmz1kfwj6mbbx5sw281h', 1017, 'fb198371cb09d3e19bf923516be973c1'),
  ('jd7f2yq3tcc5h4ce9qhqdk0ach6hbmyb', 10003, 'f17ae3d31858918e4de376cc0a644d15'),
  ('j571sbvz5zj1ps44j9f433pf1n6s7egs', 10001, '1caf7f2fe41b6484925e418ecf0d4d93'),
  ('kg21pzwemsm55e1fnt2kcsvgjh6h6gtf', 540, '1b7f8ea66852b82fae85366770944d13'),
  ('kg2ah8mk1xtg35g7zyexyc96e96yr74f', 540, 'a8a2930f75019607ff9ddf3126724dec'),
  ('kg27rxfv99gzp01wmph0gvt92d6hnvy6', 540, '7c75fb4a61fb003ca5a2086f49134d1a'),
  ('k423gp2tq6nsw6ngwhkw72c3z17fkb5t', 537, '38585ab9ab9e1ab0e467c38983f84ef9'),
  ('4d9wy5r5x7rmjdjqnx45ct829fff4ar', 35, '53cf1705e9f1493657af485669024bde'),
  ('3yvf0j22p6ez1rqyy5m379kz9kh4sar', 31, 'b6f04842b19df0e2fef16833a67f4ce2'),
  ('2rsfck4e88mvyb011h9k7znq9h1mb00', 22, '32f64c8e4229bf2c010c5333feb74c43'),
  ('2pj577m1qs11bje4wwb6abkt9wa3m6g', 21, 'a4539e81be4215c9c4e716652e7a4f14'),
  ('074wwt1x3qmwz35bvscy44eq2yngrt8', 1, 'c9ce683d1de9cf8cabde59e211d717ab'),
  ('j5700000000000000000000000001qv0', 10001, repeat('00', 16)),
  ('j57fzzzzzzzzzzzzzzzzzzzzzzzzzkyr', 10001, repeat('ff', 16)),
  ('j57000820c20a1g7104gm2rc1m70ynr8', 10001, '000102030405060708090a0b0c0d0e0f'),
  ('j5714fj5czm9p4pkmhb44sgm2x000m74', 10001, '123e4567-e89b-12d3-a456-426614174000'),
  ('zxzg0000000000000000000000000zjx', 16383, repeat('00', 16)),
  ('g2002000000000000000000000000001j4', 16384, repeat('00', 16)),
  ('0400000000000000000000000000248', 1, repeat('00', 16)),
  ('zzzzzzrfzzzzzzzzzzzzzzzzzzzzzzzzzzxjj', 4294967295, repeat('ff', 16));
CREATE FUNCTION written(number bigint, own text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  id text;
BEGIN
  UPDATE convex_targets SET number = written.number;
  -- what a query has found out about a table it keeps
  EXECUTE 'SELECT convex_id(''ids.uuids'', $1)' INTO id USING (own::uuid)::text;
  RETURN id;
END$$;
SELECT v.id, v.number, convex_uuid(v.id) = v.own::uuid AS read, written(v.number, v.own) = v.id AS written
  FROM vectors v ORDER BY n;

-- what is no id: of another length, of other characters, a checksum that is not
-- its own, table 0, too long a number, bits left over
CREATE FUNCTION refused(id text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN convex_uuid(id);
EXCEPTION WHEN invalid_text_representation THEN
  RETURN SQLERRM;
END$$;
SELECT refused(id) FROM unnest(ARRAY['mz1xn7tymdnktmmzqy5xxhn7tjs2nkkfmtjjr',
  'sssswsgggggggggsgcsssfafffsffks', '', 'j57', 'j5700000000000000000000000001qv0j570000',
  'J5700000000000000000000000001QV0', 'j57o0000000000000000000000001qv0',
  'j5700000000000000000000000001qv1', 'j5710000000000000000000000001qv0',
  'j570000000000000000000000000 qv0', '0000000000000000000000000000000',
  '0400000000000000000000000000249', 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz', 'größegrößegrößegrößegröß']) AS id;
SELECT convex_uuid(NULL);

-- what no row of the table has as its key, and a table that is not known
SELECT convex_id('ids.uuids', 'x'), convex_id('ids.uuids', upper('123e4567-e89b-12d3-a456-426614174000')),
  convex_id('ids.uuids', NULL), convex_id(NULL, 'x');
UPDATE convex_targets SET number = NULL;
SELECT convex_id('ids.uuids', '123e4567-e89b-12d3-a456-426614174000');
-- the documents are those of another table, or of another key
UPDATE convex_targets SET number = 10001, source = 'ids.others';
SELECT convex_id('ids.uuids', '123e4567-e89b-12d3-a456-426614174000');
UPDATE convex_targets SET source = 'ids.uuids', key = '{other}';
SELECT convex_id('ids.uuids', '123e4567-e89b-12d3-a456-426614174000');

-- any other key: HMAC-SHA-256 of schema, table and key, as anybody can compute it
ALTER SERVER convex OPTIONS (ADD id_salt 'short');
ALTER SERVER convex OPTIONS (ADD id_salt 'sechzehn Größen ÄÖ');
ALTER SERVER convex OPTIONS (ADD id_salt 'no secret of anybody');
CREATE TABLE ids.serials (id serial PRIMARY KEY, a text, b uuid, UNIQUE (a, b));
CREATE TABLE ids.pairs (a text, b uuid, PRIMARY KEY (a, b));
INSERT INTO convex_targets (deployment, target, source, key, number) VALUES
  ('http://127.0.0.1:1', 'serials', 'ids.serials', '{id}', 10002),
  ('http://127.0.0.1:1', 'pairs', 'ids.pairs', '{a,b}', 10003);
CREATE FUNCTION hmac(secret text, message bytea) RETURNS bytea LANGUAGE sql AS $$
  SELECT sha256(outer_pad || sha256(inner_pad || message))
    FROM (SELECT string_agg(set_byte('\x00', 0, get_byte(k, i) # 54), '' ORDER BY i) AS inner_pad,
                 string_agg(set_byte('\x00', 0, get_byte(k, i) # 92), '' ORDER BY i) AS outer_pad
            FROM (SELECT secret::bytea || decode(repeat('00', 64 - length(secret)), 'hex') AS k) s,
                 generate_series(0, 63) AS i) pads
$$;
SELECT encode(substr(hmac('key', 'The quick brown fox jumps over the lazy dog'), 1, 8), 'hex');
SELECT convex_id('ids.serials', '1') AS serial, convex_id('ids.pairs', '["ü","x"]') AS pair;
SELECT convert_to(s.schema, 'UTF8') || '\x00' || convert_to(s.name, 'UTF8') || '\x00' || convert_to(s.key, 'UTF8') || '\x00' AS message,
       replace(convex_uuid(convex_id(s.relation, s.key))::text, '-', '') =
         encode(substr(hmac('no secret of anybody', convert_to(s.schema, 'UTF8') || '\x00' ||
           convert_to(s.name, 'UTF8') || '\x00' || convert_to(s.key, 'UTF8') || '\x00'), 1, 16), 'hex') AS is_hmac
  FROM (VALUES ('ids.serials'::regclass, 'ids', 'serials', '1'), ('ids.pairs', 'ids', 'pairs', '["ü","x"]'))
    AS s (relation, schema, name, key);
-- another salt gives other ids; without one there are none
ALTER SERVER convex OPTIONS (SET id_salt 'another secret of nobody');
SELECT convex_id('ids.serials', '1');
ALTER SERVER convex OPTIONS (DROP id_salt);
SELECT convex_id('ids.serials', '1');

-- rights: those of the server
CREATE ROLE regress_convex_id;
GRANT USAGE ON SCHEMA ids TO regress_convex_id;
SET ROLE regress_convex_id;
SELECT convex_id('ids.uuids', '123e4567-e89b-12d3-a456-426614174000');
RESET ROLE;
SELECT convex_id('ids.uuids', 'x', NULL);

DROP TABLE vectors;
DROP FUNCTION written, refused, hmac;
DROP SCHEMA ids CASCADE;
DROP EXTENSION convex_migrate CASCADE;
DROP ROLE regress_convex_id;
