-- The traffic index. Every table carries tenant_id and every index starts with it: under row-level security the planner
-- can use an index only for leakproof operators, and the policy's `tenant_id =` is the first of them.
-- Names that repeat in every row are dictionary ids; tags are rows.

CREATE TABLE services (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id integer GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  cluster text NOT NULL,
  namespace text NOT NULL,
  workload text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
CREATE TABLE hosts (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id integer GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
CREATE TABLE endpoints (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id integer GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);

CREATE TABLE segments (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  opened_at_us bigint NOT NULL,
  shipped boolean NOT NULL DEFAULT false,
  -- Known once the segment is whole in the object store.
  key text,
  size_bytes bigint,
  frames integer,
  pairs bigint,
  PRIMARY KEY (tenant_id, id),
  CHECK (NOT shipped OR (key IS NOT NULL AND size_bytes IS NOT NULL))
);

-- The primary key is what makes ingest idempotent.
CREATE TABLE segment_frames (
  tenant_id uuid NOT NULL,
  segment uuid NOT NULL,
  frame integer NOT NULL,
  pairs integer NOT NULL,
  PRIMARY KEY (tenant_id, segment, frame),
  FOREIGN KEY (tenant_id, segment) REFERENCES segments
);

CREATE SEQUENCE ingest_seq;

-- Partitioned by how long rows are kept, then by day: old rows go as whole partitions. `ts` is `ts_us` as a timestamp.
CREATE TABLE rrpairs (
  tenant_id uuid NOT NULL,
  retention_days smallint NOT NULL,
  ts timestamptz NOT NULL,
  ts_us bigint NOT NULL,
  id uuid NOT NULL,
  ingest_seq bigint NOT NULL DEFAULT nextval('ingest_seq'),
  -- Replay the pair belongs to; empty for live traffic.
  replay text NOT NULL,
  service_id integer NOT NULL,
  workload_kind text NOT NULL,
  peer text NOT NULL,
  direction text NOT NULL,
  protocol text NOT NULL,
  method text NOT NULL,
  host_id integer NOT NULL,
  path text NOT NULL,
  endpoint_id integer NOT NULL,
  status integer,
  grpc_status integer,
  error text,
  gaps jsonb,
  latency_us bigint NOT NULL,
  ttfb_us bigint,
  request_bytes bigint NOT NULL,
  response_bytes bigint NOT NULL,
  connection text NOT NULL,
  seq bigint NOT NULL,
  session text,
  trace_id text,
  cause_id uuid,
  cause_confidence double precision,
  rule_version text,
  fold_weight bigint NOT NULL,
  segment uuid NOT NULL,
  frame integer NOT NULL,
  frame_offset bigint NOT NULL,
  frame_length integer NOT NULL,
  line integer NOT NULL
) PARTITION BY LIST (retention_days);
CREATE INDEX rrpairs_by_time ON rrpairs (tenant_id, replay, ts, id);
CREATE INDEX rrpairs_by_service ON rrpairs (tenant_id, replay, service_id, ts, id);
CREATE INDEX rrpairs_by_endpoint ON rrpairs (tenant_id, replay, endpoint_id, ts, id);
CREATE INDEX rrpairs_by_id ON rrpairs (tenant_id, id);

CREATE TABLE rrpair_tags (
  tenant_id uuid NOT NULL,
  retention_days smallint NOT NULL,
  ts timestamptz NOT NULL,
  pair_id uuid NOT NULL,
  name text NOT NULL,
  value text NOT NULL
) PARTITION BY LIST (retention_days);
CREATE INDEX rrpair_tags_by_pair ON rrpair_tags (tenant_id, pair_id, name);

-- Append-only partials, merged on read.
CREATE TABLE rollups (
  tenant_id uuid NOT NULL,
  segment uuid NOT NULL,
  frame integer NOT NULL,
  minute_us bigint NOT NULL,
  replay text NOT NULL,
  service_id integer NOT NULL,
  direction text NOT NULL,
  peer text NOT NULL,
  endpoint_id integer NOT NULL,
  status_class text NOT NULL,
  count bigint NOT NULL,
  request_bytes bigint NOT NULL,
  response_bytes bigint NOT NULL,
  latency_sum_us bigint NOT NULL,
  -- Interleaved bucket number and count.
  latency_buckets integer[] NOT NULL,
  FOREIGN KEY (tenant_id, segment, frame) REFERENCES segment_frames
);
CREATE INDEX rollups_by_minute ON rollups (tenant_id, replay, minute_us);

-- Cumulative counters of one life of one hop; `progress` is the sum of its counters, which only grows.
CREATE TABLE hop_reports (
  tenant_id uuid NOT NULL REFERENCES tenants,
  hop text NOT NULL,
  incarnation text NOT NULL,
  service text NOT NULL,
  captured bigint NOT NULL,
  delivered bigint NOT NULL,
  withheld jsonb NOT NULL,
  dropped jsonb NOT NULL,
  progress bigint NOT NULL,
  reported_at_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, hop, incarnation)
);
