//! The requests we answer ourselves, one file each.
mod account;
mod assets;
mod browser;
mod counting;
mod discovery;
mod endpoint;
mod errands;
mod factors;
mod form;
mod health;
mod links;
mod login;
mod logout;
mod me;
mod mfa;
mod names;
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
use std::time::Duration;

use http::{Method, Response, StatusCode};

pub(crate) use health::Readiness;

use crate::account::{Accounts, Client, Source};
use crate::authn::Authenticator;
use crate::base::Clock;
use crate::observe::Metrics;
use crate::pages::Pages;
use crate::refusal::{Refusal, STORE_AWAY, TokenProblem, own_response};
use crate::token::{Format, Tokens};
use crate::wire::{self, Body, Door, IdentityFields, Inbound, is_from_elsewhere};

use links::Link;

pub(crate) use browser::redirect;
pub(crate) use endpoint::Endpoint;
pub(crate) use errands::Errands;
pub(crate) use names::Lookup;
pub(crate) use openapi::{Describes, Document};
pub(crate) use verify::yes;

/// How one of our endpoints is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ToSee,
    /// A page of ours sends what somebody filled in.
    ByForm,
    ByProgram,
}

/// A "no" from an endpoint: ours, or in the form OAuth clients read.
#[derive(Debug)]
pub(crate) enum Problem {
    Refused(Refusal),
    /// Of an endpoint whose clients read nothing else.
    InOAuth(Refusal),
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
    pub(crate) errands: Errands,
    pub(crate) pages: Arc<Pages>,
    pub(crate) document: Arc<Document>,
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
    pub(crate) body_timeout: Duration,
}

impl Endpoints {
    /// Whether people sign in with a browser here.
    pub(crate) const fn takes_browsers(&self) -> bool {
        self.browsers
    }

    /// Whose form the answers have.
    fn format(&self) -> Format {
        self.tokens.settings().dialect.format
    }

    pub(crate) async fn answer(
        self: &Arc<Self>,
        endpoint: Endpoint,
        inbound: Inbound,
    ) -> Result<Response<Body>, Problem> {
        let answered = if endpoint.changes_state() && !inbound.method().is_safe() {
            let endpoints = Arc::clone(self);
            let answered = self.errands.run(async move { endpoints.answer_as(endpoint, inbound).await }).await;
            // So many wait for the store alone: it does not answer.
            answered.unwrap_or_else(|| Err(Refusal::retry_after("unavailable", STORE_AWAY).into()))
        } else {
            self.answer_as(endpoint, inbound).await
        };
        match answered {
            Err(Problem::Refused(refusal)) if self.speaks_oauth(endpoint) => Err(Problem::InOAuth(refusal)),
            answered => answered,
        }
    }

    /// SimpleJWT has its own words at the address where OAuth has the token endpoint.
    fn speaks_oauth(&self, endpoint: Endpoint) -> bool {
        endpoint.is_oauth() && !(endpoint == Endpoint::Token && self.format() == Format::SimpleJwt)
    }

    async fn answer_as(&self, endpoint: Endpoint, inbound: Inbound) -> Result<Response<Body>, Problem> {
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
