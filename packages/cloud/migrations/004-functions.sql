-- Everything that runs with the owner's rights, and nothing else: `auth_*` for the app before a tenant is known,
-- `platform_*` for the platform role across tenants, and the partition maker. Each pins its search_path with pg_temp last,
-- because an unnamed pg_temp is searched first and a temporary table could then stand in for ours.

CREATE FUNCTION auth_user(wanted text)
RETURNS TABLE (user_id uuid, email text, password_hash text, tenant_id uuid, tenant_name text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT u.id, u.email, u.password_hash, t.id, t.name, m.role
  FROM users u JOIN memberships m ON m.user_id = u.id JOIN tenants t ON t.id = m.tenant_id
  WHERE u.email = lower(wanted)
  ORDER BY m.created_at, t.id LIMIT 1
$$;

-- Counts an attempt before its password is looked at, so that parallel ones cannot slip through; true when it may go on.
-- Ten for an e-mail from one address, so that nobody locks another's account; a hundred for an address.
CREATE FUNCTION auth_begin_attempt(address bytea, email_and_address bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
DECLARE
  who bytea;
  allowed integer;
  counted integer;
BEGIN
  DELETE FROM sign_in_attempts WHERE window_start < now() - interval '15 minutes';
  FOR who, allowed IN VALUES (address, 100), (email_and_address, 10) LOOP
    INSERT INTO sign_in_attempts AS a (who_hash, attempts, window_start) VALUES (who, 1, now())
    ON CONFLICT (who_hash) DO UPDATE SET attempts = a.attempts + 1
    RETURNING attempts INTO counted;
    IF counted > allowed THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- A good sign-in forgets the failures of its e-mail; of its address only itself, or one account would hide guesses at others.
CREATE FUNCTION auth_clear_attempts(address bytea, email_and_address bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  UPDATE sign_in_attempts SET attempts = attempts - 1 WHERE who_hash = address;
  DELETE FROM sign_in_attempts WHERE who_hash = email_and_address
$$;

CREATE FUNCTION auth_start_session(token bytea, member uuid, tenant uuid, seconds integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  DELETE FROM sessions WHERE expires_at < now();
  INSERT INTO sessions (token_hash, user_id, tenant_id, expires_at)
  VALUES (token, member, tenant, now() + seconds * interval '1 second')
$$;

CREATE FUNCTION auth_session(token bytea)
RETURNS TABLE (user_id uuid, email text, tenant_id uuid, tenant_name text, retention_days smallint, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT u.id, u.email, t.id, t.name, t.retention_days, m.role
  FROM sessions s
  JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
  JOIN users u ON u.id = s.user_id JOIN tenants t ON t.id = s.tenant_id
  WHERE s.token_hash = token AND s.expires_at > now()
$$;

CREATE FUNCTION auth_end_session(token bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  DELETE FROM sessions WHERE token_hash = token
$$;

-- `last_used_at` moves once a minute: a key used a thousand times a second costs no thousand writes.
CREATE FUNCTION auth_api_key(wanted bytea)
RETURNS TABLE (id uuid, name text, prefix text, tenant_id uuid, tenant_name text, retention_days smallint, role text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  UPDATE api_keys SET last_used_at = now()
  WHERE key_hash = wanted AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');
  SELECT k.id, k.name, k.prefix, t.id, t.name, t.retention_days, k.role
  FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
  WHERE k.key_hash = wanted AND k.revoked_at IS NULL
$$;

-- Partitions of both traffic tables for the days from..to, for every retention class in use. ATTACH, unlike CREATE …
-- PARTITION OF, does not block readers and writers of the parent. A partition inherits neither policy nor privilege.
CREATE FUNCTION make_partitions(from_day date, to_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  parent text;
  class smallint;
  day date;
  leaf text;
  made integer := 0;
BEGIN
  IF from_day < current_date - 40 OR to_day > current_date + 40 OR to_day < from_day THEN
    RAISE EXCEPTION 'days % to % are outside the 40 days around today', from_day, to_day USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock(7246921, 2);
  FOR class IN SELECT DISTINCT retention_days FROM tenants LOOP
    FOREACH parent IN ARRAY ARRAY['rrpairs', 'rrpair_tags'] LOOP
      FOR day IN SELECT generate_series(from_day, to_day, interval '1 day')::date LOOP
        leaf := format('%s_%s_%s', parent, class, to_char(day, 'YYYYMMDD'));
        CONTINUE WHEN to_regclass('echoplane.' || leaf) IS NOT NULL;
        EXECUTE format('CREATE TABLE echoplane.%I (LIKE echoplane.%I INCLUDING DEFAULTS)', leaf, parent);
        PERFORM isolate(leaf);
        EXECUTE format('ALTER TABLE echoplane.%I ATTACH PARTITION echoplane.%I FOR VALUES FROM (%L) TO (%L)',
          format('%s_%s', parent, class), leaf, day::timestamptz, (day + 1)::timestamptz);
        made := made + 1;
      END LOOP;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;

-- One table per retention class, itself partitioned by day.
DO $$
DECLARE
  parent text;
  class integer;
  name text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['rrpairs', 'rrpair_tags'] LOOP
    FOREACH class IN ARRAY ARRAY[7, 30, 90, 400] LOOP
      name := format('%s_%s', parent, class);
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (ts)', name, parent);
      PERFORM isolate(name);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%s)', parent, name, class);
    END LOOP;
  END LOOP;
END $$;

-- The next due job of the tenant that was served longest ago, leased for a minute. A job whose lease ran out is due
-- again, five times; then it has failed. The owner is bound by the policies too, so the tenant is set for each look;
-- one look is one index probe.
CREATE FUNCTION platform_claim_job() RETURNS SETOF jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
DECLARE
  tenant uuid;
  claimed jobs%ROWTYPE;
BEGIN
  FOR tenant IN SELECT t.id FROM tenants t ORDER BY t.jobs_served_at NULLS FIRST, t.id LOOP
    PERFORM set_config('app.tenant_id', tenant::text, true);
    UPDATE jobs SET state = 'failed', lease = NULL,
      message = 'The worker ended five times while it did this job. Look into its log, then create it again.',
      finished_at_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    WHERE tenant_id = tenant AND state = 'running' AND lease_until < clock_timestamp() AND attempts >= 5;
    UPDATE jobs SET state = 'running', attempts = attempts + 1, lease = gen_random_uuid(),
      lease_until = clock_timestamp() + interval '60 seconds'
    WHERE tenant_id = tenant AND id = (
      SELECT j.id FROM jobs j
      WHERE j.tenant_id = tenant AND (
        (j.state = 'queued' AND j.run_after <= clock_timestamp())
        OR (j.state = 'running' AND j.lease_until < clock_timestamp()))
      ORDER BY j.run_after, j.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING * INTO claimed;
    IF FOUND THEN
      UPDATE tenants SET jobs_served_at = clock_timestamp() WHERE id = tenant;
      PERFORM set_config('app.tenant_id', '', true);
      RETURN NEXT claimed;
      RETURN;
    END IF;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;

CREATE FUNCTION platform_tenants() RETURNS TABLE (id uuid, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT id, name FROM tenants ORDER BY id
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA echoplane FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  auth_user, auth_begin_attempt, auth_clear_attempts, auth_start_session, auth_session, auth_end_session, auth_api_key
  TO echoplane_app;
GRANT EXECUTE ON FUNCTION make_partitions, platform_claim_job, platform_tenants TO echoplane_platform;
