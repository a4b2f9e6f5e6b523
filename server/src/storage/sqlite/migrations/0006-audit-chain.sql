-- Audit events are chained by their hashes; see docs/decisions/0012-audit-chain.md.

-- SHA-256; NULL: stored before there was a chain, and not sealed yet.
ALTER TABLE audit_events ADD COLUMN hash BLOB CHECK (length(hash) = 32);

-- The position of an event on its chain is its number less `first_sequence`, plus 1: numbers have no gaps.
CREATE TABLE audit_chains (
  first_sequence INTEGER PRIMARY KEY,
  last_sequence INTEGER, -- NULL: it goes on
  sealed_to INTEGER, -- of a chain of events that were there before; NULL: each is sealed when it is stored
  chain TEXT NOT NULL UNIQUE, -- UUID
  began_at REAL NOT NULL
) STRICT;

-- What is here already gets a chain of its own, bit by bit.
INSERT INTO audit_chains (first_sequence, last_sequence, sealed_to, chain, began_at)
  SELECT min(sequence), max(sequence), min(sequence) - 1, lower(hex(randomblob(16))), unixepoch('subsec') * 1000.0
  FROM audit_events HAVING count(*) > 0;
INSERT INTO audit_chains (first_sequence, chain, began_at)
  SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit_events'), 0) + 1,
    lower(hex(randomblob(16))), unixepoch('subsec') * 1000.0;
UPDATE audit_chains SET chain = substr(chain, 1, 8) || '-' || substr(chain, 9, 4) || '-4' || substr(chain, 14, 3)
  || '-a' || substr(chain, 18, 3) || '-' || substr(chain, 21, 12);

DROP TRIGGER audit_events_never_change;
CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events
WHEN NOT (OLD.hash IS NULL AND NEW.hash IS NOT NULL AND NEW.sequence = OLD.sequence AND NEW.at = OLD.at
  AND NEW.action = OLD.action AND NEW.outcome = OLD.outcome AND NEW.actor = OLD.actor
  AND NEW.actor_key IS OLD.actor_key AND NEW.subject = OLD.subject AND NEW.reason IS OLD.reason
  AND NEW.address IS OLD.address AND NEW.carrier = OLD.carrier AND NEW.request_id = OLD.request_id
  AND NEW.local = OLD.local AND NEW.details IS OLD.details)
BEGIN
  SELECT raise(ABORT, 'audit events never change');
END;
CREATE TRIGGER audit_events_stay BEFORE DELETE ON audit_events
BEGIN
  SELECT raise(ABORT, 'audit events stay');
END;
