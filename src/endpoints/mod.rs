//! The requests we answer ourselves, one file each.
mod browser;
mod form;
mod counting;
mod discovery;
mod health;
mod login;
mod logout;
mod me;
mod oauth;
mod pages;
mod password;
mod refresh;
mod register;
mod sessions;
mod sign_in;
mod token;
mod tokens_out;
mod verify;

use std::sync::Arc;

use http::{Method, Response, StatusCode};

pub(crate) use health::Readiness;

use crate::account::{Accounts, Client, Source};
use crate::authn::Authenticator;
use crate::base::Clock;
use crate::observe::Metrics;
use crate::refusal::{Refusal, TokenProblem, own_response};
use crate::token::{Format, Tokens};
use crate::wire::{self, Body, Door, IdentityFields, Inbound, is_from_elsewhere};

pub(crate) use browser::redirect;
pub(crate) use verify::yes;

/// Our own endpoints. A new one does not compile without an answer, and a test asks each of them at every door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Register,
    Login,
    Token,
    Refresh,
    Logout,
    LogoutAll,
    Sessions,
    Session,
    Me,
    Password,
    Introspect,
    Revoke,
    /// Where password managers lead people (W3C).
    ChangePassword,
    Jwks,
    Metadata,
    Health,
    Ready,
    Errors,
    /// Is this token good?
    Verify,
    /// May this request go on? Asked by a proxy of somebody else.
    VerifyNginx,
    VerifyTraefik,
    VerifyCaddy,
    VerifyEnvoy,
}

/// What the requested path is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    Ours(Endpoint),
    /// Under our prefix, but nothing is there: never handed to a backend.
    Nothing,
    /// Everything else belongs to the routes.
    NotOurs,
}

/// A "no" from an endpoint: ours, or in the form OAuth clients read.
#[derive(Debug)]
pub(crate) enum Problem {
    Refused(Refusal),
    OAuth(TokenProblem),
}

impl<R: Into<Refusal>> From<R> for Problem {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<TokenProblem> for Problem {
    fn from(problem: TokenProblem) -> Self {
        Self::OAuth(problem)
    }
}

/// All that the endpoints need.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) accounts: Accounts,
    pub(crate) authenticator: Authenticator,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) door: Arc<Door>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    /// `https://app.example.com`: what links begin with.
    pub(crate) origin: String,
    /// "/auth", or "" for the root.
    pub(crate) prefix: String,
    pub(crate) well_known: bool,
    /// What a proxy of somebody else is told about the person.
    pub(crate) identity: IdentityFields,
    pub(crate) password_grant: bool,
    /// Cookies of sessions are taken, so people sign in with a browser.
    pub(crate) browsers: bool,
    /// How long a small body may take.
    pub(crate) body_timeout: std::time::Duration,
}

