-- In the copy: what stays behind, as a checklist in Markdown.
CREATE FUNCTION pg_temp.span(text) RETURNS text IMMUTABLE STRICT LANGUAGE sql AS $$
  SELECT CASE WHEN line ~ '`' THEN '`` ' || line || ' ``' ELSE '`' || line || '`' END
    FROM regexp_replace($1, '\s+', ' ', 'g') AS line
$$;
WITH kinds(kind, n, title) AS (VALUES
  ('policy', 1, 'Row-level security policies'), ('row_security', 2, 'Row-level security without a policy'),
  ('trigger', 3, 'Triggers'), ('rule', 4, 'Rules'), ('check', 5, 'Checks'), ('unique', 6, 'Uniqueness'),
  ('exclusion', 7, 'Exclusion constraints'), ('default', 8, 'Defaults'), ('sequence', 9, 'Sequences and identity columns'),
  ('generated', 10, 'Generated columns'), ('function', 11, 'Functions'), ('view', 12, 'Views'),
  ('materialized_view', 13, 'Materialized views'), ('table', 14, 'Tables that were not copied'),
  ('column', 15, 'Columns that were not copied'), ('foreign_table', 16, 'Foreign tables'),
  ('outside_table', 17, 'Tables that are referred to and not migrated'), ('schema', 18, 'Other schemas with tables'),
  ('role', 19, 'Roles and their privileges'), ('publication', 20, 'Publications (Realtime)'),
  ('bucket', 21, 'Storage buckets'), ('cron_job', 22, 'Cron jobs'), ('event_trigger', 23, 'Event triggers')
), items AS (
  SELECT l.*, k.n, k.title, '- [ ] ' || concat_ws(E'\n  ', concat_ws(': ', pg_temp.span(l.source::text), pg_temp.span(l.object)),
      CASE WHEN l.kind NOT IN ('view', 'materialized_view') THEN pg_temp.span(l.definition) END) AS line
  FROM convex_left_behind() l JOIN kinds k USING (kind)
)
SELECT E'# What stays behind in Postgres\n\nA migration moves rows. What else this database has, and what to do about it in Convex.\nWritten by convex-bridge generate; yours to tick off: it is not written again over what you changed.\n'
  || coalesce(string_agg(part, '' ORDER BY n), E'\nNothing.')
FROM (SELECT n, format(E'\n## %s\n\n%s\n\n%s\n', title, hint, string_agg(line, E'\n' ORDER BY source::text, object)) AS part
        FROM items GROUP BY n, title, hint) AS parts;
