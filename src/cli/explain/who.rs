//! Who the request would come from: nobody, a person as if signed in now, or the bearer of a token.
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::ExplainArgs;
use super::gather::CannotTell;
use crate::account;
use crate::app::{kept_keys, key_ring};
use crate::authn::Authenticator;
use crate::base::{Clock, Scope, Secret, SessionId, Timestamp};
use crate::cli::people::people;
use crate::config::Loaded;
use crate::observe::{Audit, Chain};
use crate::shared::{Held, Resume, Revocations, ServiceTokens};
use crate::store::{Digest, Live, Store, StoreError, User};
use crate::token::{self, Algorithm, KeyRing, Person, StoredKey, Tokens};
use crate::wire::Door;

/// The caller, and what can judge the caller's token.
pub(super) struct Who {
    pub(super) authenticator: Authenticator,
    pub(super) tokens: Arc<Tokens>,
    pub(super) token: Option<String>,
    pub(super) user: Option<User>,
    /// Why this person cannot sign in at all.
    pub(super) shut_out: Option<ShutOut>,
}

/// A right password would not let this person in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShutOut {
    Disabled,
    Unverified,
    /// Tokens name people by what this one has not got.
    Nameless(&'static str),
}

impl ShutOut {
    fn of(user: &User, settings: &account::Settings) -> Option<Self> {
        if user.disabled {
            return Some(Self::Disabled);
        }
        if settings.verify_email && user.email.is_some() && !user.email_verified {
            return Some(Self::Unverified);
        }
        settings.lacks(user.username.is_some(), user.email.is_some()).map(Self::Nameless)
    }

    /// What a sign-in is answered with.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Disabled | Self::Nameless(_) => "account_disabled",
            Self::Unverified => "email_unverified",
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Self::Disabled => "is disabled: cannot sign in".to_owned(),
            Self::Unverified => "the address is not verified: cannot sign in".to_owned(),
            Self::Nameless(what) => format!("has no {what}, which tokens name people by: cannot sign in"),
        }
    }

    /// What lets this person sign in.
    pub(super) fn cure(self, name: &str) -> String {
        match self {
            Self::Disabled => format!("to let {name} sign in:  authgate user enable {name}"),
            Self::Unverified => format!("{name} follows the link in the mail that a sign-in sends"),
            Self::Nameless(_) => format!("to let {name} sign in, give what is missing:  authgate user edit {name}"),
        }
    }
}

impl Who {
    /// Nobody: the store is not needed to say so.
    pub(super) fn nobody(loaded: &Loaded, now: Timestamp) -> Result<Self, CannotTell> {
        Ok(Self::new(passing_tokens(&loaded.config.tokens, now)?, Revocations::default(), None, None))
    }

    fn new(tokens: Tokens, revocations: Revocations, token: Option<String>, user: Option<User>) -> Self {
        let tokens = Arc::new(tokens);
        let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::new(revocations));
        Self { authenticator, tokens, token, user, shut_out: None }
    }

    /// A real token, signed with a key that exists only for this answer: the same verification as for everybody. Who
    /// cannot sign in has none.
    pub(super) async fn as_if_signed_in(name: &str, loaded: &Loaded, now: Timestamp) -> Result<Self, CannotTell> {
        let store = open(loaded).await?;
        let found =
            people(loaded, store, Audit::default()).find(name).await.map_err(|error| unreachable_store(&error))?;
        let user = found.ok_or_else(|| CannotTell::NotThere(format!("there is no user {name:?}")))?;
        let tokens = passing_tokens(&loaded.config.tokens, now)?;
        if let Some(shut_out) = ShutOut::of(&user, &loaded.config.accounts) {
            let who = Self::new(tokens, Revocations::default(), None, Some(user));
            return Ok(Self { shut_out: Some(shut_out), ..who });
        }
        let scopes = loaded.config.accounts.scopes_of(&user);
        let issued = tokens
            .issue(&person(&user, &scopes), SessionId::new(now), now, &["pwd"], now)
            .map_err(|error| CannotTell::Unreachable(Chain(&error).to_string()))?;
        Ok(Self::new(tokens, Revocations::default(), Some(issued.token), Some(user)))
    }

    /// Whoever the gateway itself would know by what the request shows: its keys, its revocations, its places to look.
    /// `token` is the one to be told about step by step.
    pub(super) async fn shown(token: Option<String>, loaded: &Loaded, now: Timestamp) -> Result<Self, CannotTell> {
        let store = open(loaded).await?;
        let kept = kept_keys(&store, &loaded.config.tokens)
            .await
            .map_err(|error| CannotTell::Unreachable(Chain(&error).to_string()))?;
        let ring = key_ring(kept, &loaded.config.tokens, now)
            .map_err(|error| CannotTell::Unreachable(Chain(&error).to_string()))?;
        let revocations = Revocations::default();
        revocations.load(&store).await.map_err(|error| unreachable_store(&error))?;
        let services = ServiceTokens::default();
        services.load(&store).await.map_err(|error| unreachable_store(&error))?;
        let who = Self::new(Tokens::new(ring, &loaded.config.tokens), revocations, token, None);
        let look = Look { store, tokens: Arc::clone(&who.tokens), accounts: loaded.config.accounts.clone(), now };
        let authenticator = who
            .authenticator
            .and_machines(Arc::new(services))
            .and_browsers(Arc::default(), Arc::new(look), Arc::new(Door::new(&loaded.config.wire)))
            .looking(loaded.config.locations);
        Ok(Self { authenticator, ..who })
    }
}

