//! Streams that outlive the moment they were allowed in: WebSocket, events, gRPC. Each is known by what stands behind it, a session
//! or a token that has none, and told when that ends. Ordinary requests are never entered here.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Revocations, ServiceTokens};
use crate::base::{Clock, SessionId, Timestamp, TokenId};
use crate::store::Store;

/// The streams of this process.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    live: Mutex<HashMap<u64, Entry>>,
    next: AtomicU64,
}

/// The token that opened a stream.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) behind: Behind,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// What a token ends with before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behind {
    Session(SessionId),
    /// Another holder of the key made it: its own id, or what it calls its person. It cannot be renewed here.
    Stranger {
        sub: Box<str>,
        token_id: Box<str>,
    },
    /// The token of a machine.
    Machine(TokenId),
}

impl Opened {
    fn is_revoked(&self, revocations: &Revocations, services: &ServiceTokens) -> bool {
        match &self.behind {
            Behind::Session(session) => revocations.is_revoked(*session, self.issued_at),
            Behind::Stranger { sub, token_id } => revocations.is_stranger_revoked(sub, token_id, self.issued_at),
            Behind::Machine(id) => !services.is_live(*id),
        }
    }
}

#[derive(Debug)]
struct Entry {
    opened: Opened,
    ended: CancellationToken,
}

/// One stream; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Live {
    streams: Arc<Streams>,
    number: u64,
    ended: CancellationToken,
}

impl Live {
    /// Ready when what allowed the stream has ended.
    pub(crate) fn ended(&self) -> WaitForCancellationFutureOwned {
        self.ended.clone().cancelled_owned()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.streams.live().remove(&self.number);
    }
}

impl Streams {
    /// Enters a stream; `None` when there are too many.
    pub(crate) fn enter(self: &Arc<Self>, opened: Opened) -> Option<Live> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let ended = CancellationToken::new();
        let mut live = self.live();
        if live.len() >= MOST {
            return None;
        }
        live.insert(number, Entry { opened, ended: ended.clone() });
        drop(live);
        Some(Live { streams: Arc::clone(self), number, ended })
    }

    /// Ends streams as what stands behind them ends, until `stop`. What was revoked, here or by another process, is in
    /// `revocations` and not in `services`; whether a token that has expired was renewed, the store knows.
    pub(crate) async fn follow(
        self: Arc<Self>,
        revocations: Arc<Revocations>,
        services: Arc<ServiceTokens>,
        store: Store,
        clock: Clock,
        stop: CancellationToken,
    ) {
        // Apart from each other: many tokens may expire together, and a store that is slow to tell about them must not keep the
        // streams of those alive who signed out meanwhile.
        let revoked = each_tick(|| {
            self.end_revoked(&revocations, &services);
            std::future::ready(())
        });
        tokio::select! {
            () = revoked => {}
            () = each_tick(|| self.look_after_expired(&store, clock.now())) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Asks the store once for all those whose token has expired; when it cannot be asked about one, all of them end.
    async fn look_after_expired(&self, store: &Store, now: Timestamp) {
        let mut away = false;
        for (number, session) in self.expired(now) {
            let until = match session.filter(|_| !away) {
                Some(session) => renewed_until(store, session, now).await.unwrap_or_else(|| {
                    away = true;
                    None
                }),
                None => None,
            };
            self.renew_or_end(number, until);
        }
    }

    fn end_revoked(&self, revocations: &Revocations, services: &ServiceTokens) {
        for Entry { opened, ended } in self.live().values() {
            if opened.is_revoked(revocations, services) {
                ended.cancel();
            }
        }
    }

    /// Which go on, and were opened with a token that has expired.
    fn expired(&self, now: Timestamp) -> Vec<(u64, Option<SessionId>)> {
        let live = self.live();
        let expired = live.iter().filter(|(_, entry)| entry.opened.expires_at <= now && !entry.ended.is_cancelled());
        let renewable = |opened: &Opened| match opened.behind {
            Behind::Session(session) => Some(session),
            Behind::Stranger { .. } | Behind::Machine(_) => None,
        };
        expired.map(|(number, entry)| (*number, renewable(&entry.opened))).collect()
    }

    fn renew_or_end(&self, number: u64, until: Option<Timestamp>) {
        if let Some(entry) = self.live().get_mut(&number) {
            match until {
                Some(until) => entry.opened.expires_at = until,
                None => entry.ended.cancel(),
            }
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        // An entry is whole or not there: a panic elsewhere does no harm to it.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn each_tick<F: Future<Output = ()>>(mut work: impl FnMut() -> F) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().await;
    }
}

/// Until when the session goes on, or its newest access token is believed; within is `None` when it is over. `None` of a store that
/// cannot be asked: it renews nothing, for a request with the expired token would be refused as well.
async fn renewed_until(store: &Store, session: SessionId, now: Timestamp) -> Option<Option<Timestamp>> {
    let live = match timeout(PATIENCE, store.live_session(session, now)).await {
        Ok(Ok(live)) => live,
        Ok(Err(error)) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "ended streams: cannot ask whether their sessions go on");
            return None;
        }
        Err(_) => {
            tracing::warn!("ended streams: the store does not tell in time whether their sessions go on");
            return None;
        }
    };
    // A browser renews nothing by itself: its session goes on until it ends.
    let until =
        live.map(|live| if live.session.by_cookie { live.session.expires_at } else { live.session.tokens_until });
    Some(until.filter(|until| *until > now))
}

