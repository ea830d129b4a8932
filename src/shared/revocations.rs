//! The local copy of what was revoked, asked on every request that carries a token.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::News;
use crate::base::{SessionId, Timestamp};
use crate::store::{Ended, Revocation, Store, StoreError, TokenRevocation};

/// Sessions whose access tokens are dead before their time. An entry lives as long as the last such token would, so the
/// table is as large as what was ended within one lifetime of a token.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    dead: papaya::HashMap<SessionId, Entry>,
    /// The same for tokens without a session, by [`TokenRevocation::subject`].
    strangers: papaya::HashMap<String, Entry>,
    /// How far the store was read. Held while reading, so that two readers do not do the same work.
    read_to: Mutex<(i64, i64)>,
    /// Said already that there are very many.
    crowded: AtomicBool,
    /// Asks for the store to be read now.
    woken: Notify,
    /// To the other nodes, where there is a way to tell them.
    outbox: Option<mpsc::Sender<News>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    not_before: Timestamp,
    expires_at: Timestamp,
}

impl Revocations {
    /// Tells the other nodes what is revoked here.
    pub(crate) fn telling(outbox: mpsc::Sender<News>) -> Self {
        Self { outbox: Some(outbox), ..Self::default() }
    }

    /// Puts in force what was revoked here, and tells the other nodes without waiting for them: what they do not hear, they read in the store.
    pub(crate) fn announce(&self, revoked: &[Revocation]) {
        self.apply(revoked);
        if revoked.is_empty() {
            self.tell(News::Look);
        }
        for &revoked in revoked {
            self.tell(News::Session(revoked));
        }
    }

    /// The same for all that a change to a person ended.
    pub(crate) fn announce_ended(&self, ended: &Ended) {
        for revoked in &ended.strangers {
            self.apply_to_strangers(revoked);
        }
        self.announce(&ended.sessions);
        if !ended.sessions.is_empty() && !ended.strangers.is_empty() {
            self.tell(News::Look);
        }
    }

    /// The same for tokens that have no session.
    pub(crate) fn announce_stranger(&self, revoked: &TokenRevocation) {
        self.apply_to_strangers(revoked);
        self.tell(News::Look);
    }

    fn tell(&self, news: News) {
        if let Some(outbox) = &self.outbox {
            // Nobody waits for a full one.
            let _: Result<(), _> = outbox.try_send(news);
        }
    }

    /// There may be something new in the store.
    pub(crate) fn look(&self) {
        self.woken.notify_one();
    }

    /// Is a token of this session, issued at that moment, dead? Takes no lock.
    pub(crate) fn is_revoked(&self, session: SessionId, issued_at: Timestamp) -> bool {
        !self.dead.is_empty() && self.dead.pin().get(&session).is_some_and(|entry| issued_at < entry.not_before)
    }

