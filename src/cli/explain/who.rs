//! Who the request would come from: nobody, a person as if signed in now, or the bearer of a token.
use std::io::Read;
use std::sync::Arc;

use super::ExplainArgs;
use super::gather::CannotTell;
use crate::app::{kept_keys, key_ring};
use crate::authn::Authenticator;
use crate::base::{Clock, SessionId, Timestamp};
use crate::cli::people::people;
use crate::config::Loaded;
use crate::observe::{Audit, Chain};
use crate::shared::{Revocations, ServiceTokens};
use crate::store::{Store, User};
use crate::token::{self, Algorithm, KeyRing, Person, StoredKey, Tokens};

/// The caller, and what can judge the caller's token.
pub(super) struct Who {
    pub(super) authenticator: Authenticator,
    pub(super) tokens: Arc<Tokens>,
    pub(super) token: Option<String>,
    pub(super) user: Option<User>,
}

impl Who {
    pub(super) async fn find(args: &ExplainArgs, loaded: &Loaded, now: Timestamp) -> Result<Self, CannotTell> {
        if let Some(name) = &args.user {
            return Self::as_if_signed_in(name, loaded, now).await;
        }
        match given_token(args)? {
            Some(token) => Self::bearer_of(token, loaded, now).await,
            None => Ok(Self::new(passing_tokens(&loaded.config.tokens, now)?, Revocations::default(), None, None)),
        }
    }

    fn new(tokens: Tokens, revocations: Revocations, token: Option<String>, user: Option<User>) -> Self {
        let tokens = Arc::new(tokens);
        let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::new(revocations));
        Self { authenticator, tokens, token, user }
    }

    /// A real token, signed with a key that exists only for this answer: the same verification as for everybody.
    async fn as_if_signed_in(name: &str, loaded: &Loaded, now: Timestamp) -> Result<Self, CannotTell> {
        let store = open(loaded).await?;
        let found =
            people(loaded, store, Audit::default()).find(name).await.map_err(|error| unreachable_store(&error))?;
        let user = found.ok_or_else(|| CannotTell::NotThere(format!("there is no user {name:?}")))?;
        let tokens = passing_tokens(&loaded.config.tokens, now)?;
        let scopes = loaded.config.accounts.scopes_of(&user);
        let person = Person {
            id: user.id,
            username: user.username.as_ref(),
            email: user.email.as_ref(),
            name: user.name.as_deref(),
            roles: &user.roles,
            scopes: &scopes,
            attributes: &user.attributes,
        };
        let issued = tokens
            .issue(&person, SessionId::new(now), now, &["pwd"], now)
            .map_err(|error| CannotTell::Unreachable(Chain(&error).to_string()))?;
        Ok(Self::new(tokens, Revocations::default(), Some(issued.token), Some(user)))
    }

    pub(super) async fn bearer_of(token: String, loaded: &Loaded, now: Timestamp) -> Result<Self, CannotTell> {
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
        let who = Self::new(Tokens::new(ring, &loaded.config.tokens), revocations, Some(token), None);
        Ok(Self { authenticator: who.authenticator.and_machines(Arc::new(services)), ..who })
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

fn given_token(args: &ExplainArgs) -> Result<Option<String>, CannotTell> {
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

const MAX_TOKEN_FILE: u64 = 64 * 1024;

/// The clock of the command line.
pub(super) fn now() -> Timestamp {
    Clock::system().now()
}
