CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE event (id TEXT NOT NULL, part INTEGER NOT NULL, class TEXT, seq INTEGER, token INTEGER, attempts INTEGER, state TEXT, at_ms INTEGER, reason TEXT, sent_at_ms INTEGER, accepted_at_ms INTEGER, note TEXT, body TEXT, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      );
INSERT INTO "__miniflare_do_name" VALUES (1, 'customer/300000000000001/15550241452');
INSERT INTO "event" VALUES ('', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"schema":1,"turn":{"holder":{"human":{"since_ms":1795382598472,"lease_until_ms":1795386198464,"messages":0,"answered_seq":0,"by_operator":true,"paused":true}},"token":1,"answerable_from":0},"waiting":{"since_ms":1795382598487,"warned":false},"place":{"home":["customer/300000000000001/US.15550241452306506643"]},"echoes":[],"journal":[{"at_ms":1795382598472,"transition":"takeover","cause":"echo","token":1}],"pauses":[1],"forget_at_ms":1795987398393}');
INSERT INTO "event" VALUES ('wamid.HBgBMRUCABIYFEFFODc2MkRDQUVBODcxODdGQzI5AA==', 0, 'turn', 1838471780850688, 1, 0, 'withheld', 1795382598487, 'held_by_human', 1795382598000, 1795382598487, '{"is_text":true}', '{"object":"whatsapp_business_account","entry":[{"id":"200000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"},"contacts":[{"profile":{"name":"linked"},"user_id":"US.15550241452306506643"}],"messages":[{"from_user_id":"US.15550241452306506643","id":"wamid.HBgBMRUCABIYFEFFODc2MkRDQUVBODcxODdGQzI5AA==","timestamp":"1795382598","type":"text","text":{"body":"and now?"}}]},"field":"messages"}]}]}');
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTAyNDE0NTIVAgASGBQ2QUY4MkZDREQzODBGMzIyNTZGRAA=', 0, 'turn', 1838471780754432, 0, 1, 'delivered', 1795382598412, NULL, 1795382598000, 1795382598393, '{"is_text":true}', NULL);
INSERT INTO "event" VALUES ('wamid.HBgLMTU1NTAyNDE0NTIVAgASGBRGQUE5ODc4RTZBQjYzMjAwQkZCOQA=', 0, 'turn', 1838471780800512, 0, 1, 'delivered', 1795382598449, NULL, 1795382598000, 1795382598438, '{"is_text":true}', NULL);
INSERT INTO "_cf_METADATA" VALUES (1, 1795382608487000000);
