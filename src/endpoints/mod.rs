//! The requests we answer ourselves, one file each.
mod account;
mod assets;
mod browser;
mod counting;
mod discovery;
mod factors;
mod form;
mod health;
mod links;
mod login;
mod logout;
mod me;
mod mfa;
mod oauth;
mod openapi;
mod passkey_forms;
mod passkeys;
mod password;
mod refresh;
mod register;
mod sessions;
mod sign_in;
mod sign_up;
mod token;
mod token_cookies;
mod tokens_out;
mod verify;

use std::sync::Arc;

use http::{Method, Response, StatusCode};

pub(crate) use health::Readiness;

use crate::account::{Accounts, Client, Source};
use crate::authn::Authenticator;
use crate::base::Clock;
use crate::observe::Metrics;
use crate::pages::{ASSETS, Pages};
use crate::refusal::{Refusal, TokenProblem, own_response};
use crate::token::{Format, Tokens};
use crate::wire::{self, Body, Door, IdentityFields, Inbound, is_from_elsewhere};

use links::Link;

pub(crate) use browser::redirect;
pub(crate) use openapi::{Describes, Document};
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
    /// What a person changes in a browser.
    Account,
    Password,
    ForgotPassword,
    ResetPassword,
    VerifyEmail,
    Mfa,
    Totp,
    ConfirmTotp,
    RecoveryCodes,
    Passkeys,
    Passkey,
    BeginPasskey,
    FinishPasskey,
    BeginPasskeyLogin,
    FinishPasskeyLogin,
    Introspect,
    Revoke,
    /// Where password managers lead people (W3C).
    ChangePassword,
    Jwks,
    Metadata,
    Health,
    Ready,
    Errors,
    /// All of this, for programs.
    OpenApi,
    /// What pages refer to: style, script, logo.
    Asset,
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

/// How one of our endpoints is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ToSee,
    /// A page of ours sends what somebody filled in.
    ByForm,
    ByProgram,
}

/// Names that begin alike.
#[derive(Debug)]
struct Below {
    path: &'static str,
    /// What the rest is, in a word.
    what: &'static str,
    /// The rest may be any path; otherwise it is one segment.
    deep: bool,
    endpoint: Endpoint,
}

impl Below {
    fn holds(&self, name: &str) -> bool {
        name.strip_prefix(self.path).is_some_and(|rest| self.deep || (!rest.is_empty() && !rest.contains('/')))
    }
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
    pub(crate) pages: Arc<Pages>,
    pub(crate) document: Document,
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
        ("/account", Self::Account),
        ("/password", Self::Password),
        ("/password/forgot", Self::ForgotPassword),
        ("/password/reset", Self::ResetPassword),
        ("/verify-email", Self::VerifyEmail),
        ("/mfa", Self::Mfa),
        ("/mfa/totp", Self::Totp),
        ("/mfa/totp/confirm", Self::ConfirmTotp),
        ("/mfa/recovery-codes", Self::RecoveryCodes),
        ("/passkeys", Self::Passkeys),
        ("/passkeys/register/begin", Self::BeginPasskey),
        ("/passkeys/register/finish", Self::FinishPasskey),
        ("/passkeys/login/begin", Self::BeginPasskeyLogin),
        ("/passkeys/login/finish", Self::FinishPasskeyLogin),
        ("/introspect", Self::Introspect),
        ("/revoke", Self::Revoke),
        ("/healthz", Self::Health),
        ("/readyz", Self::Ready),
        ("/errors", Self::Errors),
        (OPENAPI, Self::OpenApi),
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

