CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO "__miniflare_do_name" VALUES (1, 'broadcasts/300000000000001');
