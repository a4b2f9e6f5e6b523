-- The words of descriptions in sorted segments rather than in one large tree: each batch of keys is written as a segment
-- of its own, and segments are merged now and then, so that creating a key need not change hundreds of pages.
--
-- The index holds nothing that the keys do not tell. Whenever descriptions are to become other words than before, such
-- as by a change of the analyzer, a migration empties it with `DELETE FROM key_index_owner`; it is made anew, batch by
-- batch, as keys of its owners are created or searched for.

DROP TABLE key_index_block;
DROP TABLE key_index_owner;

CREATE TABLE key_index_owner (
  no INTEGER PRIMARY KEY,
  owner TEXT NOT NULL UNIQUE REFERENCES owner_stats (owner) ON DELETE CASCADE,
  indexed_to INTEGER NOT NULL, -- seq of the last key in the index; searches read later keys themselves
  keys INTEGER NOT NULL, -- keys in the index
  texts INTEGER NOT NULL, -- those with at least one word
  words INTEGER NOT NULL -- words of all those
) STRICT;

-- The words of an owner's keys with `first_seq <= seq <= last_seq`. Every occurrence of a word is in one segment. While
-- some segments are merged into a new one, which spans them all, they have lost their words up to `merged_to` to it.
CREATE TABLE key_index_segment (
  no INTEGER PRIMARY KEY,
  owner_no INTEGER NOT NULL REFERENCES key_index_owner (no) ON DELETE CASCADE,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  bytes INTEGER NOT NULL, -- of its chunks, roughly
  merges_into INTEGER, -- the new segment, while it is merged
  merged_to TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX key_index_segment_in_order ON key_index_segment (owner_no, first_seq, last_seq DESC);

-- Consecutive words of a segment; see storage/term-chunk.ts for what the last three columns hold. Words that many keys
-- have go on from chunk to chunk.
CREATE TABLE key_index_chunk (
  no INTEGER PRIMARY KEY,
  segment_no INTEGER NOT NULL REFERENCES key_index_segment (no) ON DELETE CASCADE,
  first_term TEXT NOT NULL,
  last_term TEXT NOT NULL,
  last_seq INTEGER NOT NULL, -- the last key with the last word
  terms TEXT NOT NULL,
  counts BLOB NOT NULL,
  postings BLOB NOT NULL
) STRICT;
CREATE INDEX key_index_chunk_in_order ON key_index_chunk (segment_no, first_term, last_term, last_seq);
