-- Data planes as the control plane knows them: who they are, what they were asked, what they found, the rules they run,
-- and segments that never came. The signing key of the installation joins the no-tenant list of 001.

CREATE TABLE signing_keys (
  id text PRIMARY KEY,
  -- Ed25519: PKCS #8 as PEM, and SPKI DER in base64.
  private_key text NOT NULL,
  public_key text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE tenants ADD COLUMN suspended_at timestamptz;

CREATE TABLE agents (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  cluster text NOT NULL,
  version text NOT NULL,
  store_access text NOT NULL CHECK (store_access IN ('delegated', 'private')),
  sealing_key text NOT NULL,
  registered_at_us bigint NOT NULL,
  seen_at_us bigint NOT NULL,
  -- The stream that serves it, on whichever replica; an older one that finds another id here ends itself.
  stream uuid,
  -- The last heartbeat, without its discoveries and commands.
  state json,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE commands (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  agent uuid NOT NULL,
  kind text NOT NULL,
  body json NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'expired')),
  progress real NOT NULL DEFAULT 0,
  message text,
  -- `json`, unlike jsonb, keeps every escape of a recorded text, NUL too.
  result json,
  created_at_us bigint NOT NULL,
  expires_at_us bigint NOT NULL,
  finished_at_us bigint,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent) REFERENCES agents
);
CREATE INDEX commands_open ON commands (tenant_id, agent, created_at_us) WHERE state IN ('waiting', 'running');
CREATE INDEX commands_due ON commands (tenant_id, expires_at_us) WHERE state IN ('waiting', 'running');
CREATE INDEX commands_done ON commands (tenant_id, finished_at_us);
-- Recorded bytes that somebody asked for and that are to be forgotten.
CREATE INDEX commands_kept ON commands (tenant_id, finished_at_us) WHERE kind = 'fetch-pair' AND result IS NOT NULL;
CREATE INDEX commands_by_agent ON commands (tenant_id, agent);

-- Every version there ever was: records and manifests name the rules they were made under. The last `seq` holds.
CREATE TABLE rules (
  tenant_id uuid NOT NULL REFERENCES tenants,
  version text NOT NULL,
  seq integer NOT NULL,
  document json NOT NULL,
  created_at_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, version),
  UNIQUE (tenant_id, seq)
);

-- `entry` is a digest of the place and the kind, because the texts together do not fit an index.
CREATE TABLE discoveries (
  tenant_id uuid NOT NULL,
  agent uuid NOT NULL,
  entry bytea NOT NULL,
  service text NOT NULL,
  direction text NOT NULL,
  endpoint text NOT NULL,
  path text NOT NULL,
  kind text NOT NULL,
  count bigint NOT NULL,
  last_seen_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, agent, entry),
  FOREIGN KEY (tenant_id, agent) REFERENCES agents
);

ALTER TABLE segments
  -- Who holds it until it is shipped, and reads it for us when the store is private.
  ADD COLUMN agent uuid,
  ADD COLUMN store_access text NOT NULL DEFAULT 'delegated' CHECK (store_access IN ('delegated', 'private')),
  -- A tombstone: it was not shipped and will not be.
  ADD COLUMN lost_reason text,
  ADD COLUMN lost_at_us bigint,
  -- `firehose`: its frames went into objects the delivery stream names, so there is no key.
  ADD COLUMN via text NOT NULL DEFAULT 'store' CHECK (via IN ('store', 'firehose')),
  DROP CONSTRAINT segments_check,
  ADD CHECK (NOT shipped OR via = 'firehose' OR (key IS NOT NULL AND size_bytes IS NOT NULL)),
  ADD CHECK ((lost_reason IS NULL) = (lost_at_us IS NULL) AND NOT (shipped AND lost_at_us IS NOT NULL));
CREATE INDEX segments_open ON segments (tenant_id, opened_at_us) WHERE NOT shipped AND lost_at_us IS NULL;

SELECT isolate(t) FROM unnest(ARRAY['agents', 'commands', 'rules', 'discoveries']) AS t;
GRANT SELECT, INSERT, UPDATE ON agents, commands, discoveries TO echoplane_app;
GRANT SELECT, INSERT ON rules TO echoplane_app;

