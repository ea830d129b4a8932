//! What happens by a link in a mail: `POST {p}/password/forgot`, `{p}/password/reset`, `{p}/verify-email`.
use http::Response;
use serde::Deserialize;

use super::{Endpoints, Problem, form, letter_sent, nothing, source};
use crate::base::Secret;
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

impl Endpoints {
    /// 202 whether or not anybody has the address.
    pub(super) async fn forgot_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Forgot = form::fields(inbound.headers(), body, self.body_timeout).await?;
        self.accounts.forgot_password(&form.email, &source(&inbound)).await?;
        Ok(letter_sent())
    }

    pub(super) async fn reset_password(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Reset = form::fields(inbound.headers(), body, self.body_timeout).await?;
        let (token, new) = (Secret::new(form.token), Secret::new(form.new_password));
        self.accounts.reset_password(&token, &new, &source(&inbound)).await?;
        Ok(nothing())
    }

    pub(super) async fn verify_email(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Verify = form::fields(inbound.headers(), body, self.body_timeout).await?;
        self.accounts.verify_email(&Secret::new(form.token), &source(&inbound)).await?;
        Ok(nothing())
    }
}
