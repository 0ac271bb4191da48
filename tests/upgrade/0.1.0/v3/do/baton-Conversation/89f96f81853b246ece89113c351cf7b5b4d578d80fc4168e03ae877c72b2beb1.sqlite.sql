CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      );
INSERT INTO "__miniflare_do_name" VALUES (1, 'customer/300000000000001/US.15550735493752028565');
INSERT INTO "event" VALUES ('', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"schema":1,"turn":{"holder":"automation","token":0},"place":{"home":["customer/300000000000001/15550735493"]},"echoes":[],"journal":[],"forget_at_ms":1795987398318}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTA3MzU0OTMVAgASGBRCRDc1NDg0MjdCQzg5RUU5MjJFMwA=', 0, 'turn', 1838471780677632, 0, 1, 'delivered', 1795382598350, NULL, 1795382598000, 1795382598318, '{"is_text":true}', NULL);
INSERT INTO "_cf_METADATA" VALUES (1, 1795382618318000000);
