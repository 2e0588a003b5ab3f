-- What users ask for and what came of it. `jobs` is the truth about work: the state of a snapshot and of an analysis is
-- read from its job, so that a worker that died leaves no row that says otherwise.

CREATE TABLE jobs (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  kind text NOT NULL,
  subject uuid NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  progress real NOT NULL DEFAULT 0,
  message text,
  attempts integer NOT NULL DEFAULT 0,
  run_after timestamptz NOT NULL DEFAULT now(),
  -- Since when the job waits for something outside, which does not count as an attempt.
  waiting_since timestamptz,
  -- The claim: only who holds this id may write the job, and only until then.
  lease uuid,
  lease_until timestamptz,
  created_at_us bigint NOT NULL,
  finished_at_us bigint,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, kind, subject)
);
CREATE INDEX jobs_due ON jobs (tenant_id, state, run_after);

CREATE TABLE snapshots (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  name text NOT NULL,
  query jsonb NOT NULL,
  manifest jsonb,
  summary jsonb,
  -- Where its files are: the folder of the attempt that finished.
  prefix text,
  created_at_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX snapshots_by_age ON snapshots (tenant_id, created_at_us);

CREATE TABLE replays (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  name text NOT NULL,
  snapshot_id uuid NOT NULL,
  mode text NOT NULL CHECK (mode IN ('full', 'tests-only')),
  build_tag text,
  baseline_id uuid,
  goals jsonb NOT NULL,
  phase text NOT NULL DEFAULT 'running' CHECK (phase IN ('running', 'analyzing', 'succeeded', 'cancelled')),
  run jsonb,
  mock_results integer,
  created_at_us bigint NOT NULL,
  finished_at_us bigint,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, snapshot_id) REFERENCES snapshots,
  FOREIGN KEY (tenant_id, baseline_id) REFERENCES replays
);
CREATE INDEX replays_by_age ON replays (tenant_id, created_at_us);

CREATE TABLE reports (
  tenant_id uuid NOT NULL,
  replay_id uuid NOT NULL,
  verdict text NOT NULL,
  success_rate double precision,
  report jsonb NOT NULL,
  PRIMARY KEY (tenant_id, replay_id),
  FOREIGN KEY (tenant_id, replay_id) REFERENCES replays
);

-- Append-only: the app may insert and read.
CREATE TABLE audit (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  at_us bigint NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  detail jsonb NOT NULL,
  address text NOT NULL,
  request_id text NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_by_time ON audit (tenant_id, at_us);

-- One policy, the same on every tenant table. Forced: it binds the owner too.
CREATE FUNCTION isolate(name text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, echoplane, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE echoplane.%I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE echoplane.%I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON echoplane.%I FOR ALL '
    'USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid) '
    'WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)',
    name);
END $$;

SELECT isolate(t) FROM unnest(ARRAY[
  'services', 'hosts', 'endpoints', 'segments', 'segment_frames', 'rrpairs', 'rrpair_tags', 'rollups', 'hop_reports',
  'jobs', 'snapshots', 'replays', 'reports', 'audit']) AS t;

GRANT SELECT, INSERT ON
  services, hosts, endpoints, segment_frames, rrpairs, rrpair_tags, rollups, audit TO echoplane_app;
GRANT SELECT, INSERT, UPDATE ON segments, hop_reports, jobs, snapshots, replays, reports TO echoplane_app;
GRANT USAGE ON SEQUENCE ingest_seq TO echoplane_app;
