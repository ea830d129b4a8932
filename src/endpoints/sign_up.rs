//! Signing up with a browser: `GET {p}/register`, and `POST {p}/register` by the page's form.
use http::{Response, StatusCode};

use super::browser::NotOurs;
use super::form::Pairs;
use super::{Endpoints, Problem, form, source};
use crate::account::{Client, SignUp, Source};
use crate::authz::Asks;
use crate::base::Secret;
use crate::pages;
use crate::refusal::{Refusal, own_page, refusal_page};
use crate::wire::{Body, Inbound, ReturnTo};

impl Endpoints {
    pub(super) fn sign_up_page(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        if !self.pages.takes_sign_ups() {
            // A page is what is asked for, by whatever asks.
            return Ok(self.told_why(inbound, &Refusal::named("registration_closed"), "closed"));
        }
        let mut query = Pairs::of_query(inbound.path().query().unwrap_or_default());
        let return_to = self.return_to(query.take("return_to").as_ref());
        let invite = query.take("invite");
        let token = self.form_token(inbound);
        let page = pages::SignUp {
            csrf: &token.value,
            return_to: return_to.as_ref().map(ReturnTo::as_str),
            invite: invite.as_ref().map(Secret::expose),
            ..pages::SignUp::default()
        };
        let mut response = own_page(StatusCode::OK, self.draw(&page, inbound));
        token.give(&mut response);
        Ok(response)
    }

    pub(super) async fn register_by_form(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
        let ours = self.check_form(&inbound, &mut form);
        if ours == Err(NotOurs::NoCookie) {
            return Ok(self.no_cookie(&inbound));
        }
        let return_to = self.return_to(form.take("return_to").as_ref());
        let (username, email, invite) = (form.take("username"), form.take("email"), form.take("invite"));
        let password = form.take("password").unwrap_or_else(|| Secret::new(String::new()));
        let wish = SignUp {
            username: username.as_ref().map(Secret::expose),
            email: email.as_ref().map(Secret::expose),
            name: None,
            password: &password,
            invite: invite.as_ref(),
        };
        let refusal: Refusal = match ours {
            Err(not_ours) => not_ours.into(),
            Ok(()) => {
                let from = Source { client: Client::Browser, ..source(&inbound) };
                let before = self.authenticator.recognise(&inbound, Asks::Anyone, self.clock.now()).await.ok();
                let outcome = self.accounts.register(&wish, &from).await;
                self.count_registration(&outcome);
                match outcome {
                    Ok(None) => return Ok(self.notice("verify_sent", &inbound)),
                    Ok(Some(signed_in)) => return self.let_in(before, return_to.as_ref(), &signed_in, &from).await,
                    Err(error) => error.into(),
                }
            }
        };
        let token = self.form_token(&inbound);
        let page = pages::SignUp {
            csrf: &token.value,
            return_to: return_to.as_ref().map(ReturnTo::as_str),
            username: wish.username.unwrap_or_default(),
            email: wish.email.unwrap_or_default(),
            invite: invite.as_ref().map(Secret::expose),
            problem: Some(refusal.problem()),
        };
        let mut response = refusal_page(&refusal, self.draw(&page, &inbound));
        token.give(&mut response);
        Ok(response)
    }
}
