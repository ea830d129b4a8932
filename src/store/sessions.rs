//! Sessions and their refresh tokens.
use std::time::Duration;

use super::engine::{Connection, Row, values};
use super::revocations::{self, Reach};
use super::strangers::{self, Done, Ended};
use super::types::digest;
use super::{Digest, NewSession, Oneself, OwnError, Revocation, Session, SessionKey, Store, StoreError, User};
use super::{familiar, oneself, people};
use crate::base::{Network, Secret, SessionId, Timestamp, UserId};

impl Store {
    /// Begins a session for a person whose password was found right. They are read again here, within the transaction:
    /// the token that follows says what is true now, and a password changed in the meantime opens nothing.
    pub(crate) async fn start_session(
        &self,
        user: &User,
        session: &NewSession,
        rehashed: Option<&Secret>,
    ) -> Result<Started, StoreError> {
        let mut on = self.engine.begin().await?;
        let Some(fresh) = people::by_id(&mut on, user.id).await? else { return Ok(Started::PasswordChanged) };
        if fresh.password_set_at != user.password_set_at {
            return Ok(Started::PasswordChanged);
        }
        if fresh.disabled {
            return Ok(Started::Disabled);
        }
        let live = begin(&mut on, fresh, session, rehashed).await?;
        on.commit().await?;
        Ok(Started::Begun(live))
    }

    /// Takes a refresh token and puts its successor in its place: one transaction, so that of fifty that come at once
    /// one rotates and the others are told its nonce.
    pub(crate) async fn rotate(&self, turn: &Turn) -> Result<Rotation, StoreError> {
        let mut on = self.engine.begin().await?;
        let find = "SELECT * FROM refresh_tokens WHERE hash = $1";
        let Some(row) = on.row(find, values![turn.presented.as_slice()]).await? else { return Ok(Rotation::Dead) };
        let token = Refresh::from_row(&row)?;
        let Some(live) = living(&mut on, token.session, turn.now).await? else { return Ok(Rotation::Dead) };
        // Dropped here, the transaction leaves the token as it was: it is good when the clocks agree.
        let ahead = live.session.issues_at(turn.now) > turn.issued_by;
        let rotation = match token.used {
            None if token.expires_at <= turn.now => return Ok(Rotation::Dead),
            None if ahead => return Ok(Rotation::Ahead),
            None => {
                exchange(&mut on, turn, token.session).await?;
                Rotation::Rotated(extend(&mut on, live, turn.now, turn.tokens_until, turn.expires_at).await?)
            }
            Some((used_at, _)) if turn.now.since(used_at) <= turn.grace && ahead => return Ok(Rotation::Ahead),
            Some((used_at, nonce)) if turn.now.since(used_at) <= turn.grace => {
                let expires_at = live.session.expires_at;
                let live = extend(&mut on, live, turn.now, turn.tokens_until, expires_at).await?;
                Rotation::Repeated { nonce, live }
            }
            Some(_) => {
                let revoked = end(&mut on, &live.session, By::Another, turn.now).await?;
                Rotation::Reused { live, revoked }
            }
        };
        on.commit().await?;
        Ok(rotation)
    }

    /// The session of a browser's cookie and its person, if it goes on; notes that it was used.
    pub(crate) async fn visit(&self, visit: &Visit) -> Result<Option<Live>, StoreError> {
        let find = "SELECT id, created_at FROM sessions WHERE cookie = $1";
        let row = self.engine.reader().await?.row(find, values![visit.cookie.as_slice()]).await?;
        // What nobody knows does not keep others from writing.
        let Some(row) = row else { return Ok(None) };
        let end = row.time("created_at")?.plus(visit.max);
        if end <= visit.now {
            return Ok(None);
        }
        let mut on = self.engine.begin().await?;
        let Some(live) = living(&mut on, row.session_id("id")?, visit.now).await? else { return Ok(None) };
        let expires_at = visit.now.plus(visit.idle).min(end);
        let live = extend(&mut on, live, visit.now, visit.tokens_until, expires_at).await?;
        on.commit().await?;
        Ok(Some(live))
    }

