-- generation: another one for each plan, so that whoever knew the plan of before spends nothing by it.
-- unleased_until: no leases are given before, because somebody waits for those that were given.
ALTER TABLE key_credits
  ADD COLUMN generation uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN unleased_until timestamptz NOT NULL DEFAULT '-infinity';

-- Credits that were taken out of a budget for one node to spend. What it spends is written before it is spent, so once the
-- lease ended, what is not written goes back, and can never be spent twice. A lease counts only as long as its budget is of
-- that generation and was refilled at that time.
CREATE TABLE credit_leases (
  key_uid uuid NOT NULL,
  lease uuid NOT NULL,
  generation uuid NOT NULL,
  refilled_at double precision NOT NULL,
  granted double precision NOT NULL CHECK (granted > 0),
  written double precision NOT NULL CHECK (written BETWEEN 0 AND granted),
  ends_at timestamptz NOT NULL, -- by the server's clock
  PRIMARY KEY (key_uid, lease)
) WITH (fillfactor = 50);

-- Uses that are counted against rate limits: arrival times of GCRA, in ms since the first of January 2026 by the server's
-- clock. Not logged: a crash of the server forgets at most one burst of each limit.
CREATE UNLOGGED TABLE rate_counters (
  counter uuid PRIMARY KEY, -- of its name, see rate-reservations.ts
  arrival double precision NOT NULL,
  granted double precision NOT NULL, -- how many uses came last
  counted_at double precision NOT NULL -- when they came
) WITH (fillfactor = 50);
