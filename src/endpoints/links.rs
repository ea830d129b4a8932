//! What happens by a link in a mail: `{p}/password/forgot`, `{p}/password/reset`, `{p}/verify-email`. Opening a link shows a
//! page with a button and uses nothing up: programs that look at mails follow links too.
use http::{Method, Response, StatusCode};
use serde::Deserialize;

use super::browser::NotOurs;
use super::form::Pairs;
use super::{Endpoints, Problem, form, letter_sent, nothing, source};
use crate::account::{LetterError, LinkError};
use crate::base::Secret;
use crate::pages::{self, Notice};
use crate::refusal::{Refusal, own_page, refusal_page};
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgot {
    #[serde(default, deserialize_with = "form::there")]
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(default, deserialize_with = "form::there")]
    token: Option<Secret>,
    #[serde(default, deserialize_with = "form::there")]
    new_password: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    #[serde(default, deserialize_with = "form::there")]
    token: Option<Secret>,
}

/// Which page a person sees in place of what a program is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    Forgot,
    Reset,
    VerifyEmail,
}

impl Endpoints {
    /// 202 whether or not anybody has the address.
    pub(super) async fn forgot_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Forgot = form::json(inbound.headers(), body, self.body_timeout).await?;
        let email = form.email.ok_or_else(|| form::missing(&[("email", false)]))?;
        self.accounts.forgot_password(&email, &source(&inbound)).await?;
        Ok(letter_sent())
    }

    pub(super) async fn reset_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Reset = form::json(inbound.headers(), body, self.body_timeout).await?;
        let (Some(token), Some(new)) = (&form.token, &form.new_password) else {
            let (token, new) = (form.token.is_some(), form.new_password.is_some());
            return Err(form::missing(&[("token", token), ("new_password", new)]).into());
        };
        self.accounts.reset_password(token, new, &source(&inbound)).await?;
        Ok(nothing())
    }

    pub(super) async fn verify_email(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Verify = form::json(inbound.headers(), body, self.body_timeout).await?;
        let token = form.token.ok_or_else(|| form::missing(&[("token", false)]))?;
        self.accounts.verify_email(&token, &source(&inbound)).await?;
        Ok(nothing())
    }

    pub(super) fn link_page(&self, which: Link, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        if !self.browsers {
            return Err(Refusal::method_not_allowed(&[Method::POST]).into());
        }
        let mut query = Pairs::of_query(inbound.path().query().unwrap_or_default());
        let token = query.take("token").unwrap_or_else(nothing_typed);
        Ok(self.ask(which, inbound, &token, None))
    }

    pub(super) async fn follow_by_form(&self, which: Link, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
        let ours = self.check_form(&inbound, &mut form);
        let mut field = |name: &str| form.take(name).unwrap_or_else(nothing_typed);
        let (typed, source) = (field(if matches!(which, Link::Forgot) { "email" } else { "token" }), source(&inbound));
        match ours {
            Err(NotOurs::NoCookie) => return Ok(self.no_cookie(&inbound)),
            Err(NotOurs::Old) => return Ok(self.ask(which, &inbound, &typed, Some(&NotOurs::Old.into()))),
            Ok(()) => {}
        }
        let (about, done) = match which {
            Link::Forgot => {
                let done = self.accounts.forgot_password(typed.expose(), &source).await;
                ("mail_sent", done.map_err(LetterError::into))
            }
            Link::Reset => {
                let done = self.accounts.reset_password(&typed, &field("new_password"), &source).await;
                ("password_set", done.map_err(LinkError::into))
            }
            Link::VerifyEmail => {
                ("verified", self.accounts.verify_email(&typed, &source).await.map_err(LinkError::into))
            }
        };
        Ok(match done {
            Ok(()) => self.notice(about, &inbound),
            Err(refusal) => self.ask(which, &inbound, &typed, Some(&refusal)),
        })
    }

    /// A page that says what was done.
    pub(super) fn notice(&self, about: &'static str, inbound: &Inbound) -> Response<Body> {
        own_page(StatusCode::OK, self.draw(&Notice { about }, inbound))
    }

    /// `typed` is the token of the link, or the address.
    fn ask(&self, which: Link, inbound: &Inbound, typed: &Secret, refusal: Option<&Refusal>) -> Response<Body> {
        let form_token = self.form_token(inbound);
        let (csrf, typed, problem) = (form_token.value.as_str(), typed.expose(), refusal.map(Refusal::problem));
        let html = match which {
            Link::Forgot => self.draw(&pages::Forgot { csrf, email: typed, problem }, inbound),
            Link::Reset => self.draw(&pages::Reset { csrf, token: typed, problem }, inbound),
            Link::VerifyEmail => self.draw(&pages::VerifyEmail { csrf, token: typed, problem }, inbound),
        };
        let mut response = match refusal {
            Some(refusal) => refusal_page(refusal, html),
            None => own_page(StatusCode::OK, html),
        };
        form_token.give(&mut response);
        response
    }
}

fn nothing_typed() -> Secret {
    Secret::new(String::new())
}
