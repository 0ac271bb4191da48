CREATE TABLE _mf_entries (
  key TEXT PRIMARY KEY,
  blob_id TEXT NOT NULL,
  expiration INTEGER,
  metadata TEXT
);
CREATE INDEX _mf_entries_expiration_idx ON _mf_entries(expiration);
INSERT INTO "_mf_entries" VALUES ('policy', 'fde55ccea0c81abefe7f3075e7a8b651eb8b5859ba2cadfb29b05d8be6762fb3000001a20524592c', NULL, NULL);
INSERT INTO "_mf_entries" VALUES ('policy.last_good', 'd2a4b906451caf3f9d4b91b0e8a4e72a2fbf6cc033ec29374a0b79d83c697dbb000001a20524593d', NULL, NULL);
