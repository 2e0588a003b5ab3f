-- What a cluster needs of the control plane: replays that an operator opens, once each however often it asks; what its
-- collector saw of the pods; and the releases that installations follow, which are the platform's.

ALTER TABLE replays DROP CONSTRAINT replays_mode_check;
ALTER TABLE replays ADD CONSTRAINT replays_mode_check CHECK (mode IN ('full', 'tests-only', 'mocks-only'));
-- Chosen by whoever opens it: the same key is the same replay.
ALTER TABLE replays ADD COLUMN key uuid;
CREATE UNIQUE INDEX replays_by_key ON replays (tenant_id, key) WHERE key IS NOT NULL;

-- `digest` is of the body: a batch that comes again changes nothing.
CREATE TABLE observations (
  tenant_id uuid NOT NULL,
  replay_id uuid NOT NULL,
  digest uuid NOT NULL,
  at_us bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('log', 'event', 'metric', 'note')),
  body json NOT NULL,
  PRIMARY KEY (tenant_id, replay_id, digest),
  FOREIGN KEY (tenant_id, replay_id) REFERENCES replays
);
CREATE INDEX observations_by_time ON observations (tenant_id, replay_id, kind, at_us);
SELECT isolate('observations');
GRANT SELECT, INSERT ON observations TO echoplane_app;

-- Nobody's data: the no-tenant list of 001.
CREATE TABLE releases (
  channel text PRIMARY KEY CHECK (channel IN ('stable', 'fast')),
  version text NOT NULL,
  image text NOT NULL,
  not_before_us bigint NOT NULL
);

CREATE FUNCTION auth_releases() RETURNS TABLE (channel text, version text, image text, not_before_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT r.channel, r.version, r.image, r.not_before_us FROM releases r ORDER BY r.channel
$$;

CREATE FUNCTION platform_set_release(to_channel text, to_version text, to_image text, from_us bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  INSERT INTO releases (channel, version, image, not_before_us) VALUES (to_channel, to_version, to_image, from_us)
  ON CONFLICT (channel) DO UPDATE SET
    version = excluded.version, image = excluded.image, not_before_us = excluded.not_before_us;
  SELECT pg_notify('echoplane_agents', 'releases')
$$;

REVOKE ALL ON FUNCTION auth_releases, platform_set_release FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth_releases TO echoplane_app;
GRANT EXECUTE ON FUNCTION platform_set_release TO echoplane_platform;
