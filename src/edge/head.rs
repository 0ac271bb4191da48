//! What a request says before its body: method, address, announced length, Meta's signature.
//!
//! Invariant: nothing is read twice, and nothing of the body. A delivery is routed, and refused where it must be, by
//! these alone.
//!
//! Why not `worker::Request`: it copies every header's object, Cloudflare's properties and the path out of the runtime
//! first. For the operator's API and the Graph API that will do.

use worker::web_sys;

use super::host;

/// The head of a request.
pub(super) struct Head(String);

impl Head {
    /// Reads it.
    pub(super) fn of(request: &web_sys::Request) -> Self {
        Self(host::head(request))
    }

    /// The method, by its name.
    pub(super) fn method(&self) -> &str {
        self.line(0).unwrap_or_default()
    }

    /// The whole address.
    pub(super) fn url(&self) -> &str {
        self.line(1).unwrap_or_default()
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &str {
        self.url().split_at_checked(self.path_begins()).unwrap_or_default().0
    }

    /// The path. The runtime gives addresses in their normal form: it begins behind the host and ends before the first
    /// question mark.
    pub(super) fn path(&self) -> &str {
        let path = self.url().split_at_checked(self.path_begins()).unwrap_or_default().1;
        path.split(['?', '#']).next().unwrap_or_default()
    }

    /// How many bytes the body has, where the request says so.
    pub(super) fn announced(&self) -> Option<usize> {
        self.line(2)?.parse().ok()
    }

    /// Meta's signature, as it was sent.
    pub(super) fn signature(&self) -> Option<&str> {
        self.line(3)
    }

    fn line(&self, at: usize) -> Option<&str> {
        self.0.split('\n').nth(at)
    }

    fn path_begins(&self) -> usize {
        let url = self.url();
        let host = url.find("://").map_or(0, |at| at.saturating_add(3));
        let behind = url.get(host..).and_then(|rest| rest.find('/'));
        behind.map_or(url.len(), |at| host.saturating_add(at))
    }
}
