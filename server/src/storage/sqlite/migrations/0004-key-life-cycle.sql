-- What keys are besides tokens: policies, metadata, life cycle, budgets and counts of use. Everything that is new in
-- `keys` is NULL for the keys of before, so adding it rewrites none of them.

ALTER TABLE keys ADD COLUMN family TEXT; -- NULL: as Kuzzle's
ALTER TABLE keys ADD COLUMN keyspace TEXT;
ALTER TABLE keys ADD COLUMN hint TEXT;
ALTER TABLE keys ADD COLUMN disabled_at REAL;
ALTER TABLE keys ADD COLUMN disabled_by TEXT;
ALTER TABLE keys ADD COLUMN disabled_reason TEXT;
ALTER TABLE keys ADD COLUMN policy TEXT; -- JSON object
ALTER TABLE keys ADD COLUMN metadata TEXT; -- JSON object
ALTER TABLE keys ADD COLUMN good_from REAL; -- of the newest secret; NULL: since it was issued
ALTER TABLE keys ADD COLUMN previous TEXT; -- JSON array, newest first: what previous_secrets has of this key
ALTER TABLE keys ADD COLUMN last_used_at REAL;
ALTER TABLE keys ADD COLUMN idle_timeout_ms REAL; -- the one in the policy

-- Only of the keys that they are about, so that other keys cost no more to create than before. There is none of
-- last_used_at: it would be written for each key in use every few seconds, and read when somebody cleans up.
CREATE INDEX keys_by_end ON keys (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX keys_by_disabling ON keys (disabled_at) WHERE disabled_at IS NOT NULL;
CREATE INDEX keys_with_idle_timeout ON keys (idle_timeout_ms) WHERE idle_timeout_ms IS NOT NULL;

-- What follows belongs to a key by `key_seq`, its `seq`. It stays when the key is revoked, and is there again when the
-- key is restored; so `key_seq` refers to no table.

CREATE TABLE previous_secrets (
  seq INTEGER PRIMARY KEY, -- greater is newer
  fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
  key_seq INTEGER NOT NULL,
  good_from REAL,
  good_until REAL NOT NULL
) STRICT;
CREATE INDEX previous_secrets_by_key ON previous_secrets (key_seq, seq);
CREATE INDEX previous_secrets_by_end ON previous_secrets (good_until);

CREATE TABLE key_credits (
  key_seq INTEGER PRIMARY KEY,
  remaining REAL NOT NULL CHECK (remaining >= 0),
  refilled_at REAL NOT NULL
) STRICT;

CREATE TABLE key_usage (
  key_seq INTEGER NOT NULL,
  day INTEGER NOT NULL, -- UTC, since the epoch
  accepted REAL NOT NULL,
  refused REAL NOT NULL,
  PRIMARY KEY (key_seq, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_usage_by_day ON key_usage (day);

CREATE TABLE owner_limits (
  owner TEXT PRIMARY KEY,
  limits TEXT NOT NULL -- JSON array
) STRICT, WITHOUT ROWID;

-- Keys that were revoked, each as it was then. Neither ids nor fingerprints are unique: ids may be used again.
CREATE TABLE revoked_keys (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of revocation
  key_seq INTEGER NOT NULL UNIQUE,
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  description TEXT NOT NULL,
  ttl_ms REAL,
  expires_at REAL,
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_by TEXT,
  updated_at REAL,
  family TEXT,
  keyspace TEXT,
  hint TEXT,
  disabled_at REAL,
  disabled_by TEXT,
  disabled_reason TEXT,
  policy TEXT,
  metadata TEXT,
  good_from REAL,
  previous TEXT,
  last_used_at REAL,
  idle_timeout_ms REAL,
  revoked_at REAL NOT NULL,
  revoked_by TEXT NOT NULL,
  reason TEXT NOT NULL, -- a name of RFC 5280 section 5.3.1
  comment TEXT
) STRICT;
CREATE INDEX revoked_keys_by_fingerprint ON revoked_keys (fingerprint);
CREATE INDEX revoked_keys_by_id ON revoked_keys (id);
CREATE INDEX revoked_keys_by_owner ON revoked_keys (owner);
CREATE INDEX revoked_keys_by_time ON revoked_keys (revoked_at);

-- News for other connections that keep keys in memory: whose answers to a look-up are other ones now. Only the latest
-- rows are kept; who missed some forgets everything. New keys are no news, since nobody remembers them.
CREATE TABLE key_changes (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  writer INTEGER NOT NULL, -- random, one for each connection
  fingerprints BLOB, -- 32 bytes each; NULL: all of the owner
  owner TEXT -- NULL, without fingerprints: all keys
) STRICT;

-- Which answers to give again to requests that are made again. Never holds a secret.
CREATE TABLE idempotency (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  request_digest TEXT NOT NULL,
  resource TEXT, -- id of what was created; NULL: still running
  reserved_at REAL NOT NULL,
  kept_until REAL NOT NULL,
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_end ON idempotency (kept_until);
