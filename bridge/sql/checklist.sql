-- In the copy: what stays behind, as a checklist in Markdown.
CREATE FUNCTION pg_temp.span(text) RETURNS text IMMUTABLE STRICT LANGUAGE sql AS $$
  SELECT CASE WHEN line ~ '`' THEN '`` ' || line || ' ``' ELSE '`' || line || '`' END
    FROM regexp_replace($1, '\s+', ' ', 'g') AS line
$$;
WITH kinds(kind, n, title) AS (VALUES
  ('policy', 1, 'Row-level security policies'), ('row_security', 2, 'Row-level security without a policy'),
  ('trigger', 3, 'Triggers'), ('check', 4, 'Checks'), ('unique', 5, 'Uniqueness'), ('exclusion', 6, 'Exclusion constraints'),
  ('default', 7, 'Defaults'), ('sequence', 8, 'Sequences and identity columns'), ('generated', 9, 'Generated columns'),
  ('function', 10, 'Functions'), ('view', 11, 'Views'), ('materialized_view', 12, 'Materialized views'),
  ('outside_table', 13, 'Tables that are referred to and not migrated'), ('publication', 14, 'Publications (Realtime)'),
  ('bucket', 15, 'Storage buckets'), ('cron_job', 16, 'Cron jobs'), ('event_trigger', 17, 'Event triggers')
), items AS (
  SELECT l.*, k.n, k.title, '- [ ] ' || concat_ws(E'\n  ', concat_ws(': ', pg_temp.span(l.source::text), pg_temp.span(l.object)),
      CASE WHEN l.kind NOT IN ('view', 'materialized_view') THEN pg_temp.span(l.definition) END) AS line
  FROM convex_left_behind() l JOIN kinds k USING (kind)
)
SELECT E'# What stays behind in Postgres\n\nA migration moves rows. What else this database has, and what to do about it in Convex.\nWritten by convex-bridge generate; yours to tick off: it is not written again over what you changed.\n'
  || coalesce(string_agg(part, '' ORDER BY n), E'\nNothing.')
FROM (SELECT n, format(E'\n## %s\n\n%s\n\n%s\n', title, hint, string_agg(line, E'\n' ORDER BY source::text, object)) AS part
        FROM items GROUP BY n, title, hint) AS parts;
