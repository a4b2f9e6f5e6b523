-- compatible from 0001
--
-- Whose a key is, by what leads to it; see postgres/key-place.ts. Here all keys are in one table, and nothing needs to be
-- known: the functions become parts of the statements that call them, and go away. Where `keys` is split by owner,
-- postgres/partition-keys.ts puts tables in the place of the views, and functions that ask them.
CREATE VIEW key_ids AS SELECT id, owner FROM keys;
CREATE VIEW key_fingerprints AS SELECT fingerprint, owner FROM keys;

CREATE FUNCTION key_place_by_id(owner text, id text) RETURNS boolean
  LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION key_place_by_fingerprint(fingerprint bytea) RETURNS SETOF keys
  LANGUAGE sql STABLE AS 'SELECT * FROM keys WHERE keys.fingerprint = $1';
CREATE FUNCTION key_place_by_uid(uid uuid) RETURNS SETOF keys
  LANGUAGE sql STABLE AS 'SELECT * FROM keys WHERE keys.uid = $1';