impl Endpoint {
    /// The names under the prefix, and the methods each takes.
    const TABLE: &'static [(&'static str, Self)] = &[
        ("/register", Self::Register),
        ("/login", Self::Login),
        ("/token", Self::Token),
        // As SimpleJWT's manual names them.
        ("/token/", Self::Token),
        ("/token/refresh", Self::Refresh),
        ("/token/refresh/", Self::Refresh),
        ("/refresh", Self::Refresh),
        ("/logout", Self::Logout),
        ("/logout-all", Self::LogoutAll),
        ("/sessions", Self::Sessions),
        ("/me", Self::Me),
        ("/user", Self::Me),
        ("/users/me", Self::Me),
        ("/userinfo", Self::Me),
        ("/password", Self::Password),
        ("/introspect", Self::Introspect),
        ("/revoke", Self::Revoke),
        ("/healthz", Self::Health),
        ("/readyz", Self::Ready),
        ("/errors", Self::Errors),
        ("/verify", Self::Verify),
        ("/verify/nginx", Self::VerifyNginx),
        ("/verify/traefik", Self::VerifyTraefik),
        ("/verify/caddy", Self::VerifyCaddy),
        ("/verify/envoy", Self::VerifyEnvoy),
    ];

    /// The names that standards put at the root (RFC 8615).
    const WELL_KNOWN: &'static [(&'static str, Self)] = &[
        (JWKS_PATH, Self::Jwks),
        ("/.well-known/openid-configuration", Self::Metadata),
        ("/.well-known/oauth-authorization-server", Self::Metadata),
        ("/.well-known/change-password", Self::ChangePassword),
    ];

    /// Nothing: any method.
    pub(crate) fn methods(self) -> &'static [Method] {
        const POST: &[Method] = &[Method::POST];
        const LOGOUT: &[Method] = &[Method::POST, Method::DELETE];
        const DELETE: &[Method] = &[Method::DELETE];
        const LOGIN: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
        const ME: &[Method] = &[Method::GET, Method::HEAD, Method::PATCH];
        const READ: &[Method] = &[Method::GET, Method::HEAD];
        match self {
            Self::Register
            | Self::Token
            | Self::Refresh
            | Self::LogoutAll
            | Self::Password
            | Self::Introspect
            | Self::Revoke => POST,
            Self::Login => LOGIN,
            Self::Logout => LOGOUT,
            Self::Session => DELETE,
            Self::Me => ME,
            Self::Sessions
            | Self::ChangePassword
            | Self::Jwks
            | Self::Metadata
            | Self::Health
            | Self::Ready
            | Self::Errors => READ,
            Self::Verify | Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy => &[],
        }
    }

    fn changes_state(self) -> bool {
        match self {
            Self::Register
            | Self::Login
            | Self::Token
            | Self::Refresh
            | Self::Logout
            | Self::LogoutAll
            | Self::Session
            | Self::Me
            | Self::Password
            | Self::Revoke => true,
            Self::Sessions
            | Self::Introspect
            | Self::ChangePassword
            | Self::Jwks
            | Self::Metadata
            | Self::Health
            | Self::Ready
            | Self::Errors => false,
            Self::Verify | Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy => false,
        }
    }

    /// A proxy of somebody else asks what becomes of a request.
    pub(crate) const fn asks_routes(self) -> bool {
        matches!(self, Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy)
    }

    /// The name in logs and metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Sessions => "sessions",
            Self::Session => "session",
            Self::Me => "me",
            Self::Password => "password",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::ChangePassword => "change_password",
            Self::Jwks => "jwks",
            Self::Metadata => "metadata",
            Self::Health => "healthz",
            Self::Ready => "readyz",
            Self::Errors => "errors",
            Self::Verify => "verify",
            Self::VerifyNginx => "verify_nginx",
            Self::VerifyTraefik => "verify_traefik",
            Self::VerifyCaddy => "verify_caddy",
            Self::VerifyEnvoy => "verify_envoy",
        }
    }
}

impl Endpoints {
    /// What this path is to us. Exact names only; one spelling.
    pub(crate) fn find(&self, path: &str) -> Lookup {
        Self::named(&self.prefix, self.well_known, path)
    }

    /// The same question without a running gateway: `explain` asks it.
    pub(crate) fn named(prefix: &str, well_known: bool, path: &str) -> Lookup {
        if well_known && let Some((_, endpoint)) = Endpoint::WELL_KNOWN.iter().find(|(name, _)| *name == path) {
            return Lookup::Ours(*endpoint);
        }
        let Some(rest) = path.strip_prefix(prefix) else { return Lookup::NotOurs };
        if let Some((_, endpoint)) = Endpoint::TABLE.iter().find(|(name, _)| *name == rest) {
            return Lookup::Ours(*endpoint);
        }
        if rest.strip_prefix("/sessions/").is_some_and(|id| !id.is_empty() && !id.contains('/')) {
            return Lookup::Ours(Endpoint::Session);
        }
        // Envoy puts the path it asks about behind its own.
        if rest.starts_with("/verify/envoy/") {
            return Lookup::Ours(Endpoint::VerifyEnvoy);
        }
        let under = !prefix.is_empty() && (rest.is_empty() || rest.starts_with('/'));
        if under { Lookup::Nothing } else { Lookup::NotOurs }
    }

