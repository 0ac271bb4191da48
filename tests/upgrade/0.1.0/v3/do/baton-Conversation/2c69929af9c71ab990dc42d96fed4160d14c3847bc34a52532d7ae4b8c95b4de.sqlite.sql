CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      );
INSERT INTO "__miniflare_do_name" VALUES (1, 'customer/300000000000001/US.15550273571460810332');
INSERT INTO "event" VALUES ('', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"schema":1,"turn":{"holder":"automation","token":0},"place":{"home":["customer/300000000000001/15550273571"]},"echoes":[],"journal":[],"forget_at_ms":1795987396626}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTAyNzM1NzEVAgASGBRBMDI3MTlGQjMwQzE4MjM4QjVERQA=', 0, 'turn', 1838471778945024, 0, 2, 'dead', 1795382597834, 'status_500', 1795382596000, 1795382596626, '{"is_text":true}', '{"object":"whatsapp_business_account","entry":[{"id":"200000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"},"contacts":[{"profile":{"name":"dead"},"wa_id":"15550273571","user_id":"US.15550273571460810332"}],"messages":[{"from":"15550273571","from_user_id":"US.15550273571460810332","id":"wamid.HBgLMTU1NTAyNzM1NzEVAgASGBRBMDI3MTlGQjMwQzE4MjM4QjVERQA=","timestamp":"1795382596","type":"text","text":{"body":"is anybody there?"}}]},"field":"messages"}]}]}');
INSERT INTO "_cf_METADATA" VALUES (1, 1795382617824000000);
