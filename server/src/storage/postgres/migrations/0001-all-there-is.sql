-- Instants and lengths of time are double precision: whatever number JavaScript holds comes back exactly. Texts compare by
-- their bytes wherever there is an index ("C"); U+0000 in them is encoded, see query/sql/postgres.ts.
--
-- No column that is filled for each key, session or event takes its value from a sequence, and no row is changed by all
-- of them: the counts of an owner are the owner's own row.

-- What is known of an owner without counting: kept exact by the transactions that change its keys, which take turns at
-- this row.
CREATE TABLE owner_stats (
  owner text COLLATE "C" PRIMARY KEY,
  key_count bigint NOT NULL CHECK (key_count >= 0),
  knox_count bigint NOT NULL CHECK (knox_count >= 0), -- those among key_count: each family has a limit of its own
  last_seq bigint NOT NULL -- of the owner's newest key
) WITH (fillfactor = 70);

CREATE TABLE keys (
  uid uuid PRIMARY KEY, -- what belongs to a key refers to it; it stays the same when the key is revoked and restored
  -- The order of creation or restoration: microseconds since the epoch at that time, by the server's clock, and in any
  -- case greater than those of all other keys of the owner. Two owners may have equal ones.
  seq bigint NOT NULL,
  fingerprint bytea NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
  id text COLLATE "C" NOT NULL UNIQUE,
  owner text COLLATE "C" NOT NULL,
  description text NOT NULL,
  ttl_ms double precision,
  expires_at double precision,
  created_by text COLLATE "C" NOT NULL,
  created_at double precision NOT NULL,
  updated_by text COLLATE "C",
  updated_at double precision,
  family text, -- NULL: as Kuzzle's
  keyspace text,
  hint text,
  disabled_at double precision,
  disabled_by text,
  disabled_reason text,
  policy text, -- JSON object
  metadata text, -- JSON object
  good_from double precision, -- of the newest secret; NULL: since it was issued
  previous text, -- JSON array, newest first: what previous_secrets has of this key
  last_used_at double precision,
  knox text, -- JSON object; NULL: of another family
  idle_timeout_ms double precision, -- the one in the policy
  scopes jsonb, -- those in the policy; NULL: none
  members jsonb, -- names and values of the metadata at the top level, NULL for values that are neither text nor number
  UNIQUE (owner, seq)
) WITH (fillfactor = 85);
CREATE INDEX keys_in_order ON keys (seq, uid);

