-- Where segments land that came through a delivery stream: its objects hold frames of many segments, mixed and repeated.
-- A frame's place is the first one it was seen at. A frame may land before its index batch came, so these rows stand alone.

CREATE TABLE landed_frames (
  tenant_id uuid NOT NULL REFERENCES tenants,
  segment uuid NOT NULL,
  frame integer NOT NULL,
  object_key text NOT NULL,
  -- Of the zstd frame in the object, and its length.
  object_offset bigint NOT NULL,
  object_length integer NOT NULL,
  PRIMARY KEY (tenant_id, segment, frame)
);
SELECT isolate('landed_frames');
GRANT SELECT, INSERT ON landed_frames TO echoplane_app;

ALTER TABLE segments
  -- Of a segment that comes through a stream: how many frames must land until it is shipped.
  ADD COLUMN landing_frames integer;

-- Objects hold several tenants, so what was looked through is the platform's to know: the objects behind the cursor of
-- their prefix, by name. Before the cursor everything is done and old.
CREATE TABLE landed_objects (
  key text COLLATE "C" PRIMARY KEY
);
CREATE TABLE landing_cursors (
  prefix text PRIMARY KEY,
  after text COLLATE "C" NOT NULL
);

CREATE FUNCTION platform_landing_cursor(wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT coalesce((SELECT c.after FROM landing_cursors c WHERE c.prefix = wanted), '')
$$;

-- Those of the keys that were not looked through yet, in their order.
CREATE FUNCTION platform_new_landings(keys text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  SELECT k.key FROM unnest(keys) WITH ORDINALITY AS k (key, n)
  WHERE NOT EXISTS (SELECT FROM landed_objects o WHERE o.key = k.key) ORDER BY k.n
$$;

CREATE FUNCTION platform_note_landing(done text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  INSERT INTO landed_objects (key) VALUES (done) ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION platform_move_landing_cursor(of_prefix text, to_key text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
  INSERT INTO landing_cursors AS c (prefix, after) VALUES (of_prefix, to_key)
  ON CONFLICT (prefix) DO UPDATE SET after = greatest(c.after, excluded.after);
  DELETE FROM landed_objects WHERE key <= to_key AND starts_with(key, of_prefix)
$$;

REVOKE ALL ON FUNCTION
  platform_landing_cursor, platform_new_landings, platform_note_landing, platform_move_landing_cursor FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  platform_landing_cursor, platform_new_landings, platform_note_landing, platform_move_landing_cursor
  TO echoplane_platform;
