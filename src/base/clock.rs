//! Time is handed in: a function that is told the time can be tested at any time.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub(crate) const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub(crate) const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, as JWT claims count them (RFC 7519, section 2, NumericDate).
    pub(crate) const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// With its fraction, as metrics tell times. Exact for the next 200,000 years: fewer than 2^53 milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    pub(crate) fn in_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    pub(crate) fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(wait)))
    }

    /// How long from `earlier` to this moment; zero when `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Milliseconds in the form databases keep them.
    pub(crate) fn as_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    pub(crate) fn from_i64(millis: i64) -> Self {
        Self(u64::try_from(millis).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with milliseconds, as JSON answers and logs show it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.as_i64()) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The longest that a token without a session may live, whatever the settings, and so what ended it is kept. The refresh tokens of
/// other stacks take thirty days or one if nothing else is said, and some take a year.
pub(crate) const LONGEST_MADE_ELSEWHERE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fn millis_of(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// Where the time comes from: the system, or a test that moves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// Milliseconds added to the system's time; moved by tests only.
    ahead: Option<Arc<AtomicU64>>,
}

impl Clock {
    pub(crate) fn system() -> Self {
        Self::default()
    }

    #[cfg(test)]
    /// A clock that goes on by itself and can be put forward.
    pub(crate) fn movable() -> Self {
        Self { ahead: Some(Arc::new(AtomicU64::new(0))) }
    }

    #[cfg(test)]
    /// Puts a movable clock forward; does nothing to the system's.
    pub(crate) fn advance(&self, by: Duration) {
        if let Some(ahead) = &self.ahead {
            ahead.fetch_add(millis_of(by), Ordering::Relaxed);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub(crate) fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let ahead = self.ahead.as_ref().map_or(0, |ahead| ahead.load(Ordering::Relaxed));
        Timestamp(millis_of(since).saturating_add(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp::from_millis(1_790_000_000_123).to_string(), "2026-09-21T14:13:20.123Z");
    }

    #[test]
    fn a_movable_clock_goes_forward() {
        let clock = Clock::movable();
        let before = clock.now();
        clock.advance(Duration::from_secs(60));
        assert!(clock.now().since(before) >= Duration::from_secs(60));
    }
}
