-- schema.sql: the Postgres side of the example, a small messaging app on Supabase.
--
--   psql -f schema.sql        into an empty database; then generate.sql fills it
--
-- Six tables in "public" are migrated. Their owners, members and authors live in
-- auth.users, which belongs to Supabase and is not: those references stay text.
-- Between them the columns have every type an app of this kind usually has.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

BEGIN;

CREATE SCHEMA auth;
CREATE TABLE auth.users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE public.member_role AS ENUM ('owner', 'admin', 'member');
CREATE TYPE public.channel AS ENUM ('sms', 'whatsapp', 'email', 'voice');
CREATE TYPE public.message_direction AS ENUM ('inbound', 'outbound');

CREATE TABLE public.workspaces (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]+$'),
  owner_id uuid NOT NULL REFERENCES auth.users,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.workspace_members (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
  role public.member_role NOT NULL DEFAULT 'member',
  invited_email text,
  joined_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, user_id)
);

CREATE TABLE public.contacts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces ON DELETE CASCADE,
  name text NOT NULL,
  email text,
  phone text,
  tags text[] NOT NULL DEFAULT '{}',
  metadata jsonb,
  lead_score int NOT NULL DEFAULT 0,
  lead_status text NOT NULL DEFAULT 'new'
    CHECK (lead_status IN ('new', 'contacted', 'qualified', 'lost')),
  engagement float8,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  last_contacted_at timestamptz
);
CREATE INDEX ON public.contacts (workspace_id, lead_status);
CREATE INDEX ON public.contacts (email) WHERE email IS NOT NULL;
CREATE INDEX ON public.contacts USING gin (tags);

CREATE TABLE public.conversations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES public.workspaces ON DELETE CASCADE,
  contact_id uuid NOT NULL REFERENCES public.contacts ON DELETE CASCADE,
  channel public.channel NOT NULL,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'snoozed', 'closed')),
  subject text,
  unread_count int NOT NULL DEFAULT 0 CHECK (unread_count >= 0),
  is_starred bool NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_message_at timestamptz
);
CREATE INDEX ON public.conversations (workspace_id, last_message_at);
CREATE INDEX ON public.conversations (contact_id);

CREATE TABLE public.messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id uuid NOT NULL REFERENCES public.conversations ON DELETE CASCADE,
  contact_id uuid REFERENCES public.contacts ON DELETE SET NULL,
  direction public.message_direction NOT NULL,
  body text NOT NULL,
  attachments jsonb NOT NULL DEFAULT '[]',
  byte_size int8 NOT NULL,
  cost numeric(10,4),
  sentiment real,
  sent_at timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  read_at timestamptz,
  CHECK ((contact_id IS NULL) OR (direction = 'inbound'))
);
CREATE INDEX ON public.messages (conversation_id, sent_at);
COMMENT ON COLUMN public.messages.contact_id IS 'Who wrote it; null where a member of the workspace did.';
COMMENT ON COLUMN public.messages.byte_size IS 'Negative where the provider reports a correction.';

CREATE TABLE public.contact_notes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  contact_id uuid NOT NULL REFERENCES public.contacts ON DELETE CASCADE,
  author_id uuid NOT NULL REFERENCES auth.users,
  body text NOT NULL,
  pinned bool NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON public.contact_notes (contact_id);

COMMIT;
