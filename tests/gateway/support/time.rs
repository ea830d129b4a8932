//! Waiting for a condition, never for a time.
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that ought to happen at once, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// What is promised within a second, on a machine that has other things to do as well. What would take longer than this waits
/// for something it should not wait for.
pub(crate) const A_BUSY_SECOND: Duration = Duration::from_secs(5);

/// Waits until `holds` says so and panics with `what` when it does not within `wait`.
pub(crate) fn until(what: &str, wait: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < wait, "waited {wait:?} for: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
