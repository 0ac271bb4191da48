//! Every line that `baton doctor` can say.
//!
//! Invariant: a line is made of this table and of one detail, which is an id of Meta's, a host, a status, a time or the
//! name of a setting: never a secret, a token or a customer. `docs/doctor.md` is this table for people, and
//! `tests/tool/doctor.rs` has a case for each of its rows.

use serde::Serialize;

/// How a check went.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Fine,
    /// Worth knowing; it works without.
    Note,
    /// It does not work as it should.
    Broken,
    /// The check could not be made.
    LeftOut,
}

impl State {
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Fine => "✓",
            Self::Note => "!",
            Self::Broken => "✗",
            Self::LeftOut => "–",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Line {
    /// What was looked at.
    pub check: &'static str,
    /// Which line of the table this is.
    pub finding: &'static str,
    pub state: State,
    /// What was found.
    pub told: String,
    /// What to do; empty where there is nothing to do.
    pub remedy: &'static str,
}

macro_rules! findings {
    ($($name:ident $state:ident $check:literal $id:literal $told:literal $remedy:literal)+) => {
        /// What a check can find.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Finding {
            $($name,)+
        }

        impl Finding {
            /// All of them, in the order of the report.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)+];

            const fn row(self) -> (&'static str, &'static str, State, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($check, $id, State::$state, $told, $remedy),)+
                }
            }
        }
    };
}

