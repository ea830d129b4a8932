//! What programs ask about tokens: `POST {p}/introspect` (RFC 7662) and `POST {p}/revoke` (RFC 7009).
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::form::{self, Pairs, PairsError};
use super::token::{AWAY, INVALID_REQUEST};
use super::{Endpoints, Problem, nothing, source};
use crate::authz::{Asks, Caller};
use crate::base::{Email, Role, Scope, Secret};
use crate::refusal::{Refusal, own_response};
use crate::token::{Identity, SERVICE_TOKEN_PREFIX};
use crate::wire::{Body, Inbound};

impl Endpoints {
    /// Whether a token is good, and what it says. A token that is not good is told of with one word, whatever is wrong.
    pub(super) async fn introspect(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form = form::parameters(inbound.headers(), body, self.body_timeout).await;
        // When all of it is there: until then the machine's token may be revoked.
        self.machine_that_may(&inbound, INTROSPECT).await?;
        let token = asked(form)?;
        let said = match self.authenticator.verify(token.expose(), self.clock.now()) {
            Ok(identity) => self.told(&identity),
            Err(_) => self.told_of_refresh(&token).await?,
        };
        Ok(own_response(StatusCode::OK, "application/json", said.to_string()))
    }

    /// Ends what the token stands for: its session, or the machine's access. Who holds a token may revoke it.
    pub(super) async fn revoke(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let token = asked(form::parameters(inbound.headers(), body, self.body_timeout).await)?;
        let source = source(&inbound);
        let done = if token.expose().starts_with(SERVICE_TOKEN_PREFIX) {
            self.accounts.people().revoke_shown(&token, &source).await
        } else if let Some(Ok(identity)) = self.made_elsewhere(&token) {
            self.accounts.end_stranger_refresh(&identity, &source).await
        } else {
            match self.authenticator.verify(token.expose(), self.clock.now()) {
                Ok(stranger) if stranger.session().is_none() => self.accounts.logout_stranger(&stranger, &source).await,
                Ok(known) => self.accounts.logout(known.session(), None, &source).await,
                Err(_) => self.accounts.logout(None, Some(&token), &source).await,
            }
        };
        done.map_err(|error| {
            tracing::error!(error = %crate::observe::Chain(&error), "the store does not answer");
            AWAY
        })?;
        let mut response = nothing();
        *response.status_mut() = StatusCode::OK;
        Ok(response)
    }

    async fn machine_that_may(&self, inbound: &Inbound, what: &str) -> Result<(), Problem> {
        let caller = self.authenticator.identify(inbound, Asks::Somebody, self.clock.now()).await?;
        let Caller::Known(identity) = caller else { return Err(Refusal::named("login_required").into()) };
        let may = identity.is_machine() && identity.scopes().iter().any(|scope| scope.as_str() == what);
        if may {
            Ok(())
        } else {
            Err(Refusal::missing_scope(&Scope::parse(what).into_iter().collect::<Vec<_>>()).into())
        }
    }

    fn told(&self, identity: &Identity) -> Value {
        json!({
            "active": true,
            "sub": identity.sub(),
            "username": identity.login_name(),
            "email": identity.email().map(Email::as_str),
            "name": identity.name(),
            "roles": identity.roles().iter().map(Role::as_str).collect::<Vec<_>>(),
            "scope": identity.scopes().iter().map(Scope::as_str).collect::<Vec<_>>().join(" "),
            "sid": identity.session().map(|session| session.to_string()),
            "auth_time": identity.auth_time().map(|time| time.seconds()),
            "exp": identity.expires_at().seconds(),
            "iat": identity.issued_at().seconds(),
            "iss": self.tokens.issuer(),
            "aud": self.tokens.audience(),
            "jti": identity.token_id(),
            "token_type": "Bearer",
        })
    }

    async fn told_of_refresh(&self, token: &Secret) -> Result<Value, Problem> {
        let found = self.accounts.person_of_refresh(token).await.map_err(|_| AWAY)?;
        Ok(found.map_or_else(
            || json!({ "active": false }),
            |(user, session)| {
                json!({
                    "active": true,
                    "sub": user.id.to_string(),
                    "username": user.label(),
                    "sid": session.to_string(),
                    "iss": self.tokens.issuer(),
                    "token_type": "refresh_token",
                })
            },
        ))
    }
}

/// The token that the form asks about. A hint of its kind is not needed: each kind is known by its looks.
fn asked(form: Result<Pairs, PairsError>) -> Result<Secret, Problem> {
    match form {
        Ok(mut form) => form.take("token").ok_or_else(|| INVALID_REQUEST.into()),
        Err(PairsError::Refused(refusal)) => Err(refusal.into()),
        Err(PairsError::Malformed) => Err(INVALID_REQUEST.into()),
    }
}

/// The scope that lets a machine ask about the tokens of others.
const INTROSPECT: &str = "introspect";
