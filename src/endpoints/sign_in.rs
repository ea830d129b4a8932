//! Signing in with a browser: `GET {p}/login`, and `POST {p}/login` by the page's form.
use std::time::Duration;

use http::Response;

use super::browser::{NotOurs, see_other};
use super::form::Pairs;
use super::{Endpoints, Problem, form, source};
use crate::account::{Client, LoginError, SignedIn, Source};
use crate::authn::{AuthnError, Recognised};
use crate::authz::Asks;
use crate::base::{Email, Secret, Username};
use crate::observe::Chain;
use crate::pages::{SecondFactor, SignIn};
use crate::refusal::{Opened, Refusal, own_page, refusal_page};
use crate::token::Identity;
use crate::wire::{Body, Inbound, ReturnTo};

/// A sign-in that waits for its second half.
#[derive(Debug)]
pub(super) struct Half {
    /// Stands for the password that was right.
    pub(super) challenge: Secret,
    /// A passkey is as good as the code.
    passkey: bool,
}

impl Half {
    /// As the page sends it back.
    pub(super) fn of(form: &mut Pairs) -> Self {
        let challenge = form.take("challenge").unwrap_or_else(|| Secret::new(String::new()));
        Self { challenge, passkey: form.take("passkey").is_some() }
    }

    /// The passkey is the whole sign-in.
    pub(super) fn is_none(&self) -> bool {
        self.challenge.expose().is_empty()
    }
}

impl Endpoints {
    /// The form; who is signed in already goes on. `max_age` asks for a sign-in that is younger, `prompt=login` for
    /// another one in any case.
    pub(super) async fn sign_in_page(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let mut query = Pairs::of_query(inbound.path().query().unwrap_or_default());
        let return_to = self.return_to(query.take("return_to").as_ref());
        let max_age = query.take("max_age").and_then(|age| age.expose().parse().ok()).map(Duration::from_secs);
        let another = query.take("prompt").is_some_and(|prompt| prompt.expose() == "login");
        let now = self.clock.now();
        let signed_in = match self.authenticator.recognise(inbound, Asks::Anyone, now).await {
            Ok(known) => known.caller.identity().filter(|_| known.session.is_some()).cloned(),
            Err(error @ AuthnError::Unavailable) => return Err(error.into()),
            // Whatever else is wrong with a cookie, signing in mends it.
            Err(_) => None,
        };
        let is_young = |identity: &Identity| match (max_age, identity.auth_time()) {
            (Some(most), Some(signed_in)) => signed_in.plus(most) > now,
            (Some(_), None) => false,
            (None, _) => true,
        };
        match signed_in.filter(|_| !another) {
            Some(identity) if is_young(&identity) => Ok(see_other(return_to.as_ref())),
            Some(identity) => Ok(self.form_page(inbound, return_to.as_ref(), &name_of(&identity), true)),
            None => Ok(self.form_page(inbound, return_to.as_ref(), "", false)),
        }
    }

    pub(super) async fn sign_in_by_form(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
        let return_to = self.return_to(form.take("return_to").as_ref());
        let ours = self.check_form(&inbound, &mut form);
        let name = form.take("username").or_else(|| form.take("email")).or_else(|| form.take("login"));
        let name = name.unwrap_or_else(|| Secret::new(String::new()));
        if let Err(not_ours) = ours {
            return Ok(self.sign_in_anew(&inbound, return_to.as_ref(), &name, not_ours));
        }
        let password = form.take("password").unwrap_or_else(|| Secret::new(String::new()));
        let before = self.authenticator.recognise(&inbound, Asks::Anyone, self.clock.now()).await.ok();
        let from = Source { client: Client::Browser, ..source(&inbound) };
        let outcome = self.accounts.login(name.expose(), &password, &from).await;
        self.count_login("form", &outcome);
        let signed_in = match outcome {
            Ok(signed_in) => signed_in,
            Err(LoginError::SecondFactor { challenge, methods }) => {
                let half = Half { challenge, passkey: methods.contains(&"passkey") };
                return Ok(self.code_page(&inbound, return_to.as_ref(), &half, None));
            }
            Err(error) => return Ok(self.form_again(&inbound, return_to.as_ref(), &name, &error.into())),
        };
        self.let_in(before, return_to.as_ref(), &signed_in, &from).await
    }

    /// The second half, by the page that asks for a code.
    pub(super) async fn code_by_form(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
        let return_to = self.return_to(form.take("return_to").as_ref());
        if let Err(not_ours) = self.check_form(&inbound, &mut form) {
            return Ok(self.sign_in_anew(&inbound, return_to.as_ref(), &Secret::new(String::new()), not_ours));
        }
        let half = Half::of(&mut form);
        let code = form.take("code").unwrap_or_else(|| Secret::new(String::new()));
        let before = self.authenticator.recognise(&inbound, Asks::Anyone, self.clock.now()).await.ok();
        let from = Source { client: Client::Browser, ..source(&inbound) };
        let outcome = self.accounts.sign_in_with_code(&half.challenge, &code, &from).await;
        self.count_login("mfa", &outcome);
        match outcome {
            Ok(signed_in) => self.let_in(before, return_to.as_ref(), &signed_in, &from).await,
            Err(error @ LoginError::WrongCode) => {
                Ok(self.code_page(&inbound, return_to.as_ref(), &half, Some(&error.into())))
            }
            Err(error) => Ok(self.form_again(&inbound, return_to.as_ref(), &Secret::new(String::new()), &error.into())),
        }
    }

