//! `POST {p}/login`: name and password in, tokens out.
use http::Response;
use serde::Deserialize;

use super::tokens_out::token_answer;
use super::{Endpoints, Problem, form, source};
use crate::base::Secret;
use crate::refusal::Refusal;
use crate::wire::{Body, Inbound};

/// Clients call the name `username`, `email` or `login`; one of them, once.
#[derive(Deserialize)]
struct Form {
    username: Option<String>,
    email: Option<String>,
    login: Option<String>,
    #[serde(default, deserialize_with = "form::there")]
    password: Option<Secret>,
}

impl Endpoints {
    pub(super) async fn login(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Form = form::json(inbound.headers(), body, self.body_timeout).await?;
        let mut names = [form.username, form.email, form.login].into_iter().flatten();
        let (name, another) = (names.next(), names.next());
        if another.is_some() {
            return Err(Refusal::with_detail("bad_json", "Send the name once, as username, email or login.").into());
        }
        let (Some(name), Some(password)) = (&name, &form.password) else {
            return Err(form::missing(&[("username", name.is_some()), ("password", form.password.is_some())]).into());
        };
        let outcome = self.accounts.login(name, password, &source(&inbound)).await;
        self.count_login("password", &outcome);
        let signed_in = outcome?;
        let mut response = token_answer(&signed_in, self.format());
        self.give_tokens(&mut response, &inbound, &signed_in).await;
        Ok(response)
    }
}
