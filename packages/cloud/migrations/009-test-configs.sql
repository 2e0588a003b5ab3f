-- What is asked of a replay beside goals, kept with it: its report is made with it, and made again with another.
ALTER TABLE replays ADD COLUMN test_config jsonb;
-- Whether other assertions are asked now than the generator made.
ALTER TABLE replays ADD COLUMN reassert boolean NOT NULL DEFAULT false;

CREATE TABLE test_configs (
  tenant_id uuid NOT NULL REFERENCES tenants,
  name text NOT NULL,
  config jsonb NOT NULL,
  updated_at_us bigint NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
SELECT isolate('test_configs');
GRANT SELECT, INSERT, UPDATE ON test_configs TO echoplane_app;