-- Only of the keys that they are about, so that other keys cost no more to create. There is none of last_used_at: it would
-- be written for each key in use every few seconds, and read when somebody cleans up.
CREATE INDEX keys_by_end ON keys (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX keys_by_disabling ON keys (disabled_at) WHERE disabled_at IS NOT NULL;
CREATE INDEX keys_with_idle_timeout ON keys (idle_timeout_ms) WHERE idle_timeout_ms IS NOT NULL;
CREATE INDEX knox_keys_by_owner ON keys (owner, created_at, seq) WHERE family = 'knox';
CREATE INDEX knox_keys_by_creator ON keys (created_by, seq) WHERE family = 'knox' AND created_by <> owner;
CREATE INDEX knox_keys_by_end ON keys (expires_at) WHERE family = 'knox';

-- Keys that were revoked, each as it was then. Neither ids nor fingerprints are unique: ids may be used again.
CREATE TABLE revoked_keys (
  key_uid uuid PRIMARY KEY,
  seq bigint NOT NULL, -- the order of revocation, as in keys
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  id text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  description text NOT NULL,
  ttl_ms double precision,
  expires_at double precision,
  created_by text COLLATE "C" NOT NULL,
  created_at double precision NOT NULL,
  updated_by text COLLATE "C",
  updated_at double precision,
  family text,
  keyspace text,
  hint text,
  disabled_at double precision,
  disabled_by text,
  disabled_reason text,
  policy text,
  metadata text,
  good_from double precision,
  previous text,
  last_used_at double precision,
  knox text,
  idle_timeout_ms double precision,
  scopes jsonb,
  members jsonb,
  revoked_at double precision NOT NULL,
  revoked_by text NOT NULL,
  reason text NOT NULL, -- a name of RFC 5280 section 5.3.1
  comment text
);
CREATE INDEX revoked_keys_by_fingerprint ON revoked_keys (fingerprint, seq);
CREATE INDEX revoked_keys_by_id ON revoked_keys (id, seq);
CREATE INDEX revoked_keys_by_owner ON revoked_keys (owner, seq);
CREATE INDEX revoked_keys_in_order ON revoked_keys (seq, key_uid);
CREATE INDEX revoked_keys_by_time ON revoked_keys (revoked_at);

-- What follows belongs to a key by its uid. It stays when the key is revoked, and is there again when the key is restored;
-- so it refers to no table.

CREATE TABLE previous_secrets (
  fingerprint bytea PRIMARY KEY CHECK (length(fingerprint) = 32),
  key_uid uuid NOT NULL,
  good_from double precision,
  good_until double precision NOT NULL
);
CREATE INDEX previous_secrets_by_key ON previous_secrets (key_uid);
CREATE INDEX previous_secrets_by_end ON previous_secrets (good_until);

CREATE TABLE key_credits (
  key_uid uuid PRIMARY KEY,
  remaining double precision NOT NULL CHECK (remaining >= 0),
  refilled_at double precision NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE key_usage (
  key_uid uuid NOT NULL,
  day integer NOT NULL, -- UTC, since the epoch
  accepted double precision NOT NULL,
  refused double precision NOT NULL,
  PRIMARY KEY (key_uid, day)
) WITH (fillfactor = 70);
CREATE INDEX key_usage_by_day ON key_usage (day);

-- What proves the tokens of keys that Knox issued, until each is shown here for the first time.
CREATE TABLE legacy_macs (
  key_uid uuid PRIMARY KEY,
  stand_in bytea NOT NULL CHECK (length(stand_in) = 32), -- where the fingerprint of the token shall be
  hash_key text NOT NULL, -- which one; the keys themselves are in config
  algorithm text NOT NULL,
  mac text NOT NULL,
  issue_time double precision NOT NULL,
  user_name text NOT NULL
);

-- What was imported once is never imported again: it may have been revoked since, and that be long forgotten.
CREATE TABLE imported_keys (
  id text COLLATE "C" PRIMARY KEY
);

CREATE TABLE owner_limits (
  owner text COLLATE "C" PRIMARY KEY,
  limits text NOT NULL -- JSON array
);

CREATE TABLE users (
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- the order of creation
  id text COLLATE "C" PRIMARY KEY,
  profile_ids text NOT NULL, -- JSON array, in the order given
  content text NOT NULL, -- JSON object
  created_by text COLLATE "C" NOT NULL,
  created_at double precision NOT NULL,
  updated_by text COLLATE "C",
  updated_at double precision
);

-- profile_id refers to no profile on purpose: users keep their profile ids while all profiles are replaced.
CREATE TABLE user_profile (
  profile_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (profile_id, user_id)
);
CREATE INDEX user_profile_by_user ON user_profile (user_id);

CREATE TABLE credentials (
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  owner text COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  username text COLLATE "C" NOT NULL UNIQUE,
  password_hash text NOT NULL
);

CREATE TABLE roles (
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id text COLLATE "C" PRIMARY KEY,
  controllers text NOT NULL, -- JSON object
  tags text, -- JSON array
  content text NOT NULL, -- JSON object
  created_by text COLLATE "C" NOT NULL,
  created_at double precision NOT NULL,
  updated_by text COLLATE "C",
  updated_at double precision,
  revision bigint NOT NULL -- value of access_revision at the last change
);

CREATE TABLE profiles (
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id text COLLATE "C" PRIMARY KEY,
  policies text NOT NULL, -- JSON array
  rate_limit double precision NOT NULL,
  tags text, -- JSON array
  content text NOT NULL, -- JSON object
  created_by text COLLATE "C" NOT NULL,
  created_at double precision NOT NULL,
  updated_by text COLLATE "C",
  updated_at double precision,
  revision bigint NOT NULL
);

CREATE TABLE profile_role (
  role_id text COLLATE "C" NOT NULL REFERENCES roles (id),
  profile_id text COLLATE "C" NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
  PRIMARY KEY (role_id, profile_id)
);
CREATE INDEX profile_role_by_profile ON profile_role (profile_id);

-- Grows with every change of a role, a profile, or who holds one. Whoever changes any of those locks it first, so that
-- such changes happen one after another; verifications only read it.
CREATE TABLE access_revision (
  one integer PRIMARY KEY CHECK (one = 1),
  value bigint NOT NULL
);
INSERT INTO access_revision (one, value) VALUES (1, 0);

CREATE TABLE sessions (
  fingerprint bytea PRIMARY KEY CHECK (length(fingerprint) = 32),
  owner text COLLATE "C" NOT NULL,
  ttl_ms double precision,
  expires_at double precision,
  single_use boolean NOT NULL,
  refreshed boolean NOT NULL,
  created_at double precision NOT NULL
);
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE INDEX sessions_by_end ON sessions (expires_at) WHERE expires_at IS NOT NULL;

-- Events are written by many at once, and numbered when somebody reads them: whoever reads on behind a number misses none
-- that was committed later.
CREATE TABLE audit_events (
  writer uuid NOT NULL, -- which opened store wrote it
  number bigint NOT NULL, -- counts the events of that writer; some may be missing
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sequence bigint, -- without gaps; NULL: not read yet
  at double precision NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('done', 'refused')),
  actor text NOT NULL,
  actor_key text,
  subject text NOT NULL,
  reason text,
  address text,
  carrier text NOT NULL,
  request_id text NOT NULL,
  local boolean NOT NULL,
  details text, -- JSON object
  PRIMARY KEY (writer, number)
);
CREATE UNIQUE INDEX audit_events_in_order ON audit_events (sequence) WHERE sequence IS NOT NULL;
CREATE INDEX audit_events_not_numbered ON audit_events (added_at, writer, number) WHERE sequence IS NULL;

-- Whoever numbers events locks it.
CREATE TABLE audit_position (
  one integer PRIMARY KEY CHECK (one = 1),
  last_sequence bigint NOT NULL
);
INSERT INTO audit_position (one, last_sequence) VALUES (1, 0);

CREATE FUNCTION audit_events_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.sequence IS NOT NULL OR to_jsonb(NEW) - 'sequence' <> to_jsonb(OLD) - 'sequence' THEN
    RAISE EXCEPTION 'audit events never change';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION audit_events_never_change();

CREATE TABLE config (
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL -- JSON object; empty while the transaction that creates it has not decided
);

-- Which answers to give again to requests that are made again. Never holds a secret.
CREATE TABLE idempotency (
  caller text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  request_digest text NOT NULL,
  resource text, -- id of what was created; NULL: still running
  reserved_at double precision NOT NULL,
  kept_until double precision NOT NULL,
  PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_by_end ON idempotency (kept_until);
