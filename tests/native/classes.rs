//! Every sample of Meta's webhooks is what the design's table says it is.
//!
//! `tests/payloads/` holds one file per documented or observed payload; all ids and numbers in it are invented.
//! A file without a line here, or a line without a file, fails.

use std::collections::BTreeSet;

use crate::common::payloads;
use baton::ids::{Bsuid as UserId, Customer, Phone as PhoneNumber};
use baton::time::UnixMillis;
use baton::webhook;
use baton::webhook::event::Class::{
    self, Account, AppsOwn, Contact, Echo, EchoNote, Ghost, Identity, Receipt, Routing, Sync, Turn, Unknown,
};
use baton::webhook::event::Event;
use baton::webhook::facts::Amendment;

/// How a customer is named: by phone number and user id, by one of them, or not at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Names {
    Both,
    Bsuid,
    None,
    Phone,
}

use Names::{Both, Bsuid, Phone};

/// Every customer of the samples has one of these names.
const PHONES: [&str; 2] = ["15550109999", "15550107777"];
const BSUID: &str = "US.10000000000000000001";

/// Meta's seconds in the samples.
const WRITTEN: u64 = 1_793_700_000;
const STATUS: u64 = 1_793_700_010;
const ECHOED: u64 = 1_793_700_020;

/// File, class, customer, time, and what it says, as [`said`] shows it; a file with several events has several
/// lines, in their order.
const EXPECTED: &[(&str, Class, Names, Option<u64>, &str)] = &[
    ("account_update_account_offboarded", Account, Names::None, Some(WRITTEN), "ACCOUNT_OFFBOARDED"),
    ("account_update_account_reconnected", Account, Names::None, Some(1_793_700_300), "ACCOUNT_RECONNECTED"),
    ("account_update_disabled", Account, Names::None, Some(WRITTEN), "DISABLED_UPDATE"),
    ("account_update_partner_removed_account_disconnected", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_business_downgrade", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_change_number", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_coexistence_page", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_companion_inactivity", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_primary_inactivity", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_user_re_registered", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_partner_removed_waba_info", Account, Names::None, Some(WRITTEN), "PARTNER_REMOVED"),
    ("account_update_restriction", Account, Names::None, Some(WRITTEN), "ACCOUNT_RESTRICTION"),
    ("batch_mixed_fields_two_entries", Turn, Both, Some(WRITTEN), "text '¿Lo tienen en otro color? ñ 😀'"),
    ("batch_mixed_fields_two_entries", Receipt, Both, Some(STATUS), ""),
    // The echo carries the phone number only; the message before it says whose that is.
    ("batch_mixed_fields_two_entries", Echo, Both, Some(1_793_700_001), "text 'human reply' with content"),
    ("calls_connect_user_initiated", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("calls_status", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("calls_terminate", AppsOwn, Names::None, Some(1_793_700_200), ""),
    ("group_lifecycle_update_create", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("group_lifecycle_update_delete", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("group_participants_update_add", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("group_participants_update_left", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("group_settings_update", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("group_status_update_suspend", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("history_chunk_docs_shape", Sync, Names::None, None, ""),
    ("history_chunk_observed_shape", Sync, Names::None, None, ""),
    ("history_declined", Sync, Names::None, None, ""),
    ("history_media_inbound", Sync, Names::None, Some(1_793_000_000), ""),
    // `message_echoes` under `history` is the past, not a person who speaks.
    ("history_media_outbound_message_echoes", Sync, Names::None, Some(ECHOED), ""),
    ("message_template_status_update_approved", Account, Names::None, Some(WRITTEN), "APPROVED"),
    ("message_template_status_update_rejected", Account, Names::None, Some(WRITTEN), "REJECTED"),
    ("messages_audio_file", Turn, Both, Some(WRITTEN), "audio"),
    ("messages_audio_voice", Turn, Both, Some(WRITTEN), "audio"),
    ("messages_button", Turn, Both, Some(WRITTEN), "button 'Unsubscribe' chose Unsubscribe"),
    ("messages_contacts", Turn, Both, Some(WRITTEN), "contacts"),
    ("messages_contacts_shared_phone_request", Turn, Bsuid, Some(WRITTEN), "contacts"),
    ("messages_document", Turn, Both, Some(WRITTEN), "document 'caption'"),
    ("messages_edit", Turn, Both, Some(WRITTEN), "edit 'edited text' edits"),
    ("messages_edit_image_caption", Turn, Both, Some(WRITTEN), "edit 'Updated caption' edits"),
    ("messages_errors_value_level", Account, Names::None, None, ""),
    ("messages_group_text", AppsOwn, Names::None, Some(WRITTEN), ""),
    ("messages_image", Turn, Both, Some(WRITTEN), "image 'caption'"),
    ("messages_interactive_button_reply", Turn, Both, Some(WRITTEN), "interactive 'Cancel' chose cancel-button"),
    ("messages_interactive_call_permission_reply", Turn, Both, Some(WRITTEN), "interactive"),
    ("messages_interactive_list_reply", Turn, Both, Some(WRITTEN), "interactive 'Priority' chose priority_express"),
    ("messages_interactive_nfm_reply", Turn, Both, Some(WRITTEN), "interactive"),
    ("messages_interactive_without_payload_and_errors", Turn, Both, Some(WRITTEN), "interactive"),
    ("messages_location", Turn, Both, Some(WRITTEN), "location"),
    ("messages_order", Turn, Both, Some(WRITTEN), "order"),
    ("messages_reaction", Turn, Both, Some(WRITTEN), "reaction"),
    ("messages_reaction_removed_no_emoji", Turn, Both, Some(WRITTEN), "reaction"),
    ("messages_revoke", Turn, Both, Some(WRITTEN), "revoke revokes"),
    ("messages_sticker", Turn, Both, Some(WRITTEN), "sticker"),
    ("messages_system_customer_changed_number_legacy", Identity, Phone, Some(WRITTEN), "system now 15550108888"),
    (
        "messages_system_user_changed_number",
        Identity,
        Both,
        Some(WRITTEN),
        "system now 15550108888 US.10000000000000000002",
    ),
    ("messages_system_user_changed_user_id", Identity, Bsuid, Some(WRITTEN), "system now US.10000000000000000002"),
    ("messages_text_ctwa_referral", Turn, Both, Some(WRITTEN), "text 'Hi, I saw your ad' by an advertisement"),
    ("messages_text_forwarded", Turn, Both, Some(WRITTEN), "text 'fwd'"),
    ("messages_text_frequently_forwarded", Turn, Both, Some(WRITTEN), "text 'fwd'"),
    ("messages_text_legacy_phone_only", Turn, Phone, Some(WRITTEN), "text 'Does it come in another color?'"),
    ("messages_text_phone_and_bsuid", Turn, Both, Some(WRITTEN), "text '¿Lo tienen en otro color? ñ 😀'"),
    ("messages_text_referred_product", Turn, Both, Some(WRITTEN), "text 'about this item'"),
    ("messages_text_reply_context", Turn, Both, Some(WRITTEN), "text 'yes, that one'"),
    ("messages_text_username_no_phone", Turn, Bsuid, Some(WRITTEN), "text 'hello'"),
    ("messages_text_with_conversation_context", Turn, Both, Some(WRITTEN), "text 'I want a person'"),
    ("messages_unsupported", Turn, Both, Some(WRITTEN), "unsupported"),
    ("messages_unsupported_131060_ghost_then_real", Ghost, Both, Some(WRITTEN), "unsupported"),
    (
        "messages_unsupported_131060_ghost_then_real",
        Turn,
        Both,
        Some(WRITTEN),
        "text 'Hola, quiero información' by an advertisement",
    ),
    ("messages_video", Turn, Both, Some(WRITTEN), "video 'caption'"),
    ("messaging_handovers_control_passed", Routing, Phone, Some(WRITTEN), ""),
    ("messaging_handovers_control_taken", Routing, Phone, Some(WRITTEN), ""),
    ("messaging_handovers_observed_json_string_metadata", Routing, Phone, Some(WRITTEN), ""),
    ("messaging_handovers_observed_legacy_app_role", Routing, Phone, Some(WRITTEN), ""),
    ("messenger_message_echo", Unknown, Names::None, None, ""),
    ("messenger_pass_thread_control", Unknown, Names::None, None, ""),
    ("messenger_standby", Unknown, Names::None, None, ""),
    ("messenger_take_thread_control", Unknown, Names::None, None, ""),
    ("smb_app_state_sync_add", Contact, Both, Some(1_793_700_030), "add named Test Person"),
    // What names nobody is kept as part of the whole.
    ("smb_app_state_sync_one_malformed", Contact, Phone, Some(1_793_700_034), "add named Test Person"),
    ("smb_app_state_sync_one_malformed", Sync, Names::None, None, ""),
    ("smb_app_state_sync_remove", Contact, Both, Some(1_793_700_031), "remove"),
    ("smb_app_state_sync_two_contacts", Contact, Phone, Some(1_793_700_032), "add named Test"),
    ("smb_app_state_sync_two_contacts", Contact, Bsuid, Some(1_793_700_033), "add named testperson"),
    ("smb_message_echoes_edit", EchoNote, Both, Some(ECHOED), "edit 'corrected text' edits"),
    ("smb_message_echoes_edit_image_caption", EchoNote, Both, Some(ECHOED), "edit 'Updated caption' edits"),
    ("smb_message_echoes_image", Echo, Both, Some(ECHOED), "image 'here it is' with content"),
    ("smb_message_echoes_revoke", EchoNote, Both, Some(ECHOED), "revoke revokes"),
    ("smb_message_echoes_text_bsuid", Echo, Both, Some(ECHOED), "text 'I will take it from here' with content"),
    ("smb_message_echoes_text_legacy", Echo, Phone, Some(ECHOED), "text 'I will take it from here' with content"),
    ("smb_message_echoes_text_no_phone", Echo, Bsuid, Some(ECHOED), "text 'hi' with content"),
    ("smb_message_echoes_unsupported_errors", EchoNote, Both, Some(ECHOED), "unsupported"),
    ("standby_message", Routing, Both, Some(WRITTEN), ""),
    ("standby_message_echo", Routing, Phone, Some(WRITTEN), ""),
    ("standby_status", Routing, Both, Some(STATUS), ""),
    ("statuses_delivered", Receipt, Both, Some(STATUS), ""),
    ("statuses_delivered_bsuid_only", Receipt, Bsuid, Some(STATUS), ""),
    ("statuses_failed", Receipt, Phone, Some(STATUS), ""),
    ("statuses_group_aggregated", Receipt, Names::None, Some(STATUS), ""),
    ("statuses_group_aggregated", Receipt, Names::None, Some(STATUS), ""),
    ("statuses_played", Receipt, Both, Some(STATUS), ""),
    ("statuses_read", Receipt, Both, Some(STATUS), ""),
    ("statuses_sent_pre_v24_with_conversation", Receipt, Both, Some(STATUS), ""),
    ("statuses_sent_v24", Receipt, Both, Some(STATUS), ""),
    ("statuses_with_biz_opaque_callback_data", Receipt, Both, Some(STATUS), ""),
    ("user_preferences_stop", Account, Names::None, Some(WRITTEN), ""),
];

fn names(customer: Option<&Customer>) -> Names {
    let Some(customer) = customer else { return Names::None };
    if let Some(phone) = customer.phone() {
        assert!(PHONES.contains(&phone.as_str()), "{}", phone.as_str());
    }
    if let Some(bsuid) = customer.bsuid() {
        assert_eq!(bsuid.as_str(), BSUID);
    }
    match customer {
        Customer::Both(..) => Both,
        Customer::Bsuid(_) => Bsuid,
        Customer::Phone(_) => Phone,
    }
}

/// What an event says, in one line: type, text, what was chosen, what it is about, whence it comes, and who is
/// meant from here on. Nothing, where the event says nothing that the protocol looks at.
fn said(event: &Event<'_>) -> String {
    let facts = &event.facts;
    let amends = facts.amends.as_ref().map(|amends| match amends {
        Amendment::Edit(_) => "edits",
        Amendment::Revoke(_) => "revokes",
    });
    let renamed = event.renamed.as_ref().map(|renamed| {
        let names = [renamed.phone().map(PhoneNumber::as_str), renamed.bsuid().map(UserId::as_str)];
        format!("now {}", names.into_iter().flatten().collect::<Vec<_>>().join(" "))
    });
    let parts = [
        Some(facts.kind.clone()).filter(|kind| !kind.is_empty()),
        facts.text.as_ref().map(|text| format!("'{text}'")),
        facts.reply_id.as_ref().map(|id| format!("chose {id}")),
        amends.map(str::to_owned),
        facts.referral.then(|| "by an advertisement".to_owned()),
        facts.contact.as_ref().map(|name| format!("named {name}")),
        facts.content.as_ref().map(|_| "with content".to_owned()),
        renamed,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_sample_is_what_the_design_says() {
    let mut read = Vec::new();
    for payload in payloads() {
        for event in webhook::read(payload.body.as_bytes()).unwrap() {
            let at = event.sent_at.map(UnixMillis::as_seconds);
            if let Some(Amendment::Edit(id) | Amendment::Revoke(id)) = &event.facts.amends {
                let original = format!("\"original_message_id\": \"{}\"", id.as_str());
                assert!(payload.body.contains(&original), "{}", payload.name);
            }
            read.push((payload.name.clone(), event.class, names(event.scope.customer()), at, said(&event)));
        }
    }
    let expected: Vec<_> =
        EXPECTED.iter().map(|line| (line.0.to_owned(), line.1, line.2, line.3, line.4.to_owned())).collect();
    for (read, expected) in read.iter().zip(&expected) {
        assert_eq!(read, expected);
    }
    assert_eq!(read.len(), expected.len());
}

#[test]
fn every_sample_gives_every_event_an_id_of_its_own_but_for_the_ghost() {
    for payload in payloads() {
        let events = webhook::read(payload.body.as_bytes()).unwrap();
        let ids: BTreeSet<_> = events.iter().map(|event| event.id.clone()).collect();
        assert_eq!(ids.len(), events.len(), "{}", payload.name);
        // A delivery that is repeated has the same ids.
        let again = webhook::read(payload.body.as_bytes()).unwrap();
        assert!(again.iter().zip(&events).all(|(one, two)| one.id == two.id), "{}", payload.name);
    }
}
