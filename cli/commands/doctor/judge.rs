//! From what was learned to lines: the checks, without any network.
//!
//! Invariant: the same facts give the same lines, in the order of the table; what could not be learned gives a line that
//! says so and is no failure.
//!
//! Not here: what is asked of Meta (`meta`).

use baton::time::{Millis, UnixMillis};

use super::facts::{BotProbe, Diagnosis, Facts, Gate, Handshake, Health, Inside, SecretUse, Signature};
use super::line::{Finding, Line, State};
use super::meta;

/// The tool's version, which is that of the gate it belongs to.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Clocks that differ by more are worth a line: a request and its answer take a second or two at worst.
const CLOCKS_MAX: Millis = Millis::from_seconds(30);

/// Silence that is worth a line. Meta disconnects a number whose phone has been silent for 14 days, and the desk warns
/// after 11 (docs/desk.md); a shop may well be closed for three.
const SILENCE_MAX: Millis = Millis::from_seconds(3 * 86_400);

/// All lines of a report.
pub(crate) fn judge(facts: &Facts) -> Vec<Line> {
    let mut lines = gate(&facts.gate);
    if facts.gate.health != Health::Silent {
        lines.push(handshake(&facts.gate.handshake));
        lines.push(signature(facts.gate.signature));
    }
    // Whose inside cannot be asked because it is not ready has said so already.
    if facts.gate.health == Health::Ready {
        match &facts.gate.inside {
            Inside::LeftOut => lines.push(Finding::InsideLeftOut.line()),
            Inside::Refused => lines.push(Finding::InsideRefused.line()),
            Inside::TooOld => lines.push(Finding::InsideTooOld.line()),
            Inside::Silent(how) => lines.push(Finding::InsideSilent.of(how)),
            Inside::Told(diagnosis) => lines.extend(inside(diagnosis, &facts.gate.bots, facts.now)),
        }
    }
    lines.extend(meta::judge(facts));
    lines
}

/// Whether nothing is broken.
pub(crate) fn is_sound(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.state != State::Broken)
}

fn gate(gate: &Gate) -> Vec<Line> {
    match &gate.health {
        Health::Silent => vec![Finding::GateUnreachable.of(&gate.origin)],
        Health::NotReady(words) => vec![Finding::GateNotReady.of(words)],
        Health::Ready => vec![Finding::GateReady.of(&gate.origin)],
    }
}

fn handshake(handshake: &Handshake) -> Line {
    match handshake {
        Handshake::LeftOut => Finding::HandshakeLeftOut.line(),
        Handshake::Refused(status) => Finding::HandshakeWrong.of(&status.to_string()),
        Handshake::Right => Finding::HandshakeRight.line(),
    }
}

fn signature(signature: Signature) -> Line {
    match (signature.right, signature.wrong) {
        // A gate that is not ready refuses everything with 503, which is told elsewhere.
        (_, Some(status)) if status != 401 && status < 500 => Finding::SignatureUnchecked.of(&status.to_string()),
        (Some(200), _) => Finding::SignatureRight.line(),
        (Some(status), _) => Finding::SignatureRefused.of(&status.to_string()),
        (None, _) => Finding::SignatureLeftOut.line(),
    }
}

fn inside(diagnosis: &Diagnosis, bots: &[(String, BotProbe)], now: UnixMillis) -> Vec<Line> {
    let mut lines = Vec::new();
    if diagnosis.version == VERSION {
        lines.push(Finding::VersionSame.of(VERSION));
    } else {
        lines.push(Finding::VersionOther.of(&format!("{} and {VERSION}", diagnosis.version)));
    }
    let broken = diagnosis.checks.iter().filter(|check| !check.ok);
    let broken: Vec<Line> = broken.map(|check| Finding::StorageBroken.of(part(&check.name))).collect();
    if broken.is_empty() {
        let names: Vec<&str> = diagnosis.checks.iter().map(|check| part(&check.name)).collect();
        lines.push(Finding::StorageFine.of(&names.join(", ")));
    }
    lines.extend(broken);
    lines.extend(secrets(&diagnosis.secrets));
    lines.extend(policy(diagnosis));
    lines.extend(bots.iter().map(|(name, probe)| bot(name, probe)));
    let is_told = diagnosis.alerts.as_bool() == Some(true)
        || diagnosis.alerts.as_array().is_some_and(|list| !list.is_empty())
        || diagnosis.alerts.as_object().is_some_and(|map| map.values().any(|value| value.as_bool() == Some(true)));
    lines.push(if is_told { Finding::AlertsFine.line() } else { Finding::AlertsNobody.line() });
    lines.push(clock(UnixMillis::new(diagnosis.now_ms), now));
    for line in &diagnosis.lines {
        lines.push(match line.last_event_ms.filter(|at| *at > 0).map(UnixMillis::new) {
            None => Finding::LineNeverHeard.of(&line.line),
            Some(at) if now.since(at) > SILENCE_MAX => Finding::LineDeaf.of(&format!("{}, since {at}", line.line)),
            Some(at) => Finding::LineHeard.of(&format!("{} at {at}", line.line)),
        });
    }
    lines
}