    /// The same without noting anything.
    pub(crate) async fn look(&self, cookie: &Digest, now: Timestamp) -> Result<Option<Live>, StoreError> {
        let mut on = self.engine.reader().await?;
        let find = "SELECT id FROM sessions WHERE cookie = $1";
        let Some(row) = on.row(find, values![cookie.as_slice()]).await? else { return Ok(None) };
        living(&mut on, row.session_id("id")?, now).await
    }

    /// The person behind a session that goes on.
    pub(crate) async fn live_session(&self, id: SessionId, now: Timestamp) -> Result<Option<Live>, StoreError> {
        living(&mut self.engine.reader().await?, id, now).await
    }

    /// How many sessions go on.
    pub(crate) async fn count_sessions(&self, now: Timestamp) -> Result<f64, StoreError> {
        let sql = "SELECT COUNT(*) AS many FROM sessions WHERE ended_at IS NULL AND expires_at > $1";
        let row = self.engine.reader().await?.row(sql, values![now]).await?;
        let many = row.as_ref().map(|row| row.int("many")).transpose()?.unwrap_or_default();
        Ok(f64::from(u32::try_from(many).unwrap_or(u32::MAX)))
    }

    /// The sessions of one person that go on, newest first.
    pub(crate) async fn live_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT * FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 \
            ORDER BY id DESC LIMIT 1000";
        on.rows(sql, values![user, now]).await?.iter().map(Session::from_row).collect()
    }

    /// The sessions of everybody that go on, newest first, from the one that precedes `before`.
    pub(crate) async fn all_live_sessions(
        &self,
        now: Timestamp,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let mut on = self.engine.reader().await?;
        // Greater than every id: letters come after digits.
        let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
        let sql = "SELECT * FROM sessions WHERE id < $1 AND ended_at IS NULL AND expires_at > $2 \
            ORDER BY id DESC LIMIT $3";
        on.rows(sql, values![before, now, i64::from(limit)]).await?.iter().map(Session::from_row).collect()
    }

    /// Signs one session out; `None` when there is none, or it ended before.
    pub(crate) async fn end_session(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<(Session, Revocation)>, StoreError> {
        self.end_one(id, By::Itself, now).await
    }

    /// The same by somebody else than whoever is signed in there.
    pub(crate) async fn end_session_of_another(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<(Session, Revocation)>, StoreError> {
        self.end_one(id, By::Another, now).await
    }

    async fn end_one(
        &self,
        id: SessionId,
        by: By,
        now: Timestamp,
    ) -> Result<Option<(Session, Revocation)>, StoreError> {
        let mut on = self.engine.begin().await?;
        let Some(session) = by_id(&mut on, id).await?.filter(|session| session.ended_at.is_none()) else {
            return Ok(None);
        };
        let revoked = end(&mut on, &session, by, now).await?;
        on.commit().await?;
        Ok(Some((session, revoked)))
    }

    /// Ends one session of somebody who asks for it in this or another one; `None` when they have none of that id.
    pub(crate) async fn end_own_session(
        &self,
        who: &Oneself,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<Revocation>, OwnError> {
        let mut on = self.begin_as(who, now).await?;
        let own = by_id(&mut on, id).await?.filter(|session| session.user == who.user && session.is_live(now));
        let Some(session) = own else { return Ok(None) };
        let by = if id == who.session { By::Itself } else { By::Another };
        let revoked = end(&mut on, &session, by, now).await?;
        on.commit().await?;
        Ok(Some(revoked))
    }

    /// The session that a refresh token belongs to, used or not.
    pub(crate) async fn session_of_refresh(&self, refresh: &Digest) -> Result<Option<SessionId>, StoreError> {
        let mut on = self.engine.reader().await?;
        let sql = "SELECT session_id FROM refresh_tokens WHERE hash = $1";
        on.row(sql, values![refresh.as_slice()]).await?.map(|row| row.session_id("session_id")).transpose()
    }

    /// The session of a refresh token that may still be used, and its person.
    pub(crate) async fn live_refresh(&self, refresh: &Digest, now: Timestamp) -> Result<Option<Live>, StoreError> {
        of_refresh(&mut self.engine.reader().await?, refresh, now).await
    }

    /// The session of a refresh token that stays good when it is used, and its person; notes that it was used.
    pub(crate) async fn use_refresh(
        &self,
        refresh: &Digest,
        now: Timestamp,
        tokens_until: Timestamp,
    ) -> Result<Option<Live>, StoreError> {
        let mut on = self.engine.begin().await?;
        let Some(live) = of_refresh(&mut on, refresh, now).await? else { return Ok(None) };
        let expires_at = live.session.expires_at;
        let live = extend(&mut on, live, now, tokens_until, expires_at).await?;
        on.commit().await?;
        Ok(Some(live))
    }

    /// Ends all sessions of one person, but for one.
    pub(crate) async fn end_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let mut on = self.engine.begin().await?;
        let revoked = end_all(&mut on, user, except, now).await?;
        on.commit().await?;
        Ok(revoked)
    }

    /// The same for somebody who asks for it, perhaps without the session that they ask in.
    pub(crate) async fn end_own_sessions(
        &self,
        who: &Oneself,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Ended, OwnError> {
        let mut on = self.begin_as(who, now).await?;
        let revoked = end_all(&mut on, who.user, except, now).await?;
        on.commit().await?;
        Ok(revoked)
    }
}

/// A session that goes on, and the person it belongs to as they are now.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) user: Box<User>,
    pub(crate) session: Box<Session>,
}

#[derive(Debug)]
pub(crate) enum Started {
    Begun(Live),
    /// Since the password was checked it was changed, or the person deleted.
    PasswordChanged,
    Disabled,
}

/// One turn of a session: a refresh token and what shall stand in its place.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) presented: Digest,
    /// Of the token derived from the presented one and `nonce`.
    pub(crate) successor: Digest,
    pub(crate) nonce: Digest,
    pub(crate) now: Timestamp,
    /// So long after its use a token may come again.
    pub(crate) grace: Duration,
    /// Of the successor, and with it of the session.
    pub(crate) expires_at: Timestamp,
    pub(crate) tokens_until: Timestamp,
    /// An access token that would be issued later than this would not be believed yet.
    pub(crate) issued_by: Timestamp,
}

