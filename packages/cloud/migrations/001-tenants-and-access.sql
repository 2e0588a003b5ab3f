-- Who is who, before a tenant is known. These tables are the written no-tenant list: they carry no row-level security,
-- so neither `echoplane_app` nor `echoplane_platform` has any privilege on them. They are reached only through the
-- functions of 004, which run with the owner's rights and a pinned search_path.

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE ALL ON SCHEMA echoplane FROM PUBLIC;
GRANT USAGE ON SCHEMA echoplane TO echoplane_app, echoplane_platform;

CREATE TABLE tenants (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE,
  -- Region, database and store of the tenant: one look-up for all of them from the first day.
  placement jsonb NOT NULL DEFAULT '{}',
  retention_days smallint NOT NULL DEFAULT 30 CHECK (retention_days IN (7, 30, 90, 400)),
  -- When a job of the tenant was last claimed: the order of the round-robin.
  jobs_served_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email)),
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
  tenant_id uuid NOT NULL REFERENCES tenants,
  user_id uuid NOT NULL REFERENCES users,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

-- Only digests: a copy of this table opens nothing.
CREATE TABLE sessions (
  token_hash bytea PRIMARY KEY,
  tenant_id uuid NOT NULL,
  user_id uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, user_id) REFERENCES memberships ON DELETE CASCADE
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'agent')),
  prefix text NOT NULL,
  key_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);

-- One row per address, and per e-mail from an address, as digests, and quarter of an hour; removed when it is over.
CREATE TABLE sign_in_attempts (
  who_hash bytea PRIMARY KEY,
  attempts integer NOT NULL,
  window_start timestamptz NOT NULL
);
CREATE INDEX sign_in_attempts_by_window ON sign_in_attempts (window_start);