    /// The names that are taken from the routes when the prefix is the root.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Endpoint::TABLE.iter().map(|(name, _)| *name)
    }

    /// Whether people sign in with a browser here.
    pub(crate) const fn takes_browsers(&self) -> bool {
        self.browsers
    }

    /// Whose form the answers have.
    fn format(&self) -> Format {
        self.tokens.settings().dialect.format
    }

    async fn login_or_page(&self, inbound: Inbound) -> Result<Response<Body>, Problem> {
        if inbound.method().is_safe() {
            return if self.browsers {
                self.sign_in_page(&inbound).await
            } else {
                Err(Refusal::named("no_route").into())
            };
        }
        if self.browsers && form::is_form(inbound.headers()) {
            return self.sign_in_by_form(inbound).await;
        }
        self.login(inbound).await
    }

    pub(crate) async fn answer(&self, endpoint: Endpoint, inbound: Inbound) -> Result<Response<Body>, Problem> {
        if !endpoint.methods().is_empty() && !endpoint.methods().contains(inbound.method()) {
            return Err(Refusal::method_not_allowed(endpoint.methods()).into());
        }
        if endpoint.changes_state() && !inbound.method().is_safe() && !wire::is_welcome(&inbound, &self.door) {
            // A browser that a person sits at is told what is wrong, and not that an attack was stopped.
            if endpoint == Endpoint::Login
                && form::is_form(inbound.headers())
                && !is_from_elsewhere(&inbound, &self.door)
            {
                return Ok(self.wrong_public_url());
            }
            return Err(Refusal::named("foreign_origin").into());
        }
        match endpoint {
            Endpoint::Register => self.register(inbound).await,
            Endpoint::Login => self.login_or_page(inbound).await,
            Endpoint::Token => self.token(inbound).await,
            Endpoint::Refresh => self.refresh(inbound).await,
            Endpoint::Logout => self.logout(inbound).await,
            Endpoint::LogoutAll => self.logout_all(inbound).await,
            Endpoint::Sessions => self.sessions(&inbound).await,
            Endpoint::Session => self.end_session(&inbound).await,
            Endpoint::Me => self.me(inbound).await,
            Endpoint::Password => self.change_password(inbound).await,
            Endpoint::Introspect => self.introspect(inbound).await,
            Endpoint::Revoke => self.revoke(inbound).await,
            Endpoint::ChangePassword if self.browsers => Ok(redirect(&format!("{}/account", self.prefix))),
            Endpoint::ChangePassword => Err(Refusal::named("no_route").into()),
            Endpoint::Jwks => Ok(self.jwks()),
            Endpoint::Metadata => Ok(self.metadata()),
            Endpoint::Health => Ok(health::alive()),
            Endpoint::Ready => Ok(self.readiness.answer().await),
            Endpoint::Errors => Ok(discovery::errors_page()),
            Endpoint::Verify => self.verify(&inbound).await,
            // These ask the routes: the pipeline answers them.
            Endpoint::VerifyNginx | Endpoint::VerifyTraefik | Endpoint::VerifyCaddy | Endpoint::VerifyEnvoy => {
                Err(Refusal::named("internal").into())
            }
        }
    }
}

const JWKS_PATH: &str = "/.well-known/jwks.json";

/// 204: done, and nothing to say.
fn nothing() -> Response<Body> {
    let mut response = own_response(StatusCode::NO_CONTENT, "application/json", "");
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    *response.body_mut() = Body::Empty;
    response
}

/// Where a sign-in comes from, for limits and the audit log.
fn source(inbound: &Inbound) -> Source<'_> {
    Source {
        ip: inbound.client().ip,
        user_agent: inbound.headers().get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()),
        request_id: Some(inbound.request_id().as_str()),
        client: Client::Program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_listed_once() {
        for (at, (name, _)) in Endpoint::TABLE.iter().enumerate() {
            assert_eq!(Endpoint::TABLE.iter().position(|(other, _)| other == name), Some(at), "{name}");
        }
    }
}