findings! {
    GateUnreachable Broken "gate" "gate_unreachable" "The gate at {} does not answer."
        "Is the address right? `baton setup` deploys it and remembers the address; a local one runs while `npm start` does."
    GateNotReady Broken "gate" "gate_not_ready" "The gate answers, but cannot work: {}"
        "Mend what it names (`npx wrangler secret put NAME`, or wrangler.toml and `npx wrangler deploy`). Meta repeats its deliveries until then."
    GateReady Fine "gate" "gate_ready" "The gate at {} is ready." ""
    VersionOther Note "version" "version_other" "The gate's version and this tool's differ: {}."
        "Deploy what this tool belongs to: `npx wrangler deploy`."
    VersionSame Fine "version" "version_same" "The gate and this tool have the version {}." ""
    HandshakeLeftOut LeftOut "handshake" "handshake_left_out" "META_VERIFY_TOKEN is not known here, so the handshake was not made."
        "Set META_VERIFY_TOKEN in the environment to have it checked; Meta asks for it only when a callback is saved."
    HandshakeWrong Broken "handshake" "handshake_wrong" "The gate refuses the handshake ({})."
        "The gate has another META_VERIFY_TOKEN: `npx wrangler secret put META_VERIFY_TOKEN`, or run `baton setup` again."
    HandshakeRight Fine "handshake" "handshake_right" "The gate passes Meta's handshake." ""
    SignatureLeftOut LeftOut "signature" "signature_left_out" "META_APP_SECRET is not known here, so no signed probe was sent."
        "Set META_APP_SECRET in the environment to have it checked."
    SignatureRefused Broken "signature" "signature_refused" "The gate refuses what is signed with META_APP_SECRET ({})."
        "The gate has another app secret: `npx wrangler secret put META_APP_SECRET` (App settings > Basic > App secret), or run `baton setup` again."
    SignatureUnchecked Broken "signature" "signature_unchecked" "What is wrongly signed is not refused with 401 ({})."
        "Something stands in front of the gate, or this is no gate: check the address and Cloudflare's rules for it."
    SignatureRight Fine "signature" "signature_right" "The gate takes what is signed by Meta's app, and refuses the rest." ""
    InsideLeftOut LeftOut "inside" "inside_left_out" "ADMIN_TOKEN is not known here, so the gate's own checks (storage, secrets, policy, bots) were left out."
        "Set ADMIN_TOKEN in the environment."
    InsideRefused Broken "inside" "inside_refused" "The gate does not know this ADMIN_TOKEN."
        "Use the one that `baton setup` showed, or set a new one: `npx wrangler secret put ADMIN_TOKEN`."
    InsideTooOld Note "inside" "inside_too_old" "This gate has no diagnosis: it is older than the tool."
        "Deploy what this tool belongs to: `npx wrangler deploy`."
    InsideSilent Broken "inside" "inside_silent" "The gate's own checks ended with {}."
        "Look into its log: `npx wrangler tail`."
    StorageBroken Broken "storage" "storage_broken" "{} cannot be reached from the gate."
        "Compare the bindings in wrangler.toml with the repository's, and deploy again; then look at Cloudflare's status page."
    StorageFine Fine "storage" "storage_fine" "The gate reaches its storage: {}." ""
    SecretPreviousInUse Note "secrets" "secret_previous_in_use" "{} is still used in its previous form."
        "Change it there too, then remove the previous one: docs/rotation.md."
    SecretRotating Note "secrets" "secret_rotating" "{} has two valid values, and the previous one is not used any more."
        "Remove the previous one: `npx wrangler secret delete NAME_PREVIOUS`."
    SecretsFine Fine "secrets" "secrets_fine" "The secrets are there: {}." ""
    PolicyMistakes Broken "policy" "policy_mistakes" "The policy has mistakes, so the last good one is in force: {}"
        "Mend it: `baton policy check` says where."
    PolicyObserves Note "policy" "policy_observes" "The policy only observes: everything passes, nothing is held back."
        "When you have seen enough, take `mode = \"observe\"` out of the policy."
    PolicyFine Fine "policy" "policy_fine" "The policy is valid and comes from {}." ""
    BotUnreachable Broken "bot" "bot_unreachable" "{} cannot be reached from the gate."
        "Is the bot running, and its address public? It stands in wrangler.toml as BOT_URL or under BOTS."
    BotRefuses Broken "bot" "bot_refuses" "{} refuses a signed probe."
        "The bot checks the signature with another secret than the gate signs with: set BOT_SECRET at the gate or change it at the bot. A 404 means another path."
    BotCredulous Note "bot" "bot_credulous" "{} also takes what is wrongly signed."
        "Anybody who knows its address can write to it as a customer: let the bot check x-hub-signature-256."
    BotAccepts Fine "bot" "bot_accepts" "{} takes a signed probe, and refuses a wrongly signed one." ""
    AlertsNobody Note "alerts" "alerts_nobody" "Nobody is told when something goes wrong."
        "Set ALERTS_URL or ALERTS_SLACK_URL (docs/desk.md, \"Alerts\")."
    AlertsFine Fine "alerts" "alerts_fine" "Alerts go to somebody." ""
    ClockOff Note "clock" "clock_off" "The clocks of this machine and of the gate differ by {}."
        "Set this machine's clock: times that the tool shows are wrong by as much."
    ClockFine Fine "clock" "clock_fine" "The clocks of this machine and of the gate agree." ""
    LineNeverHeard Note "line" "line_never_heard" "The gate has never heard of the number {}."
        "Write to the number from another phone. If this stays, see the callback and the fields above."
    LineDeaf Note "line" "line_deaf" "The gate has long heard nothing of the number {}."
        "Write to the number from another phone. If this stays, see the callback and the fields above; Meta may also have disconnected the number."
    LineHeard Fine "line" "line_heard" "The gate last heard of the number {}." ""
    MetaLeftOut LeftOut "token" "meta_left_out" "META_ACCESS_TOKEN is not known here, so nothing was asked of Meta."
        "Set META_ACCESS_TOKEN in the environment to have the number, the fields and the callback checked."
    MetaUnreachable LeftOut "token" "meta_unreachable" "Meta was not asked: {}."
        "Try again; Meta's status page is metastatus.com."
    TokenExpired Broken "token" "token_expired" "The access token has expired{}."
        "Make a new one: Business settings > System users > Generate token, expiration Never. Change it at the bot too."
    TokenInvalid Broken "token" "token_invalid" "Meta does not accept the access token."
        "Copy it again, or make a new one: Business settings > System users > Generate token."
    TokenOfOtherApp Broken "token" "token_of_other_app" "The access token belongs to another app: {}."
        "Make one for the app whose secret the gate has: Business settings > System users > Generate token, and choose the app."
    TokenExpiresSoon Note "token" "token_expires_soon" "The access token expires on {}."
        "Make one that does not: Business settings > System users > Generate token, expiration Never."
    TokenFine Fine "token" "token_fine" "The access token is valid{}." ""
    PermissionMissing Broken "permissions" "permission_missing" "The access token lacks the permission {}."
        "Business settings > System users > Generate token: tick whatsapp_business_management and whatsapp_business_messaging."
    PermissionsFine Fine "permissions" "permissions_fine" "The access token has both permissions for WhatsApp." ""
    AppLeftOut LeftOut "app" "app_left_out" "META_APP_SECRET is not known here, so the app's fields and callback were not looked at."
        "Set META_APP_SECRET in the environment."
    AppRefused Broken "app" "app_refused" "Meta does not accept the app's secret."
        "Copy it again: App settings > Basic > App secret > Show. The gate needs the same one, or refuses Meta."
    AppUnclear Broken "app" "app_unclear" "Meta does not tell the app's webhooks: {}."
        "Try again; if it stays, look at the app under developers.facebook.com."
    AppWithoutCallback Broken "app" "app_without_callback" "The app has no callback for WhatsApp, so nothing is sent to anybody."
        "`baton setup` sets it, or by hand: WhatsApp > Configuration > Webhook."
    FieldMessages Broken "fields" "field_messages_missing" "The field messages is not subscribed: no customer's message arrives."
        "`baton setup` again, or by hand: WhatsApp > Configuration > Webhook fields, tick messages."
    FieldEchoes Broken "fields" "field_smb_message_echoes_missing" "The field smb_message_echoes is not subscribed: the gate cannot know that a person has written, and the bot talks on."
        "`baton setup` again, or by hand: WhatsApp > Configuration > Webhook fields, tick smb_message_echoes."
    FieldAccount Note "fields" "field_account_update_missing" "The field account_update is not subscribed: the gate does not learn that the number was disconnected."
        "`baton setup` again, or by hand: WhatsApp > Configuration > Webhook fields, tick account_update."
    FieldContacts Note "fields" "field_smb_app_state_sync_missing" "The field smb_app_state_sync is not subscribed: rules that look at the phone's address book see nothing."
        "`baton setup` again, or by hand: WhatsApp > Configuration > Webhook fields, tick smb_app_state_sync."
    FieldsFine Fine "fields" "fields_fine" "All fields that the gate reads are subscribed." ""
    NumberNotFound Broken "number" "number_not_found" "The access token has no access to the number {}."
        "Business settings > System users > Assign assets: give it the WhatsApp account, with full control."
    NumberOfOtherApp LeftOut "number" "number_of_other_app" "The number {} belongs to another app, of which this token and secret learn nothing."
        "Run this again with that app's META_APP_ID, META_APP_SECRET and META_ACCESS_TOKEN."
    NumberUnclear LeftOut "number" "number_unclear" "Meta does not tell about the number {}."
        "Try again in some minutes."
    NumberDisconnected Broken "number" "number_disconnected" "The number {} is disconnected."
        "Connect it again in the Business App: Settings > Account > Business Platform. The gate hears nothing until then."
    NumberStatusOdd Note "number" "number_status_odd" "The status of the number {}."
        "WhatsApp Manager > Phone numbers says why."
    NumberNotOnApi Broken "number" "number_not_on_api" "The number {} is not on the Cloud API, so no webhooks are sent for it."
        "Connect it: Business App > Settings > Account > Business Platform, or through a provider's onboarding."
    NumberAlone Note "number" "number_alone" "The number {} is not in Coexistence: there is no Business App whose person the gate could hear."
        "Fine if persons answer elsewhere; otherwise connect the number from the Business App."
    NumberFine Fine "number" "number_fine" "The number {} is connected, and shared by the Business App and the API." ""
    AccountNotSubscribed Broken "callback" "account_not_subscribed" "The app does not get the webhooks of the account {}."
        "`baton setup` again: it subscribes the app to the account."
    CallbackUnclear LeftOut "callback" "callback_unclear" "Which callback is in force for the number {} is not known: Meta did not say."
        "Set META_APP_SECRET and META_ACCESS_TOKEN in the environment, and try again."
    CallbackNumberElsewhere Broken "callback" "callback_number_elsewhere" "An override of the number sends its messages past the gate: {}."
        "`baton setup` again: it takes the override away or points it at the gate. Somebody, or the bot's software, has set it."
    CallbackAccountElsewhere Broken "callback" "callback_account_elsewhere" "An override of the account sends its messages past the gate: {}."
        "`baton setup` again: it takes the override away or points it at the gate. Somebody, or the bot's software, has set it."
    CallbackAppElsewhere Broken "callback" "callback_app_elsewhere" "The app's callback sends the messages past the gate: {}."
        "`baton setup` again. If the bot's software sets its own callback when it starts, let it start without (docs/recipes/)."
    CallbackPartly Note "callback" "callback_partly" "An override brings messages to the gate, but account_update, standby and template news go to the app's callback: {}."
        "Choose the app callback in `baton setup`, if nothing else needs the app's."
    CallbackFine Fine "callback" "callback_fine" "Meta sends everything of the number {} to this gate." ""
}

impl Finding {
    /// The line, with its detail.
    pub(crate) fn of(self, detail: &str) -> Line {
        let (check, finding, state, told, remedy) = self.row();
        Line { check, finding, state, told: told.replace("{}", detail), remedy }
    }

    /// The line without a detail.
    pub(crate) fn line(self) -> Line {
        self.of("")
    }

    /// The row of the table, with the place of the detail shown as `…`.
    pub(crate) fn shown(self) -> Line {
        self.of("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_a_name_of_its_own_and_says_what_to_do() {
        let mut names: Vec<&str> = Finding::ALL.iter().map(|finding| finding.line().finding).collect();
        for finding in Finding::ALL {
            let line = finding.shown();
            assert!(line.told.ends_with('.') || line.told.ends_with('…'), "{}", line.told);
            assert_eq!(line.state == State::Fine, line.remedy.is_empty(), "{}", line.finding);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Finding::ALL.len());
    }
}