CREATE FUNCTION auth_signing_key() RETURNS TABLE (id text, private_key text, public_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT k.id, k.private_key, k.public_key FROM signing_keys k ORDER BY k.created_at DESC, k.id LIMIT 1
$$;

CREATE FUNCTION auth_suspended(tenant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT coalesce((SELECT t.suspended_at IS NOT NULL FROM tenants t WHERE t.id = tenant), true)
$$;

-- Both look-ups of a credential say whether the tenant is suspended.
DROP FUNCTION auth_session(bytea);
CREATE FUNCTION auth_session(token bytea)
RETURNS TABLE (user_id uuid, email text, tenant_id uuid, tenant_name text, retention_days smallint, suspended boolean, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT u.id, u.email, t.id, t.name, t.retention_days, t.suspended_at IS NOT NULL, m.role
  FROM sessions s
  JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
  JOIN users u ON u.id = s.user_id JOIN tenants t ON t.id = s.tenant_id
  WHERE s.token_hash = token AND s.expires_at > now()
$$;

DROP FUNCTION auth_api_key(bytea);
CREATE FUNCTION auth_api_key(wanted bytea)
RETURNS TABLE (id uuid, name text, prefix text, tenant_id uuid, tenant_name text, retention_days smallint, suspended boolean, role text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  UPDATE api_keys SET last_used_at = now()
  WHERE key_hash = wanted AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');
  SELECT k.id, k.name, k.prefix, t.id, t.name, t.retention_days, t.suspended_at IS NOT NULL, k.role
  FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
  WHERE k.key_hash = wanted AND k.revoked_at IS NULL
$$;

-- Suspends or resumes a tenant, tells its streams, and writes it into the tenant's own log. False: there is no such tenant.
CREATE FUNCTION platform_suspend_tenant(wanted text, suspend boolean, entry uuid, at_us bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
DECLARE
  tenant uuid;
BEGIN
  UPDATE tenants SET suspended_at = CASE WHEN suspend THEN coalesce(suspended_at, now()) END
  WHERE name = wanted RETURNING id INTO tenant;
  IF tenant IS NULL THEN
    RETURN false;
  END IF;
  PERFORM set_config('app.tenant_id', tenant::text, true);
  INSERT INTO audit (tenant_id, id, at_us, actor, action, subject, detail, address, request_id)
  VALUES (tenant, entry, at_us, 'platform', CASE WHEN suspend THEN 'suspend-tenant' ELSE 'resume-tenant' END,
    tenant::text, '{}', '', '');
  PERFORM set_config('app.tenant_id', '', true);
  PERFORM pg_notify('echoplane_agents', 'suspension ' || tenant);
  RETURN true;
END $$;

-- What time does to data planes, in every tenant: commands expire, results of drill-ins are forgotten after a minute,
-- commands, discoveries and agents after 30 days, and segments that were not shipped in time are given up. One worker at a time.
CREATE FUNCTION platform_age(now_us bigint, lost_before_us bigint) RETURNS TABLE (expired bigint, lost bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
DECLARE
  tenant uuid;
  month_ago bigint := now_us - 30 * 86400000000;
  changed bigint;
BEGIN
  expired := 0;
  lost := 0;
  IF pg_try_advisory_xact_lock(7246921, 3) THEN
    FOR tenant IN SELECT t.id FROM tenants t ORDER BY t.id LOOP
      PERFORM set_config('app.tenant_id', tenant::text, true);
      UPDATE commands SET state = 'expired', finished_at_us = now_us,
        message = 'The data plane did not answer in time; check that its forwarder runs and reaches the control plane.'
      WHERE tenant_id = tenant AND state IN ('waiting', 'running') AND expires_at_us <= now_us;
      GET DIAGNOSTICS changed = ROW_COUNT;
      expired := expired + changed;
      UPDATE commands SET result = NULL
      WHERE tenant_id = tenant AND finished_at_us < now_us - 60000000 AND kind = 'fetch-pair' AND result IS NOT NULL;
      DELETE FROM commands WHERE tenant_id = tenant AND finished_at_us < month_ago;
      DELETE FROM discoveries WHERE tenant_id = tenant AND last_seen_us < month_ago;
      DELETE FROM agents a WHERE a.tenant_id = tenant AND a.seen_at_us < month_ago
        AND NOT EXISTS (SELECT FROM commands c WHERE c.tenant_id = tenant AND c.agent = a.id)
        AND NOT EXISTS (SELECT FROM discoveries d WHERE d.tenant_id = tenant AND d.agent = a.id);
      UPDATE segments SET lost_reason = 'never-arrived', lost_at_us = now_us
      WHERE tenant_id = tenant AND NOT shipped AND lost_at_us IS NULL AND opened_at_us < lost_before_us;
      GET DIAGNOSTICS changed = ROW_COUNT;
      lost := lost + changed;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
  END IF;
  RETURN NEXT;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA echoplane FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth_signing_key, auth_suspended, auth_session, auth_api_key TO echoplane_app;
GRANT EXECUTE ON FUNCTION platform_suspend_tenant, platform_age TO echoplane_platform;
