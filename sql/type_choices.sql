-- convex_columns.type: what each choice takes and refuses, and what comes of it.
CREATE EXTENSION convex_migrate SCHEMA public;
CREATE SERVER convex FOREIGN DATA WRAPPER convex_migrate
  OPTIONS (url 'http://127.0.0.1:1', schemas 'types');
CREATE SCHEMA types;
\a\t

CREATE TYPE types.pair AS (a int, b text);
CREATE TYPE types.mood AS ENUM ('sad');
CREATE DOMAIN types.score AS int;
CREATE TABLE types.t (id int PRIMARY KEY, "boolean" bool, "int2" int2, "int4" int4, "int8" int8, "numeric" numeric, short numeric(8, 2),
  "float4" float4, "float8" float8, "text" text, "varchar" varchar, "char" char(5), "uuid" uuid, "bytea" bytea,
  at timestamptz, local timestamp, "date" date, "time" time, "interval" interval, "json" json, "jsonb" jsonb, mood types.mood, score types.score,
  pair types.pair, ints int[], bigs int8[], texts text[], dates date[], pairs types.pair[], scores types.score[]);
INSERT INTO types.t VALUES (1, true, 0, 1, 9007199254740993, 5.0, 1.50, 0.5, 0.5, 'on', 'no', 't', '01234567-89ab-cdef-0123-456789abcdef', decode('00ff', 'hex'),
  '2026-11-23 12:34:56.789012+00', '2026-11-23 12:34:56', '2026-11-23', '12:34', 'P1D', '{"a" : 1}', '{"$a": 1}', 'sad', 7,
  ROW(1, NULL), '{0,1}', '{1,2}', '{t,f}', '{2026-11-23,infinity}', ARRAY[ROW(1, 'x')]::types.pair[], '{1,0}');

-- each column in turn with the choice, the others left out
CREATE FUNCTION types.try(choice text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  name text;
  refused text[] = '{}';
  message text;
  detail text;
BEGIN
  FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'types.t'::regclass AND attnum > 1 ORDER BY attnum LOOP
    DELETE FROM public.convex_columns;
    INSERT INTO public.convex_columns (server, source, source_column, exclude, type)
      SELECT 'convex', attrelid, attname, attname <> name, CASE WHEN attname = name THEN choice END
        FROM pg_attribute WHERE attrelid = 'types.t'::regclass AND attnum > 1;
    BEGIN
      RETURN NEXT (SELECT public.convex_document(x)::json #>> '{}' FROM types.t x);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
      IF message = 'convex_columns.type of table "t" cannot be applied' THEN
        refused := refused || name;
      ELSE
        RETURN NEXT detail;
      END IF;
    END;
  END LOOP;
  RETURN NEXT 'refused: ' || array_to_string(refused, ' ');
END $$;
SELECT types.try('string');
SELECT types.try('number');
SELECT types.try('int64');
SELECT types.try('boolean');
SELECT types.try('bytes');
SELECT types.try('iso');
SELECT types.try('ms');
SELECT types.try('any');
SELECT types.try('json');
SELECT types.try('array_nullable');

-- values that a choice does not take
DELETE FROM public.convex_columns;
CREATE TABLE types.v (id int PRIMARY KEY, i int8, n numeric, t text, c char(5));
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.v', 'i', 'boolean'),
  ('convex', 'types.v', 'n', 'int64'), ('convex', 'types.v', 't', 'boolean'), ('convex', 'types.v', 'c', 'bytes');
SELECT public.convex_document(ROW(1, 1, -9223372036854775808.000, ' YES ', E'\u00e9')::types.v);
SELECT public.convex_document(ROW(1, 0, 9223372036854775807, 'of', 'a')::types.v);
SELECT public.convex_document(ROW(1, 0, -0.0, E'\t0\n', '')::types.v);
SELECT public.convex_document(ROW(1, 2, NULL, NULL, NULL)::types.v);
SELECT public.convex_document(ROW(1, NULL, 9223372036854775808, NULL, NULL)::types.v);
SELECT public.convex_document(ROW(1, NULL, 0.5, NULL, NULL)::types.v);
SELECT public.convex_document(ROW(1, NULL, 'NaN', NULL, NULL)::types.v);
SELECT public.convex_document(ROW(1, NULL, 'Infinity', NULL, NULL)::types.v);
SELECT public.convex_document(ROW(1, NULL, NULL, 'maybe', NULL)::types.v);
-- texts that only what stands behind them would make a boolean
CREATE TABLE types.w (id int PRIMARY KEY, t text, behind "char");
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.w', 't', 'boolean');
SELECT public.convex_document(ROW(1, '', 't')::types.w);
SELECT public.convex_document(ROW(1, ' ', '1')::types.w);
SELECT public.convex_document(ROW(1, 'o', 'n')::types.w);
-- a type that the choice is not for
UPDATE public.convex_columns SET type = 'iso' WHERE source_column = 'n';
SELECT public.convex_document(ROW(1, NULL, NULL, NULL, NULL)::types.v);

\set VERBOSITY terse
INSERT INTO public.convex_columns (server, source, source_column, type) VALUES ('convex', 'types.v', 'id', 'float');
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
DROP EXTENSION convex_migrate CASCADE;
