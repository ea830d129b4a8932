//! `Date` (RFC 9110, section 6.6.1), made once in a second for each thread.
use std::cell::RefCell;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

thread_local! {
    static MADE: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

/// Writes the time of now.
#[expect(clippy::disallowed_methods, reason = "a field for the log of others: nothing is decided by it")]
pub(super) fn write(out: &mut Vec<u8>) {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    MADE.with_borrow_mut(|(made, text)| {
        if *made != second || text.is_empty() {
            text.clear();
            // Writing to memory cannot fail.
            let _written = write!(text, "{}", HttpDate::from(now));
            *made = second;
        }
        out.extend_from_slice(text);
    });
}
