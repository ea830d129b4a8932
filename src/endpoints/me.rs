//! `GET {p}/me` and its aliases: who the token says one is, as the store knows it now. `PATCH` changes names.
use http::{Method, Response, StatusCode};
use serde::Deserialize;

use super::{Endpoints, Problem, form, source, tokens_out};
use crate::account::Wish;
use crate::refusal::own_response;
use crate::store::User;
use crate::wire::{Body, Inbound};

/// Unknown members are refused: nobody gives themselves a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    username: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

impl Endpoints {
    pub(super) async fn me(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if *inbound.method() != Method::PATCH {
            let (user, _) = self.person(&inbound).await?;
            return Ok(told(&user));
        }
        let body = inbound.take_body();
        let (user, _) = self.person(&inbound).await?;
        let form: Form = form::json(inbound.headers(), body, self.body_timeout).await?;
        let wish =
            Wish { username: form.username.as_deref(), email: form.email.as_deref(), name: form.name.as_deref() };
        Ok(told(&self.accounts.change(&user, &wish, &source(&inbound)).await?))
    }
}

fn told(user: &User) -> Response<Body> {
    own_response(StatusCode::OK, "application/json", tokens_out::user(user).to_string())
}