/// A browser's session, looked up as the gateway does; only that nothing is written down.
#[derive(Debug)]
struct Look {
    store: Store,
    tokens: Arc<Tokens>,
    accounts: account::Settings,
    now: Timestamp,
}

impl Resume for Look {
    fn resume<'a>(
        &'a self,
        cookie: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Held>, StoreError>> + Send + 'a>> {
        Box::pin(async move { Ok(self.store.look(cookie, self.now).await?.and_then(|live| self.held(&live))) })
    }
}

impl Look {
    fn held(&self, live: &Live) -> Option<Held> {
        let (user, session) = (&live.user, &live.session);
        let scopes = self.accounts.scopes_of(user);
        let amr: Vec<&str> = session.amr.iter().map(String::as_str).collect();
        let made_at = session.issues_at(self.now);
        let issued = self.tokens.issue(&person(user, &scopes), session.id, session.auth_time, &amr, made_at).ok()?;
        let ends_at = session.expires_at.min(session.created_at.plus(self.accounts.session_max));
        if ends_at <= self.now {
            return None;
        }
        let token = Secret::new(issued.token);
        Some(Held { token, session: session.id, made_at, renew_at: self.now.plus(A_WHILE), ends_at })
    }
}

fn person<'a>(user: &'a User, scopes: &'a [Scope]) -> Person<'a> {
    Person {
        id: user.id,
        username: user.username.as_ref(),
        email: user.email.as_ref(),
        name: user.name.as_deref(),
        roles: &user.roles,
        scopes,
        attributes: &user.attributes,
    }
}

async fn open(loaded: &Loaded) -> Result<Store, CannotTell> {
    Store::open_existing(&loaded.config.store, loaded.config.migrate).await.map_err(|error| unreachable_store(&error))
}

fn unreachable_store(error: &(dyn std::error::Error + 'static)) -> CannotTell {
    CannotTell::Unreachable(format!("cannot read the store: {}", Chain(error)))
}

fn passing_tokens(settings: &token::Settings, now: Timestamp) -> Result<Tokens, CannotTell> {
    let key = StoredKey::generate(Algorithm::Es256, now).and_then(|key| KeyRing::new(&key, &[]));
    key.map(|ring| Tokens::new(ring, settings)).map_err(|error| CannotTell::Unreachable(Chain(&error).to_string()))
}

pub(super) fn given_token(args: &ExplainArgs) -> Result<Option<String>, CannotTell> {
    let Some(file) = &args.token_file else { return Ok(args.token.clone()) };
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_TOKEN_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_TOKEN_FILE).read_to_string(&mut text))
    };
    read.map_err(|error| CannotTell::Unreachable(format!("cannot read {}: {error}", file.display())))?;
    Ok(Some(text.trim().to_owned()))
}

/// Longer than one answer takes.
const A_WHILE: Duration = Duration::from_secs(60);
const MAX_TOKEN_FILE: u64 = 64 * 1024;

/// The clock of the command line.
pub(super) fn now() -> Timestamp {
    Clock::system().now()
}
