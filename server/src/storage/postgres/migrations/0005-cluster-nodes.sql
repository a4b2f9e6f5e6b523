-- compatible from 0001
--
-- One row for each process that uses the store. Times are the store's. A node that ends in order removes its row; those of
-- others that ended are removed after a while by whoever lives.
CREATE TABLE cluster_nodes (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL, -- of the program
  schema_version integer NOT NULL, -- the last migration that it knows
  address text NOT NULL, -- where it listens
  threads integer NOT NULL,
  state text NOT NULL CHECK (state IN ('ready', 'draining')),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  clock_ahead_ms double precision NOT NULL, -- the store's clock minus the node's
  heard_sequence bigint, -- of the change feed; NULL: it hears none
  feed_silent_ms double precision -- how long it has heard nothing of the feed; NULL: it hears none
) WITH (fillfactor = 50);
