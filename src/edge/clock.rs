//! The one reader of the clock, and the one source of randomness.
//!
//! On the platform the clock stands still while code runs and moves on with I/O, which is all the same to a
//! core that takes the time as an argument.

use worker::js_sys::Date;

use crate::time::UnixMillis;

/// The present time.
///
/// The crate's own reader makes an object of the runtime's for each reading.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a clock is not negative"
)]
pub(super) fn now() -> UnixMillis {
    UnixMillis::new(Date::now() as u64)
}

/// A random number. Where the runtime has none to give, the middle of the range: retries then lose their
/// spread and nothing else.
pub(super) fn draw() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

/// A text that is nobody else's. Where the runtime has no randomness to give, the time takes its place.
pub(super) fn nonce() -> String {
    let random = getrandom::u64().unwrap_or_else(|_| now().as_millis());
    format!("{random:016x}")
}
