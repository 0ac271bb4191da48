CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE attempt (address TEXT PRIMARY KEY, failures INTEGER NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE policy (version INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, note TEXT, document TEXT NOT NULL);
INSERT INTO "__miniflare_do_name" VALUES (1, 'office');
INSERT INTO "attempt" VALUES ('10d0c02d7e33a1ca93ab2cbbf2863d22', 10, 1795382898268);
INSERT INTO "policy" VALUES (1, 1795382596563, 'gives up soon', '{"stale_after_seconds":0,"lease_seconds":40,"warn_after_seconds":10,"hand_back_after_seconds":30,"rules":[{"name":"somebody may know","when":{"text":{"prefix":"who"}},"then":"human_first","human_first_seconds":60}],"retry_schedule_seconds":[0,1]}');
INSERT INTO "policy" VALUES (2, 1795382597925, 'gives up late', '{"stale_after_seconds":0,"lease_seconds":40,"warn_after_seconds":10,"hand_back_after_seconds":30,"rules":[{"name":"somebody may know","when":{"text":{"prefix":"who"}},"then":"human_first","human_first_seconds":60}],"retry_schedule_seconds":[0,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3]}');
