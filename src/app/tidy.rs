//! Forgets what is over, in small steps, but never by a clock that was just moved.
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Running;
use crate::base::Timestamp;
use crate::observe::Chain;
use crate::server::Stop;

pub(super) async fn follow(running: Arc<Running>, stop: Stop) {
    let lasting = &running.lasting;
    let (begun, mut patience) = (Instant::now(), Patience::default());
    let mut often = interval(TIDY_EVERY);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = stop.child_token();
    while stopping.run_until_cancelled(often.tick()).await.is_some() {
        let now = lasting.clock.now();
        let config = running.config.load_full();
        let longest = config.tokens.access_ttl.saturating_add(config.tokens.leeway);
        let tidied = if patience.may_forget(now, begun.elapsed(), longest) {
            lasting.revocations.sweep(now);
            lasting.store.forget_expired(now).await
        } else {
            lasting.store.forget_challenges(now).await
        };
        if let Err(error) = tidied {
            tracing::warn!(error = %Chain(&error), "cannot tidy the store; trying again later");
        }
    }
}

/// Whether the clock may be believed when it says that something is over.
///
/// A clock that is ahead and put right later would bring ended tokens back to life if their revocation was forgotten
/// meanwhile, and would have thrown away sessions. So nothing is forgotten until the clock has gone on steadily for as
/// long as a token lives: by then the tokens from before are over by any clock. Of a start nobody knows what was before.
#[derive(Debug, Default)]
struct Patience {
    /// The clock, and how long this process had lived, when it was looked at last.
    seen: Option<(Timestamp, Duration)>,
    /// The clock went on steadily since the process had lived so long.
    steady_since: Duration,
    /// A reload may make tokens shorter; those that are out stay as long as they are.
    longest: Duration,
}

impl Patience {
    fn may_forget(&mut self, now: Timestamp, lived: Duration, longest: Duration) -> bool {
        self.longest = self.longest.max(longest);
        if let Some((then, had_lived)) = self.seen.replace((now, lived)) {
            let expected = then.plus(lived.saturating_sub(had_lived));
            if now.since(expected) > STEP {
                tracing::warn!(
                    seconds = now.since(expected).as_secs(),
                    "the clock was put forward; nothing is forgotten for a while"
                );
                self.steady_since = lived;
            }
        }
        lived.saturating_sub(self.steady_since) >= self.longest
    }
}

const TIDY_EVERY: Duration = Duration::from_secs(60);
/// What a clock may gain between two looks and still be steady.
const STEP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(900);

    /// What it says at each look: (seconds lived, by how much the clock is off).
    fn looks(looks: &[(u64, u64)]) -> Vec<bool> {
        let mut patience = Patience::default();
        let at = |&(lived, off): &(u64, u64)| {
            let now = Timestamp::from_seconds(1_790_000_000 + lived + off);
            patience.may_forget(now, Duration::from_secs(lived), LIFE)
        };
        looks.iter().map(at).collect()
    }

    #[test]
    fn after_a_start_and_after_a_step_forward_nothing_is_forgotten_for_the_life_of_a_token() {
        assert_eq!(looks(&[(0, 0), (899, 0), (900, 0)]), [false, false, true]);
        let stepped = looks(&[(0, 0), (900, 0), (960, 3600), (1859, 3600), (1860, 3600)]);
        assert_eq!(stepped, [false, true, false, false, true]);
    }

    #[test]
    fn a_step_back_and_a_clock_that_drifts_hold_up_nothing() {
        assert_eq!(looks(&[(0, 3600), (900, 3600), (960, 0), (1020, 4)]), [false, true, true, true]);
    }

    #[test]
    fn tokens_that_are_out_count_although_new_ones_are_shorter() {
        let mut patience = Patience::default();
        let now = |lived: u64| Timestamp::from_seconds(1_790_000_000 + lived);
        assert!(!patience.may_forget(now(0), Duration::ZERO, LIFE));
        assert!(!patience.may_forget(now(100), Duration::from_secs(100), Duration::from_secs(60)));
    }
}
