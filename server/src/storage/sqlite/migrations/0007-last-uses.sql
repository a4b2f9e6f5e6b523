-- When keys were used last, as far as it is later than what `keys` itself says. It is written for each key in use every few
-- seconds: here hundreds of them share a page, whereas a row of `keys` has much else to carry along.

CREATE TABLE key_last_uses (
  key_seq INTEGER PRIMARY KEY, -- as in key_usage: it stays when the key is revoked
  at REAL NOT NULL
) STRICT;
