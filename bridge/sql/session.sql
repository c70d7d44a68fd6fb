-- At the source: a session that is not cut short and prints values the way the
-- copy reads them. Settings that a version does not have are passed over.
SELECT FROM (SELECT pg_catalog.set_config(s.name, wanted.value, false)
  FROM (VALUES ('statement_timeout', '0'), ('lock_timeout', '30s'), ('idle_in_transaction_session_timeout', '0'),
    ('transaction_timeout', '0'), ('idle_session_timeout', '0'), ('row_security', 'off'), ('search_path', ''),
    ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'), ('TimeZone', 'UTC'), ('extra_float_digits', '3'),
    ('bytea_output', 'hex'), ('lc_monetary', 'C'), ('xmloption', 'content'), ('jit', 'off'),
    ('default_transaction_read_only', 'on')) AS wanted(name, value)
  JOIN pg_catalog.pg_settings s ON s.name = wanted.name) AS settings;
