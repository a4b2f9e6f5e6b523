-- compatible from 0001
--
-- Audit events are chained by their hashes, each opened store on a chain of its own; see
-- docs/decisions/0012-audit-chain.md. Programs of before this go on writing events, which others seal.
CREATE TABLE audit_seals (
  chain uuid NOT NULL, -- which opened store sealed it
  position bigint NOT NULL, -- from 1, without gaps
  sequence bigint NOT NULL, -- of the event
  hash bytea NOT NULL CHECK (length(hash) = 32), -- SHA-256
  PRIMARY KEY (chain, position)
);
-- No event is sealed twice, however many try.
CREATE UNIQUE INDEX audit_seals_by_sequence ON audit_seals (sequence);

-- Locked by whoever seals what others left; never by who writes events or seals its own.
CREATE TABLE audit_sealing (
  one integer PRIMARY KEY CHECK (one = 1),
  sealed_to bigint NOT NULL, -- all events up to this number are sealed
  began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO audit_sealing (one, sealed_to) VALUES (1, 0);

CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit events and their seals stay as they are';
END
$$;
CREATE TRIGGER audit_events_stay BEFORE DELETE OR TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_seals_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
  FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
