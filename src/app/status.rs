//! What `authgate status` tells: how the running gateway is, from what is counted anyway.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{Running, keys};
use crate::base::Timestamp;
use crate::observe::{Chain, Metrics, Totals};
use crate::proxy::Standing;
use crate::server::Stop;
use crate::token::next_change;

/// The counts of about the last minute, and since when there are any.
#[derive(Debug)]
pub(super) struct Recent {
    since: Timestamp,
    kept: Mutex<VecDeque<(Instant, Arc<Totals>)>>,
}

/// What was counted within a time.
struct Lately {
    totals: Totals,
    took: Duration,
}

impl Recent {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { since: now, kept: Mutex::new(VecDeque::from([(Instant::now(), Arc::default())])) }
    }

    /// Keeps the counts of this moment; what is older than needed is dropped.
    fn keep(&self, totals: Totals) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((Instant::now(), Arc::new(totals)));
        while kept.len() > 1 && kept.get(1).is_some_and(|(at, _)| at.elapsed() >= WINDOW) {
            kept.pop_front();
        }
    }

    /// From the latest that is a minute old, or else from the start.
    fn until_now(&self, totals: &Totals) -> Lately {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let old = kept.iter().rev().find(|(at, _)| at.elapsed() >= WINDOW).or(kept.front()).cloned();
        drop(kept);
        let (at, before) = old.unwrap_or_else(|| (Instant::now(), Arc::default()));
        Lately { totals: totals.since(&before), took: at.elapsed() }
    }
}

/// Twice a minute the counts are kept, away from where requests are served.
pub(super) async fn follow(running: Arc<Running>, stop: Stop) {
    let mut often = interval_at(Instant::now() + KEEP_EVERY, KEEP_EVERY);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = stop.child_token();
    while stopping.run_until_cancelled(often.tick()).await.is_some() {
        let totals = counted(&running.lasting.metrics).await;
        running.lasting.recent.keep(totals);
    }
}

/// There may be thousands of series: no worker is held up by them.
async fn counted(metrics: &Metrics) -> Totals {
    let metrics = metrics.clone();
    tokio::task::spawn_blocking(move || metrics.totals()).await.unwrap_or_default()
}

impl Running {
    pub(super) async fn status(&self) -> Value {
        let lasting = &self.lasting;
        let totals = counted(&lasting.metrics).await;
        let (now, gateway) = (lasting.clock.now(), self.gateway.load_full());
        let reloads = lasting.metrics.reloads();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "up_since": lasting.recent.since.to_string(),
            "up_seconds": now.since(lasting.recent.since).as_secs(),
            "file": self.file.display().to_string(),
            "read_at": read_at(reloads.read_at).to_string(),
            "reloads": reloads.good,
            "refused_reloads": reloads.bad,
            "last_reload": if reloads.last_was_good { "ok" } else { "refused" },
            "lately": lately(&lasting.recent.until_now(&totals)),
            "hash_queue": gateway.hasher.waiting(),
            "upstreams": gateway.proxy.standings().map(|(upstream, address, standing)| {
                json!({ "upstream": upstream, "address": address, "state": word(standing) })
            }).collect::<Vec<_>>(),
            "store": self.store_status().await,
            "keys": self.keys_status(now).await,
        })
    }

    async fn store_status(&self) -> Value {
        let begun = Instant::now();
        match timeout(STORE_PATIENCE, self.lasting.store.ping()).await {
            Ok(Ok(())) => json!({ "state": "ok", "took_ms": millis(begun.elapsed()) }),
            Ok(Err(error)) => json!({ "state": "failed", "message": Chain(&error).to_string() }),
            Err(_) => json!({ "state": "failed", "message": "it does not answer in time" }),
        }
    }

    async fn keys_status(&self, now: Timestamp) -> Value {
        let gateway = self.gateway.load_full();
        let tokens = &gateway.endpoints.tokens;
        let kept = timeout(STORE_PATIENCE, keys::kept_keys(&self.lasting.store, tokens.settings())).await;
        let next = kept.ok().and_then(Result::ok).and_then(|kept| next_change(&kept, tokens.settings(), now));
        json!({ "signing": tokens.keys().signing_kid(), "next_at": next.map(|next| next.to_string()) })
    }
}

fn lately(lately: &Lately) -> Value {
    let Lately { totals, took } = lately;
    let seconds = took.as_secs_f64().max(0.001);
    let share = if totals.requests == 0 { 0.0 } else { totals.unauthorized as f64 / totals.requests as f64 };
    json!({
        "seconds": tenths(took.as_secs_f64()),
        "requests": totals.requests,
        "requests_per_second": tenths(totals.requests as f64 / seconds),
        "unauthorized": totals.unauthorized,
        "unauthorized_percent": tenths(share * 100.0),
        "bad_gateway": totals.bad_gateway,
        "p99_ms": totals.p99().map(|seconds| tenths(seconds * 1000.0)),
        "logins": totals.sign_ins,
        "logins_per_minute": tenths(totals.sign_ins as f64 * 60.0 / seconds),
        "refused_logins": totals.refused_sign_ins,
    })
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Well => "ok",
        Standing::Failing => "failing",
        Standing::LeftOut => "left out",
        Standing::Ill => "unhealthy",
    }
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn millis(took: Duration) -> f64 {
    tenths(took.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was made of whole milliseconds")]
fn read_at(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0).round() as u64)
}

/// What "lately" is, at least.
const WINDOW: Duration = Duration::from_secs(60);
const KEEP_EVERY: Duration = Duration::from_secs(30);
const STORE_PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lately_is_since_the_start_and_later_a_minute_or_a_little_more() {
        let recent = Recent::new(Timestamp::from_seconds(1));
        let at = |requests| Totals { requests, ..Totals::default() };
        let look = |requests| {
            let lately = recent.until_now(&at(requests));
            (lately.totals.requests, lately.took.as_secs())
        };
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(look(5), (5, 20));
        for turn in 1..=6 {
            tokio::time::advance(Duration::from_secs(30)).await;
            recent.keep(at(turn * 10));
        }
        // Kept at 50, 80, 110, 140, 170 and 200 seconds.
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(look(100), (100 - 40, 70));
        assert!(recent.kept.lock().unwrap().len() <= 4);
    }
}
