-- compatible from 0007
--
-- Results of searches that clients walk through, as they were found. Whatever process serves them goes on with them.
CREATE TABLE scrolls (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  total INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT 0, -- number of the next page
  size INTEGER NOT NULL, -- of its pages, in UTF-16 code units
  expires_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX scrolls_by_end ON scrolls (expires_at);

CREATE TABLE scroll_pages (
  scroll_id TEXT NOT NULL REFERENCES scrolls (id) ON DELETE CASCADE,
  number INTEGER NOT NULL, -- from 0
  hits TEXT NOT NULL, -- JSON array
  PRIMARY KEY (scroll_id, number)
) STRICT;
