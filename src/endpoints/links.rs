//! What happens by a link in a mail: `{p}/password/forgot`, `{p}/password/reset`, `{p}/verify-email`. Opening a link shows a
//! page with a button and uses nothing up: programs that look at mails follow links too.
use http::{Method, Response, StatusCode};
use serde::Deserialize;

use super::pages::{self, Ask, Field};
use super::{Endpoints, Problem, form, letter_sent, nothing, source};
use crate::account::{LetterError, LinkError};
use crate::base::Secret;
use crate::refusal::{Refusal, own_page, refusal_page};
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgot {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    token: String,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    token: String,
}

/// What a person sees in place of what a program is answered.
#[derive(Debug, Clone, Copy)]
enum Page {
    Forgot,
    Reset,
    Verify,
}

impl Endpoints {
    /// 202 whether or not anybody has the address.
    pub(super) async fn forgot_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if self.wants_page(&inbound)? {
            return self.link_page(Page::Forgot, inbound).await;
        }
        let body = inbound.take_body();
        let form: Forgot = form::json(inbound.headers(), body, self.body_timeout).await?;
        self.accounts.forgot_password(&form.email, &source(&inbound)).await?;
        Ok(letter_sent())
    }

    pub(super) async fn reset_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if self.wants_page(&inbound)? {
            return self.link_page(Page::Reset, inbound).await;
        }
        let body = inbound.take_body();
        let form: Reset = form::json(inbound.headers(), body, self.body_timeout).await?;
        let (token, new) = (Secret::new(form.token), Secret::new(form.new_password));
        self.accounts.reset_password(&token, &new, &source(&inbound)).await?;
        Ok(nothing())
    }

    pub(super) async fn verify_email(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if self.wants_page(&inbound)? {
            return self.link_page(Page::Verify, inbound).await;
        }
        let body = inbound.take_body();
        let form: Verify = form::json(inbound.headers(), body, self.body_timeout).await?;
        self.accounts.verify_email(&Secret::new(form.token), &source(&inbound)).await?;
        Ok(nothing())
    }

    /// A person with a browser, or a program with JSON.
    fn wants_page(&self, inbound: &Inbound) -> Result<bool, Problem> {
        if *inbound.method() == Method::POST {
            return Ok(self.browsers && form::is_form(inbound.headers()));
        }
        if self.browsers { Ok(true) } else { Err(Refusal::method_not_allowed(&[Method::POST]).into()) }
    }

    async fn link_page(&self, which: Page, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if *inbound.method() != Method::POST {
            let mut query = form::Pairs::of_query(inbound.path().query().unwrap_or_default());
            let token = query.take("token").unwrap_or_else(|| Secret::new(String::new()));
            return Ok(self.ask(which, &inbound, &token, None));
        }
        let body = inbound.take_body();
        let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
        if self.check_form(&inbound, &mut form).is_err() {
            return Ok(self.no_cookie(&inbound));
        }
        let mut field = |name: &str| form.take(name).unwrap_or_else(|| Secret::new(String::new()));
        let (token, source) = (field("token"), source(&inbound));
        let done = match which {
            Page::Forgot => {
                self.accounts.forgot_password(field("email").expose(), &source).await.map_err(LetterError::into)
            }
            Page::Reset => {
                let new = field("new_password");
                self.accounts.reset_password(&token, &new, &source).await.map_err(LinkError::into)
            }
            Page::Verify => self.accounts.verify_email(&token, &source).await.map_err(LinkError::into),
        };
        Ok(match done {
            Ok(()) => own_page(StatusCode::OK, self.done_page(which)),
            Err(refusal) => self.ask(which, &inbound, &token, Some(&refusal)),
        })
    }

    fn ask(&self, which: Page, inbound: &Inbound, token: &Secret, problem: Option<&Refusal>) -> Response<Body> {
        let csrf = self.form_token(inbound);
        let (title, path, button, field) = match which {
            Page::Forgot => ("Forgot the password?", "/password/forgot", "Send me a link", Some(EMAIL)),
            Page::Reset => ("Choose a new password", "/password/reset", "Set the password", Some(PASSWORD)),
            Page::Verify => ("Confirm your e-mail address", "/verify-email", "Confirm", None),
        };
        let words = problem.map(Refusal::words);
        let page = Ask {
            title,
            action: &format!("{}{path}", self.prefix),
            csrf: &csrf.value,
            token: token.expose(),
            field,
            button,
            problem: words.as_deref(),
        };
        let mut response = match problem {
            Some(refusal) => refusal_page(refusal, page.html()),
            None => own_page(StatusCode::OK, page.html()),
        };
        csrf.give(&mut response);
        response
    }

    fn done_page(&self, which: Page) -> String {
        let (title, words) = match which {
            Page::Forgot => {
                ("Look into your mail", "If there is an account with this address, a link is on its way to it.")
            }
            Page::Reset => ("The password is changed", "Sign in with the new one."),
            Page::Verify => ("The address is confirmed", "You can sign in now."),
        };
        pages::message_and_link(title, words, &format!("{}/login", self.prefix), "Sign in")
    }
}

const EMAIL: Field<'static> = Field { name: "email", label: "E-mail address", kind: "email", autocomplete: "email" };
const PASSWORD: Field<'static> =
    Field { name: "new_password", label: "New password", kind: "password", autocomplete: "new-password" };
