-- The words of the descriptions of owners with many keys, so that a search need not read every key. Owners with few
-- keys have no rows here. Keys after `indexed_to` are not in the index yet: searches read them themselves.

CREATE TABLE key_index_owner (
  no INTEGER PRIMARY KEY,
  owner TEXT NOT NULL UNIQUE REFERENCES owner_stats (owner) ON DELETE CASCADE,
  indexed_to INTEGER NOT NULL, -- seq of the last key in the index
  texts INTEGER NOT NULL, -- keys in the index with at least one word
  words INTEGER NOT NULL -- words of all those
) STRICT;

-- Up to 128 keys of a term in creation order; see storage/posting-block.ts for the bytes.
CREATE TABLE key_index_block (
  owner_no INTEGER NOT NULL REFERENCES key_index_owner (no) ON DELETE CASCADE,
  term TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  key_count INTEGER NOT NULL,
  postings BLOB NOT NULL,
  PRIMARY KEY (owner_no, term, first_seq)
) STRICT, WITHOUT ROWID;
