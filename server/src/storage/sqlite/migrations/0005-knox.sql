-- Tokens of Knox's form: keys of the family `knox`, whose owners need not be users.

ALTER TABLE keys ADD COLUMN knox TEXT; -- JSON object; NULL: of another family
ALTER TABLE revoked_keys ADD COLUMN knox TEXT;

-- Those among `key_count`: each family has a limit of its own.
ALTER TABLE owner_stats ADD COLUMN knox_count INTEGER NOT NULL DEFAULT 0 CHECK (knox_count >= 0);

-- Only of that family, so that other keys cost no more to create than before.
CREATE INDEX knox_keys_by_owner ON keys (owner, created_at, seq, expires_at) WHERE family = 'knox';
CREATE INDEX knox_keys_by_creator ON keys (created_by, seq) WHERE family = 'knox' AND created_by <> owner;
CREATE INDEX knox_keys_by_end ON keys (expires_at) WHERE family = 'knox';

-- What proves the tokens of keys that Knox issued, until each is shown here for the first time. Belongs to a key by
-- `key_seq`, and stays when that is revoked, as everything else that does.
CREATE TABLE legacy_macs (
  key_seq INTEGER PRIMARY KEY,
  stand_in BLOB NOT NULL CHECK (length(stand_in) = 32), -- where the fingerprint of the token shall be
  hash_key TEXT NOT NULL, -- which one; the keys themselves are in `config`
  algorithm TEXT NOT NULL,
  mac TEXT NOT NULL,
  issue_time REAL NOT NULL,
  user_name TEXT NOT NULL
) STRICT;

-- What was imported once is never imported again: it may have been revoked since, and that be long forgotten.
CREATE TABLE imported_keys (
  id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
