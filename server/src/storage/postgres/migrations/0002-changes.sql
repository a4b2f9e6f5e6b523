-- What nodes have to hear of because they remember it. A row is inserted by the transaction that makes the change, without
-- a lock that others wait for. Numbers without gaps are given afterwards, to what is committed.
CREATE TABLE changes (
  uid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  writer uuid NOT NULL, -- which opened store made it
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sequence bigint, -- without gaps; NULL: not given yet
  kind text NOT NULL,
  fingerprints bytea[],
  subject text COLLATE "C" -- owner, or uid of a key
);
CREATE UNIQUE INDEX changes_in_order ON changes (sequence) WHERE sequence IS NOT NULL;
CREATE INDEX changes_not_numbered ON changes (added_at, uid) WHERE sequence IS NULL;

-- Whoever numbers changes locks it.
CREATE TABLE change_position (
  one integer PRIMARY KEY CHECK (one = 1),
  last_sequence bigint NOT NULL
);
INSERT INTO change_position (one, last_sequence) VALUES (1, 0);

-- Numbers what is committed, at most `most` at once, in the order in which it was added, and removes all but the newest
-- `kept`. Each statement of it sees what was committed before it began, so what others numbered meanwhile is seen as well.
CREATE FUNCTION number_changes(most bigint, kept bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  last bigint;
  numbered bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM changes WHERE sequence IS NULL) THEN
    RETURN 0;
  END IF;
  SELECT last_sequence INTO last FROM change_position FOR UPDATE;
  UPDATE changes SET sequence = last + next.place
    FROM (SELECT uid, row_number() OVER (ORDER BY added_at, uid) AS place
      FROM (SELECT uid, added_at FROM changes WHERE sequence IS NULL ORDER BY added_at, uid LIMIT most) AS first) AS next
    WHERE changes.uid = next.uid;
  GET DIAGNOSTICS numbered = ROW_COUNT;
  UPDATE change_position SET last_sequence = last + numbered;
  DELETE FROM changes WHERE sequence <= last + numbered - kept;
  RETURN numbered;
END
$$;
