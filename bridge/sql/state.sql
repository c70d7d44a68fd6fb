-- What convex-bridge knows about the copy in this database.
CREATE SCHEMA convex_bridge;
SET search_path = convex_bridge;

-- Where the copy is from, and which choices it was made with.
CREATE TABLE facts (name text PRIMARY KEY, value text);

-- The tables of the source that were asked for, and those outside that they
-- refer to: of those only the columns referred to, without rows.
CREATE TABLE tables (
  id oid PRIMARY KEY,             -- at the source
  schema text NOT NULL,
  name text NOT NULL,
  kind "char" NOT NULL,
  outside bool NOT NULL,
  estimated_rows float8 NOT NULL, -- -1: unknown
  bytes bigint NOT NULL,
  usage bool NOT NULL,            -- of the schema
  readable bool NOT NULL,
  hidden bool NOT NULL,           -- row-level security applies to the role
  reason text,                    -- why it is not copied
  worker int,
  rows bigint);                   -- NULL: not yet

CREATE TABLE columns (
  table_id oid NOT NULL,
  number int NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  "collation" text,
  not_null bool NOT NULL,
  as_text bool NOT NULL,          -- its values name objects that are not here
  computed bool NOT NULL,
  extensions text[],              -- that its type needs
  PRIMARY KEY (table_id, number));

-- What else the source has, for convex_origin.
CREATE TABLE left_behind (table_id oid, kind text NOT NULL, object text NOT NULL, definition text);

CREATE TABLE extensions (name text PRIMARY KEY, schema text NOT NULL);

-- Everything that is made here besides tables and rows. A phase is made after
-- the ones before it.
CREATE TABLE objects (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  phase int NOT NULL,
  table_id oid,                   -- it is on; not made when that is not copied
  other_id oid,                   -- a foreign key's other table
  columns int[],                  -- of that table; not made when one is left out
  kind text NOT NULL,
  name text NOT NULL,
  ddl text NOT NULL,
  made bool NOT NULL DEFAULT false,
  reason text);                   -- why it could not be made

CREATE FUNCTION qualified(tables) RETURNS text STABLE LANGUAGE sql
AS $$ SELECT pg_catalog.format('%I.%I', $1.schema, $1.name) $$;

/*
 * What is on a table that is not copied, or leads to one, is not made. Foreign
 * keys to such a table are told: their values stay, and are no references.
 */
CREATE PROCEDURE drop_unfounded() LANGUAGE sql AS $$
  INSERT INTO convex_bridge.left_behind (table_id, kind, object, definition)
  SELECT o.table_id, 'outside_table', convex_bridge.qualified(t.*), substring(o.ddl FROM 'FOREIGN KEY \(.*')
    FROM convex_bridge.objects o JOIN convex_bridge.tables t ON t.id = o.other_id
   WHERE t.reason IS NOT NULL AND o.kind = 'foreign key' AND NOT EXISTS (
     SELECT FROM convex_bridge.left_behind l
      WHERE l.table_id = o.table_id AND l.kind = 'outside_table' AND l.object = convex_bridge.qualified(t.*));
  DELETE FROM convex_bridge.objects o USING convex_bridge.tables t
   WHERE t.reason IS NOT NULL AND t.id IN (o.table_id, o.other_id);
$$;

/*
 * Makes the objects of a phase. Several sessions may do so at once. What fails
 * is tried again as long as anything else succeeds: it may need that, or have
 * lost to another session. Each object is a transaction, so that whoever is
 * interrupted can be called again.
 */
CREATE PROCEDURE make(the_phase int) LANGUAGE plpgsql AS $$
DECLARE
  o record;
  tried int[] := '{}';
  progress bool;
  why text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', '', false);
  PERFORM pg_catalog.set_config('check_function_bodies', 'off', false);
  LOOP
    progress := false;
    tried := '{}';
    LOOP
      SELECT * INTO o FROM convex_bridge.objects
       WHERE phase = the_phase AND NOT made AND id <> ALL (tried)
       ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
      EXIT WHEN NOT FOUND;
      tried := tried || o.id;
      BEGIN
        EXECUTE o.ddl;
        why := NULL;
        progress := true;
      EXCEPTION WHEN OTHERS THEN
        why := SQLERRM;
      END;
      UPDATE convex_bridge.objects SET made = why IS NULL, reason = why WHERE id = o.id;
      COMMIT;
    END LOOP;
    EXIT WHEN NOT progress;
  END LOOP;
END
$$;