    /// Puts revocations in force. Of two for one session the one that reaches further counts; an earlier one never
    /// weakens a later one.
    pub(crate) fn apply<'a>(&self, revoked: impl IntoIterator<Item = &'a Revocation>) {
        let dead = self.dead.pin();
        for new in revoked {
            let further = |old: &Entry| Entry {
                not_before: old.not_before.max(new.not_before),
                expires_at: old.expires_at.max(new.expires_at),
            };
            let first = Entry { not_before: new.not_before, expires_at: new.expires_at };
            dead.update_or_insert(new.session, further, first);
        }
        // Dropping an entry would bring dead tokens back to life: rather tell the operator, and use the memory.
        if dead.len() > MANY && !self.crowded.swap(true, Ordering::Relaxed) {
            tracing::error!(revocations = dead.len(), "the table of revocations is very large; none is dropped");
        }
    }

    /// Is a token that has no session dead, by its own id or by what it calls its person? Takes no lock.
    pub(crate) fn is_stranger_revoked(&self, sub: &str, token_id: &str, issued_at: Timestamp) -> bool {
        let strangers = self.strangers.pin();
        let dead = |subject: &str| strangers.get(subject).is_some_and(|entry| issued_at < entry.not_before);
        !strangers.is_empty() && (dead(&TokenRevocation::of_person(sub)) || dead(&TokenRevocation::of_token(token_id)))
    }

    /// Puts one in force. Of two for one subject the later one counts: somebody enabled again may be spoken of again.
    pub(crate) fn apply_to_strangers(&self, revoked: &TokenRevocation) {
        let entry = Entry { not_before: revoked.not_before, expires_at: revoked.expires_at };
        self.strangers.pin().insert(revoked.subject.clone(), entry);
    }

    /// Reads what the store has gained since the last time; the first time, all of it.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let mut read_to = self.read_to.lock().await;
        loop {
            let page = store.revocations_since(read_to.0, PAGE).await?;
            self.apply(page.iter().map(|(_, revocation)| revocation));
            let Some((last, _)) = page.last() else { break };
            read_to.0 = *last;
        }
        loop {
            let page = store.token_revocations_since(read_to.1, PAGE).await?;
            page.iter().for_each(|(_, revoked)| self.apply_to_strangers(revoked));
            let Some((last, _)) = page.last() else { return Ok(()) };
            read_to.1 = *last;
        }
    }

    /// Follows the store until `stop`, so that what another process or node revokes is in force here within a second.
    ///
    /// The store is asked four times a second, and at once when it speaks by itself or another node does.
    pub(crate) async fn follow(self: Arc<Self>, store: Store, stop: CancellationToken) {
        self.follow_every(POLL, store, stop).await;
    }

    async fn follow_every(&self, poll: Duration, store: Store, stop: CancellationToken) {
        tokio::select! {
            () = self.read_along(poll, &store) => {}
            () = store.hear_revocations(|| self.look()) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn read_along(&self, poll: Duration, store: &Store) {
        let mut ticks = interval(poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.woken.notified() => {}
            }
            let read = self.load(store).await;
            if read.is_err() != failing {
                failing = read.is_err();
                say(&read);
            }
        }
    }

    /// Forgets entries whose last token has ended, if `now` may be believed.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let dead = self.dead.pin();
        for (session, entry) in &dead {
            if entry.expires_at <= now {
                // Asked again at the moment of removal: a later revocation may have come between.
                let _: Result<_, _> = dead.remove_if(session, |_, entry| entry.expires_at <= now);
            }
        }
        self.strangers.pin().retain(|_, entry| entry.expires_at > now);
        if dead.len() < MANY / 2 {
            self.crowded.store(false, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.dead.len()
    }
}

/// Once when it begins to fail, once when it works again.
fn say(read: &Result<(), StoreError>) {
    match read {
        Ok(()) => tracing::info!("revocations can be read again"),
        Err(error) => tracing::error!(
            error = error as &dyn std::error::Error,
            "cannot read revocations: what other processes end is not in force here until this works again"
        ),
    }
}

/// Four looks within the second that is promised.
const POLL: Duration = Duration::from_millis(250);
const PAGE: u32 = 1000;
/// About 100 MB. Reached when a million sessions end within one lifetime of a token.
const MANY: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, Email};
    use crate::servers::{Kind, Server};
    use crate::store::{Created, NewSession, NewUser, Server as DatabaseServer, SessionKey, Settings};

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(second: u64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + second)
    }

    fn revocation(session: SessionId, not_before: Timestamp, expires_at: Timestamp) -> Revocation {
        Revocation { session, not_before, expires_at }
    }

    #[test]
    fn tokens_from_before_are_dead_and_later_ones_live() {
        let revocations = Revocations::default();
        let (one, other) = (SessionId::new(at(0)), SessionId::new(at(0)));
        revocations.apply(&[revocation(one, at(10), at(100))]);
        assert!(revocations.is_revoked(one, at(9)));
        assert!(!revocations.is_revoked(one, at(10)));
        assert!(!revocations.is_revoked(other, at(9)));
    }

    #[test]
    fn an_earlier_revocation_never_weakens_a_later_one() {
        let revocations = Revocations::default();
        let session = SessionId::new(at(0));
        revocations.apply(&[revocation(session, Revocation::FOR_EVER, at(50)), revocation(session, at(10), at(100))]);
        assert!(revocations.is_revoked(session, at(99)));
        revocations.sweep(at(99));
        assert!(revocations.is_revoked(session, at(99)));
        revocations.sweep(at(100));
        assert_eq!(revocations.len(), 0);
    }

    /// Somebody signs in `there`, and is signed out there.
    async fn ends(there: &Store, number: u8) -> (SessionId, Timestamp) {
        let now = Clock::system().now();
        let session = NewSession {
            id: SessionId::new(now),
            key: SessionKey::Refresh([number; 32]),
            now,
            expires_at: now.plus(MINUTE),
            tokens_until: now.plus(MINUTE),
            amr: &["pwd"],
            ip: None,
            user_agent: None,
        };
        let email = Email::parse(&format!("ann{number}@example.com")).unwrap();
        let ann = NewUser { email: Some(email), ..NewUser::default() };
        assert!(matches!(there.create_user_signed_in(&ann, &session, None).await.unwrap(), Created::Made(_)));
        there.end_session(session.id, now).await.unwrap().unwrap();
        (session.id, now)
    }

    async fn dead_within_a_second(revocations: &Revocations, (session, now): (SessionId, Timestamp)) {
        tokio::time::timeout(Duration::from_secs(1), async {
            while !revocations.is_revoked(session, now) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("it is dead within a second");
    }

    #[tokio::test]
    async fn what_another_process_ends_is_dead_here_within_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::Sqlite { path: folder.path().join("store.db") };
        let (here, there) = (Store::open(&settings).await.unwrap(), Store::open(&settings).await.unwrap());
        let (revocations, stop) = (Arc::new(Revocations::default()), CancellationToken::new());
        let following = tokio::spawn(Arc::clone(&revocations).follow(here, stop.clone()));
        let ended = ends(&there, 1).await;
        dead_within_a_second(&revocations, ended).await;
        stop.cancel();
        following.await.unwrap();
        let fresh = Revocations::default();
        fresh.load(&there).await.unwrap();
        assert!(fresh.is_revoked(ended.0, ended.1), "after a restart too");
    }

    /// Nobody polls. What is seen at the first look and when the listener begins is two of them at most: the rest was told.
    #[tokio::test]
    async fn postgres_tells_by_itself_what_was_ended() {
        let Some(server) = Server::start(Kind::Postgres) else { return };
        let url = server.database("people");
        let place = || Settings::Server(Box::new(DatabaseServer::parse(&url, None, 4).unwrap()));
        let (here, there) = (Store::open(&place()).await.unwrap(), Store::open(&place()).await.unwrap());
        let (revocations, stop) = (Arc::new(Revocations::default()), CancellationToken::new());
        let (following, stopping) = (Arc::clone(&revocations), stop.clone());
        let never = Duration::from_secs(24 * 3600);
        let following = tokio::spawn(async move { following.follow_every(never, here, stopping).await });
        for number in 1..=6 {
            dead_within_a_second(&revocations, ends(&there, number).await).await;
        }
        stop.cancel();
        following.await.unwrap();
    }
}