/// Together with the quarter of a second in which revocations are read, well within the second that is promised.
const LOOK: Duration = Duration::from_millis(200);
/// A store that takes longer to tell about one session could not tell about many.
const PATIENCE: Duration = Duration::from_secs(2);
/// About 20 MB.
const MOST: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Revocation, TokenRevocation};

    fn at(second: u64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + second)
    }

    #[test]
    fn a_stream_ends_with_its_session_or_when_its_token_was_not_renewed() {
        let (streams, revocations) = (Arc::<Streams>::default(), Revocations::default());
        let one = SessionId::new(at(0));
        let opened = Opened { behind: Behind::Session(one), issued_at: at(0), expires_at: at(60) };
        let live = streams.enter(opened.clone()).unwrap();
        assert!(streams.expired(at(59)).is_empty());
        assert_eq!(streams.expired(at(60)), [(live.number, Some(one))]);
        streams.renew_or_end(live.number, Some(at(120)));
        assert!(streams.expired(at(60)).is_empty() && !live.ended.is_cancelled());
        streams.renew_or_end(live.number, None);
        assert!(live.ended.is_cancelled() && streams.expired(at(200)).is_empty());
        let second = streams.enter(opened).unwrap();
        revocations.apply(&[Revocation { session: one, not_before: at(1), expires_at: at(60) }]);
        streams.end_revoked(&revocations, &ServiceTokens::default());
        assert!(second.ended.is_cancelled());
        drop((live, second));
        assert!(streams.live().is_empty());
    }

    #[test]
    fn a_stream_without_a_session_ends_with_its_person_or_its_token() {
        let (streams, revocations, services) =
            (Arc::<Streams>::default(), Revocations::default(), ServiceTokens::default());
        let enter = |behind| streams.enter(Opened { behind, issued_at: at(0), expires_at: at(60) }).unwrap();
        let stranger =
            |sub: &str, token_id: &str| enter(Behind::Stranger { sub: sub.into(), token_id: token_id.into() });
        let (ann, bob, third) = (stranger("ann", "1"), stranger("bob", "2"), stranger("bob", "3"));
        let machine = enter(Behind::Machine(TokenId::new(at(0))));
        for subject in [TokenRevocation::of_person("ann"), TokenRevocation::of_token("2")] {
            revocations.apply_to_strangers(&TokenRevocation { subject, not_before: at(1), expires_at: at(60) });
        }
        streams.end_revoked(&revocations, &services);
        assert!([&ann, &bob, &machine].iter().all(|live| live.ended.is_cancelled()), "a token nobody knows is revoked");
        assert!(!third.ended.is_cancelled());
    }
}
