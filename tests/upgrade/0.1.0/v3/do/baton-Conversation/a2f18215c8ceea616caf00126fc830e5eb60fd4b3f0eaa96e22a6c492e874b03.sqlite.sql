CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      );
INSERT INTO "__miniflare_do_name" VALUES (1, 'customer/300000000000001/US.15550644097161565731');
INSERT INTO "event" VALUES ('', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"schema":1,"turn":{"holder":{"human":{"since_ms":1795382598644,"lease_until_ms":1795386198638,"messages":0,"answered_seq":0,"by_operator":true,"paused":true}},"token":1,"answerable_from":0},"waiting":{"since_ms":1795382598657,"warned":false},"place":{"home":["customer/300000000000001/15550644097"]},"echoes":[],"journal":[{"at_ms":1795382598644,"transition":"takeover","cause":"echo","token":1}],"pauses":[1],"forget_at_ms":1795987398610}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTA2NDQwOTcVAgASGBQ1QTJGNDRFOEIyMTJENjA4QjRGRQA=', 0, 'turn', 1838471781024768, 1, 0, 'withheld', 1795382598657, 'held_by_human', 1795382598000, 1795382598657, '{"is_text":true}', '{"object":"whatsapp_business_account","entry":[{"id":"200000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"},"contacts":[{"profile":{"name":"paused"},"wa_id":"15550644097","user_id":"US.15550644097161565731"}],"messages":[{"from":"15550644097","from_user_id":"US.15550644097161565731","id":"wamid.HBgLMTU1NTA2NDQwOTcVAgASGBQ1QTJGNDRFOEIyMTJENjA4QjRGRQA=","timestamp":"1795382598","type":"text","text":{"body":"may I come by?"}}]},"field":"messages"}]}]}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTA2NDQwOTcVAgASGBQwNENDRTgzODVCMTcyNEJFNTg5RQA=', 0, 'turn', 1838471780976640, 0, 1, 'delivered', 1795382598623, NULL, 1795382598000, 1795382598610, '{"is_text":true}', NULL);
INSERT INTO "_cf_METADATA" VALUES (1, 1795382608657000000);
