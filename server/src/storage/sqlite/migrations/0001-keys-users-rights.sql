-- Instants and lengths of time are REAL: whatever number JavaScript holds comes back exactly, while SQLite stores
-- whole ones as compactly as integers. `seq` is the order of creation and is never used twice.

CREATE TABLE keys (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  description TEXT NOT NULL,
  ttl_ms REAL,
  expires_at REAL,
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_by TEXT,
  updated_at REAL
) STRICT;
CREATE INDEX keys_by_owner ON keys (owner, seq);

-- What is known of an owner without counting: kept exact by the transaction that changes its keys.
CREATE TABLE owner_stats (
  owner TEXT PRIMARY KEY,
  key_count INTEGER NOT NULL CHECK (key_count >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  profile_ids TEXT NOT NULL, -- JSON array, in the order given
  content TEXT NOT NULL, -- JSON object
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_by TEXT,
  updated_at REAL
) STRICT;

-- `profile_id` refers to no profile on purpose: users keep their profile ids while all profiles are replaced.
CREATE TABLE user_profile (
  profile_id TEXT NOT NULL,
  user_seq INTEGER NOT NULL REFERENCES users (seq) ON DELETE CASCADE,
  PRIMARY KEY (profile_id, user_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_profile_by_user ON user_profile (user_seq);

CREATE TABLE credentials (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  username TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL
) STRICT;

CREATE TABLE roles (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  controllers TEXT NOT NULL, -- JSON object
  tags TEXT, -- JSON array
  content TEXT NOT NULL, -- JSON object
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_by TEXT,
  updated_at REAL,
  revision INTEGER NOT NULL -- value of access_revision at the last change
) STRICT;

CREATE TABLE profiles (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  policies TEXT NOT NULL, -- JSON array
  rate_limit REAL NOT NULL,
  tags TEXT, -- JSON array
  content TEXT NOT NULL, -- JSON object
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_by TEXT,
  updated_at REAL,
  revision INTEGER NOT NULL
) STRICT;

CREATE TABLE profile_role (
  role_id TEXT NOT NULL REFERENCES roles (id),
  profile_seq INTEGER NOT NULL REFERENCES profiles (seq) ON DELETE CASCADE,
  PRIMARY KEY (role_id, profile_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX profile_role_by_profile ON profile_role (profile_seq);

-- Grows with every change of a role or profile, so that other processes know whether theirs are still good.
CREATE TABLE access_revision (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  value INTEGER NOT NULL
) STRICT;
INSERT INTO access_revision (one, value) VALUES (1, 0);

CREATE TABLE sessions (
  fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
  owner TEXT NOT NULL,
  ttl_ms REAL,
  expires_at REAL,
  single_use INTEGER NOT NULL CHECK (single_use IN (0, 1)),
  refreshed INTEGER NOT NULL CHECK (refreshed IN (0, 1)),
  created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE INDEX sessions_by_end ON sessions (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE audit_events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at REAL NOT NULL,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
  actor TEXT NOT NULL,
  actor_key TEXT,
  subject TEXT NOT NULL,
  reason TEXT,
  address TEXT,
  carrier TEXT NOT NULL,
  request_id TEXT NOT NULL,
  local INTEGER NOT NULL CHECK (local IN (0, 1)),
  details TEXT -- JSON object
) STRICT;
CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events
BEGIN
  SELECT raise(ABORT, 'audit events never change');
END;

CREATE TABLE config (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL -- JSON object
) STRICT, WITHOUT ROWID;
