CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      );
INSERT INTO "__miniflare_do_name" VALUES (1, 'customer/300000000000001/US.15550795453170773590');
INSERT INTO "event" VALUES ('', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"schema":1,"turn":{"holder":"automation","token":0},"place":{"home":["customer/300000000000001/15550795453"]},"echoes":[],"journal":[],"forget_at_ms":1795987398737}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTA3OTU0NTMVAgASGBREQUQ0MTU5QkVGRDIxQUZCNUU5MAA=', 0, 'turn', 1838471781106688, 0, 1, 'in_flight', 1795382618737, NULL, 1795382598000, 1795382598737, '{"is_text":true}', '{"object":"whatsapp_business_account","entry":[{"id":"200000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"},"contacts":[{"profile":{"name":"hanging"},"wa_id":"15550795453","user_id":"US.15550795453170773590"}],"messages":[{"from":"15550795453","from_user_id":"US.15550795453170773590","id":"wamid.HBgLMTU1NTA3OTU0NTMVAgASGBREQUQ0MTU5QkVGRDIxQUZCNUU5MAA=","timestamp":"1795382598","type":"text","text":{"body":"hello?"}}]},"field":"messages"}]}]}');
INSERT INTO "_cf_METADATA" VALUES (1, 1795382618737000000);
