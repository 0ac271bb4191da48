CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      );
INSERT INTO "__miniflare_do_name" VALUES (1, 'customer/300000000000001/US.15550190884353466870');
INSERT INTO "event" VALUES ('', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"schema":1,"turn":{"holder":"automation","token":0},"place":{"home":["customer/300000000000001/15550190884"]},"echoes":[],"journal":[],"forget_at_ms":1795987398707}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTAxOTA4ODQVAgASGBQ4QkQ4RUI3MUQzOEZFOUFCQzA3MgA=', 0, 'turn', 1838471781075968, 0, 1, 'waiting', 1795382601957, 'status_500', 1795382598000, 1795382598707, '{"is_text":true}', '{"object":"whatsapp_business_account","entry":[{"id":"200000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"},"contacts":[{"profile":{"name":"owed"},"wa_id":"15550190884","user_id":"US.15550190884353466870"}],"messages":[{"from":"15550190884","from_user_id":"US.15550190884353466870","id":"wamid.HBgLMTU1NTAxOTA4ODQVAgASGBQ4QkQ4RUI3MUQzOEZFOUFCQzA3MgA=","timestamp":"1795382598","type":"text","text":{"body":"a table for two, please"}}]},"field":"messages"}]}]}');
INSERT INTO "_cf_METADATA" VALUES (1, 1795382601957000000);
