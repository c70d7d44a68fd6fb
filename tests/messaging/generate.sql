-- generate.sql: fills the tables of schema.sql, the same rows every time.
--
--   psql -v messages=1000000 -f generate.sql
--
-- Sizes are psql variables: workspaces, members, contacts, conversations,
-- messages, notes (in all, not each). A row's values follow from its number
-- alone: no random(), ids are md5 of the table's name and the number.
--
-- Among the ordinary rows there are, at steps that do not fall together, the
-- values that naive scripts lose: astral characters, control characters, quotes
-- and backslashes, integers next to ±2^53, microseconds, times before 1970,
-- empty arrays and strings, nested jsonb, JSON nulls, NaN and -0.
\set ON_ERROR_STOP on
\if :{?workspaces} \else \set workspaces 1 \endif
\if :{?members} \else \set members 10 \endif
\if :{?contacts} \else \set contacts 5000 \endif
\if :{?conversations} \else \set conversations 10000 \endif
\if :{?messages} \else \set messages 100000 \endif
\if :{?notes} \else \set notes 2000 \endif

BEGIN;

CREATE FUNCTION pg_temp.row_id(table_name text, n bigint) RETURNS uuid
  IMMUTABLE LANGUAGE sql AS $$ SELECT md5(table_name || ':' || n)::uuid $$;

-- A moment n steps of a bit over 37 seconds after the start of 2024, never on a whole second for long.
CREATE FUNCTION pg_temp.moment(n bigint) RETURNS timestamptz
  IMMUTABLE LANGUAGE sql AS $$ SELECT timestamptz '2024-01-01 00:00:00+00' + n * interval '37.123457 seconds' $$;

CREATE FUNCTION pg_temp.person(n bigint) RETURNS text
  IMMUTABLE LANGUAGE sql AS $$
  SELECT (ARRAY['Ada', 'Björn', 'Chloé', 'Dmitri', 'Ève', 'Fatima', 'Gül', 'Håkon', 'Inés', '一郎', 'O''Neil'])[1 + n % 11]
    || ' ' || (ARRAY['Lovelace', 'Ångström', 'Nguyễn', 'Smith', '"Bo" Ek', 'de la Cruz', '田中'])[1 + n / 11 % 7]
$$;

CREATE FUNCTION pg_temp.sentence(n bigint) RETURNS text
  IMMUTABLE LANGUAGE sql AS $$
  SELECT (ARRAY[
    'Hi, is the blue one still available? I could come by on Saturday.',
    'Thanks! I got the invoice, but the amount is not what we had agreed on.',
    'Sure 👍🏽 see you at 5 — bring the 📦, and say hello to the 👨‍👩‍👧 from us 𝒳',
    E'First line\nsecond line\r\n\tindented third line',
    'She said "yes", then \ and '' and `, and </script> for good measure',
    U&'a control character \0001 and a delete \007F, a line separator \2028 and a BOM \FEFF',
    'Ça coûte 12,50 € — naïve façade, Straße, Łódź, ñandú',
    '注文番号は 4711 です。よろしくお願いします。',
    'مرحبا، هل يمكنني تغيير الموعد؟',
    'We will call you back. ' || repeat('Your call is important to us. ', 12),
    ''
  ])[1 + n % 11] || CASE WHEN n % 11 = 10 THEN '' ELSE ' #' || n END
$$;

INSERT INTO auth.users (id, email, created_at)
SELECT pg_temp.row_id('users', n), 'user' || n || '@example.com', pg_temp.moment(n)
FROM generate_series(1, greatest(:members, :workspaces, 1)) n;

INSERT INTO workspaces (id, name, slug, owner_id, settings, created_at)
SELECT pg_temp.row_id('workspaces', n), 'Workspace ' || n || ' 🚀', 'workspace-' || n, pg_temp.row_id('users', n),
  jsonb_build_object(
    'locale', 'en-GB',
    'office hours', jsonb_build_object('mon', '[[9, 12], [13, 17.5]]'::jsonb, 'sun', '[]'::jsonb),
    'limits', jsonb_build_object('per-day', 250 * n, 'ratio', 0.1, 'off', NULL, 'deep', '{"a":{"b":{"c":[{"d":[true,false,null]}]}}}'::jsonb)),
  pg_temp.moment(n)
FROM generate_series(1, :workspaces) n;

INSERT INTO workspace_members (id, workspace_id, user_id, role, invited_email, joined_at)
SELECT pg_temp.row_id('workspace_members', n), pg_temp.row_id('workspaces', 1 + (n - 1) % :workspaces), pg_temp.row_id('users', n),
  (CASE WHEN n <= :workspaces THEN 'owner' WHEN n % 5 = 0 THEN 'admin' ELSE 'member' END)::member_role,
  CASE WHEN n % 2 = 0 THEN 'user' || n || '@example.com' END,
  pg_temp.moment(n)
FROM generate_series(1, :members) n;

INSERT INTO contacts (id, workspace_id, name, email, phone, tags, metadata, lead_score, lead_status, engagement,
  created_at, updated_at, last_contacted_at)