/// What people call a part of the gate.
fn part(name: &str) -> &str {
    match name {
        "conversation" => "the conversations",
        "desk" => "the desk",
        "kv" => "the KV namespace",
        "office" => "the office",
        other => other,
    }
}

fn secrets(secrets: &[SecretUse]) -> Vec<Line> {
    let mut lines = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.previous_set) {
        let since = |at: Option<u64>| at.map(|at| format!(" (since {})", UnixMillis::new(at))).unwrap_or_default();
        lines.push(if secret.in_use.as_deref() == Some("previous") {
            Finding::SecretPreviousInUse.of(&format!("{}{}", secret.name, since(secret.since_ms)))
        } else {
            Finding::SecretRotating.of(&format!("{}{}", secret.name, since(secret.since_ms)))
        });
    }
    if lines.is_empty() {
        let known = secrets.iter().filter(|secret| secret.set);
        let shown = known.map(|secret| match secret.since_ms {
            Some(at) => format!("{} (in use since {})", secret.name, UnixMillis::new(at)),
            None => secret.name.clone(),
        });
        lines.push(Finding::SecretsFine.of(&shown.collect::<Vec<_>>().join(", ")));
    }
    lines
}

fn policy(diagnosis: &Diagnosis) -> Vec<Line> {
    let policy = &diagnosis.policy;
    let mut lines = Vec::new();
    if policy.mistakes.is_empty() {
        lines.push(Finding::PolicyFine.of(source(policy.source.as_deref())));
    } else {
        let told = policy.mistakes.iter().map(|mistake| format!("{} {}", mistake.path, mistake.reason));
        lines.push(
            Finding::PolicyMistakes.of(&format!("{}.", told.collect::<Vec<_>>().join("; ").trim_end_matches('.'))),
        );
    }
    if policy.mode.as_deref() == Some("observe") {
        lines.push(Finding::PolicyObserves.line());
    }
    lines
}

fn source(source: Option<&str>) -> &str {
    match source {
        Some("kv") => "the KV namespace",
        Some("deployment") => "wrangler.toml",
        Some("desk") => "the desk",
        Some(other) => other,
        None => "a place that could not be found out",
    }
}

fn bot(name: &str, probe: &BotProbe) -> Line {
    match (probe.reached, probe.status) {
        (true, Some(status)) if !(200..300).contains(&status) => Finding::BotRefuses.of(&format!("{name} ({status})")),
        (true, _) if probe.refuses_wrong_signature == Some(false) => Finding::BotCredulous.of(name),
        (true, _) => Finding::BotAccepts.of(name),
        (false, _) => Finding::BotUnreachable.of(name),
    }
}

fn clock(gate: UnixMillis, own: UnixMillis) -> Line {
    let apart = if gate > own { gate.since(own) } else { own.since(gate) };
    if apart > CLOCKS_MAX {
        Finding::ClockOff.of(&format!("{} s", apart.as_seconds()))
    } else {
        Finding::ClockFine.line()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probes_statuses_become_one_line() {
        for (right, wrong, expected) in [
            (Some(200), Some(401), "signature_right"),
            (Some(401), Some(401), "signature_refused"),
            (Some(503), Some(503), "signature_refused"),
            (Some(200), Some(200), "signature_unchecked"),
            (None, Some(200), "signature_unchecked"),
            (None, Some(401), "signature_left_out"),
            (None, None, "signature_left_out"),
        ] {
            assert_eq!(signature(Signature { right, wrong }).finding, expected, "{right:?} {wrong:?}");
        }
    }

    #[test]
    fn clocks_are_compared_both_ways() {
        let at = UnixMillis::from_seconds;
        for (gate, own, expected) in [
            (100, 100, "clock_fine"),
            (130, 100, "clock_fine"),
            (131, 100, "clock_off"),
            (100, 130, "clock_fine"),
            (100, 131, "clock_off"),
        ] {
            assert_eq!(clock(at(gate), at(own)).finding, expected, "{gate} {own}");
        }
    }

    #[test]
    fn a_bot_is_judged_by_what_it_did_with_both_probes() {
        for (reached, status, refuses, expected) in [
            (false, None, None, "bot_unreachable"),
            (true, Some(200), Some(true), "bot_accepts"),
            (true, Some(204), None, "bot_accepts"),
            (true, Some(200), Some(false), "bot_credulous"),
            (true, Some(401), Some(true), "bot_refuses"),
            (true, Some(404), Some(true), "bot_refuses"),
        ] {
            let probe = BotProbe { reached, status, refuses_wrong_signature: refuses };
            assert_eq!(bot("the bot", &probe).finding, expected, "{probe:?}");
        }
    }
}
