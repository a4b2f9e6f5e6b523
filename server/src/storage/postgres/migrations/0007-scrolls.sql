-- compatible from 0001
--
-- Results of searches that clients walk through, as they were found. Whatever node serves them goes on with them. Not logged:
-- after a crash of the server, clients search again.
CREATE UNLOGGED TABLE scrolls (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  total bigint NOT NULL,
  position bigint NOT NULL DEFAULT 0, -- number of the next page
  size bigint NOT NULL, -- of its pages, in UTF-16 code units
  expires_at double precision NOT NULL
);
CREATE INDEX scrolls_by_end ON scrolls (expires_at);

CREATE UNLOGGED TABLE scroll_pages (
  scroll_id text COLLATE "C" NOT NULL REFERENCES scrolls (id) ON DELETE CASCADE,
  number bigint NOT NULL, -- from 0
  hits text NOT NULL, -- JSON array
  PRIMARY KEY (scroll_id, number)
);
