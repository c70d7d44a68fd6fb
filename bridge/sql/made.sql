-- In the copy, after types and tables were made: what cannot be made, and who
-- copies what. Tables go to the worker that has the fewest bytes so far.
SET search_path = convex_bridge;

UPDATE objects SET made = true, reason = NULL
 WHERE phase = 20 AND NOT made AND table_id IN (SELECT table_id FROM objects WHERE phase = 21 AND made);
DELETE FROM objects WHERE phase = 21;

UPDATE tables t SET reason = o.reason
  FROM objects o WHERE o.phase = 20 AND o.table_id = t.id AND NOT o.made;
CALL drop_unfounded();

DO $$
DECLARE
  t record;
  load bigint[] := pg_catalog.array_fill(0::bigint, ARRAY[current_setting('convex_bridge.jobs')::int]);
  least int;
BEGIN
  FOR t IN SELECT id, bytes FROM convex_bridge.tables WHERE reason IS NULL AND NOT outside ORDER BY bytes DESC, id LOOP
    SELECT n INTO least FROM unnest(load) WITH ORDINALITY AS l(bytes, n) ORDER BY l.bytes, n LIMIT 1;
    load[least] := load[least] + t.bytes + 8192;
    UPDATE convex_bridge.tables SET worker = least WHERE id = t.id;
  END LOOP;
END
$$;