/// A request that shows a browser's cookie.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) cookie: Digest,
    pub(crate) now: Timestamp,
    /// A session that is not used ends after this time ...
    pub(crate) idle: Duration,
    /// ... and after this one in any case.
    pub(crate) max: Duration,
    pub(crate) tokens_until: Timestamp,
}

#[derive(Debug)]
pub(crate) enum Rotation {
    /// The successor stands now.
    Rotated(Live),
    /// It was used a moment ago; its successor is the one that belongs to this nonce.
    Repeated { nonce: Digest, live: Live },
    /// It was used long ago: taken for theft, and the session ended.
    Reused { live: Live, revoked: Revocation },
    /// The session's tokens were ended by a clock that is too far ahead for a new one: nothing was changed.
    Ahead,
    /// Unknown, expired, of an ended session or of a disabled person.
    Dead,
}

/// Who ends a session. Where it is not whoever is signed in there, that may be a thief, and what was begun there is
/// forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Itself,
    Another,
}

struct Refresh {
    session: SessionId,
    expires_at: Timestamp,
    used: Option<(Timestamp, Digest)>,
}

impl Refresh {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let nonce = row.maybe_bytes("successor_nonce")?.map(digest).transpose()?;
        Ok(Self {
            session: row.session_id("session_id")?,
            expires_at: row.time("expires_at")?,
            used: row.maybe_time("used_at")?.zip(nonce),
        })
    }
}

/// Writes a session, what it is known by, and the time of the sign-in.
pub(super) async fn begin(
    on: &mut Connection,
    mut user: User,
    new: &NewSession,
    rehashed: Option<&Secret>,
) -> Result<Live, StoreError> {
    let (refresh, cookie) = match new.key {
        SessionKey::Refresh(refresh) => (Some(refresh), None),
        SessionKey::Cookie(cookie) => (None, Some(cookie)),
    };
    let values = values![
        new.id,
        user.id,
        new.now,
        new.expires_at,
        new.tokens_until,
        new.amr.join(" "),
        new.ip.map(|ip| ip.to_string()).as_deref(),
        new.user_agent.as_deref(),
        cookie.as_ref().map(<[u8; 32]>::as_slice),
    ];
    on.execute(INSERT_SESSION, values).await?;
    if let Some(refresh) = refresh {
        on.execute(INSERT_REFRESH, values![refresh.as_slice(), new.id, new.now, new.expires_at]).await?;
    }
    let signed_in = "UPDATE users SET last_login_at = $1, password_hash = COALESCE($2, password_hash) WHERE id = $3";
    on.execute(signed_in, values![new.now, rehashed.map(Secret::expose), user.id]).await?;
    familiar::seen(on, user.id, Network::of(new.ip), new.now).await?;
    user.last_login_at = Some(new.now);
    let session = by_id(on, new.id).await?.ok_or(StoreError::Unreadable("session"))?;
    Ok(Live { user: Box::new(user), session: Box::new(session) })
}

