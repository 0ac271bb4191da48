//! The category of a template, which a message does not say and the policy may ask for.
//!
//! Invariant: a category that is not certain is none, so a template whose category cannot be learnt is fenced like any
//! other message. The Graph API is asked with the bot's own token, at most once in a while for each name, and only where
//! the policy names categories and does not name the template.

use core::cell::RefCell;
use std::rc::Rc;

use super::exchange::Exchange;
use super::{body, clock, inforce};
use crate::graph::answer::template_category;
use crate::graph::send::Sending;
use crate::ids::LineId;
use crate::limits::{TEMPLATES_ANSWER_BYTES_MAX, TEMPLATES_FRESH_FOR, TEMPLATES_REMEMBERED_MAX};
use crate::time::UnixMillis;

/// A template whose category is known.
struct Known {
    line: LineId,
    name: String,
    category: String,
    /// Until when it is believed.
    until: UnixMillis,
}

thread_local! {
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Meta's category of a message's template, where it matters.
pub(super) async fn category(exchange: &Exchange, line: &LineId, sending: &Sending) -> Option<String> {
    let name = sending.template.as_deref()?;
    let now = clock::now();
    let policy: Rc<_> = inforce::policy(&exchange.env, &exchange.settings, Some(line), now).await;
    let always = &policy.fence.always;
    if always.categories.is_empty() || always.has_template(name, None) {
        return None;
    }
    let of_name = |known: &&Known| known.line == *line && known.name == name && now < known.until;
    let known = KNOWN.with_borrow(|known| known.iter().find(of_name).map(|known| known.category.clone()));
    if known.is_some() {
        return known;
    }
    let account = exchange.settings.lines.account(line)?;
    let path = format!("{}/{}/message_templates", exchange.target.version, account.as_str());
    let mut response = exchange.look_up(&path, &[("name", name), ("fields", "name,category")]).await.ok()?;
    let text = body::read_text(&mut response, TEMPLATES_ANSWER_BYTES_MAX).await.ok()?;
    let category = template_category(&text, name)?;
    let (line, until) = (line.clone(), now.after(TEMPLATES_FRESH_FOR));
    KNOWN.with_borrow_mut(|known| {
        known.retain(|known| now < known.until);
        if known.len() < TEMPLATES_REMEMBERED_MAX {
            known.push(Known { line, name: name.to_owned(), category: category.clone(), until });
        }
    });
    Some(category)
}
