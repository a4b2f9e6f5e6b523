-- The words of the descriptions of owners with many keys, so that a search need not read every key: in sorted segments,
-- each written once by whoever searches or keeps house, and now and then merged into larger ones. Creating a key changes
-- nothing of it. Owners with few keys have no rows here.
--
-- The index holds nothing that the keys do not tell. Whenever descriptions are to become other words than before, such as
-- by a change of the analyzer, a migration empties it with `DELETE FROM key_index_owner`; it is made anew, batch by batch.

CREATE TABLE key_index_owner (
  no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text COLLATE "C" NOT NULL UNIQUE REFERENCES owner_stats (owner) ON DELETE CASCADE,
  -- Transactions from this one on see this row, and note in key_index_gone what they change. Indexing begins when all
  -- earlier ones have ended; from then on it is 0, so that it means something after a move to another server, too.
  noted_from xid8,
  indexed_to bigint NOT NULL DEFAULT 0, -- seq of the last key in the index; searches read later keys themselves
  keys bigint NOT NULL DEFAULT 0, -- keys in the index, those in key_index_gone included
  texts bigint NOT NULL DEFAULT 0, -- those with at least one word
  words bigint NOT NULL DEFAULT 0 -- words of all those
) WITH (fillfactor = 50);

-- The words of an owner's keys with `first_seq <= seq <= last_seq`. No two segments of an owner have keys in common, and
-- none ever changes: its chunks are written with it and go with it.
CREATE TABLE key_index_segment (
  no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner_no bigint NOT NULL REFERENCES key_index_owner (no) ON DELETE CASCADE,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  bytes bigint NOT NULL, -- of its chunks, roughly
  -- What nodes remember of it by: a server that takes over may give a number once more.
  id uuid NOT NULL DEFAULT gen_random_uuid()
);
CREATE INDEX key_index_segment_in_order ON key_index_segment (owner_no, first_seq);

-- Consecutive words of a segment; see storage/term-chunk.ts for what the last three columns hold. Words that many keys
-- have go on from chunk to chunk. Chunks stay in their rows as they are, two in a page.
CREATE TABLE key_index_chunk (
  segment_no bigint NOT NULL REFERENCES key_index_segment (no) ON DELETE CASCADE,
  place integer NOT NULL, -- in the segment
  first_term text COLLATE "C" NOT NULL,
  last_term text COLLATE "C" NOT NULL,
  terms text COLLATE "C" NOT NULL,
  counts bytea NOT NULL,
  postings bytea NOT NULL,
  PRIMARY KEY (segment_no, place)
) WITH (toast_tuple_target = 8160);
ALTER TABLE key_index_chunk ALTER COLUMN terms SET STORAGE MAIN, ALTER COLUMN counts SET STORAGE MAIN,
  ALTER COLUMN postings SET STORAGE MAIN;
CREATE INDEX key_index_chunk_by_term ON key_index_chunk (segment_no, first_term, place);

-- Keys that have ended or got another description since they were indexed, or may have been indexed, each with the
-- description that it had then: searches leave them out of the index, and read those that are still there. Refers to no
-- table, so that nobody who changes a key waits for who indexes.
CREATE TABLE key_index_gone (
  owner_no bigint NOT NULL,
  seq bigint NOT NULL,
  description text NOT NULL,
  changes bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (owner_no, seq)
);

CREATE FUNCTION key_index_forget_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM key_index_gone WHERE owner_no = OLD.no;
  RETURN NULL;
END
$$;
CREATE TRIGGER key_index_forget_owner AFTER DELETE ON key_index_owner
  FOR EACH ROW EXECUTE FUNCTION key_index_forget_owner();

-- Triggers, so that no statement forgets it, those of earlier versions on other nodes included. A key that is there
-- already keeps the description that the index may have; its row is changed in any case, so that whoever is about to
-- remove it, having indexed an older description, notices.

CREATE FUNCTION key_index_note_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO key_index_gone AS gone (owner_no, seq, description)
    SELECT indexed.no, removed.seq, removed.description
    FROM removed JOIN key_index_owner AS indexed ON indexed.owner = removed.owner
    ORDER BY 1, 2
    ON CONFLICT (owner_no, seq) DO UPDATE SET changes = gone.changes + 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER key_index_note_removed AFTER DELETE ON keys REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION key_index_note_removed();

CREATE FUNCTION key_index_note_reworded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO key_index_gone AS gone (owner_no, seq, description)
    SELECT no, OLD.seq, OLD.description FROM key_index_owner WHERE owner = OLD.owner
    ON CONFLICT (owner_no, seq) DO UPDATE SET changes = gone.changes + 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER key_index_note_reworded AFTER UPDATE OF description ON keys
  FOR EACH ROW WHEN (OLD.description IS DISTINCT FROM NEW.description) EXECUTE FUNCTION key_index_note_reworded();

-- Of one owner's keys those of a time, or ordered by it, with their number told by the index alone.
CREATE INDEX keys_by_creation ON keys (owner, created_at, seq);
-- PostgreSQL reads an index alone only when that has the columns, too, which its expressions are made of.
CREATE INDEX keys_of_owner_by_end ON keys (owner, (coalesce(expires_at, -1)), seq) INCLUDE (expires_at);