async fn exchange(on: &mut Connection, turn: &Turn, session: SessionId) -> Result<(), StoreError> {
    let used = "UPDATE refresh_tokens SET used_at = $1, successor_nonce = $2 WHERE hash = $3 AND used_at IS NULL";
    on.execute(used, values![turn.now, turn.nonce.as_slice(), turn.presented.as_slice()]).await?;
    on.execute(INSERT_REFRESH, values![turn.successor.as_slice(), session, turn.now, turn.expires_at]).await?;
    Ok(())
}

/// Notes that the session was used, and until when an access token may be believed that is asked for `now`.
async fn extend(
    on: &mut Connection,
    mut live: Live,
    now: Timestamp,
    tokens_until: Timestamp,
    expires_at: Timestamp,
) -> Result<Live, StoreError> {
    let session = &mut live.session;
    let issued_at = session.issues_at(now);
    session.last_seen_at = session.last_seen_at.max(issued_at);
    session.expires_at = expires_at;
    session.tokens_until = session.tokens_until.max(tokens_until.plus(issued_at.since(now)));
    let sql = "UPDATE sessions SET last_seen_at = $1, expires_at = $2, tokens_until = $3 WHERE id = $4";
    on.execute(sql, values![session.last_seen_at, session.expires_at, session.tokens_until, session.id]).await?;
    Ok(live)
}

async fn end(on: &mut Connection, session: &Session, by: By, now: Timestamp) -> Result<Revocation, StoreError> {
    if by == By::Another {
        oneself::forget_what_was_begun(on, session.user).await?;
    }
    on.execute("UPDATE sessions SET ended_at = $1 WHERE id = $2", values![now, session.id]).await?;
    revocations::of_session(on, session.id, session.tokens_until).await
}

async fn end_all(
    on: &mut Connection,
    user: UserId,
    except: Option<SessionId>,
    now: Timestamp,
) -> Result<Ended, StoreError> {
    let sessions = revocations::of_user(on, user, except, Reach::Sessions, now).await?;
    let strangers = strangers::of_person(on, user, Done::Changed, now).await?;
    oneself::forget_what_was_begun(on, user).await?;
    Ok(Ended { sessions, strangers })
}

async fn of_refresh(on: &mut Connection, refresh: &Digest, now: Timestamp) -> Result<Option<Live>, StoreError> {
    let sql = "SELECT session_id FROM refresh_tokens WHERE hash = $1 AND used_at IS NULL AND expires_at > $2";
    match on.row(sql, values![refresh.as_slice(), now]).await? {
        Some(row) => living(on, row.session_id("session_id")?, now).await,
        None => Ok(None),
    }
}

/// A session that goes on, and its person.
pub(super) async fn living(on: &mut Connection, id: SessionId, now: Timestamp) -> Result<Option<Live>, StoreError> {
    let Some(session) = by_id(on, id).await?.filter(|session| session.is_live(now)) else { return Ok(None) };
    let user = people::by_id(on, session.user).await?.filter(|user| !user.disabled);
    Ok(user.map(|user| Live { user: Box::new(user), session: Box::new(session) }))
}

async fn by_id(on: &mut Connection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row = on.row("SELECT * FROM sessions WHERE id = $1", values![id]).await?;
    row.as_ref().map(Session::from_row).transpose()
}

const INSERT_SESSION: &str = "INSERT INTO sessions (id, user_id, created_at, auth_time, last_seen_at, expires_at, \
    tokens_until, amr, ip, user_agent, cookie) VALUES ($1, $2, $3, $3, $3, $4, $5, $6, $7, $8, $9)";
const INSERT_REFRESH: &str =
    "INSERT INTO refresh_tokens (hash, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)";