SELECT pg_temp.row_id('contacts', n), pg_temp.row_id('workspaces', 1 + (n - 1) % :workspaces),
  pg_temp.person(n),
  CASE WHEN n % 7 <> 0 THEN 'contact' || n || '@example.com' END,
  CASE WHEN n % 3 <> 0 THEN '+44 20 7946 ' || lpad((n % 10000)::text, 4, '0') END,
  CASE n % 5
    WHEN 0 THEN '{}'
    WHEN 1 THEN ARRAY['vip']
    WHEN 2 THEN ARRAY['newsletter', 'Köln', 'two words']
    WHEN 3 THEN ARRAY['{curly}', 'comma, "quote"', 'back\slash', 'NULL']
    ELSE ARRAY['', '🏷️', E'tab\there']
  END,
  CASE n % 6
    WHEN 0 THEN NULL
    WHEN 1 THEN 'null'
    WHEN 2 THEN '{}'
    WHEN 3 THEN to_jsonb(pg_temp.sentence(n))
    ELSE jsonb_build_object('source', 'import', 'row', n, 'first seen', pg_temp.moment(n)::date,
      'address', jsonb_build_object('street', 'Main "St" ' || n, 'geo', jsonb_build_array(51.5 + n / 1024.0, -0.125)),
      'flags', '[true, null, "x", 1e3, -7, []]'::jsonb)
  END,
  (n * 7919 % 201 - 100)::int,
  (ARRAY['new', 'contacted', 'qualified', 'lost'])[1 + n % 4],
  CASE n % 173 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN '-Infinity' WHEN 3 THEN 5e-324 WHEN 4 THEN NULL
    ELSE sqrt(n::float8) / 3 END,
  CASE WHEN n % 89 = 0 THEN timestamptz '1969-07-20 20:17:40.000001+00' - n * interval '1 day 1 microsecond' ELSE pg_temp.moment(n) END,
  pg_temp.moment(n + 1000),
  CASE WHEN n % 4 <> 0 THEN pg_temp.moment(n + 2000) END
FROM generate_series(1, :contacts) n;

-- Conversation n is with contact 1 + (n - 1) % contacts, in that contact's workspace.
INSERT INTO conversations (id, workspace_id, contact_id, channel, status, subject, unread_count, is_starred,
  created_at, last_message_at)
SELECT pg_temp.row_id('conversations', n),
  pg_temp.row_id('workspaces', 1 + (n - 1) % :contacts % :workspaces),
  pg_temp.row_id('contacts', 1 + (n - 1) % :contacts),
  (ARRAY['sms', 'whatsapp', 'email', 'voice'])[1 + n % 4]::channel,
  (ARRAY['open', 'snoozed', 'closed'])[1 + n % 3],
  CASE WHEN n % 4 = 2 THEN 'Re: ' || pg_temp.sentence(n) END,
  (n % 13)::int, n % 17 = 0,
  pg_temp.moment(n), CASE WHEN n % 10 <> 0 THEN pg_temp.moment(n + 500) END
FROM generate_series(1, :conversations) n;

INSERT INTO messages (id, conversation_id, contact_id, direction, body, attachments, byte_size, cost, sentiment,
  sent_at, delivered_at, read_at)
SELECT pg_temp.row_id('messages', n),
  pg_temp.row_id('conversations', 1 + (n - 1) % :conversations),
  CASE WHEN n % 2 = 0 THEN pg_temp.row_id('contacts', 1 + (n - 1) % :conversations % :contacts) END,
  (CASE WHEN n % 2 = 0 THEN 'inbound' ELSE 'outbound' END)::message_direction,
  pg_temp.sentence(n),
  CASE WHEN n % 8 = 0 THEN jsonb_build_array(jsonb_build_object('name', 'photo ' || n || '.jpg', 'size', n * 1013, 'tags', '[]'::jsonb))
    ELSE '[]' END,
  CASE n % 997 WHEN 0 THEN 9007199254740991 WHEN 1 THEN -9007199254740991 WHEN 2 THEN 9007199254740990 ELSE n * 131 % 100000 END,
  CASE WHEN n % 991 = 0 THEN 999999.9999 WHEN n % 3 <> 0 THEN (n % 99990 - 500)::numeric / 10000 END,
  CASE WHEN n % 5 <> 0 THEN (n % 2001 - 1000)::real / 1000 END,
  pg_temp.moment(n / 10) + n % 10 * interval '1 microsecond',
  CASE WHEN n % 20 <> 0 THEN pg_temp.moment(n / 10) + interval '2.5 seconds' END,
  CASE WHEN n % 3 = 0 THEN pg_temp.moment(n / 10 + 60) END
FROM generate_series(1, :messages) n;

INSERT INTO contact_notes (id, contact_id, author_id, body, pinned, created_at)
SELECT pg_temp.row_id('contact_notes', n), pg_temp.row_id('contacts', 1 + (n * 7 - 1) % :contacts),
  pg_temp.row_id('users', 1 + n % greatest(:members, 1)), pg_temp.sentence(n * 3), n % 25 = 0, pg_temp.moment(n)
FROM generate_series(1, :notes) n;

COMMIT;

ANALYZE auth.users, workspaces, workspace_members, contacts, conversations, messages, contact_notes;
