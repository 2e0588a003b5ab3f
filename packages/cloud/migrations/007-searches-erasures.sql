-- Searches of what is recorded, erasures of a value from it, and snapshots whose files lie where the control plane does
-- not read.

ALTER TABLE snapshots
  ADD COLUMN store_access text NOT NULL DEFAULT 'delegated' CHECK (store_access IN ('delegated', 'private')),
  -- The data plane that made it, when its store is private.
  ADD COLUMN agent uuid,
  -- An erasure changed its files.
  ADD COLUMN scrubbed_at_us bigint;

CREATE TABLE searches (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  filter text NOT NULL,
  query jsonb NOT NULL,
  max_items integer NOT NULL,
  -- What was found so far, newest first.
  ids uuid[] NOT NULL DEFAULT '{}',
  scanned bigint NOT NULL DEFAULT 0,
  complete boolean NOT NULL DEFAULT false,
  created_at_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE erasures (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  reason text NOT NULL,
  created_at_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

-- One for each data plane, whose disk and store are its own; the work of a job. It goes in rounds, each a command:
-- asked (`round`), then rows re-pointed and counted, then the next asked, until one finds nothing more.
CREATE TABLE erasure_parts (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  erasure uuid NOT NULL,
  agent uuid NOT NULL,
  -- The value, which that agent alone can open; gone when it is done.
  sealed text,
  round integer NOT NULL DEFAULT 0,
  -- Where the next round goes on, and the objects that it removes: their rows point elsewhere now.
  after_key text NOT NULL DEFAULT '',
  old_keys text[] NOT NULL DEFAULT '{}',
  -- The last of our own documents that was looked through.
  document_kind text NOT NULL DEFAULT '',
  document_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  segments bigint NOT NULL DEFAULT 0,
  pairs bigint NOT NULL DEFAULT 0,
  scanned_bytes bigint NOT NULL DEFAULT 0,
  snapshots uuid[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, erasure) REFERENCES erasures,
  FOREIGN KEY (tenant_id, agent) REFERENCES agents
);
CREATE INDEX erasure_parts_by_erasure ON erasure_parts (tenant_id, erasure);

-- Rows are re-pointed to the segment that stands for the old one; the old one keeps its frames, so that a batch that comes
-- again is still a repetition, and the books still balance.
ALTER TABLE segments ADD COLUMN erased_at_us bigint;

SELECT isolate(t) FROM unnest(ARRAY['searches', 'erasures', 'erasure_parts']) AS t;
GRANT SELECT, INSERT ON erasures TO echoplane_app;
GRANT SELECT, INSERT, UPDATE ON searches, erasure_parts TO echoplane_app;
GRANT UPDATE (segment, frame_offset, frame_length, path) ON rrpairs TO echoplane_app;
GRANT UPDATE (name) ON endpoints, hosts TO echoplane_app;