    /// Somebody is signed in by a cookie, in place of whoever was before.
    pub(super) async fn let_in(
        &self,
        before: Option<Recognised>,
        return_to: Option<&ReturnTo>,
        signed_in: &SignedIn,
        from: &Source<'_>,
    ) -> Result<Response<Body>, Problem> {
        self.end_before(before, from).await;
        let mut response = see_other(return_to);
        self.give_session(&mut response, signed_in);
        Ok(response)
    }

    /// The browser forgets the cookie it had: nobody could use that session any more, so it ends.
    pub(super) async fn end_before(&self, before: Option<Recognised>, from: &Source<'_>) {
        if let Some(held) = before.and_then(|before| before.session)
            && let Err(error) = self.accounts.logout(Some(held.session), None, from).await
        {
            // The new one has begun, and this answer is the only way to it.
            tracing::error!(error = %Chain(&error), session = %held.session, "a browser's session of before could not be ended");
        }
    }

    /// Asks for the code of a device.
    pub(super) fn code_page(
        &self,
        inbound: &Inbound,
        return_to: Option<&ReturnTo>,
        half: &Half,
        problem: Option<&Refusal>,
    ) -> Response<Body> {
        let token = self.form_token(inbound);
        let page = SecondFactor {
            csrf: &token.value,
            return_to: return_to.map(ReturnTo::as_str),
            challenge: half.challenge.expose(),
            passkey: half.passkey,
            problem: problem.map(Refusal::problem),
        };
        let html = self.draw(&page, inbound);
        let mut response = match problem {
            Some(refusal) => refusal_page(refusal, html),
            None => own_page(http::StatusCode::OK, html),
        };
        token.give(&mut response);
        response
    }

    fn form_page(&self, inbound: &Inbound, return_to: Option<&ReturnTo>, name: &str, again: bool) -> Response<Body> {
        let token = self.form_token(inbound);
        let page = SignIn {
            csrf: &token.value,
            return_to: return_to.map(ReturnTo::as_str),
            name,
            only_password: again,
            problem: None,
        };
        let mut response = own_page(http::StatusCode::OK, self.draw(&page, inbound));
        token.give(&mut response);
        response
    }

    pub(super) fn form_again(
        &self,
        inbound: &Inbound,
        return_to: Option<&ReturnTo>,
        name: &Secret,
        refusal: &Refusal,
    ) -> Response<Body> {
        let token = self.form_token(inbound);
        let page = SignIn {
            csrf: &token.value,
            return_to: return_to.map(ReturnTo::as_str),
            name: name.expose(),
            only_password: false,
            problem: Some(refusal.problem()),
        };
        let mut response = refusal_page(refusal, self.draw(&page, inbound));
        token.give(&mut response);
        response
    }

    /// The form is none of ours, or an old one.
    pub(super) fn sign_in_anew(
        &self,
        inbound: &Inbound,
        return_to: Option<&ReturnTo>,
        name: &Secret,
        not_ours: NotOurs,
    ) -> Response<Body> {
        match not_ours {
            NotOurs::Old => self.form_again(inbound, return_to, name, &not_ours.into()),
            NotOurs::NoCookie => self.no_cookie(inbound),
        }
    }

    /// The form came without the cookie it was made with. Sending the form once more would end here again and again: what
    /// keeps the cookie away is told instead.
    pub(super) fn no_cookie(&self, inbound: &Inbound) -> Response<Body> {
        let needs_https = self.origin.starts_with("https://") && !inbound.client().https;
        let about = if needs_https { "needs_https" } else { "no_cookie" };
        self.told_why(inbound, &Refusal::named("bad_form"), about)
    }

    /// A form from a page of this very host, which is not the one that `public_url` names.
    pub(super) fn wrong_public_url(&self, inbound: &Inbound) -> Response<Body> {
        self.told_why(inbound, &Refusal::named("foreign_origin"), "wrong_public_url")
    }

    pub(super) fn told_why(&self, inbound: &Inbound, refusal: &Refusal, about: &'static str) -> Response<Body> {
        let opened = Opened { request_id: inbound.request_id().as_str(), ..Opened::default() };
        refusal.page(&self.pages, &self.reader(inbound), &Opened { about: Some(about), ..opened })
    }
}

/// What somebody signs in with.
fn name_of(identity: &Identity) -> String {
    let name = identity.username().map(Username::as_str).or_else(|| identity.email().map(Email::as_str));
    name.unwrap_or_default().to_owned()
}