    /// What stands below a name, where that has many.
    const BELOW: &'static [Below] = &[
        Below { path: "/sessions/", what: "id", deep: false, endpoint: Self::Session },
        Below { path: "/passkeys/", what: "id", deep: false, endpoint: Self::Passkey },
        Below { path: ASSETS, what: "name", deep: false, endpoint: Self::Asset },
        // Envoy puts the path it asks about behind its own.
        Below { path: "/verify/envoy/", what: "path", deep: true, endpoint: Self::VerifyEnvoy },
    ];

    /// Nothing: any method.
    pub(crate) fn methods(self) -> &'static [Method] {
        const POST: &[Method] = &[Method::POST];
        const POST_OR_DELETE: &[Method] = &[Method::POST, Method::DELETE];
        const PAGE: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
        const ME: &[Method] = &[Method::GET, Method::HEAD, Method::PATCH];
        const ONE: &[Method] = &[Method::POST, Method::PATCH, Method::DELETE];
        const READ: &[Method] = &[Method::GET, Method::HEAD];
        match self {
            Self::Token
            | Self::Refresh
            | Self::LogoutAll
            | Self::Password
            | Self::ConfirmTotp
            | Self::RecoveryCodes
            | Self::BeginPasskey
            | Self::FinishPasskey
            | Self::BeginPasskeyLogin
            | Self::FinishPasskeyLogin
            | Self::Introspect
            | Self::Revoke => POST,
            Self::Logout | Self::Session | Self::Totp => POST_OR_DELETE,
            Self::Login
            | Self::Register
            | Self::Account
            | Self::Mfa
            | Self::ForgotPassword
            | Self::ResetPassword
            | Self::VerifyEmail => PAGE,
            Self::Me => ME,
            Self::Passkey => ONE,
            Self::Sessions
            | Self::Passkeys
            | Self::ChangePassword
            | Self::Jwks
            | Self::Metadata
            | Self::Health
            | Self::Ready
            | Self::Errors
            | Self::OpenApi
            | Self::Asset => READ,
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
            | Self::Account
            | Self::Password
            | Self::ForgotPassword
            | Self::ResetPassword
            | Self::VerifyEmail
            | Self::Mfa
            | Self::Totp
            | Self::ConfirmTotp
            | Self::RecoveryCodes
            | Self::Passkey
            | Self::BeginPasskey
            | Self::FinishPasskey
            | Self::BeginPasskeyLogin
            | Self::FinishPasskeyLogin
            | Self::Revoke => true,
            Self::Sessions
            | Self::Passkeys
            | Self::Introspect
            | Self::ChangePassword
            | Self::Jwks
            | Self::Metadata
            | Self::Health
            | Self::Ready
            | Self::Errors
            | Self::OpenApi
            | Self::Asset => false,
            Self::Verify | Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy => false,
        }
    }

    /// A proxy of somebody else asks what becomes of a request.
    pub(crate) const fn asks_routes(self) -> bool {
        matches!(self, Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy)
    }

    /// Somebody opens it in a browser.
    const fn is_page(self) -> bool {
        matches!(self, Self::Login | Self::Register | Self::Account)
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
            Self::Account => "account",
            Self::Password => "password",
            Self::ForgotPassword => "password_forgot",
            Self::ResetPassword => "password_reset",
            Self::VerifyEmail => "verify_email",
            Self::Mfa => "mfa",
            Self::Totp => "mfa_totp",
            Self::ConfirmTotp => "mfa_totp_confirm",
            Self::RecoveryCodes => "mfa_recovery_codes",
            Self::Passkeys => "passkeys",
            Self::Passkey => "passkey",
            Self::BeginPasskey => "passkey_register_begin",
            Self::FinishPasskey => "passkey_register_finish",
            Self::BeginPasskeyLogin => "passkey_login_begin",
            Self::FinishPasskeyLogin => "passkey_login_finish",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::ChangePassword => "change_password",
            Self::Jwks => "jwks",
            Self::Metadata => "metadata",
            Self::Health => "healthz",
            Self::Ready => "readyz",
            Self::Errors => "errors",
            Self::OpenApi => "openapi",
            Self::Asset => "asset",
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
        // At the root this name is some backend's own: FastAPI has a page that reads it there.
        let left_to_backends = prefix.is_empty() && rest == OPENAPI;
        if let Some((_, endpoint)) = Endpoint::TABLE.iter().find(|(name, _)| *name == rest && !left_to_backends) {
            return Lookup::Ours(*endpoint);
        }
        if let Some(below) = Endpoint::BELOW.iter().find(|below| below.holds(rest)) {
            return Lookup::Ours(below.endpoint);
        }
        let under = !prefix.is_empty() && (rest.is_empty() || rest.starts_with('/'));
        if under { Lookup::Nothing } else { Lookup::NotOurs }
    }

    /// The names that are taken from the routes when the prefix is the root.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Endpoint::TABLE.iter().map(|(name, _)| *name).filter(|name| *name != OPENAPI)
    }

    /// Whether people sign in with a browser here.
    pub(crate) const fn takes_browsers(&self) -> bool {
        self.browsers
    }

    /// Whose form the answers have.
    fn format(&self) -> Format {
        self.tokens.settings().dialect.format
    }

    pub(crate) async fn answer(&self, endpoint: Endpoint, inbound: Inbound) -> Result<Response<Body>, Problem> {
        if !endpoint.methods().is_empty() && !endpoint.methods().contains(inbound.method()) {
            return Err(Refusal::method_not_allowed(endpoint.methods()).into());
        }
        if endpoint.changes_state() && !inbound.method().is_safe() && !wire::is_welcome(&inbound, &self.door) {
            // A browser that a person sits at is told what is wrong, and not that an attack was stopped.
            if matches!(endpoint, Endpoint::Login | Endpoint::Register)
                && form::is_form(inbound.headers())
                && !is_from_elsewhere(&inbound, &self.door)
            {
                return Ok(self.wrong_public_url(&inbound));
            }
            return Err(Refusal::named("foreign_origin").into());
        }
        if endpoint.is_page() && !self.browsers && (endpoint == Endpoint::Account || inbound.method().is_safe()) {
            return Err(Refusal::named("no_route").into());
        }
        match (endpoint, self.asked(&inbound)) {
            (Endpoint::Register, Asked::ToSee) => self.sign_up_page(&inbound),
            (Endpoint::Register, Asked::ByForm) => self.register_by_form(inbound).await,
            (Endpoint::Login, Asked::ToSee) => self.sign_in_page(&inbound).await,
            (Endpoint::Login, Asked::ByForm) => self.sign_in_by_form(inbound).await,
            (Endpoint::Account, Asked::ToSee) => self.account_page(&inbound).await,
            (Endpoint::Account, Asked::ByForm) => self.change_names(inbound).await,
            (Endpoint::Password, Asked::ByForm) => self.change_password_by_form(inbound).await,
            (Endpoint::ForgotPassword, Asked::ToSee) => self.link_page(Link::Forgot, &inbound),
            (Endpoint::ForgotPassword, Asked::ByForm) => self.follow_by_form(Link::Forgot, inbound).await,
            (Endpoint::ResetPassword, Asked::ToSee) => self.link_page(Link::Reset, &inbound),
            (Endpoint::ResetPassword, Asked::ByForm) => self.follow_by_form(Link::Reset, inbound).await,
            (Endpoint::VerifyEmail, Asked::ToSee) => self.link_page(Link::VerifyEmail, &inbound),
            (Endpoint::VerifyEmail, Asked::ByForm) => self.follow_by_form(Link::VerifyEmail, inbound).await,
            (Endpoint::Mfa, Asked::ByForm) => self.code_by_form(inbound).await,
            (Endpoint::Totp, Asked::ByForm) => self.totp_by_form(inbound).await,
            (Endpoint::ConfirmTotp, Asked::ByForm) => self.confirm_totp_by_form(inbound).await,
            (Endpoint::RecoveryCodes, Asked::ByForm) => self.recovery_codes_by_form(inbound).await,
            (Endpoint::Passkey, Asked::ByForm) => self.passkey_by_form(inbound).await,
            (Endpoint::FinishPasskey, Asked::ByForm) => self.finish_passkey_by_form(inbound).await,
            (Endpoint::FinishPasskeyLogin, Asked::ByForm) => self.finish_passkey_login_by_form(inbound).await,
            (Endpoint::Session, Asked::ByForm) => self.end_session_by_form(inbound).await,
            (Endpoint::LogoutAll, Asked::ByForm) => self.logout_all_by_form(inbound).await,
            (endpoint, _) => self.by_program(endpoint, inbound).await,
        }
    }

    /// How the gateway is asked.
    fn asked(&self, inbound: &Inbound) -> Asked {
        if inbound.method().is_safe() {
            Asked::ToSee
        } else if self.browsers && *inbound.method() == Method::POST && form::is_form(inbound.headers()) {
            Asked::ByForm
        } else {
            Asked::ByProgram
        }
    }

    /// What needs no page.
    async fn by_program(&self, endpoint: Endpoint, inbound: Inbound) -> Result<Response<Body>, Problem> {
        match endpoint {
            Endpoint::Register => self.register(inbound).await,
            Endpoint::Login => self.login(inbound).await,
            Endpoint::Account => Err(Refusal::named("unsupported_media_type").into()),
            Endpoint::Token => self.token(inbound).await,
            Endpoint::Refresh => self.refresh(inbound).await,
            Endpoint::Logout => self.logout(inbound).await,
            Endpoint::LogoutAll => self.logout_all(inbound).await,
            Endpoint::Sessions => self.sessions(&inbound).await,
            Endpoint::Session => self.end_session(&inbound).await,
            Endpoint::Me => self.me(inbound).await,
            Endpoint::Password => self.change_password(inbound).await,
            Endpoint::ForgotPassword => self.forgot_password(inbound).await,
            Endpoint::ResetPassword => self.reset_password(inbound).await,
            Endpoint::VerifyEmail => self.verify_email(inbound).await,
            Endpoint::Mfa => self.mfa(inbound).await,
            Endpoint::Totp => self.totp(inbound).await,
            Endpoint::ConfirmTotp => self.confirm_totp(inbound).await,
            Endpoint::RecoveryCodes => self.recovery_codes(inbound).await,
            Endpoint::Passkeys => self.passkeys(&inbound).await,
            Endpoint::Passkey => self.passkey(inbound).await,
            Endpoint::BeginPasskey => self.begin_passkey(inbound).await,
            Endpoint::FinishPasskey => self.finish_passkey(inbound).await,
            Endpoint::BeginPasskeyLogin => self.begin_passkey_login(&inbound).await,
            Endpoint::FinishPasskeyLogin => self.finish_passkey_login(inbound).await,
            Endpoint::Introspect => self.introspect(inbound).await,
            Endpoint::Revoke => self.revoke(inbound).await,
            Endpoint::ChangePassword if self.browsers => Ok(redirect(&format!("{}/account", self.prefix))),
            Endpoint::ChangePassword => Err(Refusal::named("no_route").into()),
            Endpoint::Jwks => Ok(self.jwks()),
            Endpoint::Metadata => Ok(self.metadata()),
            Endpoint::Health => Ok(health::alive()),
            Endpoint::Ready => Ok(self.readiness.answer().await),
            Endpoint::Errors => Ok(self.errors(&inbound)),
            Endpoint::OpenApi => Ok(self.document.answer(&inbound)),
            Endpoint::Asset => Ok(self.asset(&inbound)?),
            Endpoint::Verify => self.verify(&inbound).await,
            // These ask the routes: the pipeline answers them.
            Endpoint::VerifyNginx | Endpoint::VerifyTraefik | Endpoint::VerifyCaddy | Endpoint::VerifyEnvoy => {
                Err(Refusal::named("internal").into())
            }
        }
    }
}

const OPENAPI: &str = "/openapi.json";
const JWKS_PATH: &str = "/.well-known/jwks.json";

/// 204: done, and nothing to say.
fn nothing() -> Response<Body> {
    let mut response = own_response(StatusCode::NO_CONTENT, "application/json", "");
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    *response.body_mut() = Body::Empty;
    response
}

/// 202, whatever becomes of it: a letter tells the owner of the address.
fn letter_sent() -> Response<Body> {
    own_response(StatusCode::ACCEPTED, "application/json", r#"{"status":"email_sent"}"#)
}

/// Where a sign-in comes from, for limits and the audit log.
fn source(inbound: &Inbound) -> Source<'_> {
    let field = |name| inbound.headers().get(name).and_then(|value| value.to_str().ok());
    Source {
        ip: inbound.client().ip,
        user_agent: field(http::header::USER_AGENT),
        languages: field(http::header::ACCEPT_LANGUAGE),
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
