//! Where a person is signed in, and ending it: `GET {p}/sessions`, `DELETE {p}/sessions/{id}`, `POST {p}/logout-all`.
use std::net::IpAddr;

use std::time::Duration;

use http::{HeaderMap, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Endpoints, Problem, form, nothing, source};
use crate::authz::{Asks, Caller};
use crate::base::SessionId;
use crate::refusal::{Refusal, STORE_AWAY, own_response};
use crate::store::{OwnError, Session, StoreError, User};
use crate::wire::{Body, Inbound};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogoutAll {
    #[serde(default)]
    except_current: bool,
}

impl Endpoints {
    pub(super) async fn sessions(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let (user, current) = self.person(inbound).await?;
        let sessions = self.accounts.sessions(user.id).await.map_err(|error| away(&error))?;
        let items: Value = sessions.iter().map(|session| item(session, current)).collect();
        Ok(own_response(StatusCode::OK, "application/json", json!({ "items": items }).to_string()))
    }

    pub(super) async fn end_session(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let (user, current) = self.person(inbound).await?;
        let id = inbound.path().as_str().rsplit('/').next().and_then(SessionId::parse);
        let Some(id) = id.filter(|_| *inbound.method() == Method::DELETE) else {
            return Err(Refusal::named("no_route").into());
        };
        let ended = self.accounts.end_session(&user, current, id, &source(inbound)).await;
        if ended.map_err(refused)? { Ok(nothing()) } else { Err(Refusal::named("no_route").into()) }
    }

    pub(super) async fn logout_all(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, current, wish) = self.person_with(&mut inbound, form::json_or_nothing::<LogoutAll>).await?;
        let spared = wish.unwrap_or_default().except_current;
        self.accounts.logout_all(&user, current, spared, &source(&inbound)).await.map_err(refused)?;
        Ok(nothing())
    }

    /// The person whose token this is; one that another holder of the key made names them by what `sub` is said to hold.
    pub(super) async fn somebody(&self, inbound: &Inbound) -> Result<User, Problem> {
        let caller = self.authenticator.identify(inbound, Asks::Somebody, self.clock.now()).await?;
        let Caller::Known(identity) = caller else { return Err(Refusal::named("login_required").into()) };
        if identity.session().is_some() {
            return self.person(inbound).await.map(|(user, _)| user);
        }
        if identity.is_machine() {
            return Err(Refusal::named("token_invalid").into());
        }
        let found = self.accounts.people().find(identity.sub()).await.map_err(|error| away(&error))?;
        found.filter(|user| !user.disabled).ok_or_else(|| Refusal::named("session_ended").into())
    }

    /// The person whose token this is, their session, and what they sent. They are asked for when all of it is there: a body
    /// takes as long as its sender likes, and until then the session may be over, or the password another one.
    pub(super) async fn person_with<T>(
        &self,
        inbound: &mut Inbound,
        read: impl AsyncFnOnce(&HeaderMap, Body, Duration) -> Result<T, Refusal>,
    ) -> Result<(User, SessionId, T), Problem> {
        let body = inbound.take_body();
        let read = read(inbound.headers(), body, self.body_timeout).await;
        let (user, session) = self.person(inbound).await?;
        Ok((user, session, read?))
    }

    /// The person whose token this is, as the store knows them, and the session it belongs to.
    pub(super) async fn person(&self, inbound: &Inbound) -> Result<(User, SessionId), Problem> {
        let caller = self.authenticator.identify(inbound, Asks::Somebody, self.clock.now()).await?;
        let Caller::Known(identity) = caller else { return Err(Refusal::named("login_required").into()) };
        let Some(session) = identity.session() else { return Err(Refusal::named("token_invalid").into()) };
        let profile = self.accounts.profile(session).await.map_err(|error| away(&error))?;
        let user = profile.ok_or_else(|| Refusal::named("session_ended"))?;
        Ok((user, session))
    }
}

fn item(session: &Session, current: SessionId) -> Value {
    json!({
        "id": session.id.to_string(),
        "current": session.id == current,
        "created_at": session.created_at.to_string(),
        "last_seen_at": session.last_seen_at.to_string(),
        "ip": session.ip.as_ref().map(IpAddr::to_string),
        "user_agent": session.user_agent,
    })
}

/// Why somebody changed nothing of their own.
pub(super) fn refused(error: OwnError) -> Refusal {
    match error {
        OwnError::SessionEnded => Refusal::named("session_ended"),
        OwnError::PasswordChanged => Refusal::named("invalid_credentials"),
        OwnError::Store(error) => away(&error),
    }
}

/// The store is away: said in the log once, here, and to the client in one word.
pub(super) fn away(error: &StoreError) -> Refusal {
    tracing::error!(error = %crate::observe::Chain(error), "the store does not answer");
    Refusal::retry_after("unavailable", STORE_AWAY)
}
