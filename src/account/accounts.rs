//! What people do with their own account.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Letters, Limits, OldLogin, People};
use crate::base::{Scope, Secret, SessionId, UserId};
use crate::store::{Session, StoreError, User};
use crate::token::Tokens;

/// Sign-up, sign-in and sessions. Cheap to clone; after a reload a new one is made around the same store, hasher, limits
/// and revocations.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    pub(super) people: Arc<People>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) limits: Arc<Limits>,
    /// Asked about names that nobody has here.
    pub(super) old: Option<Arc<dyn OldLogin>>,
    pub(super) letters: Letters,
}

impl Accounts {
    pub(crate) fn new(people: People, tokens: Arc<Tokens>, limits: Arc<Limits>, letters: Letters) -> Self {
        Self { people: Arc::new(people), tokens, limits, old: None, letters }
    }

    /// The same, which asks an old login about names that nobody has here.
    pub(crate) fn asking(self, old: Option<Arc<dyn OldLogin>>) -> Self {
        Self { old, ..self }
    }

    pub(crate) fn letters(&self) -> &Letters {
        &self.letters
    }

    /// What an operator may do.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// The person behind a session that goes on, as they are now.
    pub(crate) async fn profile(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        let live = self.people.store.live_session(session, self.people.clock.now()).await?;
        Ok(live.map(|live| *live.user))
    }

    /// Where a person is signed in, newest first.
    pub(crate) async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.people.store.live_sessions(user, self.people.clock.now()).await
    }
}

/// Somebody who just signed in, or whose tokens were renewed.
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) session: SessionId,
    pub(crate) access_token: String,
    pub(crate) expires_in: Duration,
    /// What a program keeps.
    pub(crate) refresh_token: Option<Secret>,
    /// What a browser keeps.
    pub(crate) cookie: Option<Secret>,
    /// The person's own and those of their roles: what the access token says.
    pub(crate) scopes: Vec<Scope>,
}

/// Without the tokens.
impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("user", &self.user.id).field("session", &self.session).finish_non_exhaustive()
    }
}
