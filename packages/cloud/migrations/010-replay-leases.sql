-- A replay is run by a program that may be killed, on a machine that may be switched off. Who runs it may promise to say a word
-- within so long; without one the replay ends, and says why.
ALTER TABLE replays ADD COLUMN lease_us bigint;
ALTER TABLE replays ADD COLUMN lease_until_us bigint;
-- Why it ended without a report.
ALTER TABLE replays ADD COLUMN message text;
ALTER TABLE replays DROP CONSTRAINT replays_phase_check;
ALTER TABLE replays ADD CONSTRAINT replays_phase_check
  CHECK (phase IN ('running', 'analyzing', 'succeeded', 'failed', 'cancelled'));
CREATE INDEX replays_leased ON replays (tenant_id, lease_until_us) WHERE phase = 'running' AND lease_until_us IS NOT NULL;

-- Ends the replays of every tenant of which nothing was heard in time; how many. Doing it twice changes nothing.
CREATE FUNCTION platform_end_replays(now_us bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, echoplane, pg_temp AS $$
DECLARE
  tenant uuid;
  changed bigint;
  ended bigint := 0;
BEGIN
  FOR tenant IN SELECT t.id FROM tenants t ORDER BY t.id LOOP
    PERFORM set_config('app.tenant_id', tenant::text, true);
    UPDATE replays SET phase = 'failed', finished_at_us = now_us,
      message = format('Nothing was heard for %s s of the program that ran this replay: it was killed, or its machine is off or without network. Run the replay again.',
        lease_us / 1000000)
    WHERE tenant_id = tenant AND phase = 'running' AND lease_until_us <= now_us;
    GET DIAGNOSTICS changed = ROW_COUNT;
    ended := ended + changed;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN ended;
END $$;

REVOKE ALL ON FUNCTION platform_end_replays FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform_end_replays TO echoplane_platform;
